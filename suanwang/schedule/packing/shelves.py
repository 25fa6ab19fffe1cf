"""First, best and worst fit for whole accelerators of like nodes, without a look at every node.

The nodes stand on shelves by how many of their accelerators are free. Each decision is that of the packing of the same
name; it costs a few steps however many nodes there are.
"""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from suanwang.schedule.packing.layout import Layout, Part
from suanwang.schedule.packing.nodes import Nodes
from suanwang.schedule.packing.packing import Packing

RULES = ("first-fit", "best-fit", "worst-fit")


class Shelves(Layout):
    """A layout whose decisions come from shelves; `rule` is one of RULES. Which devices of a node is not kept."""

    def __init__(self, nodes: Nodes, packing: Packing, rule: str) -> None:
        super().__init__(nodes, packing)
        self._rule = rule
        self._left = nodes.gpus.tolist()
        self._shelves: list[list[int]] = [[] for _ in range(max(self._left) + 1)]
        for row, left in enumerate(self._left):
            self._shelves[left].append(row)
        for shelf in self._shelves:
            heapify(shelf)

    def take(self, accelerators: int) -> tuple[Part, ...] | None:
        """Place a gang, whole; None when the nodes that are free do not have it."""
        taken: list[Part] = []
        for demand in self.parts(accelerators):
            row = self._pick(demand.gpus)
            if row is None:
                self.free(taken)
                return None
            self._move(row, -demand.gpus)
            taken.append((row, demand, ()))
        return tuple(taken)

    def free(self, taken: Sequence[Part]) -> None:
        """Give a gang's nodes back."""
        for row, demand, _ in taken:
            self._move(row, demand.gpus)

    def _move(self, row: int, change: int) -> None:
        self._left[row] += change
        heappush(self._shelves[self._left[row]], row)

    def _pick(self, count: int) -> int | None:
        """The row that the rule takes: the first one of a shelf, of the shelves with enough."""
        levels = range(count, len(self._shelves))
        if self._rule == "worst-fit":
            levels = range(len(self._shelves) - 1, count - 1, -1)
        if self._rule == "first-fit":
            return min((row for level in levels if (row := self._first(level)) is not None), default=None)
        return next((row for level in levels if (row := self._first(level)) is not None), None)

    def _first(self, level: int) -> int | None:
        """The lowest row on a shelf; those that have moved on since are dropped from it."""
        shelf = self._shelves[level]
        while shelf and self._left[shelf[0]] != level:
            heappop(shelf)
        return shelf[0] if shelf else None
