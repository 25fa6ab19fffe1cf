"""Worth: what more capacity would save of what waits, and what a new workload costs at the prices of capacity."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from suanwang.domain.money import Money
from suanwang.domain.workload import Workload
from suanwang.place.bound import least_start
from suanwang.place.offer import Request, offers
from suanwang.place.outlook import from_us
from suanwang.place.plan import plan
from suanwang.service.hub import Hub
from suanwang.service.planning import estimate_all
from suanwang.service.pricing import what_waits


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """As many accelerators more in a pool for `hours`: what the plan of all that waits saves, and the prices' limit.

    A price is what the first accelerator more saves, each further one saves less: so the prices of the hours times the
    accelerators are the most that all of them can save, up to the gap of the plan. A refusal less counts with its cost.
    """

    pool_id: str
    accelerators: int
    hours: int
    saved: Money
    at_most: Money
    gap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginalQuote:
    """Where a new workload costs least, congestion included: its own cost, and what it makes others pay."""

    pool_id: str
    site_id: str
    accelerators: int
    start: datetime
    own: Money
    congestion: Money


def worth_of_pool(hub: Hub, pool_id: str, hours: int = 168) -> Worth:
    """What one more pool like it, beside it, would save. Raises NotFound, MissingFigure."""
    pool, waiting = hub.grid.pool(pool_id), what_waits(hub, hours)
    row = [p.id for p in hub.grid.pools].index(pool_id)
    now, capacity = plan(waiting.instance), waiting.instance.capacity.copy()
    capacity[row] += pool.accelerators
    more = plan(replace(waiting.instance, capacity=capacity), yesterday=now.prices)
    currency = hub.grid.currency
    return Worth(
        pool_id=pool_id,
        accelerators=pool.accelerators,
        hours=hours,
        saved=_money(max(now.cost - more.cost, 0.0), currency),
        at_most=_money(float(now.prices[row].sum()) * pool.accelerators + now.cost - now.bound, currency),
        gap=now.gap,
    )


def quote_at_prices(hub: Hub, workload: Workload, hours: int = 168) -> MarginalQuote | None:
    """The pool and start of least cost at the prices of the next hours; None where no pool can have it.

    Nothing is planned anew: the prices stand for all that waits. Raises MissingFigure.
    """
    waiting = what_waits(hub, hours)
    prices, window = plan(waiting.instance).prices, waiting.window
    request = Request(
        workload=workload,
        grid=hub.grid,
        now=hub.clock.now(),
        horizon=timedelta(hours=hours),
        occupancy=waiting.taken,
    )
    made, _ = offers(request, estimate_all(hub, workload)[0], waiting.outlooks)
    found = [(*least_start(offer, window, prices, waiting.taken), offer) for offer in made]
    if not found:
        return None
    cost, start_us, offer = min(found, key=lambda row: (row[0], row[1], row[2].pool.id))
    if not np.isfinite(cost):
        return None
    own = offer.option(start_us).total
    return MarginalQuote(
        pool_id=offer.pool.id,
        site_id=offer.site.id,
        accelerators=offer.estimate.accelerators,
        start=from_us(start_us),
        own=own,
        congestion=_money(max(cost - float(own.decimal), 0.0), own.unit),
    )


def _money(amount: float, currency: str) -> Money:
    return Money.parse(f"{amount:.6f}", currency)
