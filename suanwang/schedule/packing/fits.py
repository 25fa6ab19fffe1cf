"""First, best, worst and random fit: the oldest packings (Johnson 1973), with best fit over CPU and accelerators.

Best fit leaves the least, each resource as a share of the largest node's (Weng et al., USENIX ATC 2023, section 6.1).
"""

import random

import numpy as np

from suanwang.schedule.packing.nodes import Bools, Demand, Ints, Nodes, tightest
from suanwang.schedule.packing.packing import first_best

LARGEST_CPU_MILLI = 128_000.0
LARGEST_GPU_MILLI = 8_000.0


class Fit:
    """The state that the fits share: the columns. A part of an accelerator comes from the one with the least left."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes

    def devices(self, row: int, demand: Demand) -> tuple[int, ...]:
        """The tightest accelerator, or the first untouched ones."""
        return tightest(self.nodes.gpu_left[row].tolist(), demand) if demand.gpus else ()

    def moved(self, row: int, demand: Demand, sign: int) -> None:
        """Nothing is kept."""


class FirstFit(Fit):
    """The first row."""

    def pick(self, demand: Demand, fit: Bools) -> int:  # noqa: ARG002
        """The first row that fits."""
        return int(fit.argmax())


class BestFit(Fit):
    """The row that has the least left after it."""

    def pick(self, demand: Demand, fit: Bools) -> int:
        """By whole points of 100, so that rows less than a point apart are tied."""
        return first_best(self.score(demand), fit)

    def score(self, demand: Demand) -> Ints:
        """100 points less the share of the largest node that stays free, mean of CPU and accelerators."""
        left = (self.nodes.cpu_left - demand.cpu_milli) / LARGEST_CPU_MILLI * 0.5
        left += (self.nodes.total_left - demand.total_milli) / LARGEST_GPU_MILLI * 0.5
        points: Ints = ((1.0 - left) * 100.0).astype(np.int64)
        return np.maximum(points, 0)


class WorstFit(BestFit):
    """The row that has the most left after it."""

    def pick(self, demand: Demand, fit: Bools) -> int:
        """The opposite of best fit."""
        return first_best(100 - np.minimum(self.score(demand), 100), fit)


class RandomFit(Fit):
    """Any row that fits, and any of its accelerators: the yardstick."""

    def __init__(self, nodes: Nodes, draw: random.Random) -> None:
        super().__init__(nodes)
        self._draw = draw

    def pick(self, demand: Demand, fit: Bools) -> int:  # noqa: ARG002
        """Each row that fits with the same chance."""
        rows = np.flatnonzero(fit)
        return int(rows[self._draw.randrange(len(rows))])

    def devices(self, row: int, demand: Demand) -> tuple[int, ...]:
        """For a part, each accelerator that has it with the same chance."""
        lefts = self.nodes.gpu_left[row].tolist()
        if demand.shares:
            return (self._draw.choice([i for i, left in enumerate(lefts) if left >= demand.gpu_milli]),)
        return tightest(lefts, demand) if demand.gpus else ()
