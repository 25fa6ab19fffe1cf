"""Packing: accelerators in use before untouched ones, nodes in use before idle ones (Weng et al., MLaaS, NSDI 2022)."""

import numpy as np

from suanwang.schedule.packing.fits import Fit
from suanwang.schedule.packing.nodes import MILLI, Bools, Demand
from suanwang.schedule.packing.packing import first_best


class OccupiedFirst(Fit):
    """Points: 50–100 on accelerators in use, 33–49 on untouched ones of a node in use, below that on an idle node."""

    def pick(self, demand: Demand, fit: Bools) -> int:
        """Jobs without accelerators take the first row that fits."""
        if not demand.gpus:
            return int(fit.argmax())
        nodes = self.nodes
        idle = np.maximum(33 - nodes.full_left, nodes.full_left)
        used = np.full(len(idle), max(50 - demand.gpus, 33), dtype=np.int64)
        if demand.shares:
            least = np.where(nodes.gpu_left >= demand.gpu_milli, nodes.gpu_left, MILLI).min(axis=1)
            points = np.maximum(100 - least * 100 // MILLI // 10, 50)
            used = np.where(least < MILLI, points, used)
        return first_best(np.where(nodes.full_left == nodes.gpus, idle, used), fit)
