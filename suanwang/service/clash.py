"""Clash: which limits of a workload leave it no pool together, found by leaving them out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from suanwang.domain.money import Money
from suanwang.domain.workload import Workload
from suanwang.service.hub import Hub
from suanwang.service.planning import quote

Drop = Callable[[Workload], Workload]
TOGETHER_MAX = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """Without these limits (fields of the workload file) a pool could have it, for so much in all."""

    limits: tuple[str, ...]
    pool_id: str
    cost: Money


def clashes(hub: Hub, workload: Workload) -> list[Clash]:
    """Each limit whose absence alone would leave a pool; where there is none, each pair of them."""
    drops = _limits(workload)
    for count in range(1, TOGETHER_MAX + 1):
        found: list[Clash] = []
        for names in combinations(drops, count):
            relaxed = workload
            for name in names:
                relaxed = drops[name](relaxed)
            if (placement := quote(hub, relaxed).placement) is not None:
                option = placement.option
                found.append(Clash(limits=names, pool_id=option.pool_id, cost=option.total))
        if found:
            return found
    return []


def _limits(workload: Workload) -> Mapping[str, Drop]:
    """How to leave out each limit that the workload has, by its name in the file."""
    limits, demand = workload.limits, workload.demand
    drops: dict[str, Drop] = {}
    if limits.deadline is not None:
        drops["deadline"] = lambda w: replace(w, limits=replace(w.limits, deadline=None))
    if limits.earliest_start is not None:
        drops["earliest_start"] = lambda w: replace(w, limits=replace(w.limits, earliest_start=None))
    if limits.latency_ms_max is not None:
        drops["latency"] = lambda w: replace(w, limits=replace(w.limits, latency_ms_max=None))
    if limits.budget is not None:
        drops["budget"] = lambda w: replace(w, limits=replace(w.limits, budget=None))
    if workload.data:
        drops["data"] = lambda w: replace(w, data=())
    for label in workload.requires:
        drops[f"requires.{label}"] = _without(label)
    if demand.count is not None:
        drops["accelerators.count"] = lambda w: replace(w, demand=replace(w.demand, count=None))
    if demand.accelerators:
        drops["accelerators.kinds"] = lambda w: replace(w, demand=replace(w.demand, accelerators=()))
    if demand.vendors:
        drops["accelerators.vendors"] = lambda w: replace(w, demand=replace(w.demand, vendors=()))
    if demand.capabilities:
        drops["accelerators.capabilities"] = lambda w: replace(w, demand=replace(w.demand, capabilities=()))
    return drops


def _without(label: str) -> Drop:
    return lambda w: replace(w, requires={name: values for name, values in w.requires.items() if name != label})
