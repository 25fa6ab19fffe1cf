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

SUMS_MAX = 8_000_000
"""Sums of two edges that are kept: 64 MB; of more they are added up again for each thing."""
LOOK_EVERY = 8
"""Places between two looks at the dearest choice so far."""
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


class _Pair:
    """What a thing adds for each choice of two neighbours' places: the least over its own, own[p] + a[p, x] + b[p, y].

    The places are tried from the cheapest on, until one costs more by itself than the dearest choice has by then.
    """

    def __init__(self, a: Floats, b: Floats) -> None:
        self._shape = (a.shape[1], b.shape[1])
        self._a, self._b = a, b
        self._sums = (a[:, :, None] + b[:, None, :]).reshape(len(a), -1) if a.size * b.shape[1] <= SUMS_MAX else None
        self._floor = a.min(axis=1) + b.min(axis=1)

    def _sum(self, place: int) -> Floats:
        """(x, y), flat: the edges' costs at a place."""
        if self._sums is not None:
            return np.asarray(self._sums[place])
        return np.asarray(self._a[place][:, None] + self._b[place][None, :]).ravel()

    def least(self, own: Floats) -> Floats:
        first, *others = np.argsort(own, kind="stable").tolist()
        least = self._sum(first) + own[first]
        room, most = np.empty_like(least), np.inf
        for number, place in enumerate(others):
            if number % LOOK_EVERY == 0:
                most = float(least.max())
            if own[place] + self._floor.min() >= most:
                break
            if own[place] + self._floor[place] < most:
                np.minimum(least, np.add(self._sum(place), own[place], out=room), out=least)
        return np.asarray(least.reshape(self._shape))


class _Left:
    """What is left of a network while things are taken out of it, and how to choose a place for each when they are."""

    def __init__(self, own: Sequence[Floats], edges: Sequence[Edge]) -> None:
        self.own = list(own)
        self.near: list[dict[int, Floats]] = [{} for _ in own]
        self.steps: list[tuple[int, tuple[int, ...], Floats, list[Floats]]] = []
        self._turned: dict[int, Floats] = {}
        self._known: dict[tuple[int, ...], Floats] = {}
        self._pair: tuple[tuple[int, int], _Pair] | None = None
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
        least = self._least(own, arrays)
        self.steps.append((thing, others, own, arrays))
        for other in others:
            del self.near[other][thing]
        if len(others) == 1:
            self.own[others[0]] = self.own[others[0]] + least
        elif len(others) == 2:
            self._join(*others, least)
        return others

    def _least(self, own: Floats, arrays: list[Floats]) -> Floats:
        """For each choice of the neighbours' places: the least that the thing adds."""
        key = (id(own), *map(id, arrays))
        if key not in self._known:
            self._alive += [own, *arrays]
            if len(arrays) == 2:
                self._known[key] = self._pair_of(arrays[0], arrays[1]).least(own)
            else:  # between[x, y]: x the thing's place, y the neighbour's
                self._known[key] = sum((between.T for between in arrays), own).min(axis=-1)
        return self._known[key]

    def _pair_of(self, first: Floats, second: Floats) -> "_Pair":
        """Edges of one kind come one after another: the last pair is kept."""
        key = (id(first), id(second))
        if self._pair is None or self._pair[0] != key:
            self._pair = key, _Pair(first, second)
        return self._pair[1]

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
        for thing, others, own, arrays in reversed(self.steps):
            cost = sum((between[:, place[o]] for between, o in zip(arrays, others, strict=True)), own)
            place[thing] = int(cost.argmin())
