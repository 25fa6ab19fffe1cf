"""Least waste: fragmentation gradient descent that also counts what room on an accelerator is worth. Our own.

A placement's points are the fragmentation it removes (as under FGD), less the worth of the room that it takes on an
accelerator, at the prices of the cutting-stock programme. So a share goes where it completes a good way to fill one.
Points are cut to steps of 0.08 accelerators, coarser than FGD's: nodes that are nearly alike count as alike, and the
first of them wins, which keeps the later ones whole for what comes.
"""

from collections import Counter
from collections.abc import Iterable

import numpy as np

from suanwang.schedule.packing.fill import fill
from suanwang.schedule.packing.fragmentation import Floats, Fragmentation
from suanwang.schedule.packing.least_fragmentation import Gradient, Gradients, Moves, Shape
from suanwang.schedule.packing.nodes import MILLI, Demand, Ints

STEP = 80
"""Thousandths of an accelerator: smaller differences count as none."""
OFFSET = 100 * MILLI
"""More than any placement can lose: keeps points positive."""


class WastefulGradient(Gradient):
    """The points of every state of a node; the worth of room breaks ties."""

    def __init__(self, fragmentation: Fragmentation, shapes: Iterable[Shape], room: Floats) -> None:
        super().__init__(fragmentation, shapes)
        self._room = room

    def score(self, gain: Floats, moves: Moves) -> Ints:
        """Steps of what is gained; among equals, the least worth of room."""
        milli = self._milli[moves.shape]
        takes = np.where(milli < MILLI, milli, 0)
        lost = self._room[moves.left] - self._room[moves.left - takes]
        steps = ((gain - lost + OFFSET) / STEP).astype(np.int64)
        best: Ints = steps * MILLI + (MILLI - 1 - np.minimum(lost, MILLI - 1).astype(np.int64))
        return best


class WasteGradients(Gradients):
    """With the worth of room in the workload's proportions, as much of it as there are accelerators."""

    def __init__(self, demands: Iterable[Demand]) -> None:
        seen = list(demands)
        super().__init__(seen)
        counts = Counter[int]()
        for demand in seen:
            if demand.gpus:
                counts[demand.gpu_milli] += demand.gpus
        self._room = fill(counts, sum(size * n for size, n in counts.items()) / MILLI).room

    def make(self, fragmentation: Fragmentation, shapes: Iterable[Shape]) -> Gradient:
        """For one model of accelerator."""
        return WastefulGradient(fragmentation, shapes, self._room)
