"""Topology-aware packing: a gang on as few nodes, racks and pods as can be (Amaral et al., SC 2017; Kueue's TAS).

What a node has left over is packed tightly (best fit), so that whole nodes and racks stay for gangs that need them.
"""

from collections.abc import Sequence

import numpy as np

from suanwang.schedule.packing.fits import BestFit
from suanwang.schedule.packing.nodes import Bools, Demand, Ints, Nodes


class Topology(BestFit):
    """First the smallest domain with room for the whole gang: a rack, else a pod, else the racks with most room."""

    def __init__(self, nodes: Nodes) -> None:
        super().__init__(nodes)
        self._levels = [_numbers([(n.pod, n.rack) for n in nodes.nodes]), _numbers([n.pod for n in nodes.nodes])]

    def among(self, parts: Sequence[Demand]) -> Bools | None:
        """The rows of that domain; None where a gang of one node may lie anywhere, or no domain has it all."""
        if len(parts) < 2:
            return None
        whole = max(parts, key=lambda part: part.gpus)
        wanted = len(parts)
        fit = self.nodes.fits(whole).astype(np.int64)
        for numbers in self._levels:
            room = np.bincount(numbers, fit)
            enough = np.flatnonzero(room >= wanted)
            if len(enough):
                return np.asarray(numbers == enough[room[enough].argmin()], dtype=np.bool_)
        racks = self._levels[0]
        room = np.bincount(racks, fit)
        fullest = np.argsort(-room, kind="stable")
        needed = int(np.searchsorted(np.cumsum(room[fullest]), wanted)) + 1
        return np.asarray(np.isin(racks, fullest[:needed]), dtype=np.bool_)


def _numbers(labels: Sequence[object]) -> Ints:
    order = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return np.array([order[label] for label in labels], dtype=np.int64)
