"""Monte-Carlo: what the NPV may be when several figures are uncertain together."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.levers import Array, Point
from suanwang.feasibility.outcome import levelised, npv, periods
from suanwang.feasibility.payback import payback
from suanwang.feasibility.plan import Plan
from suanwang.feasibility.sampling import Spread, sample

DRAWS_MAX = 1_000_000
_BATCH = 2_500
_BINS = 40


@dataclass(frozen=True, slots=True)
class Chances:
    """P10, P50 and P90 of a figure (not exceeded with 10, 50, 90 %); None where that many draws have none."""

    p10: float | None
    p50: float | None
    p90: float | None


@dataclass(frozen=True, slots=True)
class Risk:
    """Of `draws` draws: the chances of the figures, how often the NPV is below 0, and its histogram.

    `drivers`: rank correlation of each uncertain figure with the NPV, strongest first.
    """

    draws: int
    seed: int
    method: str
    npv: Chances
    npv_mean: float
    probability_npv_negative: float
    payback_years: Chances
    probability_paid_back: float
    lcoe_per_accelerator_hour: Chances
    drivers: tuple[tuple[str, float], ...]
    histogram_edges: tuple[float, ...]
    histogram_counts: tuple[int, ...]


def monte_carlo(
    plan: Plan,
    spreads: Sequence[Spread],
    pairs: Mapping[tuple[str, str], float],
    draws: int,
    seed: int = 1,
    method: str = "latin",
    progress: Callable[[int], None] | None = None,
) -> Risk:
    """Draw, evaluate in batches that stay in the processor's cache, and count. `progress` hears of draws evaluated.

    Raises InvalidInput without uncertain figures, for a number of draws out of range, or impossible correlations.
    """
    if not spreads:
        what = msg("no figure is uncertain, so there is nothing to draw.")
        raise InvalidInput(
            [Problem("uncertainty", what, msg("Add `uncertainty` to the plan: low and high of a variable."))]
        )
    if not 1 <= draws <= DRAWS_MAX:
        what = msg("{draws} draws are not possible.", draws=draws)
        raise InvalidInput([Problem("--montecarlo", what, msg("Ask for 1 to {most}.", most=DRAWS_MAX))])
    values = sample(spreads, pairs, draws, seed, method)
    parts = []
    for i in range(0, draws, _BATCH):
        parts.append(_measure(plan, {n: v[i : i + _BATCH] for n, v in values.items()}))
        if progress:
            progress(min(i + _BATCH, draws))
    worth, years, cost = (np.concatenate([part[k] for part in parts]) for k in range(3))
    counts, edges = np.histogram(worth, bins=_BINS)
    drivers = sorted(((n, _rank_correlation(v, worth)) for n, v in values.items()), key=lambda d: -abs(d[1]))
    return Risk(
        draws=draws,
        seed=seed,
        method=method,
        npv=_chances(worth),
        npv_mean=float(worth.mean()),
        probability_npv_negative=float((worth < 0).mean()),
        payback_years=_chances(years),
        probability_paid_back=float(np.isfinite(years).mean()),
        lcoe_per_accelerator_hour=_chances(cost),
        drivers=tuple(drivers),
        histogram_edges=tuple(map(float, edges)),
        histogram_counts=tuple(map(int, counts)),
    )


def _measure(plan: Plan, values: Mapping[str, Array]) -> tuple[Array, Array, Array]:
    """NPV, pay-back and levelised cost at each point."""
    point = Point(plan, values)
    flows = evaluate(plan, values)
    rate = point.value("discount_rate")
    worth = npv(flows, flows.after_tax, rate)
    flow, per_year = periods(flows, flows.after_tax)
    years, cost = payback(flow, per_year=per_year), levelised(flows, rate)
    full = (point.scenarios,)
    return np.broadcast_to(worth, full), np.broadcast_to(years, full), np.broadcast_to(cost, full)


def _chances(values: Array) -> Chances:
    """Percentiles that are draws themselves, so that "never" is not averaged with a number of years."""
    p10, p50, p90 = np.percentile(values, [10, 50, 90], method="inverted_cdf")
    return Chances(*(float(p) if np.isfinite(p) else None for p in (p10, p50, p90)))


def _rank_correlation(a: Array, b: Array) -> float:
    """Spearman's; 0 where a figure does not vary."""
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    ranks = [np.argsort(np.argsort(x)) for x in (a, b)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
