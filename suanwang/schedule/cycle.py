"""The scheduling cycle: who starts now, who is stopped, and why each of the others waits. Live and in replay."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from suanwang.domain.reason import Reason
from suanwang.errors import Message, msg
from suanwang.schedule.decisions import Admitted, Decisions, Grant, Preempted, Refused, Resized, Shares, Wait
from suanwang.schedule.policy import Holding, Policy, Queueing, Sharing
from suanwang.schedule.queues import Running
from suanwang.schedule.snapshot import Active, PoolState, Snapshot, Waiting

if TYPE_CHECKING:
    from suanwang.schedule.packing.layout import Part


def cycle(snapshot: Snapshot, policy: Policy) -> Decisions:
    """One pass over the jobs. Raises ValueError when the policy loses, repeats or overfills something: a bug in it.

    1 jobs whose start is not reached, or whose data is not there, wait for it, but for capacity only where the policy
    makes none free · 2 the policy holds back or refuses some of the others · 3 a queueing policy orders the rest, and
    each open pool's queue admits of them in that order; a sharing one says who of all should run · 4 running jobs that
    should not are stopped or resized; what they hold is free only when they have let it go · 5 in order, a job is
    admitted if its whole gang fits on what is free, by count and on the nodes, · 6 or waits for a pool that is drained
    or does not answer, · 7 or behind a job that its pool is kept for, or for enough free accelerators.
    """
    shares_out = isinstance(policy, Sharing)
    early = [wait for job in snapshot.waiting if (wait := _not_due(job, snapshot.now, makes_room=shares_out))]
    apart = {wait.job_id for wait in early}
    due = [job for job in snapshot.waiting if job.job_id not in apart]
    held = policy.hold(due, snapshot) if isinstance(policy, Holding) and due else ()
    apart = {each.job_id for each in held}
    due = [job for job in due if job.job_id not in apart]
    desk = _Desk(snapshot)
    try:
        if isinstance(policy, Sharing):
            shares = policy.share(due, snapshot)
            _shared(desk, due, shares)
            again = shares.again_at
        else:
            _in_line(desk, due, policy)
            again = None
    finally:
        desk.leave_as_found()
    waiting = [*early, *(w for w in held if isinstance(w, Wait)), *desk.waiting]
    times = [again, *(wait.until for wait in waiting)]
    return Decisions(
        admitted=tuple(desk.admitted),
        waiting=tuple(waiting),
        refused=tuple(r for r in held if isinstance(r, Refused)),
        preempted=tuple(desk.preempted),
        resized=tuple(desk.resized),
        again_at=min((time for time in times if time is not None and time > snapshot.now), default=None),
    )


class _Desk:
    """What is still free while a cycle decides, and what it has decided. The snapshot's layouts are put back after."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.pools = {pool.pool_id: pool for pool in snapshot.pools}
        self.free = snapshot.free()
        self.admitted: list[Admitted] = []
        self.waiting: list[Wait] = []
        self.preempted: list[Preempted] = []
        self.resized: list[Resized] = []
        self._placed = {active.job_id: active.pool_id for active in snapshot.active}
        self._taken: list[tuple[PoolState, tuple[Part, ...]]] = []

    def admit(self, job: Waiting, pool_id: str, accelerators: int) -> bool:
        """Whether the gang fits, whole; it is admitted then."""
        pool = self.pools[pool_id]
        if accelerators > self.free[pool_id]:
            return False
        parts = pool.layout.take(accelerators) if pool.layout else ()
        if parts is None:
            return False
        self._taken.append((pool, parts))
        self.free[pool_id] -= accelerators
        asked = 0 if accelerators == job.accelerators else accelerators
        self._placed[job.job_id] = pool_id
        self.admitted.append(Admitted(job_id=job.job_id, pool_id=pool_id, accelerators=asked, parts=parts))
        return True

    def admit_beside(self, job: Waiting, grant: Grant) -> bool:
        """Whether the job whose accelerators it is to share is in that pool."""
        if self._placed.get(grant.beside) != grant.pool_id:
            return False
        self.admitted.append(Admitted(job_id=job.job_id, pool_id=grant.pool_id, beside=grant.beside))
        return True

    def stop(self, stop: Preempted) -> None:
        """What it holds is free in a later cycle, when it has let it go."""
        self.preempted.append(stop)
        del self._placed[stop.job_id]

    def leave_as_found(self) -> None:
        """The cycle only decides: whoever carries the decisions out takes the nodes."""
        for pool, parts in reversed(self._taken):
            if pool.layout is not None:
                pool.layout.free(parts)


