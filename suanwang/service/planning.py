"""Planning: what a workload would need, where it would run, and what that would cost. The same for a quote and a job."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suanwang.domain.estimate import Band, Estimate
from suanwang.domain.job import Job, JobState
from suanwang.domain.placement import Occupancy, Placement, Promise, Rejection
from suanwang.domain.workload import Workload
from suanwang.errors import msg
from suanwang.estimate import estimate
from suanwang.place import Refused, place
from suanwang.ports import Transaction
from suanwang.service.hub import Hub

PROMISED = (JobState.PLACED, JobState.HELD, JobState.QUEUED, JobState.RUNNING, JobState.PREEMPTED)
"""States in which a job has been promised its place and time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What the grid can offer for a workload now. `placement` None: no pool can have it, see `rejections`."""

    workload: Workload
    at: datetime
    estimates: tuple[Estimate, ...]
    rejections: tuple[Rejection, ...]
    placement: Placement | None


def quote(hub: Hub, workload: Workload) -> Quote:
    """Estimate and place a workload without storing anything. Figures are estimates with a band."""
    now = hub.clock.now()
    with hub.store.transaction() as tx:
        occupancy = occupancy_of(tx, now)
    estimates, refused = estimate_all(hub, workload)
    decision = place(workload, hub.grid, estimates, refused, now, occupancy)
    if isinstance(decision, Refused):
        return Quote(workload=workload, at=now, estimates=estimates, rejections=decision.rejections, placement=None)
    return Quote(
        workload=workload, at=now, estimates=estimates, rejections=decision.rejections, placement=decision
    )


def estimate_all(hub: Hub, workload: Workload) -> tuple[tuple[Estimate, ...], tuple[Rejection, ...]]:
    """An estimate, or why not, for each pool of the grid."""
    estimates: list[Estimate] = []
    rejections: list[Rejection] = []
    for pool in hub.grid.pools:
        answer = estimate(workload, pool)
        if isinstance(answer, Rejection):
            rejections.append(answer)
        else:
            estimates.append(_limited(answer, workload.limits.time_limit_s))
    return tuple(estimates), tuple(rejections)


def _limited(answer: Estimate, time_limit_s: float | None) -> Estimate:
    """The tenant's time limit is the high end of the band: it is what is held, and when the engine ends the run."""
    if time_limit_s is None:
        return answer
    band, hours = answer.time_s, time_limit_s / 3600
    return replace(
        answer,
        time_s=Band(min(band.low, time_limit_s), min(band.mid, time_limit_s), time_limit_s),
        energy_kwh_it=Band(
            min(answer.energy_kwh_it.low, answer.power_w_it.low * hours / 1000),
            min(answer.energy_kwh_it.mid, answer.power_w_it.mid * hours / 1000),
            answer.power_w_it.high * hours / 1000,
        ),
        notes=(
            *answer.notes,
            msg("The run ends after {hours:.2f} h at the latest, as the workload asks.", hours=hours),
        ),
    )


def occupancy_of(tx: Transaction, now: datetime, without: str = "") -> Occupancy:
    """What is promised to other jobs: accelerators of a pool over a time, each to the high end of its estimate."""
    promises: list[Promise] = []
    for job in tx.jobs.find(states=PROMISED, limit=1_000_000):
        if job.id != without and job.placement is not None:
            promises.append(_promise(job, now))
    return Occupancy(tuple(promises))


def _promise(job: Job, now: datetime) -> Promise:
    assert job.placement is not None
    option = job.placement.option
    start = min(option.start, now) if job.state is JobState.RUNNING else option.start
    end = max(start + timedelta(seconds=option.estimate.time_s.high), now + timedelta(minutes=1))
    return Promise(pool_id=option.pool_id, start=start, end=end, accelerators=option.accelerators)


