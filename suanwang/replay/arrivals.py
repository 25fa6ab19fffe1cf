"""Replay of arrivals on nodes: jobs come, in random order, until their demand is what the cluster has; none ends.

The protocol of Weng et al. (USENIX ATC 2023, section 6.1): the workload's jobs shuffled, then more of them drawn at
random; a job that no node has room for is turned away. Measured where the demand that has arrived, in whole per cent
of the cluster's accelerators, is the one asked for.
"""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.replay.bound import allocation_bound
from suanwang.schedule.packing.by_name import OnNodes
from suanwang.schedule.packing.fragmentation import Fragmentation, usual_demands
from suanwang.schedule.packing.nodes import Demand, Node, Nodes
from suanwang.schedule.packing.packing import place

HALF_POINT = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What came of one seed. Ratios are of the cluster's accelerators.

    `allocation`: by whole per cent of arrived demand, from the first that there is.
    """

    seed: int
    allocation_ratio: float
    allocation_ratio_upper_bound: float
    fragmentation_ratio: float
    decisions: int
    turned_away: int
    allocation: tuple[float, ...]
    event_log_sha256: str


def arrivals(demands: Sequence[Demand], until_milli: float, draw: random.Random) -> list[Demand]:
    """Shuffled, then drawn with replacement, until they ask for `until_milli` or more.

    Raises ValueError when no job asks for accelerators.
    """
    order = list(demands)
    if not any(d.gpus for d in order):
        raise ValueError("no job of the workload asks for accelerators")
    draw.shuffle(order)
    come: list[Demand] = []
    total = 0
    while total < until_milli:
        demand = order[len(come)] if len(come) < len(order) else demands[draw.randrange(len(demands))]
        come.append(demand)
        total += demand.total_milli
    return come


def pack(
    nodes: Sequence[Node], demands: Sequence[Demand], packing: OnNodes, arrived_demand: float, seed: int
) -> Packed:
    """One run. The order of the nodes, which decides ties, and the arrivals are drawn from the seed alone."""
    draw = random.Random(seed)  # noqa: S311  # not for secrets
    shuffled = draw.sample(list(nodes), len(nodes))
    columns = Nodes(shuffled)
    capacity = columns.capacity_milli
    come = arrivals(demands, (arrived_demand + HALF_POINT) * capacity, draw)
    rule = packing(columns, draw)
    log, arrived, allocated, turned_away = hashlib.sha256(), 0, 0, 0
    by_point: dict[int, list[int]] = {}
    for number, demand in enumerate(come):
        placed = place(rule, columns, demand)
        arrived += demand.total_milli
        if placed:
            allocated += demand.total_milli
            log.update(f"{number} {shuffled[placed[0]].name} {placed[1]}\n".encode())
        else:
            turned_away += 1
            log.update(f"{number} -\n".encode())
        by_point.setdefault(round(100 * arrived / capacity), []).append(allocated)
    means = {point: sum(values) / len(values) / capacity for point, values in by_point.items()}
    wanted = round(100 * arrived_demand)
    measured = wanted if wanted in means else max(p for p in means if p <= max(wanted, min(means)))
    return Packed(
        seed=seed,
        allocation_ratio=means[measured],
        allocation_ratio_upper_bound=allocation_bound(shuffled, come),
        fragmentation_ratio=fragmentation_ratio(columns, demands),
        decisions=len(come),
        turned_away=turned_away,
        allocation=tuple(means[p] for p in sorted(means) if p <= wanted),
        event_log_sha256=log.hexdigest(),
    )


def fragmentation_ratio(columns: Nodes, demands: Sequence[Demand]) -> float:
    """Of what is free, the share that the usual demands cannot use."""
    usual = usual_demands(demands)
    rules = {model: Fragmentation(usual, model) for model in {n.model for n in columns.nodes}}
    free = int(columns.total_left.sum())
    lost = sum(
        rules[node.model].amount(int(columns.cpu_left[row]), columns.gpu_left[row].tolist())
        for row, node in enumerate(columns.nodes)
        if columns.total_left[row]
    )
    return float(np.clip(lost / free, 0.0, 1.0)) if free else 0.0
