"""Ejection: better plans where gangs are large, by clearing a place for one workload and finding others for the rest.

Each move takes a workload that costs more than it must, clears some of what stands in its way on one of its cheap
options, and puts all of them back one by one, guided by the prices of capacity to a random degree. A move that costs
more may be kept while the search is warm (simulated annealing); the best plan is returned.
"""

from math import log

import numpy as np
from numpy.random import Generator

from suanwang.place.assign import Floor, by_hardness
from suanwang.place.instance import REFUSED, Assignment, Floats, cost_by_workload, sums
from suanwang.place.quotes import Prices, Quoter

GUIDES = 5
"""Degrees to which prices guide: 0 (true costs only) to 1 (full prices)."""
CLEARED_MAX = 8
WARMTH = 0.15
"""First temperature over the mean difference between what workloads cost and the least they could."""


def eject(quoter: Quoter, plan: Assignment, prices: Prices, moves: int, random: Generator) -> Assignment:
    """The best plan seen in `moves` moves from a plan within the capacities; never a dearer one."""
    if moves == 0 or len(plan.option) < 2:
        return plan
    search = _Search(quoter, plan, prices, random)
    for move in range(moves):
        search.move(1 - move / moves)
    return search.best


class _Search:
    def __init__(self, quoter: Quoter, plan: Assignment, prices: Prices, random: Generator) -> None:
        instance = quoter.instance
        self.random, self.best = random, plan
        self.floor = Floor(instance)
        self.crew: list[set[int]] = [set() for _ in instance.capacity]
        self._pool = instance.pool.tolist()
        for workload, (option, start) in enumerate(zip(plan.option.tolist(), plan.start.tolist(), strict=True)):
            self._take(workload, option, start)
        congestion = prices[instance.rate_pool]
        self._guides, self._totals = list[list[tuple[list[int], list[float]]]](), list[list[Floats]]()
        (everyone,) = quoter.batches([np.arange(instance.workloads)])
        for share in np.linspace(0, 1, GUIDES):
            quoter.price(share * prices)
            offers = quoter.offers(everyone)
            self._guides.append([offers.ranked(w) for w in range(instance.workloads)])
            self._totals.append(list(sums(instance.per_hour + share * congestion)))
        rank = np.empty(instance.workloads, np.int64)
        rank[by_hardness(instance)] = np.arange(instance.workloads)
        self._rank = rank.tolist()
        self._hours, self._first, self._last = instance.hours.tolist(), instance.first.tolist(), instance.last.tolist()
        cost = cost_by_workload(instance, plan)
        self._excess = np.maximum(cost - np.array([quotes[0] for _, quotes in self._guides[0]]), 0) + 1e-3 * cost.mean()
        self._cost = self._best_cost = float(cost.sum())
        self._warmth = WARMTH * float(self._excess.mean())
        self._chance = np.cumsum(self._excess)

    def _take(self, workload: int, option: int, start: int) -> None:
        self.floor.take(workload, option, start)
        if option != REFUSED:
            self.crew[self._pool[option]].add(workload)

    def _leave(self, workload: int) -> tuple[int, int]:
        option, start = self.floor.leave(workload)
        if option != REFUSED:
            self.crew[self._pool[option]].discard(workload)
        return option, start

    def move(self, warm: float) -> None:
        """One move; `warm` falls from 1 to 0."""
        draws = self.random.random(6).tolist()
        wanted = int(np.searchsorted(self._chance, draws[0] * self._chance[-1], side="right"))
        guide = int(draws[1] * GUIDES)
        options = [o for o in self._guides[guide][wanted][0] if o != REFUSED]
        if not options:
            return
        option = options[int(draws[2] ** 2 * len(options))]
        group = self._in_the_way(wanted, option, self._first[option], draws[3])
        before = {w: self._leave(w) for w in group}
        true = self._totals[0]
        old = sum(self.floor.cost(*place, true, w) for w, place in before.items())
        if draws[4] < 0.5:
            group[1:] = sorted(group[1:], key=self._rank.__getitem__)
        new = self._refill(group, option, guide)
        if new < old - self._warmth * warm**2 * log(max(draws[5], 1e-12)):
            self._cost += new - old
            if self._cost < self._best_cost * (1 - 1e-9):
                self._best_cost, self.best = self._cost, self.floor.plan()
        else:
            for w in group:
                self._leave(w)
            for w, place in before.items():
                self._take(w, *place)

    def _refill(self, group: list[int], option: int, guide: int) -> float:
        """Put a group back, the first on an option if it can be there; what they cost."""
        cost = 0.0
        for number, w in enumerate(group):
            chosen, start, _ = (REFUSED, 0, 0.0)
            if number == 0:
                chosen, start, _ = self.floor.seek(w, [option], [0.0], self._totals[guide])
            if chosen == REFUSED:
                chosen, start, _ = self.floor.seek(w, *self._guides[guide][w], self._totals[guide])
            self._take(w, chosen, start)
            cost += self.floor.cost(chosen, start, self._totals[0], w)
        return cost

    def _in_the_way(self, wanted: int, option: int, first: int, share: float) -> list[int]:
        """`wanted`, and some of those that run on the pool of its option in a part of its window."""
        hours = self._hours[option]
        begin = first + int(self.random.random() * (self._last[option] - first + 1))
        end = begin + hours
        near = []
        for w in self.crew[self._pool[option]]:
            start = self.floor.start[w]
            if w != wanted and start < end and start + self._hours[self.floor.option[w]] > begin:
                near.append(w)
        near.sort()
        order = self.random.permutation(len(near)).tolist()
        count = min(CLEARED_MAX, 1 + int(share * len(near)))
        return [wanted, *(near[i] for i in order[:count])]
