"""Linked: workloads that feed one another, or that must or must not share a site, placed together.

First the pools, as a network: what each costs alone on each pool, what the data between two costs to move, and what
cannot be together is infinitely dear. Then, in the order of their dependencies, the starts: a workload waits until
those before it have ended and their output has arrived, and may wait for cheaper hours as long as those after it can
still keep their deadlines.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from suanwang.domain.placement import Occupancy, Placement, Refused, Rejection
from suanwang.domain.reason import Reason
from suanwang.domain.site import Grid
from suanwang.domain.workload import DataSet, Workload
from suanwang.errors import Message, msg
from suanwang.place.board import Board, promises_of
from suanwang.place.instance import Floats
from suanwang.place.network import Edge, solve
from suanwang.place.offer import Ask, Request, offers
from suanwang.place.options import BYTES_PER_GB, links_of
from suanwang.place.outlook import Outlooks
from suanwang.place.place import place
from suanwang.units import MICRO

Decisions = dict[str, Placement | Refused]
"""By the workload's name."""

CLASH = msg("No choice of sites keeps all that links it with other workloads: data, near, apart.")


def groups(workloads: Sequence[Workload]) -> list[list[int]]:
    """Numbers of the workloads that are linked, directly or through others, each group in the order given."""
    number = {workload.name: i for i, workload in enumerate(workloads)}
    root = list(range(len(workloads)))

    def find(i: int) -> int:
        while root[i] != i:
            root[i] = root[root[i]]
            i = root[i]
        return i

    for i, workload in enumerate(workloads):
        for name in (*(d.workload for d in workload.after), *workload.near, *workload.apart):
            root[find(i)] = find(number[name])
    members: dict[int, list[int]] = {}
    for i in range(len(workloads)):
        members.setdefault(find(i), []).append(i)
    return [group for group in members.values() if len(group) > 1]


def in_order(workloads: Sequence[Workload]) -> list[Workload]:
    """The workloads, those before others first. Raises ValueError where they wait for one another in a circle."""
    waits = {w.name: len(w.after) for w in workloads}
    behind: dict[str, list[Workload]] = {w.name: [] for w in workloads}
    for workload in workloads:
        for dependency in workload.after:
            behind[dependency.workload].append(workload)
    ready, order = [w for w in workloads if not w.after], list[Workload]()
    for workload in ready:  # grows while it is read
        order.append(workload)
        for later in behind[workload.name]:
            waits[later.name] -= 1
            if waits[later.name] == 0:
                ready.append(later)
    if len(order) < len(workloads):
        raise ValueError("workloads wait for one another in a circle")
    return order


@dataclass(frozen=True, slots=True)
class _Group:
    grid: Grid
    asks: Mapping[str, Ask]
    now: datetime
    horizon_h: int
    outlooks: Outlooks

    def pools(self, occupancy: Occupancy) -> dict[str, str] | None:
        """The pool of each workload, by name; None where nothing keeps all that links them."""
        pools, names = [p.id for p in self.grid.pools], list(self.asks)
        place, number = {pool: i for i, pool in enumerate(pools)}, {name: i for i, name in enumerate(names)}
        own = []
        for ask in self.asks.values():
            request = Request(
                workload=ask.workload,
                grid=self.grid,
                now=self.now,
                horizon=timedelta(hours=self.horizon_h),
                occupancy=occupancy,
            )
            costs = np.full(len(pools), np.inf)
            for offer in offers(request, ask.estimates, self.outlooks)[0]:
                at = place[offer.pool.id]
                costs[at] = min(costs[at], offer.found.cost_micro / MICRO)
            own.append(costs)
        found = solve(own, self._edges(number))
        if not np.isfinite(found.cost):
            return None
        return {name: pools[p] for name, p in zip(names, found.place, strict=True)}

    def _edges(self, number: Mapping[str, int]) -> list[Edge]:
        sites = [pool.site_id for pool in self.grid.pools]
        same = np.array([[a == b for b in sites] for a in sites])
        near, apart = np.where(same, 0.0, np.inf), np.where(same, np.inf, 0.0)
        per_byte, flows, edges = self._per_byte(sites), dict[float, Floats](), list[Edge]()
        for ask in self.asks.values():
            me = number[ask.workload.name]
            for dependency in ask.workload.after:
                size = dependency.size_bytes
                if size not in flows:
                    flows[size] = per_byte * size if size else np.zeros_like(per_byte)
                edges.append(Edge(a=number[dependency.workload], b=me, between=flows[size]))
            edges += [Edge(a=number[name], b=me, between=near) for name in ask.workload.near]
            edges += [Edge(a=number[name], b=me, between=apart) for name in ask.workload.apart]
        return edges

    def _per_byte(self, sites: Sequence[str]) -> Floats:
        """(P, P) price of a byte from a pool to another; infinite where no priced link carries it."""
        links, prices = links_of(self.grid), dict[frozenset[str], float]()
        for ends, link in links.items():
            price = link.price_per_gb
            if price is not None and price.unit == self.grid.currency:
                prices[ends] = price.micro / MICRO / BYTES_PER_GB
        return np.array([[0.0 if a == b else prices.get(frozenset((a, b)), np.inf) for b in sites] for a in sites])

    def latest(self, order: Sequence[Workload], pools: Mapping[str, str]) -> dict[str, datetime | None]:
        """When each must have ended, so that those after it keep their deadlines at the high end of their time."""
        high = {name: self._time_s(name, pools[name]) for name in self.asks}
        links = links_of(self.grid)
        latest: dict[str, datetime | None] = {w.name: w.limits.deadline for w in order}
        for workload in reversed(order):
            end = latest[workload.name]
            if end is None:
                continue
            for dependency in workload.after:
                a, b = (self.grid.pool(pools[name]).site_id for name in (dependency.workload, workload.name))
                link = links.get(frozenset((a, b)))
                moved_s = 0.0 if a == b or link is None else dependency.size_bytes / link.bytes_per_s
                must = end - timedelta(seconds=high[workload.name] + moved_s)
                known = latest[dependency.workload]
                latest[dependency.workload] = must if known is None else min(known, must)
        return latest

    def place(self, workload: Workload, occupancy: Occupancy, only: frozenset[str]) -> Placement | Refused:
        """Where and when one of them runs, on one of some pools."""
        ask = self.asks[workload.name]
        return place(
            workload, self.grid, ask.estimates, ask.rejections, self.now, occupancy, self.horizon_h, self.outlooks, only
        )

    def _time_s(self, name: str, pool_id: str) -> float:
        """The shortest high end of its run time on the pool."""
        return min(e.time_s.high for e in self.asks[name].estimates if e.pool_id == pool_id)


