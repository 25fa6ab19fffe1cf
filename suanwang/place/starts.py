"""Starts: the exact least-cost start of one run on one pool.

The cost of a run is continuous and piecewise linear in its start, so over the starts that are allowed it is least
where the start or the end of the run meets an edge: of a price or signal, of free capacity, of the window, or of what
the budget admits. Those starts are all tried; no others need to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.money import Money
from suanwang.domain.reason import Reason
from suanwang.place.objective import Bid
from suanwang.place.outlook import Outlook

TIE_MICRO = 3.0
"""Starts whose costs differ by less than this (the rounding of three parts, 0.000003 of the currency) are equal: the
earliest is taken."""

Starts = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`best_us` costs `cost_micro` (floating point, data included); `at_once_us` is the earliest start allowed."""

    best_us: int
    at_once_us: int
    cost_micro: float
    at_once_cost_micro: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Why no start is allowed, and for OVER_BUDGET the least that would be held."""

    reason: Reason
    least_high: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Starts allowed from `first_us` to `last_us`, both included, clear of the `full` intervals, within `budget`."""

    first_us: int
    last_us: int
    full: Sequence[tuple[int, int]] = ()
    budget: Money | None = None


def search(bid: Bid, outlook: Outlook, bounds: Bounds) -> Found | Blocked:
    """The exact least-cost start; the outlook covers every run of the bounds, at its high end."""
    starts = _breakpoints(bid, outlook, bounds)
    if bounds.budget is not None:
        starts = _with_crossings(bid, outlook, bounds.budget, starts)
    starts = starts[clear(starts, bid.mid.duration_us, bounds.full)]
    if not len(starts):
        return Blocked(reason=Reason.EXCEEDS_CAPACITY)
    if bounds.budget is not None:
        billed = _billed_high(bid, outlook, starts)
        affordable = starts[_affordable(bid, outlook, bounds.budget, starts, billed)]
        if not len(affordable):
            least = bid.billed_high(outlook, int(starts[np.argmin(billed)]))
            return Blocked(reason=Reason.OVER_BUDGET, least_high=least)
        starts = affordable
    costs = bid.total_curve(outlook).at(starts) + bid.data.micro
    best = int(np.argmax(costs < costs.min() + TIE_MICRO))
    return Found(
        best_us=int(starts[best]),
        at_once_us=int(starts[0]),
        cost_micro=float(costs[best]),
        at_once_cost_micro=float(costs[0]),
    )


def _breakpoints(bid: Bid, outlook: Outlook, bounds: Bounds) -> Starts:
    """Every start in the bounds at which the cost or what is allowed can change its slope, in order."""
    full = np.array(bounds.full, np.int64).reshape(-1, 2)
    columns = [outlook.edges, outlook.edges - bid.mid.duration_us, full[:, 1], full[:, 0] - bid.mid.duration_us]
    if bounds.budget is not None:
        columns.append(outlook.edges - bid.high.duration_us)
    starts = np.concatenate(columns)
    inside = starts[(starts > bounds.first_us) & (starts < bounds.last_us)]
    return np.unique(np.append(inside, (bounds.first_us, bounds.last_us)))


def clear(starts: Starts, duration_us: int, full: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Which runs touch no full interval. The intervals are in order and apart from one another."""
    if not full:
        return np.ones(len(starts), np.bool_)
    intervals = np.array([*full, (np.iinfo(np.int64).max,) * 2], np.int64)
    following = np.searchsorted(intervals[:, 1], starts, side="right")
    return np.asarray(intervals[following, 0] >= starts + duration_us)


def _billed_high(bid: Bid, outlook: Outlook, starts: Starts) -> NDArray[np.float64]:
    billed = [bid.billed_curve(outlook, run).at(starts) for run in (bid.mid, bid.high)]
    return np.maximum(*billed) + bid.data.micro


def _with_crossings(bid: Bid, outlook: Outlook, budget: Money, starts: Starts) -> Starts:
    """`starts`, and those between them at which what is held meets the budget (the microseconds on both sides)."""
    room = budget.micro - bid.data.micro
    found = [starts]
    for run in (bid.mid, bid.high):
        over = bid.billed_curve(outlook, run).at(starts) - room
        left = np.flatnonzero(over[:-1] * over[1:] < 0)
        share = over[left] / (over[left] - over[left + 1])
        at = starts[left] + np.floor(share * (starts[left + 1] - starts[left])).astype(np.int64)
        found += [at, at + 1]
    return np.unique(np.concatenate(found))


def _affordable(
    bid: Bid, outlook: Outlook, budget: Money, starts: Starts, billed: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Which starts the budget admits; those too near to it for floating point are decided exactly."""
    allowed = billed <= budget.micro
    for index in np.flatnonzero(np.abs(billed - budget.micro) <= TIE_MICRO):
        allowed[index] = bid.billed_high(outlook, int(starts[index])) <= budget
    return allowed
