"""Pricing: what an accelerator of each pool is worth in each hour, given what is promised: rent, power, congestion.

What runs stays where it is and takes its accelerators away. What is promised and waits is planned anew, on any pool
that can have it, only to find the prices: nothing is moved.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from suanwang.domain.job import ACTIVE, Job
from suanwang.domain.placement import Occupancy
from suanwang.domain.provenance import MissingFigure
from suanwang.errors import msg
from suanwang.place.columns import Window, by_slot, instance_of
from suanwang.place.instance import Floats, Instance
from suanwang.place.offer import Offer, Request, offers
from suanwang.place.outlook import Outlooks, from_us
from suanwang.place.plan import plan
from suanwang.schemas.answers import PoolPrices, PriceTable
from suanwang.service.hub import Hub
from suanwang.service.outages import grid_with_outages
from suanwang.service.planning import PROMISED, estimate_all, learned_of, occupancy_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """(P, T) columns per accelerator-hour in `currency`, for pools in order and hours from `start` on.

    `power` at the accelerator's own power, with PUE, as the price book bills it; `congestion` is what another
    accelerator there and then would save the plan of what is promised. `bound` and `cost` are that plan's.
    """

    start: datetime
    currency: str
    pools: tuple[str, ...]
    rent: Floats
    power: Floats
    congestion: Floats
    cost: float
    bound: float

    @property
    def total(self) -> Floats:
        return self.rent + self.power + self.congestion


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits, as an instance of the next whole hours; `taken` is promised to what runs."""

    window: Window
    outlooks: Outlooks
    instance: Instance
    taken: Occupancy


def what_waits(hub: Hub, hours: int) -> Waiting:
    """All that is promised and has not begun, to be planned anew. Raises MissingFigure."""
    now = hub.clock.now()
    grid = grid_with_outages(hub, now)
    with hub.store.transaction() as tx:
        jobs = [job for job in tx.jobs.find(states=PROMISED, limit=1_000_000) if job.placement is not None]
        waiting = [job for job in jobs if job.state not in ACTIVE]
        taken = occupancy_of(tx, now, grid, without=frozenset(job.id for job in waiting))
    start = now.replace(minute=0, second=0, microsecond=0)
    window, kept = Window(grid=hub.grid, start=start, hours=hours), Outlooks(hub.grid)
    return Waiting(window=window, outlooks=kept, instance=_instance(hub, window, waiting, taken, kept), taken=taken)


def prices(hub: Hub, hours: int = 168) -> PriceList:
    """The marginal prices of the next `hours` whole hours. Raises MissingFigure: a missing price is never 0."""
    waiting = what_waits(hub, hours)
    window, made = waiting.window, plan(waiting.instance)
    outlooks = [window.outlook(waiting.outlooks, row) for row in range(len(hub.grid.pools))]
    kw = [pool.accelerator.power_or_raise() / 1000 for pool in hub.grid.pools]
    rent = np.array([by_slot(window, o, o.rent) for o in outlooks])
    power = np.array([k * by_slot(window, o, o.pue, o.power) for k, o in zip(kw, outlooks, strict=True)])
    for row, pool in enumerate(hub.grid.pools):
        if np.isnan(rent[row] + power[row]).any():
            known = f"{from_us(outlooks[row].edges[0]).isoformat()} – {from_us(outlooks[row].edges[-1]).isoformat()}"
            raise MissingFigure(
                msg("pool {id}", id=pool.id), msg("price or PUE for all these hours; known is {known}", known=known)
            )
    return PriceList(
        start=window.start,
        currency=hub.grid.currency,
        pools=tuple(pool.id for pool in hub.grid.pools),
        rent=rent,
        power=power,
        congestion=made.prices,
        cost=made.cost,
        bound=made.bound,
    )


def price_table(hub: Hub, hours: int) -> PriceTable:
    """The same as plain figures, rounded to a millionth: what is shown and sent."""
    found = prices(hub, hours)
    columns = {"rent": found.rent, "power": found.power, "congestion": found.congestion, "total": found.total}
    pools = {
        pool: PoolPrices(**{name: tuple(round(float(v), 6) for v in column[row]) for name, column in columns.items()})
        for row, pool in enumerate(found.pools)
    }
    return PriceTable(
        start=found.start,
        hours=hours,
        currency=found.currency,
        unit=f"{found.currency}/accelerator-hour",
        pools=pools,
    )


def _instance(hub: Hub, window: Window, waiting: list[Job], taken: Occupancy, kept: Outlooks) -> Instance:
    """What waits, from the window's start on."""
    asked: list[list[Offer]] = []
    learned = learned_of(hub)
    for job in waiting:
        request = Request(
            workload=job.workload,
            grid=hub.grid,
            now=window.start,
            horizon=timedelta(hours=window.hours),
            occupancy=Occupancy(),
        )
        asked.append(offers(request, estimate_all(hub, job.workload, learned=learned)[0], kept)[0])
    return instance_of(window, asked, taken, kept)
