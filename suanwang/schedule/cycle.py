"""The scheduling cycle: which waiting jobs are admitted now, and why each of the others waits. Live and in replay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from suanwang.domain.reason import Reason
from suanwang.errors import Message, msg
from suanwang.schedule.queues import Numbers, Queue, Running
from suanwang.schedule.snapshot import PoolState, Snapshot, Waiting


class Policy(Protocol):
    """In which order due jobs are considered, and whether one that does not fit keeps those behind it waiting."""

    @property
    def name(self) -> str:
        """What a grid file calls it."""

    @property
    def blocks(self) -> bool:
        """True: in its pool, nothing is admitted past a job that does not fit yet, so that it cannot starve."""

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:
        """All of `due`, each once, first first."""

    def keys(self, submit_s: Numbers, estimate_s: Numbers) -> Numbers:
        """The same order for a trace: jobs go by rising key, then as they come. Seconds."""

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """Who of those in order starts: the one decision, live and in replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A job whose gang fits in its pool now."""

    job_id: str
    pool_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A job that is not admitted in this cycle, and why."""

    job_id: str
    reason: Reason
    detail: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Every waiting job of the snapshot, once: admitted in order, or waiting."""

    admitted: tuple[Admitted, ...]
    waiting: tuple[Wait, ...]


def cycle(snapshot: Snapshot, policy: Policy) -> Decisions:
    """One pass over the waiting jobs. Raises ValueError when the policy loses or repeats a job.

    1 jobs whose start is not reached wait for it · 2 the policy orders the others · 3 each open pool's queue, as the
    policy makes it, admits of those in order · 4 in that order, a job is admitted, and what it takes is no longer free,
    · 5 or waits for a pool that is drained or does not answer, · 6 or behind a job that its pool is kept for, or for
    enough free accelerators.
    """
    early = {job.job_id: wait for job in snapshot.waiting if (wait := _not_due(job, snapshot.now))}
    due = [job for job in snapshot.waiting if job.job_id not in early]
    ordered = policy.order(due, snapshot)
    if sorted(job.job_id for job in ordered) != sorted(job.job_id for job in due):
        raise ValueError(f"policy {policy.name} did not order every due job once")
    pools = {pool.pool_id: pool for pool in snapshot.pools}
    free = snapshot.free()
    chosen = _chosen(ordered, snapshot, policy, free)
    heads: dict[str, str] = {}
    admitted: list[Admitted] = []
    waits = list(early.values())
    for job in ordered:
        if job.job_id in chosen:
            free[job.pool_id] -= job.accelerators
            admitted.append(Admitted(job_id=job.job_id, pool_id=job.pool_id))
            continue
        waits.append(_closed(job, pools.get(job.pool_id)) or _passed_over(job, pools[job.pool_id], policy, free, heads))
        if _only_full(job, pools.get(job.pool_id)):
            heads.setdefault(job.pool_id, job.job_id)
    return Decisions(admitted=tuple(admitted), waiting=tuple(waits))


def _chosen(ordered: Sequence[Waiting], snapshot: Snapshot, policy: Policy, free: dict[str, int]) -> set[str]:
    """The jobs that each open pool's queue admits now."""
    chosen: set[str] = set()
    for pool in snapshot.pools:
        jobs = [job for job in ordered if job.pool_id == pool.pool_id and _only_full(job, pool)]
        queue = policy.queue([job.accelerators for job in jobs], [job.run_s_max for job in jobs])
        for number in range(len(jobs)):
            queue.submit(number, number)
        ends = (
            (job.seconds_left(snapshot.now), job.accelerators) for job in snapshot.active if job.pool_id == pool.pool_id
        )
        chosen |= {jobs[number].job_id for number in queue.admit(0.0, free[pool.pool_id], Running(ends))}
    return chosen


def _not_due(job: Waiting, now: datetime) -> Wait | None:
    """Why a job's planned start is not reached: the first of its placement's waits that is not over."""
    if job.start <= now:
        return None
    start = job.start.isoformat()
    if job.earliest_start is not None and now < job.earliest_start:
        reason, detail = Reason.WAITING_FOR_START, msg("Starts at {start}, as asked for.", start=start)
        if job.start > job.earliest_start:
            earliest = job.earliest_start.isoformat()
            detail = msg("Not before {earliest}, as asked for; planned for {start}.", earliest=earliest, start=start)
    elif job.data_ready is not None and now < job.data_ready:
        reason, ready = Reason.WAITING_FOR_DATA, job.data_ready.isoformat()
        detail = msg("The data is there at {ready}; planned for {start}.", ready=ready, start=start)
    elif job.free_from is not None and now < job.free_from:
        reason, free = Reason.WAITING_FOR_CAPACITY, job.free_from.isoformat()
        detail = msg(
            "Pool {pool} is promised until {free}; planned for {start}.", pool=job.pool_id, free=free, start=start
        )
    else:
        reason = Reason.WAITING_FOR_CHEAP_POWER
        detail = msg("Planned for {start}: the hours until then cost more.", start=start)
    return Wait(job_id=job.job_id, reason=reason, detail=detail)


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


def _passed_over(job: Waiting, pool: PoolState, policy: Policy, free: dict[str, int], heads: dict[str, str]) -> Wait:
    """Why an open pool's queue left a job waiting: too little is free, or it is kept for a job before this one."""
    head = heads.get(job.pool_id)
    if head is not None and (policy.blocks or job.accelerators <= free[pool.pool_id]):
        detail = msg("Job {head} is before it in pool {pool}.", head=head, pool=job.pool_id)
    else:
        detail = msg(
            "Needs {wanted} accelerators of {pool}; {free} of {all} are free.",
            wanted=job.accelerators,
            pool=pool.pool_id,
            free=free[pool.pool_id],
            all=pool.accelerators,
        )
    return Wait(job_id=job.job_id, reason=Reason.WAITING_FOR_CAPACITY, detail=detail)


def _only_full(job: Waiting, pool: PoolState | None) -> bool:
    """Whether time alone lets the job in. A gang larger than its pool, or a closed pool, holds nobody else up."""
    return pool is not None and _closed(job, pool) is None and job.accelerators <= pool.accelerators
