"""What a cycle decided about jobs that run: their attempt is asked to stop, and they go back to the queue when it has.

The reason is stored before the engine is asked. An attempt that was then cancelled, and not by its tenant's wish, goes
to preempted with that reason; one that ends by itself before it hears of it has just ended. A crash in between leaves a
reason and an attempt that runs on; the next tick decides anew.
"""

from dataclasses import replace
from datetime import datetime

from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.order import EndCause, Observation
from suanwang.domain.reason import Reason
from suanwang.errors import Message, NotFound, NotNow, msg
from suanwang.ports import Transaction
from suanwang.schedule.decisions import Decisions
from suanwang.schedule.snapshot import Snapshot
from suanwang.service.hub import Hub
from suanwang.service.moves import move

STOPPING = frozenset({Reason.OUTRANKED, Reason.RECLAIMED, Reason.RESIZED, Reason.PAUSED})
"""Why a policy, or its own plan, stops a job that runs."""
REFUSABLE = (JobState.HELD, JobState.PREEMPTED)


def preempt(hub: Hub, state: Snapshot, decisions: Decisions, now: datetime) -> int:
    """Ask the attempts of preempted and resized jobs, and of those that are to pause, to stop; end the refused ones.
    How many were asked or ended."""
    stops: list[tuple[str, Reason, Message]] = [(p.job_id, p.reason, p.detail) for p in decisions.preempted]
    known = {job_id for job_id, *_ in stops}
    for active in state.active:
        if active.pause is not None and active.job_id not in known:
            detail = msg("It goes on at {end}: the hours until then cost more.", end=active.pause.end.isoformat())
            stops.append((active.job_id, Reason.PAUSED, detail))
    for resized in decisions.resized:
        detail = msg("It goes on with {n} accelerators.", n=resized.accelerators)
        stops.append((resized.job_id, Reason.RESIZED, detail))
    asked = sum(_stop(hub, job_id, reason, detail) for job_id, reason, detail in stops)
    for refused in decisions.refused:
        with hub.store.transaction() as tx:
            job = tx.jobs.get(refused.job_id)
            if job.state in REFUSABLE:
                move(tx.jobs, job, JobState.FAILED, now, refused.reason, refused.detail)
                asked += 1
    return asked


def _stop(hub: Hub, job_id: str, reason: Reason, detail: Message) -> int:
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
        if job.state not in ACTIVE or job.cancel_requested:
            return 0
        news = (job.reason, job.detail) != (reason, detail)
        if news:
            tx.jobs.note(replace(job, reason=reason, detail=detail))
        orders = [order for order, _ in tx.jobs.orders(open_only=True, job_id=job_id)]
    for order in orders:
        try:
            hub.engine(order.pool_id).cancel(order.id)
        except (NotNow, NotFound):  # the next tick decides, and asks, again
            continue
    return int(news)


def was_stopped(job: Job, observation: Observation) -> bool:
    """Whether an attempt ended because a policy asked it to."""
    return observation.cause is EndCause.CANCELLED and not job.cancel_requested and job.reason in STOPPING


def times_stopped(tx: Transaction, job_id: str) -> int:
    """How many of the job's attempts a policy stopped: these do not count against its retries."""
    return sum(event.after is JobState.PREEMPTED and event.reason in STOPPING for event in tx.jobs.events(job_id))
