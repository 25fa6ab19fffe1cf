"""How many accelerators a cluster has for us: nodes that are up, less what others have, less what we have asked for."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from suanwang.adapters.engines.slurm.cluster import Cluster, Node, Reservation
from suanwang.adapters.engines.slurm.pools import SlurmPool
from suanwang.adapters.engines.slurm.view import View, Views
from suanwang.domain.order import Capacity, Outage
from suanwang.errors import NotNow, msg
from suanwang.ports import Clock

AGE_S = 5.0
"""How old the site may be at least; more where a look at the jobs is dear."""
TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Nodes and reservations at a time, and how many accelerators our jobs had then, by pool id."""

    at: float
    nodes: list[Node]
    reservations: list[Reservation]
    ours: Mapping[str, int]


class Room:
    """`ours`: how many accelerators the jobs of a view have that are ours, by pool id."""

    def __init__(self, cluster: Cluster, views: Views, clock: Clock, ours: Callable[[View], Mapping[str, int]]) -> None:
        self._cluster = cluster
        self._views = views
        self._clock = clock
        self._ours = ours
        self._site: Site | None = None

    def capacity(self, pool: SlurmPool, used: Mapping[str, int], alike: set[str]) -> Capacity:
        """`used`: accelerators that open orders have, by pool; `alike`: the pools that share this one's nodes."""
        site = self._fresh()
        nodes = [node for node in site.nodes if pool.counts(node)]
        now = self._clock.now()
        closed = {name for r in site.reservations if self._keeps_out(r, pool) and self._holds(r) for name in r.nodes}
        up = [node for node in nodes if node.up and node.name not in closed]
        total = min(pool.pool.accelerators, sum(node.gres[pool.gres] for node in up))
        others = sum(node.used.get(pool.gres, 0) for node in up) - sum(site.ours.get(name, 0) for name in alike)
        there = sum(node.gres[pool.gres] for node in up) - max(0, others) - sum(used.get(name, 0) for name in alike)
        free = max(0, min(total - used.get(pool.pool.id, 0), there))
        down = [node for node in nodes if not node.up]
        outages = [
            Outage(start=now, end=None, accelerators=n.gres[pool.gres], why=f"{n.name}: {n.reason}") for n in down
        ]
        detail = "" if up else "; ".join(f"{node.name}: {node.reason}" for node in down)
        return Capacity(
            pool_id=pool.pool.id,
            accelerators=total,
            free=free,
            healthy=bool(up),
            detail=detail or ("" if nodes else "no node has what the pool's options name"),
            outages=(*outages, *self._reserved(site, pool, nodes)),
        )

    def claim(self, pool: SlurmPool, used: Mapping[str, int], alike: set[str], wanted: int) -> None:
        """Raises NotNow(engine-full) when so many are not free."""
        free = self.capacity(pool, used, alike).free if wanted else 0
        if wanted > free:
            raise NotNow(
                "engine-full",
                msg("pool {pool} has {free} accelerators free", pool=pool.pool.id, free=free),
                msg("It is tried again when others have ended."),
            )

    def _reserved(self, site: Site, pool: SlurmPool, nodes: list[Node]) -> list[Outage]:
        found = []
        for reservation in site.reservations:
            count = sum(node.gres[pool.gres] for node in nodes if node.name in reservation.nodes)
            if count and self._keeps_out(reservation, pool):
                start, end = (self._clock.from_wall(when) for when in (reservation.start, reservation.end))
                found.append(Outage(start=start, end=end, accelerators=count, why=reservation.name))
        return found

    def _keeps_out(self, reservation: Reservation, pool: SlurmPool) -> bool:
        return reservation.name != pool.options["reservation"]

    def _holds(self, reservation: Reservation) -> bool:
        now = self._clock.now()
        return self._clock.from_wall(reservation.start) <= now < self._clock.from_wall(reservation.end)

    def _fresh(self) -> Site:
        """Nodes between two looks at the jobs that agree on which of ours run, so that others' can be told apart."""
        if self._site is not None and time.monotonic() - self._site.at < max(AGE_S, 3 * self._views.age_max_s):
            return self._site
        before = self._ours(self._views.ask())
        for _ in range(TRIES):
            at, nodes = time.monotonic(), self._cluster.nodes()
            before, after = self._ours(self._views.ask()), before
            if before == after:
                break
        self._site = Site(at=at, nodes=nodes, reservations=self._cluster.reservations(), ours=before)
        return self._site
