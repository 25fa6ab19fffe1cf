"""Planning: what a workload would need, where it would run, what that would cost: for a quote and for a job alike."""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suanwang.domain.estimate import Band, Estimate
from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.placement import Divided, Occupancy, Option, Placement, Promise, Refused, Rejection
from suanwang.domain.reason import Reason
from suanwang.domain.site import Grid
from suanwang.domain.workload import Workload
from suanwang.errors import msg
from suanwang.estimate.feedback import Learned
from suanwang.estimate.workload import estimate
from suanwang.place.divide import divide
from suanwang.place.offer import Request, offers
from suanwang.place.outlook import Outlooks
from suanwang.place.pareto import pareto
from suanwang.place.place import place
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.outages import grid_with_outages
from suanwang.service.waits import queues_of

PROMISED = (JobState.PLACED, JobState.HELD, JobState.QUEUED, JobState.RUNNING, JobState.PREEMPTED)
"""States in which a job has been promised its place and time."""
OVERRUN = timedelta(minutes=1)
HORIZON = timedelta(hours=168)
"""How far off a start may be."""


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
    grid = grid_with_outages(hub, now)
    with hub.store.transaction() as tx:
        occupancy, queues = occupancy_of(tx, now, grid), queues_of(tx, now, hub.grid)
    estimates, refused = estimate_all(hub, workload)
    decision = place(workload, hub.grid, estimates, refused, now, occupancy, waits=queues.wait)
    if isinstance(decision, Refused):
        return Quote(workload=workload, at=now, estimates=estimates, rejections=decision.rejections, placement=None)
    return Quote(workload=workload, at=now, estimates=estimates, rejections=decision.rejections, placement=decision)


def tradeoffs(hub: Hub, workload: Workload) -> list[Option]:
    """Options that no other beats in cost, finish time and carbon at once, in order of their ends."""
    now = hub.clock.now()
    grid = grid_with_outages(hub, now)
    with hub.store.transaction() as tx:
        occupancy = occupancy_of(tx, now, grid)
    request = Request(workload=workload, grid=hub.grid, now=now, horizon=HORIZON, occupancy=occupancy)
    made, _ = offers(request, estimate_all(hub, workload)[0], Outlooks(hub.grid))
    return pareto(made, occupancy, workload.limits.budget)


def in_pieces(hub: Hub, workload: Workload) -> Divided | None:
    """The run paused and moved where that costs less than the cheapest one without a break; None: it does not, or the
    workload is not preemptible with a checkpoint."""
    now = hub.clock.now()
    grid = grid_with_outages(hub, now)
    with hub.store.transaction() as tx:
        occupancy = occupancy_of(tx, now, grid)
    request = Request(workload=workload, grid=hub.grid, now=now, horizon=HORIZON, occupancy=occupancy)
    return divide(request, offers(request, estimate_all(hub, workload)[0], Outlooks(hub.grid))[0])


def learned_of(hub: Hub) -> Learned:
    """What the pools have learned from their settled runs."""
    with hub.store.transaction() as tx:
        return tx.comparisons.latest()


def estimate_all(
    hub: Hub, workload: Workload, *, to_run: bool = False, learned: Learned | None = None
) -> tuple[tuple[Estimate, ...], tuple[Rejection, ...]]:
    """An estimate, or why not, for each pool of the grid; `to_run` refuses pools that this hub cannot drive.

    `learned`: what the pools have learned, where it was read before (outside of any transaction it is read here).
    """
    learned = learned_of(hub) if learned is None else learned
    limits, estimates, rejections = workload.limits, list[Estimate](), list[Rejection]()
    begin = hub.clock.now() if limits.earliest_start is None else max(limits.earliest_start, hub.clock.now())
    available_s = None if limits.deadline is None else max((limits.deadline - begin).total_seconds(), 0.0)
    for pool in hub.grid.pools:
        if to_run and pool.id not in hub.engines:
            detail = msg("This hub drives no engine {engine!r}.", engine=pool.engine)
            rejections.append(Rejection(pool_id=pool.id, reason=Reason.ENGINE_UNREACHABLE, detail=detail))
            continue
        answer = estimate(workload, pool, available_s=available_s, accelerators=hub.accelerators, learned=learned)
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


def occupancy_of(tx: Transaction, now: datetime, grid: Grid, without: frozenset[str] = frozenset()) -> Occupancy:
    """What is promised: to jobs but those `without` (ids), each to the high end of its estimate, and what closures of
    pools take away."""
    promises: dict[str, list[Promise]] = defaultdict(list)
    for pool in grid.pools:
        for c in pool.closures:
            promises[pool.id].append(Promise(start=c.start, end=c.end, accelerators=c.accelerators))
    for job in tx.jobs.find(states=PROMISED, limit=1_000_000):
        if job.placement is not None and job.id not in without:
            promises[job.placement.option.pool_id] += _promises(job, job.placement.option, now)
    return Occupancy(promises={pool: tuple(taken) for pool, taken in promises.items()})


def promised(occupancy: Occupancy, job: Job, option: Option, now: datetime) -> Occupancy:
    """With one job more."""
    taken = (*occupancy.promises.get(option.pool_id, ()), *_promises(job, option, now))
    return Occupancy(promises={**occupancy.promises, option.pool_id: taken})


def _promises(job: Job, option: Option, now: datetime) -> list[Promise]:
    """While it runs, to the high end; a job that overruns, or waits past its start, keeps its cards for at least
    another minute. Pauses are free for others."""
    stopped = sum((pause.end - pause.start for pause in option.pauses), timedelta())
    end = max(option.start + stopped + timedelta(seconds=option.estimate.time_s.high), now + OVERRUN)
    *earlier, last = option.spans
    spans = [*(span for span in earlier if span[1] > now), (last[0], end)]
    if job.state in ACTIVE:
        spans[0] = (min(spans[0][0], now), spans[0][1])
    return [Promise(start=a, end=b, accelerators=option.accelerators) for a, b in spans]
