"""Bound: what no plan can beat, from prices of capacity.

For any prices >= 0, every plan costs at least the sum of the workloads' least quotes less the worth of all capacity:
what a plan pays for capacity at these prices is at most that worth, and each workload pays at least its least quote.
It holds for plans of whole slots (`lower_bound`) and, with quotes over all starts, for exact ones (`least_total`).
"""

import numpy as np

from suanwang.domain.placement import Occupancy
from suanwang.place.columns import Window
from suanwang.place.instance import Floats
from suanwang.place.objective import Curve
from suanwang.place.offer import Offer
from suanwang.place.outlook import to_us
from suanwang.place.quotes import Prices, Quoter
from suanwang.place.starts import clear
from suanwang.units import MICRO

ROUNDING = 2.0**-21
"""A quote is made of sums in double precision and four operations in single precision on positive numbers, each with a
relative error of at most 2^-24: this is twice as much as they can come to."""


def lower_bound(quoter: Quoter, prices: Prices) -> float:
    """No plan costs less than this. Raises ValueError for a negative price."""
    if (prices < 0).any():
        raise ValueError("a price of capacity is not negative")
    quoted, _ = quoter.choose(prices)
    return float(quoted.sum(dtype=np.float64)) * (1 - ROUNDING) - quoter.worth(prices)


def least_total(offer: Offer, window: Window, prices: Floats, taken: Occupancy) -> float:
    """The least that an offer costs at any start, to the microsecond, with capacity at `prices` (P, T) by slot.

    In currency. The sum over workloads of their least offer, less `worth`, bounds every plan of exact starts.
    """
    return least_start(offer, window, prices, taken)[0]


def least_start(offer: Offer, window: Window, prices: Floats, taken: Occupancy) -> tuple[float, int]:
    """The same, and the earliest start (us) for which it holds; infinite where the pool is full for all of them."""
    row = next(i for i, pool in enumerate(window.grid.pools) if pool.id == offer.pool.id)
    run, edges = offer.bid.mid, window.edges
    sums = np.concatenate([[0.0], np.cumsum(prices[row])]) * (run.accelerators * MICRO)
    congestion = Curve(edges, sums, run.duration_us)
    full = taken.full(offer.pool.id, offer.pool.accelerators, run.accelerators)
    closed = [(to_us(a), to_us(b)) for a, b in full]
    ends = np.array(closed, np.int64).reshape(-1, 2)
    changes = np.concatenate([edges, offer.outlook.edges, ends[:, 0]])
    first, last = to_us(offer.first), offer.last_us
    starts = np.concatenate([changes, changes - run.duration_us, ends[:, 1], [first, last]])
    starts = np.unique(starts[(starts >= first) & (starts <= last)])
    starts = starts[clear(starts, run.duration_us, closed)]
    if not len(starts):
        return float("inf"), first
    cost = offer.bid.total_curve(offer.outlook).at(starts) + congestion.at(starts)
    return (float(cost.min()) + offer.bid.data.micro) / MICRO, int(starts[cost.argmin()])


def least_in_parts(offer: Offer, window: Window, prices: Floats, taken: Occupancy) -> float:
    """The least that an offer costs, in currency, if the run may be stopped at no cost as often as it likes.

    That is its cheapest time: of all that is open to it, as much as the run takes, the cheapest first.
    """
    row = next(i for i, pool in enumerate(window.grid.pools) if pool.id == offer.pool.id)
    run, first, last = offer.bid.mid, to_us(offer.first), offer.last_us + offer.bid.mid.duration_us
    closed = [(to_us(a), to_us(b)) for a, b in taken.full(offer.pool.id, offer.pool.accelerators, run.accelerators)]
    changes = [window.edges, offer.outlook.edges, np.array(closed, np.int64).ravel(), np.array([first, last])]
    edges = np.unique(np.concatenate(changes))
    edges = edges[(edges >= first) & (edges <= last)]
    sums = np.concatenate([[0.0], np.cumsum(prices[row])]) * (run.accelerators * MICRO)
    curve, length = offer.bid.total_curve(offer.outlook), np.diff(edges)
    cost = np.diff(np.interp(edges, curve.edges, curve.sums)) + np.diff(np.interp(edges, window.edges, sums))
    open_to_it = clear(edges[:-1], 1, closed)
    cost, length = cost[open_to_it], length[open_to_it]
    order = np.argsort(cost / length)
    before = np.concatenate([[0], np.cumsum(length[order])])
    part = np.clip((run.duration_us - before[:-1]) / length[order], 0.0, 1.0)
    if before[-1] < run.duration_us:
        return float("inf")
    return (float((cost[order] * part).sum()) + offer.bid.data.micro) / MICRO


def worth(window: Window, prices: Floats, taken: Occupancy) -> float:
    """What all capacity that is not taken costs at `prices` (P, T): each slot by its mean free accelerators."""
    edges, total = window.edges, 0.0
    for row, pool in enumerate(window.grid.pools):
        used = np.zeros(len(edges) - 1)
        for promise in taken.promises.get(pool.id, ()):
            begin, end = to_us(promise.start), to_us(promise.end)
            overlap = np.minimum(edges[1:], end) - np.maximum(edges[:-1], begin)
            used += promise.accelerators * np.maximum(overlap, 0) / window.slot_us
        total += float((prices[row] * np.maximum(pool.accelerators - used, 0.0)).sum())
    return total
