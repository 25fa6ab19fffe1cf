"""Clustering: jobs that ask for as many accelerators go together (Xiao et al., OSDI 2018; points: ATC 2023)."""

import numpy as np

from suanwang.schedule.packing.fits import Fit
from suanwang.schedule.packing.nodes import Bools, Demand, Nodes
from suanwang.schedule.packing.packing import first_best

ALONE, AMONG, IDLE = 75, 50, 25


class Clustering(Fit):
    """Rows that hold only such jobs, then those that hold some, then idle ones, then the others; the fuller first."""

    def __init__(self, nodes: Nodes) -> None:
        super().__init__(nodes)
        self._counts: dict[int, np.ndarray[tuple[int], np.dtype[np.int64]]] = {}
        self._kinds = np.zeros(len(nodes.nodes), dtype=np.int64)

    def pick(self, demand: Demand, fit: Bools) -> int:
        """Jobs without accelerators take the first row that fits."""
        if not demand.gpus:
            return int(fit.argmax())
        counts = self._counts.get(_kind(demand))
        bonus = np.where(self._kinds == 0, IDLE, 0)
        if counts is not None:
            bonus = np.where(counts > 0, np.where(self._kinds == 1, ALONE, AMONG), bonus)
        return first_best(25 * (8000 - self.nodes.total_left) // 8000 + bonus, fit)

    def moved(self, row: int, demand: Demand, sign: int) -> None:
        """Count the row's jobs by kind."""
        if demand.gpus:
            counts = self._counts.setdefault(_kind(demand), np.zeros(len(self._kinds), dtype=np.int64))
            counts[row] += sign
            if counts[row] == (1 if sign > 0 else 0):
                self._kinds[row] += sign


def _kind(demand: Demand) -> int:
    """0 for a part of an accelerator, else how many."""
    return 0 if demand.shares else demand.gpus