def _in_line(desk: _Desk, due: Sequence[Waiting], policy: Queueing) -> None:
    """Steps 3 and 5 to 7 for a queueing policy."""
    ordered = policy.order(due, desk.snapshot)
    if sorted(job.job_id for job in ordered) != sorted(job.job_id for job in due):
        raise ValueError(f"policy {policy.name} did not order every due job once")
    chosen = _chosen(ordered, desk, policy)
    heads: dict[str, str] = {}
    for job in ordered:
        pool = desk.pools.get(job.pool_id)
        behind = policy.blocks and job.pool_id in heads
        if job.job_id in chosen and not behind and desk.admit(job, job.pool_id, job.accelerators):
            continue
        desk.waiting.append(_closed(job, pool) or _passed_over(job, desk, heads, blocks=policy.blocks))
        if _only_full(job, pool):
            heads.setdefault(job.pool_id, job.job_id)


def _chosen(ordered: Sequence[Waiting], desk: _Desk, policy: Queueing) -> set[str]:
    """The jobs that each open pool's queue admits now, by count."""
    chosen: set[str] = set()
    by_pool: dict[str, list[Waiting]] = {pool_id: [] for pool_id in desk.pools}
    for job in ordered:
        if _only_full(job, desk.pools.get(job.pool_id)):
            by_pool[job.pool_id].append(job)
    snapshot = desk.snapshot
    for pool_id, jobs in by_pool.items():
        if not jobs:
            continue
        queue = policy.queue([job.accelerators for job in jobs], [job.run_s_max for job in jobs])
        for number in range(len(jobs)):
            queue.submit(number, number)
        ends = ((job.seconds_left(snapshot.now), job.accelerators) for job in snapshot.active if job.pool_id == pool_id)
        chosen |= {jobs[number].job_id for number in queue.admit(0.0, desk.free[pool_id], Running(ends))}
    return chosen


def _shared(desk: _Desk, due: Sequence[Waiting], shares: Shares) -> None:
    """Steps 3 to 7 for a sharing policy."""
    grants = {grant.job_id: grant for grant in shares.grants}
    if len(grants) != len(shares.grants):
        raise ValueError("a job was granted twice")
    _stop(desk, shares)
    why = {wait.job_id: wait for wait in shares.waits}
    jobs = {job.job_id: job for job in due}
    for job_id, grant in grants.items():
        if job_id not in jobs:
            continue
        job, pool = jobs[job_id], desk.pools.get(grant.pool_id)
        if _closed(job, pool) or not (
            desk.admit_beside(job, grant) if grant.beside else desk.admit(job, grant.pool_id, grant.accelerators)
        ):
            why.pop(job_id, None)
        else:
            del jobs[job_id]
    for job in jobs.values():
        pool = desk.pools.get(job.pool_id)
        desk.waiting.append(_closed(job, pool) or why.get(job.job_id) or _passed_over(job, desk, {}, blocks=False))


def _stop(desk: _Desk, shares: Shares) -> None:
    """Step 4. Smaller sizes before larger ones, which take only what is free."""
    grants = {grant.job_id: grant for grant in shares.grants}
    why = {stop.job_id: stop for stop in shares.stops}
    larger: list[tuple[Active, int]] = []
    for active in desk.snapshot.active:
        grant = grants.get(active.job_id)
        if grant is not None and (grant.pool_id, grant.beside) == (active.pool_id, active.beside):
            if grant.accelerators < active.accelerators:
                desk.resized.append(Resized(job_id=active.job_id, accelerators=grant.accelerators))
            elif grant.accelerators > active.accelerators:
                larger.append((active, grant.accelerators))
            continue
        if not (active.running and active.job is not None and active.job.preemptible):
            raise ValueError(f"job {active.job_id} may not be stopped")
        detail = msg("Its accelerators in pool {pool} go to jobs that are before it.", pool=active.pool_id)
        default = Preempted(job_id=active.job_id, reason=Reason.OUTRANKED, detail=detail)
        desk.stop(why.get(active.job_id, default))
    for active, size in larger:
        if size - active.accelerators <= desk.free[active.pool_id]:
            desk.free[active.pool_id] -= size - active.accelerators
            desk.resized.append(Resized(job_id=active.job_id, accelerators=size))


