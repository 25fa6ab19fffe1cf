"""Bound: what no plan can beat, from prices of capacity.

For any prices >= 0, every plan costs at least the sum of the workloads' least quotes less the worth of all capacity:
what a plan pays for capacity at these prices is at most that worth, and each workload pays at least its least quote.
"""

import numpy as np

from suanwang.place.quotes import Prices, Quoter

ROUNDING = 2.0**-21
"""A quote is made of sums in double precision and four operations in single precision on positive numbers, each with a
relative error of at most 2^-24: this is twice as much as they can come to."""


def lower_bound(quoter: Quoter, prices: Prices) -> float:
    """No plan costs less than this. Raises ValueError for a negative price."""
    if (prices < 0).any():
        raise ValueError("a price of capacity is not negative")
    quoted, _ = quoter.choose(prices)
    worth = float((prices * quoter.instance.capacity).sum())
    return float(quoted.sum(dtype=np.float64)) * (1 - ROUNDING) - worth
