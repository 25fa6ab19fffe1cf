"""Pareto: the options of a workload that no other beats in cost, finish time and carbon at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.money import Money
from suanwang.domain.placement import Occupancy, Option
from suanwang.place.instance import Floats
from suanwang.place.objective import Curve
from suanwang.place.offer import Offer
from suanwang.place.outlook import to_us
from suanwang.place.starts import clear
from suanwang.units import MICRO

SHOWN_MAX = 12
COST_STEP = 1e-4
"""Options whose costs differ by less than this share are taken for equal: no list of a thousand hours of one price."""


@dataclass(frozen=True, slots=True)
class _Points:
    """Of one offer: starts, with cost (millionths), end (us) and location-based carbon (kg)."""

    offer: int
    start: NDArray[np.int64]
    values: Floats


def pareto(offers: Sequence[Offer], occupancy: Occupancy, budget: Money | None = None) -> list[Option]:
    """Options in order of their ends, each cheaper, sooner or cleaner than every other; at most `SHOWN_MAX`.

    Starts are sought where the cost or carbon of a run changes its slope, as for the cheapest one. The cheapest, the
    first to end and the cleanest are always among them.
    """
    points = [_points(i, offer, occupancy) for i, offer in enumerate(offers)]
    if not points:
        return []
    values = np.concatenate([p.values for p in points])
    values[:, 1] -= values[:, 1].min(initial=np.inf)  # ends from the first one on, so that they can be compared
    owner = np.concatenate([np.full(len(p.start), p.offer) for p in points])
    start = np.concatenate([p.start for p in points])
    found = [offers[owner[i]].option(int(start[i])) for i in _spread(values, front(values))]
    kept = [option for option in found if budget is None or option.billed_high <= budget]
    return sorted(kept, key=lambda option: (option.end, option.total, option.pool_id))


def front(values: Floats) -> NDArray[np.int64]:
    """Rows of (n, k) values, less is better, that no other row equals or beats in all of them; of equals the first."""
    rounded = np.round(values / np.maximum(np.abs(values).max(axis=0, initial=1e-12) * COST_STEP, 1e-12))
    kept: list[int] = []
    for i in np.lexsort(rounded.T[::-1]).tolist():
        if not kept or not (rounded[kept] <= rounded[i]).all(axis=1).any():
            kept.append(i)
    return np.array(kept, np.int64)


def _points(number: int, offer: Offer, occupancy: Occupancy) -> _Points:
    run, outlook = offer.bid.mid, offer.outlook
    full = occupancy.full(offer.pool.id, offer.pool.accelerators, run.accelerators)
    closed = [(to_us(a), to_us(b)) for a, b in full]
    ends = np.array(closed, np.int64).reshape(-1, 2)
    first, last = to_us(offer.first), offer.last_us
    changes = np.concatenate([outlook.edges, ends[:, 0]])
    starts = np.unique(np.concatenate([changes, changes - run.duration_us, ends[:, 1], [first, last]]))
    starts = starts[(starts >= first) & (starts <= last)]
    starts = starts[clear(starts, run.duration_us, closed)]
    cost = offer.bid.total_curve(outlook).at(starts) + offer.bid.data.micro
    kg_per_h = float(run.power_kw_it) * (outlook.pue / MICRO) * (outlook.carbon / MICRO)
    sums = np.concatenate([[0.0], np.cumsum(kg_per_h * np.diff(outlook.edges) / 3.6e9)])
    carbon = Curve(outlook.edges, sums, run.duration_us).at(starts)
    return _Points(number, starts, np.stack([cost, (starts + run.duration_us).astype(np.float64), carbon], axis=1))


def _spread(values: Floats, kept: NDArray[np.int64]) -> list[int]:
    """At most `SHOWN_MAX` of the kept rows: the best in each value, and others evenly along the first one."""
    if len(kept) <= SHOWN_MAX:
        return [int(i) for i in kept]
    best = [int(kept[values[kept, k].argmin()]) for k in range(values.shape[1])]
    order = kept[np.argsort(values[kept, 0], kind="stable")]
    even = order[np.linspace(0, len(order) - 1, SHOWN_MAX - len(best)).round().astype(int)]
    return list(dict.fromkeys([*best, *(int(i) for i in even)]))
