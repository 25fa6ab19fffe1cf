"""Demand from a replayed trace: how far a policy fills the site with recorded jobs, and what its hours are worth.

The marginal price of an hour is what one accelerator more would save, then: its power, and, where jobs compete for the
hour, what the job that goes without pays elsewhere, or nothing as long as it can wait (the prices of capacity of
`place.prices`, on the trace in whole hours).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from suanwang.domain.provenance import Confidence, Provenance
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.feasibility.levers import Array
from suanwang.feasibility.plan import Plan
from suanwang.feasibility.pricing import marginal_cost
from suanwang.feasibility.scenarios import turned
from suanwang.place.instance import Instance
from suanwang.place.prices import climb, none
from suanwang.place.quotes import Quoter
from suanwang.replay.engine import Jobs, Played
from suanwang.replay.scenario import Case, Ground, play_case
from suanwang.schedule.snapshot import PoolState
from suanwang.units import SECONDS_PER_HOUR

PRICED_HOURS = 24 * 56
"""Hours from the first submission on that marginal prices are found for; longer traces are priced by these."""
_BEGIN = datetime(2027, 1, 1, tzinfo=UTC)
_ROUNDS = 1000
_LEVELS = (0.5, 0.05, 0.01)
"""Bounds of a full site lie far above those at no prices: the first steps are long, the last ones short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marginal:
    """Marginal prices of an accelerator-hour: their mean over the used hours, the least and the most of an hour.

    `congested_share`: of the hours, those in which jobs compete. `outside`: what an hour costs elsewhere;
    `patience_hours`: how long jobs wait without a loss.
    """

    price: float
    least: float
    most: float
    congested_share: float
    outside: float
    patience_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What a trace gives on a site under a policy. `utilisation`: of all accelerator-hours from the first to the last
    submission; waits in seconds; `never_started`: jobs larger than the site. `marginal` None: not asked for."""

    trace: str
    policy: str
    accelerators: int
    jobs: int
    never_started: int
    days: float
    utilisation: float
    wait_s_median: float
    wait_s_p95: float
    marginal: Marginal | None = None


def from_replay(
    plan: Plan, jobs: Jobs, trace: str, policy: str, *, outside: float | None = None, patience_hours: float = 24.0
) -> tuple[Plan, Replayed]:
    """The plan with the utilisation of the replayed trace and, with `outside` (price of an accelerator-hour elsewhere),
    its marginal prices; ramps, price paths and goodput stay the plan's.

    Raises NotFound for an unknown policy, InvalidInput for a trace that fills no time or whose jobs do not fit.
    """
    pool = PoolState(pool_id=plan.id, accelerators=plan.accelerators, free=plan.accelerators)
    played = play_case(Ground(jobs=jobs, pools=(pool,), begin=_BEGIN), Case(policy=policy))
    started = ~np.isnan(played.start_s)
    hours = _window(jobs)
    if not started.any() or hours < 1:
        what = msg("the trace has no hour of jobs that fit on {count} accelerators.", count=plan.accelerators)
        raise InvalidInput([Problem(trace, what, msg("Take a longer trace, or a plan with more accelerators."))])
    used = busy_hours(played, hours)
    waits = (played.start_s - jobs.submit_s)[started]
    found = Replayed(
        trace=trace,
        policy=policy,
        accelerators=plan.accelerators,
        jobs=int(started.sum()),
        never_started=int((~started).sum()),
        days=hours / 24,
        utilisation=float(used.sum() / (plan.accelerators * hours)),
        wait_s_median=float(np.median(waits)),
        wait_s_p95=float(np.quantile(waits, 0.95)),
        marginal=None if outside is None else _marginal(plan, jobs, used, outside, patience_hours),
    )
    values = {"utilisation": found.utilisation}
    if found.marginal is not None:
        values["price"] = found.marginal.price
    text = f"replay of {trace} under {policy}, {found.jobs:,} jobs over {found.days:.1f} days"
    source = Provenance(source=text, confidence=Confidence.ESTIMATE)
    return replace(turned(plan, values), sources={**plan.sources, "demand": source}), found


def _window(jobs: Jobs) -> int:
    """Whole hours from the first submission to the last."""
    return int((jobs.submit_s[-1] - jobs.submit_s[0]) // SECONDS_PER_HOUR) if len(jobs) else 0


def busy_hours(played: Played, hours: int) -> Array:
    """Accelerator-hours used in each of the hours from the first submission on."""
    runs, first = played.runs, played.jobs.submit_s[0]
    size = runs.accelerators.astype(np.float64)
    at = np.concatenate([runs.start_s, runs.end_s]) - first
    order = np.argsort(at, kind="stable")
    at, change = at[order], np.concatenate([size, -size])[order]
    area = np.concatenate([[0.0], np.cumsum(np.cumsum(change)[:-1] * np.diff(at))])
    edges = np.arange(hours + 1) * float(SECONDS_PER_HOUR)
    return np.asarray(np.diff(np.interp(edges, at, area)) / SECONDS_PER_HOUR)


def _marginal(plan: Plan, jobs: Jobs, used: Array, outside: float, patience_hours: float) -> Marginal:
    """Prices of the first hours of the trace. Raises InvalidInput where elsewhere is cheaper than our own power."""
    own = marginal_cost(plan)
    if outside <= own:
        what = msg(
            "an hour elsewhere ({outside}) costs no more than the power of one here ({own}).",
            outside=f"{outside:g}",
            own=f"{own:.4g}",
        )
        raise InvalidInput([Problem("alternatives.cloud", what, msg("Give the price at which users rent elsewhere."))])
    hours = min(len(used), PRICED_HOURS)
    instance = _instance(jobs, hours, plan.accelerators, own, outside, round(patience_hours))
    quoter, prices = Quoter(instance), none(instance)
    for level in _LEVELS:
        prices = climb(quoter, prices, _ROUNDS, level=level).prices
    congestion = prices[0, :hours]
    price = own + np.minimum(congestion, outside - own)
    weight = used[:hours]
    mean = float((price * weight).sum() / weight.sum()) if weight.sum() else own
    return Marginal(
        price=mean,
        least=float(price.min()),
        most=float(price.max()),
        congested_share=float((congestion > 0.01 * (outside - own)).mean()),
        outside=outside,
        patience_hours=patience_hours,
    )


def _instance(jobs: Jobs, hours: int, accelerators: int, own: float, outside: float, patience: int) -> Instance:
    """The jobs of the first `hours` on one pool in whole hours, each refused at its price elsewhere.

    A job takes the whole hours nearest above its run, on so many accelerators that its accelerator-hours are kept;
    those of less than an hour are taken together by the hour in which they come.
    """
    submit = (jobs.submit_s - jobs.submit_s[0]) / SECONDS_PER_HOUR
    run = jobs.run_s / SECONDS_PER_HOUR
    chosen = (submit < hours) & (jobs.size <= accelerators) & (run > 0)
    first, length, size = np.floor(submit[chosen]).astype(np.int64), run[chosen], jobs.size[chosen]
    whole = length >= 1
    took = np.ceil(length[whole]).astype(np.int64)
    gang = np.maximum(1, np.rint(size[whole] * length[whole] / took)).astype(np.int64)
    short = np.bincount(first[~whole], (size * length)[~whole], hours)
    chunk = max(1, accelerators // 20)
    pieces = np.rint(short / chunk).astype(np.int64)
    begin = np.concatenate([first[whole], np.repeat(np.arange(hours), pieces)])
    took = np.concatenate([took, np.ones(pieces.sum(), np.int64)])
    gang = np.concatenate([gang, np.full(pieces.sum(), chunk, np.int64)])
    total = hours + patience
    took = np.minimum(took, total - begin)
    count = len(begin)
    flat = np.zeros((1, total))
    return Instance(
        capacity=np.full((1, total), accelerators, np.int64),
        rent=flat,
        power=np.full((1, total), own),
        carbon=flat,
        rate_pool=np.zeros(1, np.int32),
        workload=np.arange(count, dtype=np.int32),
        rate=np.zeros(count, np.int32),
        gang=gang.astype(np.int32),
        hours=took.astype(np.int32),
        first=begin.astype(np.int32),
        last=np.minimum(begin + patience, total - took).astype(np.int32),
        fixed=np.zeros(count),
        refusal=gang * took * outside,
    )
