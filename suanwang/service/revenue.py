"""Revenue ahead: what a site's promised hours earn at the marginal prices, and what its idle ones are worth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from suanwang.domain.money import Money
from suanwang.domain.site import Pool
from suanwang.place.instance import Floats
from suanwang.service.hourly import AHEAD
from suanwang.service.hub import Hub
from suanwang.service.pricing import PriceList, prices
from suanwang.units import MICRO

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRevenue:
    """A pool over whole hours. `promised_hours`: accelerator-hours of placements that run or wait, and what they earn
    at the marginal prices of their hours, by part. `idle_hours`: the rest, and what one who came would pay for it all
    beyond the power that it takes (rent and congestion). `yield_per_hour`: rent and congestion earned, per
    accelerator-hour there is, in the grid's currency."""

    pool_id: str
    accelerators: int
    promised_hours: float
    rent: Money
    power: Money
    congestion: Money
    idle_hours: float
    idle_worth: Money
    yield_per_hour: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRevenue:
    """The pools of a site, for `hours` whole hours from `start` on."""

    site_id: str
    start: datetime
    hours: int
    pools: tuple[PoolRevenue, ...]


def revenue_ahead(hub: Hub, site_id: str, hours: int = 168) -> SiteRevenue:
    """An estimate: prices are those of what waits now, and more will come. Raises NotFound, MissingFigure."""
    site = hub.grid.site(site_id)
    found = prices(hub, hours)
    promised = _promised(hub, found.start, hours)
    rows = {pool.id: row for row, pool in enumerate(hub.grid.pools)}
    pools = [p for p in hub.grid.pools if p.site_id == site.id]
    made = tuple(_pool(pool, found, rows[pool.id], promised.get(pool.id, np.zeros(hours))) for pool in pools)
    return SiteRevenue(site_id=site.id, start=found.start, hours=hours, pools=made)


def _pool(pool: Pool, found: PriceList, row: int, used: Floats) -> PoolRevenue:
    idle = np.maximum(pool.accelerators - used, 0.0)
    net = found.rent[row] + found.congestion[row]
    hours = len(used)
    return PoolRevenue(
        pool_id=pool.id,
        accelerators=pool.accelerators,
        promised_hours=float(used.sum()),
        rent=_money(used @ found.rent[row], found.currency),
        power=_money(used @ found.power[row], found.currency),
        congestion=_money(used @ found.congestion[row], found.currency),
        idle_hours=float(idle.sum()),
        idle_worth=_money(idle @ net, found.currency),
        yield_per_hour=round(float(used @ net) / (pool.accelerators * hours), 6),
    )


def _promised(hub: Hub, start: datetime, hours: int) -> Mapping[str, Floats]:
    """Accelerators that placements keep busy in each hour, mean of the hour, by pool."""
    edges = np.arange(hours + 1, dtype=float)
    found: dict[str, Floats] = {}
    with hub.store.transaction() as tx:
        jobs = tx.jobs.find(AHEAD, limit=1_000_000)
    for job in jobs:
        if job.placement is not None:
            option = job.placement.option
            for span in option.spans:
                begin, end = ((when - start) / HOUR for when in span)
                inside = np.clip(np.minimum(end, edges[1:]) - np.maximum(begin, edges[:-1]), 0.0, 1.0)
                found[option.pool_id] = found.get(option.pool_id, np.zeros(hours)) + option.accelerators * inside
    return found


def _money(value: float, currency: str) -> Money:
    return Money(round(float(value) * MICRO), currency)
