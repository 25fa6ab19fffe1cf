"""Fragmentation gradient descent (FGD): the placement that adds least to the cluster's fragmentation.

Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX
ATC 2023, section 5. Points of a placement: 100 x sigmoid of the fragmentation it removes, in accelerators, cut to whole
points. A node's points depend on its state alone, so each state is worked out once, for all demands together.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from suanwang.schedule.packing.fragmentation import Floats, Fragmentation, usual_demands
from suanwang.schedule.packing.nodes import MILLI, Bools, Demand, Ints, Nodes, tightest
from suanwang.schedule.packing.packing import first_best

Shape = tuple[int, int, int]
State = tuple[int, tuple[int, ...]]

STATES_MAX = 50_000
SAME = 1e-6
"""Thousandths of an accelerator: less is the noise of floating point, and counts as no change."""


@dataclass(frozen=True, slots=True)
class Points:
    """Of one state: the points of each shape (-1: no room), and those of each way to take accelerators, in `moves`."""

    best: Ints
    moves: "Moves"
    points: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """How each shape could take accelerators, of which so much is left on distinct ones; in the shapes' order.

    Of each way: `shape`, the row of `cpu`, `left` of the accelerator that it takes or takes a part of, and `change`:
    the number of what it changes, of which 0 is nothing. `heads`: where in these each of `shapes` begins. A change
    makes `times` accelerators with `before` left have `after`.
    """

    shape: Ints
    cpu: Ints
    left: Ints
    change: Ints
    heads: Ints
    shapes: Ints
    before: Ints
    after: Ints
    times: Ints


@dataclass(frozen=True, slots=True)
class Ways:
    """The moves of accelerators with so much left each: what every change leaves `served` (by change and number of
    usual demands that have the CPU) and `free` (thousandths)."""

    moves: Moves
    served: Floats
    free: Floats


class Gradient:
    """The points of every state of a node with one model of accelerator, kept once worked out."""

    def __init__(self, fragmentation: Fragmentation, shapes: Iterable[Shape]) -> None:
        self._fragmentation = fragmentation
        table = np.array(list(shapes), dtype=np.int64).reshape(-1, 3)
        self._cpu, self._gpus, self._milli = table.T.copy()
        self._takes, pairs = np.unique(table[:, 1:], axis=0, return_inverse=True)
        self._pair = pairs.reshape(-1)
        distinct, self._cpu_row = np.unique(
            np.concatenate((np.zeros(1, dtype=np.int64), self._cpu)), return_inverse=True
        )
        self._distinct_cpu, self._cpu_row = distinct, self._cpu_row[1:]
        self._known: dict[State, Points] = {}
        self._ways: dict[tuple[int, ...], Ways] = {}
        self._moves: dict[tuple[int, ...], Moves] = {}

    def points(self, cpu: int, lefts: tuple[int, ...]) -> Points:
        """Of the state with that much CPU left and accelerators with that much left each, rising."""
        known = self._known.get((cpu, lefts))
        if known is None:
            if len(self._known) >= STATES_MAX:
                self._known.clear()
            known = self._known[cpu, lefts] = self._work_out(cpu, lefts)
        return known

    def _work_out(self, cpu: int, lefts: tuple[int, ...]) -> Points:
        ways = self._ways.get(lefts)
        if ways is None:
            ways = self._ways[lefts] = self._all_ways(lefts)
        moves, within = ways.moves, self._fragmentation.within(cpu - self._distinct_cpu)
        now = ways.free[0] - ways.served[0, within[0]]
        gain = now + SAME - ways.free[moves.change] + ways.served[moves.change, within[moves.cpu]]
        points = self.score(gain, moves)
        best = np.full(len(self._cpu), -1, dtype=np.int64)
        best[moves.shapes] = np.maximum.reduceat(points, moves.heads)
        best[cpu < self._cpu] = -1
        return Points(best, moves, points)

    def score(self, gain: Floats, moves: Moves) -> Ints:  # noqa: ARG002 - others look at the moves
        """Points of 100 for the fragmentation that each of the moves removes (thousandths)."""
        points: Ints = (100.0 / (1.0 + np.exp(gain / -MILLI))).astype(np.int64)
        return points

    def _all_ways(self, lefts: tuple[int, ...]) -> Ways:
        """A part can go to each accelerator that has it; accelerators with as much left are alike."""
        key = (*sorted({*lefts, MILLI}), lefts.count(MILLI))
        moves = self._moves.get(key)
        if moves is None:
            moves = self._moves[key] = self._all_moves(key[:-1], key[-1])
        served = self._fragmentation.served(lefts, moves.before, moves.after, moves.times)
        free = sum(lefts) - (moves.before - moves.after) * moves.times
        return Ways(moves, served, free.astype(np.float64))

    def _all_moves(self, lefts: tuple[int, ...], untouched: int) -> Moves:
        """Of accelerators that have these amounts left, each at least once but for the untouched ones."""
        distinct = np.array(lefts, dtype=np.int64)
        part = (self._milli > 0) & (self._milli < MILLI)
        offers = distinct >= self._milli[:, None]
        offers[~part] = distinct == MILLI
        offers[:, -1] &= self._gpus <= untouched
        shape, column = np.nonzero(offers)
        code = column * len(self._takes) + self._pair[shape]
        used = np.zeros(len(distinct) * len(self._takes), dtype=np.bool_)
        used[code] = True
        taken = np.flatnonzero(used)
        times, milli = self._takes[taken % len(self._takes)].T
        before = np.append(0, distinct[taken // len(self._takes)])
        heads = np.flatnonzero(np.diff(shape, prepend=-1))
        return Moves(
            shape=shape,
            cpu=self._cpu_row[shape],
            left=distinct[column],
            change=np.cumsum(used)[code],
            heads=heads,
            shapes=shape[heads],
            before=before,
            after=before - np.append(0, milli),
            times=np.append(0, times),
        )


class Gradients:
    """What the workload's demands make of each model of accelerator; one for all clusters that they are tried on."""

    def __init__(self, demands: Iterable[Demand]) -> None:
        seen = list(demands)
        self._usual = usual_demands(seen)
        self._shapes = sorted({_shape(d) for d in seen})
        self.row_of = {shape: i for i, shape in enumerate(self._shapes)}
        self._by_model: dict[str, Gradient] = {}

    def of(self, model: str) -> Gradient:
        """The points of nodes with that model."""
        if model not in self._by_model:
            self._by_model[model] = self.make(Fragmentation(self._usual, model), self._shapes)
        return self._by_model[model]

    def make(self, fragmentation: Fragmentation, shapes: Iterable[Shape]) -> Gradient:
        """For one model of accelerator."""
        return Gradient(fragmentation, shapes)


