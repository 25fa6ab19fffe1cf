"""A pool's nodes with what is free on each, and the packing that picks among them, for gangs of whole accelerators."""

import random
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from suanwang.schedule.packing.nodes import MILLI, Bools, Demand, Node, Nodes
from suanwang.schedule.packing.packing import Packing, give_back, place

Part = tuple[int, Demand, tuple[int, ...]]
"""(row, demand, accelerators of it) of a part of a gang."""


@runtime_checkable
class OfGangs(Protocol):
    """A packing that looks at the whole gang before it picks the nodes of its parts."""

    def among(self, parts: Sequence[Demand]) -> Bools | None:
        """The rows to pick from for all of these; None: any."""


class Layout:
    """Nodes of like accelerators. A gang takes whole nodes and, for what is left over, a part of one more."""

    def __init__(self, nodes: Nodes, packing: Packing) -> None:
        self.nodes, self._packing = nodes, packing
        self._per_node = int(nodes.gpus.max())
        self._demands = [_whole(count) for count in range(self._per_node + 1)]

    def take(self, accelerators: int) -> tuple[Part, ...] | None:
        """Place a gang, whole; None when the nodes that are free do not have it."""
        parts = self.parts(accelerators)
        rows = self._packing.among(parts) if isinstance(self._packing, OfGangs) else None
        taken: list[Part] = []
        for demand in parts:
            found = place(self._packing, self.nodes, demand, rows)
            if found is None:
                self.free(taken)
                return None
            taken.append((found[0], demand, found[1]))
        return tuple(taken)

    def free(self, taken: Sequence[Part]) -> None:
        """Give a gang's nodes back."""
        for row, demand, devices in reversed(taken):
            give_back(self._packing, self.nodes, row, demand, devices)

    def parts(self, accelerators: int) -> tuple[Demand, ...]:
        """What the gang asks of each of its nodes; the whole nodes first."""
        nodes, rest = divmod(accelerators, self._per_node)
        return (self._demands[self._per_node],) * nodes + ((self._demands[rest],) if rest else ())

    def spread(self, taken: Sequence[Part]) -> tuple[int, int, int]:
        """How many nodes, racks and pods a gang lies on."""
        nodes = [self.nodes.nodes[row] for row, _, _ in taken]
        return len(nodes), len({(n.pod, n.rack) for n in nodes}), len({n.pod for n in nodes})


def _whole(count: int) -> Demand:
    return Demand(cpu_milli=0, memory_mib=0, gpus=count, gpu_milli=MILLI if count else 0)


def whole_demands(per_node: int) -> tuple[Demand, ...]:
    """What a part of a gang may ask for: 1 to `per_node` whole accelerators."""
    return tuple(_whole(count) for count in range(1, per_node + 1))


def like_nodes(count: int, per_node: int, *, rack: int = 0, pod: int = 0) -> tuple[Node, ...]:
    """Nodes that are all alike; `rack` nodes in a rack and `pod` racks in a pod (0: all in one)."""
    rows = []
    for i in range(count):
        where = i // rack if rack else 0
        rows.append(
            Node(
                name=f"n{i}",
                cpu_milli=0,
                memory_mib=0,
                gpus=per_node,
                rack=f"r{where}",
                pod=f"p{where // pod if pod else 0}",
            )
        )
    return tuple(rows)


def seeded(seed: int = 0) -> random.Random:
    """The draw of a packing that draws."""
    return random.Random(seed)  # noqa: S311  # not for secrets
