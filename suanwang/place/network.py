"""Network: things that each take one of P places, with a cost of their own there and costs between pairs of them.

It is what linked workloads are: data flows along the edges, or two must share a site or must not. The least sum is
found by eliminating variables: a thing with one neighbour is folded into it, one with two becomes an edge between
them, edges between the same two are added up. Chains, trees, fans, fork-joins and all other networks of treewidth 2
are solved exactly so, in time linear in the things; where things with three neighbours or more are left over, the rest
is improved from several starts one thing at a time, and `exact` is False. Equal things on equal edges are priced once.

Bertele and Brioschi, "Nonserial Dynamic Programming" (1972), for the elimination.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.place.instance import Floats

SWEEPS_MAX = 50
"""Rounds of one-at-a-time improvement of what elimination leaves over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """Between things `a` and `b`: `between` (P, P) costs by the place of a, then of b; infinite where it cannot be.

    Edges of the same kind share the array itself, so that it is known to be the same.
    """

    a: int
    b: int
    between: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """`place` of each thing, the sum of all `cost`s, and whether no other choice can cost less."""

    place: list[int]
    cost: float
    exact: bool


def solve(own: Sequence[Floats], edges: Sequence[Edge]) -> Solution:
    """The places of least cost; `own` (n,) vectors (P,) of costs, the same object where things are alike.

    The cost is infinite where no choice keeps every edge. Raises ValueError for an edge from a thing to itself.
    """
    left = _Left(own, edges)
    left.eliminate()
    place, exact = left.rest()
    left.trace_back(place)
    cost = sum(float(own[i][p]) for i, p in enumerate(place))
    cost += sum(float(e.between[place[e.a], place[e.b]]) for e in edges)
    return Solution(place=place, cost=cost, exact=exact)


class _Left:
    """What is left of a network while things are taken out of it, and how to choose a place for each when they are."""

    def __init__(self, own: Sequence[Floats], edges: Sequence[Edge]) -> None:
        self.own = list(own)
        self.near: list[dict[int, Floats]] = [{} for _ in own]
        self.steps: list[tuple[int, tuple[int, ...], Floats]] = []
        self._turned: dict[int, Floats] = {}
        self._known: dict[tuple[int, ...], tuple[Floats, Floats]] = {}
        self._alive: list[object] = []
        for edge in edges:
            if edge.a == edge.b:
                raise ValueError("an edge joins two things")
            self._join(edge.a, edge.b, edge.between)

    def _turn(self, between: Floats) -> Floats:
        """The transposed array, the same one for the same array."""
        if id(between) not in self._turned:
            turned = np.ascontiguousarray(between.T)
            self._turned[id(between)] = turned
            self._turned[id(turned)] = between
            self._alive += [between, turned]
        return self._turned[id(between)]

    def _join(self, a: int, b: int, between: Floats) -> None:
        """Add an edge; one that is there already gets the sum."""
        if b in self.near[a]:
            between = self.near[a][b] + between
        self.near[a][b], self.near[b][a] = between, self._turn(between)

    def eliminate(self) -> None:
        """Take out things with one neighbour as long as there are any, then one with two, and so on."""
        ready = [deque(i for i, near in enumerate(self.near) if len(near) <= 1), deque[int]()]
        ready[1].extend(i for i, near in enumerate(self.near) if len(near) == 2)
        gone = [False] * len(self.own)
        while ready[0] or ready[1]:
            thing = (ready[0] or ready[1]).popleft()
            if gone[thing] or len(self.near[thing]) > 2:
                continue
            gone[thing] = True
            for other in self._take_out(thing):
                if len(self.near[other]) <= 2:
                    ready[len(self.near[other]) == 2].append(other)
        self.kept = [i for i, out in enumerate(gone) if not out]

    def _take_out(self, thing: int) -> tuple[int, ...]:
        others = tuple(self.near[thing])
        own, arrays = self.own[thing], [self.near[thing][o] for o in others]
        least, choice = self._least(own, arrays)
        self.steps.append((thing, others, choice))
        for other in others:
            del self.near[other][thing]
        if len(others) == 1:
            self.own[others[0]] = self.own[others[0]] + least
        elif len(others) == 2:
            self._join(*others, least)
        return others

    def _least(self, own: Floats, arrays: list[Floats]) -> tuple[Floats, Floats]:
        """For each choice of the neighbours' places: the least that the thing adds, and its place for that."""
        key = (id(own), *map(id, arrays))
        if key not in self._known:
            self._alive += [own, *arrays]
            cost = own
            for axis, between in enumerate(arrays):  # between[x, y]: x the thing's place, y the neighbour's
                shape = (len(own), *(-1 if k == axis else 1 for k in range(len(arrays))))
                cost = cost.reshape((*cost.shape, *(1,) * (len(arrays) + 1 - cost.ndim))) + between.reshape(shape)
            choice = cost.argmin(axis=0)
            self._known[key] = np.take_along_axis(cost, choice[None], axis=0)[0], choice
        return self._known[key]

    def rest(self) -> tuple[list[int], bool]:
        """Places of what was not taken out: none is left in networks of treewidth 2."""
        place = [-1] * len(self.own)
        if not self.kept:
            return place, True
        starts = [[p] * len(self.kept) for p in range(len(self.own[0]))]
        starts.append([int(self.own[i].argmin()) for i in self.kept])
        best = min((self._descend(dict(zip(self.kept, s, strict=True))) for s in starts), key=lambda found: found[0])
        for thing, chosen in best[1].items():
            place[thing] = chosen
        return place, False

    def _descend(self, place: dict[int, int]) -> tuple[float, dict[int, int]]:
        """Move one thing at a time to where it costs least, given the others, until none moves."""
        for _ in range(SWEEPS_MAX):
            moved = False
            for thing in self.kept:
                cost = self.own[thing] + sum(between[:, place[o]] for o, between in self.near[thing].items())
                best = int(cost.argmin())
                moved |= bool(cost[best] < cost[place[thing]])
                place[thing] = best
            if not moved:
                break
        own = sum(float(self.own[i][p]) for i, p in place.items())
        pairs = sum(float(b[place[i], place[o]]) for i in place for o, b in self.near[i].items() if i < o)
        return own + pairs, place

    def trace_back(self, place: list[int]) -> None:
        """Choose for each thing that was taken out, the last one first."""
        for thing, others, choice in reversed(self.steps):
            place[thing] = int(choice[tuple(place[o] for o in others)])