def place_linked(
    grid: Grid, asks: Mapping[int, Ask], now: datetime, board: Board, horizon_h: int, outlooks: Outlooks
) -> Decisions:
    """A place for each of a group of linked workloads, by their numbers on the board, or why there is none.

    What waits for one that is refused is refused too. Raises ValueError for a circle of dependencies.
    """
    group = _Group(grid, {ask.workload.name: ask for ask in asks.values()}, now, horizon_h, outlooks)
    number = {ask.workload.name: i for i, ask in asks.items()}
    order = in_order([ask.workload for ask in asks.values()])
    pools = group.pools(board.occupancy)
    if pools is None:
        return {w.name: _clash(grid, CLASH) for w in order}
    latest, decisions = group.latest(order, pools), Decisions()
    for workload in order:
        before = [decisions[d.workload] for d in workload.after]
        if refused := [d.workload for d, b in zip(workload.after, before, strict=True) if isinstance(b, Refused)]:
            detail = msg("Workload {name}, which it waits for, has no place.", name=refused[0])
            decisions[workload.name] = _clash(grid, detail)
            continue
        meant = _fed(workload, [b for b in before if isinstance(b, Placement)], latest[workload.name])
        decision = group.place(meant, board.occupancy, frozenset({pools[workload.name]}))
        if isinstance(decision, Refused):
            decision = group.place(meant, board.occupancy, _allowed(grid, workload, asks.values(), decisions))
        if isinstance(decision, Placement):
            board.place(number[workload.name], decision.option.pool_id, promises_of(decision.option))
        decisions[workload.name] = decision
    return decisions


def _fed(workload: Workload, before: Sequence[Placement], latest: datetime | None) -> Workload:
    """The workload with the outputs of those before it as data that lies where they ran, from their ends on."""
    limits = workload.limits
    ends = [placement.option.end for placement in before]
    earliest = max([*ends, *([limits.earliest_start] if limits.earliest_start else [])], default=None)
    outputs = [
        DataSet(
            name=f"output of {dependency.workload}",
            at=placement.option.site_id,
            size_bytes=dependency.size_bytes,
            available=placement.option.end,
        )
        for dependency, placement in zip(workload.after, before, strict=True)
        if dependency.size_bytes
    ]
    return replace(
        workload, data=(*workload.data, *outputs), limits=replace(limits, earliest_start=earliest, deadline=latest)
    )


def _allowed(grid: Grid, workload: Workload, asks: Iterable[Ask], decisions: Decisions) -> frozenset[str]:
    """Pools at sites that keep `near` and `apart` with those that have their place already."""
    together = [(workload.name, name, True) for name in workload.near]
    together += [(workload.name, name, False) for name in workload.apart]
    for other in (ask.workload for ask in asks):
        together += [(workload.name, other.name, True)] * (workload.name in other.near)
        together += [(workload.name, other.name, False)] * (workload.name in other.apart)
    pools = list(grid.pools)
    for _, name, near in together:
        placed = decisions.get(name)
        if isinstance(placed, Placement):
            pools = [p for p in pools if (p.site_id == placed.option.site_id) == near]
    return frozenset(pool.id for pool in pools)


def _clash(grid: Grid, detail: Message) -> Refused:
    reason = Reason.CLASHES_WITH_OTHERS
    return Refused(rejections=tuple(Rejection(pool_id=p.id, reason=reason, detail=detail) for p in grid.pools))
