"""Assign: a plan within the capacities, one workload after another, each at its cheapest free option and start.

`Floor` holds what is free. Prices of capacity guide the choice: a workload that can go elsewhere at little cost leaves
the hours that others need more. Workloads come in batches, the hardest to place first; for each batch all options
are quoted at once with the hours closed in which not even its smallest gang has room. What an option costs at best is
then known, so that options are looked at in that order, and no longer than one can still be the cheapest.
"""

from collections.abc import Sequence

import numpy as np

from suanwang.place.instance import REFUSED, Assignment, Floats, Instance, Ints, cost_by_workload, sums
from suanwang.place.quotes import Batch, Offers, Prices, Quoter

BATCHES_MAX = 16
BATCH_LEAST = 100
NONE_FREE = 2**62
"""A gang that fits nowhere."""
CLOSED = 1e7
"""Price of an accelerator in an hour without room: dearer than any refusal."""
LEAST_GAIN = 1e-7
"""A move is made for at least this share of a workload's cost."""


class Floor:
    """A plan in the making: what is free, and where each workload is. Lists, because Python reads them faster."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.free = list(instance.capacity.copy())
        self.option = [REFUSED] * instance.workloads
        self.start = [0] * instance.workloads
        self._pool, self._rate = instance.pool.item, instance.rate.item
        self._gang, self._hours = instance.gang.item, instance.hours.item
        self._first, self._last = instance.first.item, instance.last.item
        self._fixed, self._refusal = instance.fixed.item, instance.refusal.item

    def plan(self) -> Assignment:
        return Assignment(option=np.array(self.option, np.int64), start=np.array(self.start, np.int64))

    def take(self, workload: int, option: int, start: int) -> None:
        """Give a workload that has nothing an option from a start on."""
        self.option[workload], self.start[workload] = option, start
        if option != REFUSED:
            self.free[self._pool(option)][start : start + self._hours(option)] -= self._gang(option)

    def take_if_free(self, workload: int, option: int, pool: int, start: int, stop: int, gang: int) -> bool:
        """Give a workload that has nothing an option on a pool from `start` to `stop`, if its gang fits."""
        segment = self.free[pool][start:stop]
        if segment.min() < gang:
            return False
        segment -= gang
        self.option[workload], self.start[workload] = option, start
        return True

    def leave(self, workload: int) -> tuple[int, int]:
        """Take away what a workload has: its option and start."""
        option, start = self.option[workload], self.start[workload]
        if option != REFUSED:
            self.free[self._pool(option)][start : start + self._hours(option)] += self._gang(option)
        self.option[workload] = REFUSED
        return option, start

    def cost(self, option: int, start: int, total: Sequence[Floats], workload: int) -> float:
        """Cost of a workload's option from a start on, or of its refusal; `total`: prefix sums by rate."""
        if option == REFUSED:
            return self._refusal(workload)
        row = total[self._rate(option)]
        run = row[start + self._hours(option)] - row[start]
        return float(self._gang(option) * run + self._fixed(option))

    def seek(
        self, workload: int, options: Sequence[int], quotes: Sequence[float], total: Sequence[Floats]
    ) -> tuple[int, int, float]:
        """The cheapest free option and start of a workload, its refusal included, and what that costs."""
        best, chosen, begin = self._refusal(workload), REFUSED, 0
        for option, quote in zip(options, quotes, strict=True):
            if quote >= best:
                break
            first, hours, gang = self._first(option), self._hours(option), self._gang(option)
            stop = self._last(option) + hours
            free = self.free[self._pool(option)]
            row = total[self._rate(option)]
            run = row[first + hours : stop + 1] - row[first : stop - hours + 1]
            at = int(run.argmin())
            if free[first + at : first + at + hours].min() < gang:
                blocked = np.zeros(stop - first + 1, np.int32)
                (free[first:stop] < gang).cumsum(out=blocked[1:])
                run[blocked[hours:] != blocked[:-hours]] = np.inf
                at = int(run.argmin())
            cost = float(gang * run[at] + self._fixed(option))
            if cost < best:
                best, chosen, begin = cost, option, first + at
        return chosen, begin, best


def fill(floor: Floor, quoter: Quoter, prices: Prices, order: Ints) -> None:
    """Place workloads, in an order, on a floor where they have nothing: each where it is cheapest at `prices` among
    what is then free."""
    instance = floor.instance
    if not len(instance.rate):
        return
    total = list(sums(instance.per_hour + prices[instance.rate_pool]))
    for batch in quoter.batches(_split(order)):
        offers = _offers(floor, quoter, batch, prices)
        wish = offers.cheapest
        start = quoter.starts(wish)
        gang = np.where(wish == REFUSED, NONE_FREE, instance.gang[wish])
        stop, pool = start + instance.hours[wish], instance.pool[wish]
        columns = (batch.workload, wish, pool, start, stop, gang)
        for row, (workload, *wanted) in enumerate(zip(*(c.tolist() for c in columns), strict=True)):
            if not floor.take_if_free(workload, *wanted):
                found, begin, _ = floor.seek(workload, *offers.ranked(row), total)
                floor.take(workload, found, begin)


def improve(floor: Floor, quoter: Quoter, order: Ints, gain: float | Floats = LEAST_GAIN) -> int:
    """Take out each workload that may do better by a share `gain` of its cost, one for all or (W,) one for each, and
    put it where it is cheapest now at true cost; how many moved.

    Those that are refused come first, then the others in an order.
    """
    instance, moved = floor.instance, 0
    total, no_prices = list(sums(instance.per_hour)), np.zeros(instance.capacity.shape)
    costs = cost_by_workload(instance, floor.plan())
    wanted = costs * (1 - np.asarray(gain))
    refused = np.array(floor.option)[order] == REFUSED
    for batch in quoter.batches([order[refused], *_split(order[~refused])]):
        offers = _offers(floor, quoter, batch, no_prices)
        below = wanted[batch.workload]
        for row in np.flatnonzero(offers.quote.min(axis=1) < below).tolist():
            workload = int(batch.workload[row])
            before = floor.leave(workload)
            option, start, best = floor.seek(workload, *offers.ranked(row), total)
            better = bool(best < below[row])
            floor.take(workload, *((option, start) if better else before))
            moved += better
    return moved


def _split(order: Ints) -> list[Ints]:
    return np.array_split(order, max(1, min(BATCHES_MAX, len(order) // BATCH_LEAST)))


def _offers(floor: Floor, quoter: Quoter, batch: Batch, prices: Prices) -> Offers:
    """What a batch is quoted where there is room for its smallest gang at least: never more than it will find."""
    instance = floor.instance
    least = np.full(len(floor.free), instance.gang[batch.option].max(initial=1))
    np.minimum.at(least, instance.pool[batch.option], instance.gang[batch.option])
    quoter.price(prices + CLOSED * (np.array(floor.free) < least[:, None]))
    return quoter.offers(batch)


def by_hardness(instance: Instance) -> Ints:
    """Workloads from the hardest to place to the easiest: gang x hours as a share of a pool, over the root of starts.

    Where only size counted, small ones with a narrow window would come last and find it full.
    """
    share = instance.gang * instance.hours / np.maximum(instance.capacity.max(axis=1)[instance.pool], 1)
    size = np.zeros(instance.workloads)
    np.maximum.at(size, instance.workload, share)
    starts = np.bincount(instance.workload, instance.last - instance.first + 1, instance.workloads)
    return np.argsort(-size / np.sqrt(np.maximum(starts, 1)), kind="stable")