def _not_due(job: Waiting, now: datetime, *, makes_room: bool) -> Wait | None:
    """Why a job cannot start yet: the first of its placement's waits that is not over, or data that is not there."""
    if job.start <= now:
        brought = msg("Its data is being brought to the site of pool {pool}.", pool=job.pool_id)
        return None if job.data_there else Wait(job_id=job.job_id, reason=Reason.WAITING_FOR_DATA, detail=brought)
    reason, detail = _not_due_for(job, now)
    if makes_room and job.data_there and reason is Reason.WAITING_FOR_CAPACITY and job.start == job.free_from:
        return None
    return Wait(job_id=job.job_id, reason=reason, detail=detail, until=job.start)


def _not_due_for(job: Waiting, now: datetime) -> tuple[Reason, Message]:
    start = job.start.isoformat()
    if job.earliest_start is not None and now < job.earliest_start:
        earliest = job.earliest_start.isoformat()
        if job.start > job.earliest_start:
            detail = msg("Not before {earliest}, as asked for; planned for {start}.", earliest=earliest, start=start)
            return Reason.WAITING_FOR_START, detail
        return Reason.WAITING_FOR_START, msg("Starts at {start}, as asked for.", start=start)
    if job.data_ready is not None and now < job.data_ready:
        ready = job.data_ready.isoformat()
        return Reason.WAITING_FOR_DATA, msg(
            "The data is there at {ready}; planned for {start}.", ready=ready, start=start
        )
    if job.free_from is not None and now < job.free_from:
        free, pool = job.free_from.isoformat(), job.pool_id
        detail = msg("Pool {pool} is promised until {free}; planned for {start}.", pool=pool, free=free, start=start)
        return Reason.WAITING_FOR_CAPACITY, detail
    return Reason.WAITING_FOR_CHEAP_POWER, msg("Planned for {start}: the hours until then cost more.", start=start)


def _closed(job: Waiting, pool: PoolState | None) -> Wait | None:
    """Why a pool takes no job at all now."""
    if pool is None:
        detail = msg("No engine has reported pool {pool}.", pool=job.pool_id)
        return Wait(job_id=job.job_id, reason=Reason.ENGINE_UNREACHABLE, detail=detail)
    if pool.drained:
        detail = msg("Pool {pool} takes no new work.", pool=job.pool_id)
        return Wait(job_id=job.job_id, reason=Reason.SITE_DRAINED, detail=detail)
    if not pool.healthy:
        detail = msg("The engine of {pool} does not answer ({detail}).", pool=job.pool_id, detail=pool.detail or "-")
        return Wait(job_id=job.job_id, reason=Reason.ENGINE_UNREACHABLE, detail=detail)
    return None


def _passed_over(job: Waiting, desk: _Desk, heads: dict[str, str], *, blocks: bool) -> Wait:
    """Why an open pool left a job waiting: too little is free, none of its nodes has it, or others are before it."""
    head, pool, free = heads.get(job.pool_id), desk.pools[job.pool_id], desk.free[job.pool_id]
    if head is not None and (blocks or job.accelerators <= free):
        detail = msg("Job {head} is before it in pool {pool}.", head=head, pool=job.pool_id)
    elif job.accelerators <= free and pool.layout is not None:
        detail = msg(
            "{free} accelerators of {pool} are free, but not on nodes that have room for {wanted} together.",
            free=free,
            pool=pool.pool_id,
            wanted=job.accelerators,
        )
    else:
        detail = msg(
            "Needs {wanted} accelerators of {pool}; {free} of {all} are free.",
            wanted=job.accelerators,
            pool=pool.pool_id,
            free=free,
            all=pool.accelerators,
        )
    return Wait(job_id=job.job_id, reason=Reason.WAITING_FOR_CAPACITY, detail=detail)


def _only_full(job: Waiting, pool: PoolState | None) -> bool:
    """Whether time alone lets the job in. A gang larger than its pool, or a closed pool, holds nobody else up."""
    return pool is not None and _closed(job, pool) is None and job.accelerators <= pool.accelerators
