"""Fragmentation gradient descent (FGD): the placement that adds least to the cluster's fragmentation.

Weng et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX
ATC 2023, section 5. Points of a placement: 100 x sigmoid of the fragmentation it removes, in accelerators, cut to whole
points. A node's points depend on its state alone, so each state is worked out once, for all demands together.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from suanwang.schedule.packing.fragmentation import Fragmentation, usual_demands
from suanwang.schedule.packing.nodes import MILLI, Bools, Demand, Ints, Nodes, tightest
from suanwang.schedule.packing.packing import first_best

Shape = tuple[int, int, int]
State = tuple[int, tuple[int, ...]]

STATES_MAX = 50_000


@dataclass(frozen=True, slots=True)
class Points:
    """Of one state: the points of each shape (-1: no room), and for parts those of each accelerator it could go to."""

    best: Ints
    part_shape: Ints
    part_left: Ints
    part_points: Ints


class Gradient:
    """The points of every state of a node with one model of accelerator, kept once worked out."""

    def __init__(self, fragmentation: Fragmentation, shapes: Iterable[Shape]) -> None:
        self._fragmentation = fragmentation
        table = np.array(list(shapes), dtype=np.int64).reshape(-1, 3)
        self._cpu, self._gpus, self._milli = table.T.copy()
        self._parts = np.flatnonzero((self._milli > 0) & (self._milli < MILLI))
        self._wholes = np.flatnonzero((self._milli == 0) | (self._milli == MILLI))
        self._known: dict[State, Points] = {}

    def points(self, state: State) -> Points:
        """`state`: the CPU left and what each accelerator has left, rising."""
        known = self._known.get(state)
        if known is None:
            if len(self._known) >= STATES_MAX:
                self._known.clear()
            known = self._known[state] = self._work_out(*state)
        return known

    def _work_out(self, cpu: int, lefts: tuple[int, ...]) -> Points:
        whole = self._wholes[(self._cpu[self._wholes] <= cpu) & (self._gpus[self._wholes] <= lefts.count(MILLI))]
        distinct = np.array(sorted(set(lefts)), dtype=np.int64)
        part = self._parts[self._cpu[self._parts] <= cpu]
        which, device = np.nonzero(distinct >= self._milli[part][:, None])
        part, left = part[which], distinct[device]
        rows = np.concatenate((whole, part))
        before = np.concatenate((np.full(len(whole), MILLI), left))
        gain = self._gain(cpu, lefts, rows, before)
        points = (1.0 / (1.0 + np.exp(-gain / MILLI)) * 100.0).astype(np.int64)
        best = np.full(len(self._cpu), -1, dtype=np.int64)
        best[whole] = points[: len(whole)]
        if len(part):
            heads = np.flatnonzero(np.diff(part, prepend=-1))
            best[part[heads]] = np.maximum.reduceat(points[len(whole) :], heads)
        return Points(best, part, left, points[len(whole) :])

    def _gain(self, cpu: int, lefts: tuple[int, ...], rows: Ints, before: Ints) -> Ints | np.ndarray[tuple[int], np.dtype[np.float64]]:
        """Fragmentation now less that after each row's demand took accelerators that had `before` left each."""
        f = self._fragmentation
        after, times = before - self._milli[rows], self._gpus[rows]
        now = list(lefts)
        none = np.zeros(1, dtype=np.int64)
        hosts = f.hosts[now].sum(axis=0)[:, None] + ((f.hosts[after] - f.hosts[before]).T * times)
        usable = f.usable[now].sum(axis=0)[:, None] + ((f.usable[after] - f.usable[before]).T * times)
        hosts = np.hstack((f.hosts[now].sum(axis=0)[:, None], hosts))
        usable = np.hstack((f.usable[now].sum(axis=0)[:, None], usable))
        taken_cpu = np.concatenate((none, self._cpu[rows]))
        taken = np.concatenate((none, times * self._milli[rows]))
        amount = f.amount(cpu - taken_cpu, sum(lefts) - taken, hosts, usable)
        return amount[0] - amount[1:]


class LeastFragmentation:
    """The row with the most points; for a part of an accelerator, the first of the accelerators with the most."""

    def __init__(self, nodes: Nodes, demands: Iterable[Demand]) -> None:
        seen = list(demands)
        usual = usual_demands(seen)
        shapes = sorted({_shape(d) for d in seen})
        self.nodes = nodes
        self._row_of = {shape: i for i, shape in enumerate(shapes)}
        gradients = {n.model: Gradient(Fragmentation(usual, n.model), shapes) for n in nodes.nodes}
        self._gradient = [gradients[n.model] for n in nodes.nodes]
        self._points = [self._now(row) for row in range(len(nodes.nodes))]
        self._best = np.stack([p.best for p in self._points], axis=1)

    def _now(self, row: int) -> Points:
        lefts = sorted(self.nodes.gpu_left[row, : self.nodes.gpus[row]].tolist())
        return self._gradient[row].points((int(self.nodes.cpu_left[row]), tuple(lefts)))

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
        ours = (points.part_shape == shape) & (points.part_points == points.best[shape])
        best = set(points.part_left[ours].tolist())
        return (next(i for i, left in enumerate(lefts) if left in best),)

    def moved(self, row: int, demand: Demand, sign: int) -> None:  # noqa: ARG002
        """The row is in another state."""
        self._points[row] = points = self._now(row)
        self._best[:, row] = points.best


def _shape(demand: Demand) -> Shape:
    return demand.cpu_milli, demand.gpus, demand.gpu_milli
