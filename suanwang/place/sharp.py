"""Sharp: a nearer bound where few large gangs share pools, by prices of what cannot be used up whole.

Of gangs of 0.3 of a pool three fit, not three and a third. A dual feasible function f (Fekete and Schepers 2001) says
how much of a pool a gang takes at least, whatever runs beside it: whenever gangs fit, the sum of f(gang / pool) is at
most 1. So each f gives a capacity of its own for each pool and hour, with a price of its own, and the bound of the
prices (`bound`) holds with all of them. Here, for k = 2, 3, …

    f(x) = x where (k + 1) x is whole, else floor((k + 1) x) / k

and f(x) = x is capacity as it is. What a gang pays depends on its size then, so that each size is a rate of its own.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from suanwang.place.bound import lower_bound
from suanwang.place.instance import REFUSED, Assignment, Floats, Instance
from suanwang.place.prices import climb
from suanwang.place.quotes import Prices, Quoter

KINDS = (1, 2, 3, 4, 6)
"""The k of the functions. One with k says nothing of gangs of less than 1 / (k + 1) of a pool."""
OPTIONS_MAX = 5_000
ROUNDS, PATIENCE, LEVEL, MOMENTUM = 1000, 40, 0.03, 0.95
"""Of the climb: prices of capacities that overlap need longer memory and higher levels than those of capacity alone."""
WHOLE = 1e-9


def sharp_bound(instance: Instance, prices: Prices) -> float:
    """A bound that is nearer than that of the `prices` of capacity, where gangs are large and options few; else 0."""
    most = np.maximum(instance.capacity.max(axis=1, initial=1), 1)[instance.pool]
    share = float((instance.gang / most).max(initial=0.0))
    kinds = tuple(k for k in KINDS if 1 / (k + 1) < share)
    if not kinds or len(instance.rate) > OPTIONS_MAX:
        return 0.0
    quoter = SharpQuoter(instance, kinds)
    start = np.repeat(prices[None] / (len(kinds) + 1), len(kinds) + 1, axis=0)
    found = climb(quoter, start, ROUNDS, level=LEVEL, patience=PATIENCE, momentum=MOMENTUM)
    return lower_bound(quoter, found.prices)


class SharpQuoter(Quoter):
    """Quotes at (K + 1, P, T) prices: of capacity itself, then of each kind of function."""

    def __init__(self, instance: Instance, kinds: Sequence[int]) -> None:
        keys = np.stack([instance.rate, instance.gang], axis=1)
        sizes, rate = np.unique(keys, axis=0, return_inverse=True)
        old, gang = sizes.T
        expanded = replace(
            instance,
            rent=instance.rent[old],
            power=instance.power[old],
            carbon=instance.carbon[old],
            rate_pool=instance.rate_pool[old],
            rate=rate.reshape(-1).astype(np.int32),
        )
        super().__init__(expanded)
        pool = expanded.rate_pool
        share = gang[:, None] / np.maximum(instance.capacity[pool], 1)
        weights = [share, *(feasible(share, k) for k in kinds)]
        self._ratio = np.stack([w / share for w in weights])
        """(K + 1, R, T) what an accelerator of a gang takes of each capacity."""

    @property
    def capacity(self) -> Floats:
        plain = super().capacity
        return np.broadcast_to(plain, (len(self._ratio), *plain.shape))

    def tolls(self, prices: Prices) -> Floats:
        return np.asarray((prices[:, self.instance.rate_pool] * self._ratio).sum(axis=0))

    def load(self, wish: Assignment) -> Floats:
        """(K + 1, P, T) what a wish takes of each."""
        instance = self.instance
        placed = wish.option != REFUSED
        option, start = wish.option[placed], wish.start[placed]
        rates, hours = instance.per_hour.shape
        at = instance.rate[option].astype(np.int64) * (hours + 1) + start
        gang, size = instance.gang[option], rates * (hours + 1)
        change = np.bincount(at, gang, size) - np.bincount(at + instance.hours[option], gang, size)
        used = np.cumsum(change.reshape(rates, hours + 1), axis=1)[:, :hours] * self._ratio
        first = np.flatnonzero(np.diff(instance.rate_pool, prepend=-1))  # rates are in order of their pools
        result = np.zeros(self.capacity.shape)
        result[:, instance.rate_pool[first]] = np.add.reduceat(used, first, axis=1)
        return result


def feasible(share: Floats, k: int) -> Floats:
    """f(x) for gangs that are a share x of their pool; 1 for more than all of it."""
    scaled = (k + 1) * share
    whole = np.abs(scaled - np.rint(scaled)) < WHOLE
    return np.minimum(np.where(whole, share, np.floor(scaled) / k), 1.0)
