"""Assign: a plan within the capacities, one workload after another, each at its cheapest free option and start.

`Floor` holds what is free. Options are tried in the order of what they cost at best, and no longer than one of them can
still be the cheapest; so most workloads look at one or two pools. Prices of capacity guide it: a workload that can go
elsewhere at little cost leaves the hours that others need more.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from suanwang.place.instance import REFUSED, Assignment, Floats, Instance, Ints, sums
from suanwang.place.quotes import Prices, Quoter

Ranking = tuple[NDArray[np.float32], Ints]
"""(W, k) quotes and (W, k) options, each row from the cheapest on."""


def ranked(quoter: Quoter, prices: Prices, most: int) -> Ranking:
    """The `most` cheapest options of each workload by their best start at prices, capacities not kept."""
    quoter.price(prices)
    quoted, option = quoter.matrix()
    if quoted.shape[1] > most:
        near = np.argpartition(quoted, most - 1, axis=1)[:, :most]
        quoted, option = np.take_along_axis(quoted, near, 1), np.take_along_axis(option, near, 1)
    order = np.argsort(quoted, axis=1, kind="stable")
    return np.take_along_axis(quoted, order, 1), np.take_along_axis(option, order, 1)


class Floor:
    """A plan in the making: what is free, and where each workload is. Lists, because Python reads them faster."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.free = list(instance.capacity.copy())
        self.option = [REFUSED] * instance.workloads
        self.start = [0] * instance.workloads
        self._pool, self._rate = instance.pool.tolist(), instance.rate.tolist()
        self._gang, self._hours = instance.gang.tolist(), instance.hours.tolist()
        self._first, self._last = instance.first.tolist(), instance.last.tolist()
        self._fixed, self._refusal = instance.fixed.tolist(), instance.refusal.tolist()

    def plan(self) -> Assignment:
        return Assignment(option=np.array(self.option, np.int64), start=np.array(self.start, np.int64))

    def take(self, workload: int, option: int, start: int) -> None:
        """Give a workload that has nothing an option from a start on."""
        self.option[workload], self.start[workload] = option, start
        if option != REFUSED:
            self.free[self._pool[option]][start : start + self._hours[option]] -= self._gang[option]

    def leave(self, workload: int) -> tuple[int, int]:
        """Take away what a workload has: its option and start."""
        option, start = self.option[workload], self.start[workload]
        if option != REFUSED:
            self.free[self._pool[option]][start : start + self._hours[option]] += self._gang[option]
        self.option[workload] = REFUSED
        return option, start

    def cost(self, option: int, start: int, total: Sequence[Floats], workload: int) -> float:
        """Cost of a workload's option from a start on, or of its refusal; `total`: a row of prefix sums for each rate."""
        if option == REFUSED:
            return self._refusal[workload]
        row = total[self._rate[option]]
        run = row[start + self._hours[option]] - row[start]
        return float(self._gang[option] * run + self._fixed[option])

    def seek(
        self, workload: int, options: Sequence[int], quotes: Sequence[float], total: Sequence[Floats]
    ) -> tuple[int, int, float]:
        """The cheapest free option and start of a workload, its refusal included, and what that costs."""
        best, chosen, begin = self._refusal[workload], REFUSED, 0
        for option, quote in zip(options, quotes, strict=True):
            if quote >= best:
                break
            first, hours, gang = self._first[option], self._hours[option], self._gang[option]
            stop = self._last[option] + hours
            full = self.free[self._pool[option]][first:stop] < gang
            row = total[self._rate[option]]
            run = row[first + hours : stop + 1] - row[first : stop - hours + 1]
            if full.any():
                blocked = np.zeros(len(full) + 1, np.int32)
                full.cumsum(out=blocked[1:])
                run[blocked[hours:] != blocked[:-hours]] = np.inf
            at = int(run.argmin())
            cost = float(gang * run[at] + self._fixed[option])
            if cost < best:
                best, chosen, begin = cost, option, first + at
        return chosen, begin, best


def fill(floor: Floor, order: Iterable[int], ranking: Ranking, per_hour: Floats) -> None:
    """Place workloads that have nothing, in order, each where it is cheapest at `per_hour` (R, T) among what is free."""
    total = list(sums(per_hour))
    quotes, options = ranking
    for workload in order:
        known = options[workload].tolist()
        option, start, _ = floor.seek(workload, known, quotes[workload].tolist(), total)
        floor.take(workload, option, start)


def improve(floor: Floor, order: Iterable[int], ranking: Ranking, per_hour: Floats) -> int:
    """Take out workloads in order and put each back where it is cheapest now; how many moved."""
    total, moved = list(sums(per_hour)), 0
    quotes, options = ranking
    for workload in order:
        before = floor.leave(workload)
        cost = floor.cost(*before, total, workload)
        option, start, best = floor.seek(workload, options[workload].tolist(), quotes[workload].tolist(), total)
        if best < cost - 1e-9 * abs(cost):
            floor.take(workload, option, start)
            moved += 1
        else:
            floor.take(workload, *before)
    return moved


def by_size(instance: Instance) -> Ints:
    """Workloads from the largest to the smallest: the largest share of a pool x hours among their options."""
    share = instance.gang * instance.hours / np.maximum(instance.capacity.max(axis=1)[instance.pool], 1)
    size = np.zeros(instance.workloads)
    np.maximum.at(size, instance.workload, share)
    return np.argsort(-size, kind="stable")
