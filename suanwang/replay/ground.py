"""A pool of a grid as a ground for replay: its accelerators, what they draw, and what a kWh costs and emits when."""

from datetime import datetime, timedelta

import numpy as np

from suanwang.domain.price import Basis
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid
from suanwang.replay.costs import Rates, Steps
from suanwang.schedule.snapshot import PoolState
from suanwang.units import MICRO


def pool_of(grid: Grid, pool_id: str, begin: datetime, end: datetime) -> tuple[PoolState, Rates]:
    """The pool with nothing on it, and its rates from `begin` to `end`. Raises NotFound, MissingFigure (power, price),
    Never(signal-out-of-range)."""
    pool = grid.pool(pool_id)
    site = grid.site(pool.site_id)
    power_w = pool.accelerator.power_or_raise() + (pool.node_overhead_w or 0.0) / pool.accelerators_per_node
    price = site.power_price_it(begin, end)
    carbon = site.carbon_location.product(site.pue, "kg/kWh", begin, end)
    book = grid.price_book_of(pool, max(begin, min(b.effective for b in grid.price_books)))
    rent = next((p.amount for p in book.prices if p.basis is Basis.ACCELERATOR_HOUR and p.amount is not None), None)
    state = PoolState(
        pool_id=pool.id,
        accelerators=pool.accelerators,
        free=pool.accelerators,
        price=price,
        carbon=carbon,
        power_w=power_w,
    )
    rates = Rates(
        power_w=power_w,
        rent=None if rent is None else rent.micro / MICRO,
        pue=_steps(site.pue, begin, end),
        price=_steps(price, begin, end),
        carbon=_steps(carbon, begin, end),
    )
    return state, rates


def _steps(signal: Signal, begin: datetime, end: datetime) -> Steps:
    pieces = signal.pieces(begin, end)
    return Steps(
        np.array([(start - begin) / timedelta(seconds=1) for start, _, _ in pieces]),
        np.array([micro / MICRO for _, _, micro in pieces]),
    )
