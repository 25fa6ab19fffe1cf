"""Snapshot: all that a scheduling cycle knows. It is made from jobs and capacities live, and from a trace in replay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import inf
from typing import Self

from suanwang.domain.entitlement import Entitlements
from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.order import Capacity
from suanwang.domain.placement import Against, Pause, Placement
from suanwang.domain.reason import Reason
from suanwang.domain.signal import Signal
from suanwang.domain.site import Pool, Site
from suanwang.errors import Message
from suanwang.schedule.history import History
from suanwang.schedule.packing.layout import Layout
from suanwang.schedule.scaling import Scaling


@dataclass(frozen=True, slots=True, kw_only=True)
class Had:
    """What a job has had in earlier attempts: seconds, accelerator-seconds, and seconds of its work as quoted."""

    seconds: float = 0.0
    accelerator_s: float = 0.0
    done_s: float = 0.0


NOTHING = Had()

Together = Mapping[tuple[str, str], Mapping[str, float]]
"""(kind, kind beside it) -> pool -> speed of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """A pool as its engine reports it. `free` counts accelerators that the engine could give now.

    What is known of it: `price` (currency) and `carbon` (kg) of a kWh at the IT equipment, `power_w` of an accelerator
    at work, and `layout`, its nodes with what is free on each and the packing that picks among them.
    """

    pool_id: str
    accelerators: int
    free: int
    healthy: bool = True
    drained: bool = False
    detail: str = ""
    price: Signal | None = None
    carbon: Signal | None = None
    power_w: float | None = None
    layout: Layout | None = None

    @classmethod
    def of(cls, pool: Pool, site: Site, capacity: Capacity) -> Self:
        """The pool as the grid file and its engine say it is; the engine's count of accelerators holds."""
        return cls(
            pool_id=pool.id,
            accelerators=capacity.accelerators,
            free=capacity.free,
            healthy=capacity.healthy,
            drained=pool.drained or site.drained or capacity.drained,
            detail=capacity.detail,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A paid job that waits to be admitted to its pool from `start` on; the gang is whole or not at all.

    `since`: when it was created. What its placement waited for: the earliest start asked for, the data's arrival,
    and `free_from`, when it could start at all; what is left until `start` is for cheaper hours. `run_s_max`: the high
    end of its estimate (seconds); `left`: the share of its work not done yet. `deadline`: when it must have ended.
    `considered`: an earlier cycle has let it wait, `noted`: and for this reason. `had_s`: seconds that it has run
    already, by pool; `attained_s`: accelerator-seconds. `speeds`: how fast it is in each pool that can have it, in a
    unit that is the same for all; where it is empty, only its own can. `scaling`: what more accelerators give it.
    `data_there`: what is brought for it has arrived. `kind`: jobs of one kind are alike, as the snapshot's `together`
    has them.
    """

    job_id: str
    tenant: str
    pool_id: str
    accelerators: int
    since: datetime
    start: datetime
    priority: int = 0
    earliest_start: datetime | None = None
    data_ready: datetime | None = None
    free_from: datetime | None = None
    run_s_max: float = inf
    user: str = ""
    deadline: datetime | None = None
    preemptible: bool = False
    considered: bool = False
    noted: tuple[Reason, Message | None] | None = None
    left: float = 1.0
    had_s: Mapping[str, float] = field(default_factory=dict)
    attained_s: float = 0.0
    speeds: Mapping[str, float] = field(default_factory=dict)
    scaling: Scaling | None = None
    data_there: bool = True
    kind: str = ""

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that can have it, as they are written down."""
        return tuple(self.speeds) or (self.pool_id,)

    def speed(self, pool_id: str) -> float:
        """How fast it is in a pool, in the unit of `speeds`; 0 where it cannot run."""
        return self.speeds.get(pool_id, 0.0) if self.speeds else float(self.pool_id == pool_id)

    @classmethod
    def of(cls, job: Job, had: Had = NOTHING, *, data_there: bool = True, now: datetime | None = None) -> Self:
        """From a held or preempted job (or an active one, as it was). Raises ValueError when it has no placement.

        `now`: for one that is planned to pause, so that it waits for the end of the pause. A job that scales has
        `least` accelerators or more, and never more than its quote is for.
        """
        placement = _placement(job)
        option, savings = placement.option, placement.savings
        at_once = [s.alternative.start for s in savings if s.against == Against.SAME_POOL_AT_ONCE]
        return cls(
            job_id=job.id,
            tenant=job.tenant,
            pool_id=option.pool_id,
            accelerators=option.accelerators,
            since=job.created,
            start=option.start if now is None else option.due(now),
            priority=job.workload.priority,
            earliest_start=job.workload.limits.earliest_start,
            data_ready=option.data_ready,
            free_from=at_once[0] if at_once else option.start,
            run_s_max=option.estimate.time_s.high,
            user=job.tenant,
            deadline=job.workload.limits.deadline,
            preemptible=job.workload.stoppable is not None,
            considered=job.reason is not None,
            noted=(job.reason, job.detail) if job.reason is not None else None,
            left=max(0.0, 1.0 - had.done_s / option.estimate.time_s.high) if had.done_s else 1.0,
            had_s={option.pool_id: had.seconds} if had.seconds else {},
            attained_s=had.accelerator_s,
            scaling=scaling_of(job),
            data_there=data_there,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Active:
    """An admitted job. `running` False: its engine may not count it yet, so the cycle does.

    `end`: when it ends by the high end of its estimate, counted from its last move; None: nobody knows. `job`: as it
    was when it was admitted at `started`; a policy can act only on jobs that it is told of here. `beside`: the job
    whose accelerators it shares; it holds none of its own then. `pause`: it is to be stopped now, until its end.
    """

    job_id: str
    pool_id: str
    accelerators: int
    running: bool
    end: datetime | None = None
    job: Waiting | None = None
    started: datetime | None = None
    beside: str = ""
    pause: Pause | None = None

    def seconds_left(self, now: datetime) -> float:
        """Until it is expected to end; inf when nobody knows."""
        return inf if self.end is None else (self.end - now).total_seconds()

    def seconds_run(self, now: datetime) -> float:
        """Since it was admitted; 0 when that is not known."""
        return 0.0 if self.started is None else (now - self.started).total_seconds()

    def attained_s(self, now: datetime) -> float:
        """Accelerator-seconds that it has had, the present run included."""
        return (self.job.attained_s if self.job else 0.0) + self.seconds_run(now) * self.accelerators

    @classmethod
    def of(cls, job: Job, had: Had = NOTHING, accelerators: int | None = None, *, now: datetime | None = None) -> Self:
        """From a queued or running job; `had`: in its earlier attempts; `accelerators`: of the present one, where not
        as quoted; `now`: for one that is planned to pause. Raises ValueError for a job in any other state."""
        if job.state not in ACTIVE:
            raise ValueError(f"job {job.id} is {job.state}, not active")
        option, waiting = _placement(job).option, Waiting.of(job, had)
        size = accelerators or option.accelerators
        speed = waiting.scaling.speed(size, option.accelerators) if waiting.scaling else 1.0
        return cls(
            job_id=job.id,
            pool_id=option.pool_id,
            accelerators=size,
            running=job.state is JobState.RUNNING,
            end=job.updated + timedelta(seconds=waiting.run_s_max * waiting.left / speed),
            job=waiting,
            started=job.updated,
            pause=None if now is None else _pause_at(job, now),
        )


def _pause_at(job: Job, now: datetime) -> Pause | None:
    """The planned pause that `now` lies in, if more of it is left than it costs."""
    saves = job.workload.stoppable
    if saves is None:
        return None
    worth = now + timedelta(seconds=saves.pause_s)
    return next((p for p in _placement(job).option.pauses if p.start <= now and worth < p.end), None)


def scaling_of(job: Job) -> Scaling | None:
    """How the job scales, if its workload says so and it can be stopped and go on."""
    demand, quoted = job.workload.demand, _placement(job).option.accelerators
    if demand.least is None or job.workload.stoppable is None:
        return None
    return Scaling(least=min(demand.least, quoted), most=quoted, serial=demand.serial_share or 0.0)


def _placement(job: Job) -> Placement:
    if job.placement is None:
        raise ValueError(f"job {job.id} has no placement")
    return job.placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Grid time (aware UTC), the pools, the jobs that wait and the jobs that hold accelerators. Ids are unique.

    `entitlements`: who is entitled to how much. `history`: the runs that have ended, for policies that ask for it.
    `together`: how fast a job of one kind is on accelerators that it shares with one of another, by pool; in the unit
    of the jobs' `speeds`. Kinds that are not in it cannot share. `before`: when the cycle decided last; None: not
    known.
    """

    now: datetime
    pools: tuple[PoolState, ...]
    waiting: tuple[Waiting, ...]
    active: tuple[Active, ...] = ()
    entitlements: Entitlements = Entitlements()
    history: History = field(default_factory=History)
    together: Together = field(default_factory=dict)
    before: datetime | None = None

    def free(self) -> dict[str, int]:
        """Accelerators that can be promised now, by pool.

        What the engine has free, less what is on its way to it; and never more than the pool less all active jobs.
        """
        pending = {pool.pool_id: 0 for pool in self.pools}
        taken = dict(pending)
        for job in self.active:
            if job.beside:
                continue
            taken[job.pool_id] = taken.get(job.pool_id, 0) + job.accelerators
            if not job.running:
                pending[job.pool_id] = pending.get(job.pool_id, 0) + job.accelerators
        return {
            p.pool_id: max(0, min(p.free - pending[p.pool_id], p.accelerators - taken[p.pool_id])) for p in self.pools
        }
