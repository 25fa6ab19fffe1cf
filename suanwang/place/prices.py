"""Prices: what an accelerator of each pool is worth in each hour beyond its own cost, because others want it too.

They are multipliers of the capacities (duals). With the capacities priced instead of kept, each workload chooses for
itself, and for any prices >= 0 the sum of what they pay less the worth of all capacity is a lower bound of every plan:

    bound(prices) = sum over workloads of their least quote - sum over pools and hours of price x capacity

It is concave, and where it is greatest the prices are those of the linear relaxation. It is climbed along the excess of
demand over capacity with momentum (a deflected subgradient), in Polyak's steps towards a level a little above the best
bound so far; the level comes nearer each time it is not reached.
"""

from dataclasses import dataclass

import numpy as np

from suanwang.place.instance import Instance
from suanwang.place.quotes import Prices, Quoter

MOMENTUM = 0.8
LEVEL = 0.01
"""How far above the best bound the first level is, cold; as a share of the bound."""
LEVEL_WARM = 0.002
LEVEL_LEAST = 2e-5
WORTHWHILE = 0.02
"""A gain of at least this share of the distance to the level keeps the level."""


@dataclass(frozen=True, kw_only=True)
class Ascent:
    """The best prices found, their bound (single precision quotes), and how often workloads were quoted."""

    prices: Prices
    bound: float
    rounds: int


def none(instance: Instance) -> Prices:
    """No congestion anywhere: where to start cold."""
    return np.zeros(instance.capacity.shape)


def later(prices: Prices, hours: int, *, period: int = 24) -> Prices:
    """Prices made `hours` ago, moved to now; the hours that are new have those of `period` hours before them."""
    at = np.arange(prices.shape[1]) + hours
    days_back = np.maximum(-(-(at + 1 - prices.shape[1]) // period), 0)
    return prices[:, at - days_back * period]


def climb(
    quoter: Quoter,
    start: Prices,
    rounds: int,
    *,
    level: float = LEVEL,
    patience: int = 3,
    momentum: float = MOMENTUM,
) -> Ascent:
    """Better prices from `start`, in at most `rounds` quotes of all workloads.

    After `patience` rounds that gain too little the level, a share of the bound, is halved; more patience comes nearer
    to the greatest bound, in more rounds.
    """
    capacity = quoter.capacity
    prices, best, best_prices = start, -np.inf, start
    heading, waited, done = np.zeros_like(prices), 0, 0
    for done in range(1, rounds + 1):
        quoted, wish = quoter.choose(prices)
        bound = float(quoted.sum(dtype=np.float64)) - quoter.worth(prices)
        waited = 0 if bound > best + WORTHWHILE * level * abs(best) or done == 1 else waited + 1
        if bound > best:
            best, best_prices = bound, prices
        if waited >= patience:
            level, waited, prices, heading = level / 2, 0, best_prices, np.zeros_like(heading)
        if level < LEVEL_LEAST:
            break
        heading = quoter.load(wish) / capacity - 1 + momentum * heading
        useful = np.where((prices <= 0) & (heading < 0), 0.0, heading)
        square = float((useful**2).sum())
        if square == 0:
            break
        length = (best - bound + level * abs(best)) / square
        prices = np.maximum(0.0, prices + length * heading / capacity)
    return Ascent(prices=best_prices, bound=best, rounds=done)
