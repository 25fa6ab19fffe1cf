"""Pay-back: when the sum of a cash flow first reaches 0, linear within the period in which it does."""

import numpy as np

from suanwang.feasibility.levers import Array


def payback(flows: Array, *, per_year: int = 1) -> Array:
    """Years until the running sum of flows (scenarios, periods), once it was negative, first is no longer so.

    0 where it never is negative, infinity where it never comes back.
    """
    total = np.cumsum(flows, axis=-1)
    spent = np.logical_or.accumulate(total < 0, axis=-1)
    reached = (total >= 0) & (spent | ~spent[..., -1:])
    index = reached.argmax(axis=-1)
    row = np.arange(len(flows))
    before, after = total[row, np.maximum(index - 1, 0)], total[row, index]
    step = np.divide(-before, after - before, where=after > before, out=np.zeros_like(before))
    periods = np.where(index == 0, 0.0, index - 1 + step)
    return np.asarray(np.where(reached.any(axis=-1), periods / per_year, np.inf))


def discounted(flows: Array, rate: Array | float, *, per_year: int = 1) -> Array:
    """Each flow at its present worth; `rate` a year, a number or a column."""
    periods = np.arange(flows.shape[-1]) / per_year
    return np.asarray(flows * (1 + np.asarray(rate, dtype=np.float64)) ** -periods)


def falls_back(flows: Array) -> bool:
    """Whether a cash flow (periods,) falls below 0 in sum again after it was paid back, as by a refresh."""
    total = np.cumsum(flows)
    reached = np.flatnonzero(total >= 0)
    return bool(len(reached) and (total[reached[0] :] < -1e-6 * np.abs(flows).max()).any())
