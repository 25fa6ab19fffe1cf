"""Dot product: the row whose free resources have the least in common with the demand (Grandl et al., SIGCOMM 2014).

Tetris prefers the largest product; the comparison of Weng et al. (USENIX ATC 2023) takes the smallest, as here.
"""

import numpy as np

from suanwang.schedule.packing.fits import LARGEST_CPU_MILLI, LARGEST_GPU_MILLI, Fit
from suanwang.schedule.packing.nodes import Bools, Demand
from suanwang.schedule.packing.packing import first_best


class DotProduct(Fit):
    """CPU and accelerators as shares of the largest node's; whole points of 100."""

    def pick(self, demand: Demand, fit: Bools) -> int:
        """100 points less the mean product."""
        product = self.nodes.cpu_left / LARGEST_CPU_MILLI * (demand.cpu_milli / LARGEST_CPU_MILLI)
        product += self.nodes.total_left / LARGEST_GPU_MILLI * (demand.total_milli / LARGEST_GPU_MILLI)
        return first_best((100.0 * (1.0 - product / 2.0)).astype(np.int64), fit)