class LeastFragmentation:
    """The row with the most points; for a part of an accelerator, the first of the accelerators with the most."""

    def __init__(self, nodes: Nodes, gradients: Gradients) -> None:
        self.nodes = nodes
        self._row_of = gradients.row_of
        self._gradient = [gradients.of(n.model) for n in nodes.nodes]
        self._points = [self._now(row) for row in range(len(nodes.nodes))]
        self._best = np.stack([p.best for p in self._points], axis=1)

    def _now(self, row: int) -> Points:
        lefts = sorted(self.nodes.gpu_left[row, : self.nodes.gpus[row]].tolist())
        return self._gradient[row].points(int(self.nodes.cpu_left[row]), tuple(lefts))

    def pick(self, demand: Demand, fit: Bools) -> int:
        """The first of the rows with the most points."""
        return first_best(self._best[self._row_of[_shape(demand)]], fit)

    def devices(self, row: int, demand: Demand) -> tuple[int, ...]:
        """The accelerators that the row's points stand for."""
        lefts = self.nodes.gpu_left[row].tolist()
        if not demand.shares:
            return tightest(lefts, demand) if demand.gpus else ()
        points = self._points[row]
        shape = self._row_of[_shape(demand)]
        ours = (points.moves.shape == shape) & (points.points == points.best[shape])
        best = set(points.moves.left[ours].tolist())
        return (next(i for i, left in enumerate(lefts) if left in best),)

    def moved(self, row: int, demand: Demand, sign: int) -> None:  # noqa: ARG002
        """The row is in another state."""
        self._points[row] = points = self._now(row)
        self._best[:, row] = points.best


def _shape(demand: Demand) -> Shape:
    return demand.cpu_milli, demand.gpus, demand.gpu_milli
