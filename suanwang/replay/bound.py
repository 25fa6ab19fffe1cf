"""What no packing can allocate more than: shares that do not add up to whole accelerators waste some of every one."""

from collections import Counter
from collections.abc import Sequence

from suanwang.schedule.packing.fill import fill
from suanwang.schedule.packing.nodes import MILLI, Demand, Node


def allocation_bound(nodes: Sequence[Node], come: Sequence[Demand]) -> float:
    """As a share of the cluster's accelerators: the least of what it has, the CPU's bound and the shares' bound.

    Each leaves the others' limits aside, and which nodes there are, so each holds for every packing.
    """
    return min(1.0, cpu_bound(nodes, come), shares_bound(nodes, come))


def cpu_bound(nodes: Sequence[Node], come: Sequence[Demand]) -> float:
    """The fractional knapsack bound (Dantzig 1957): demands by the least CPU for each accelerator, until the CPU of the
    nodes that have accelerators is used; as a share of the accelerators."""
    capacity = sum(n.gpus for n in nodes) * MILLI
    cpu = float(sum(n.cpu_milli for n in nodes if n.gpus))
    served = 0.0
    for demand in sorted((d for d in come if d.gpus), key=lambda d: d.cpu_milli / d.total_milli):
        part = min(1.0, cpu / demand.cpu_milli) if demand.cpu_milli else 1.0
        served += part * demand.total_milli
        cpu -= part * demand.cpu_milli
    return served / capacity


def shares_bound(nodes: Sequence[Node], come: Sequence[Demand]) -> float:
    """The best way to cut accelerators into the shares that have come; as a share of the accelerators."""
    counts = Counter[int]()
    for demand in come:
        if demand.gpus:
            counts[demand.gpu_milli] += demand.gpus
    accelerators = sum(node.gpus for node in nodes)
    return fill(counts, accelerators).most / accelerators
