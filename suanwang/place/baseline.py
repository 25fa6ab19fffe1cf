"""Baseline: what the same workloads would cost each at the nearest eastern site, at once, in the order they came.

It is what a grid is compared with: no moving west and no waiting, beyond what capacity, data and limits ask for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from suanwang.domain.placement import Occupancy, Option
from suanwang.domain.site import Grid
from suanwang.place.board import Board, promises_of
from suanwang.place.explain import EAST, nearest_site
from suanwang.place.offer import Ask, Request, offers
from suanwang.place.options import label_of
from suanwang.place.outlook import Outlooks


def nearest_east_at_once(
    grid: Grid, asks: Sequence[Ask], now: datetime, taken: Occupancy, horizon: timedelta, outlooks: Outlooks
) -> list[Option | None]:
    """For each workload the option that starts first at its nearest eastern site (ties: the cheapest); None: no such.

    A pool is eastern where its or its site's label `region` is "east". Limits and capacity are kept; what is linked
    to another workload is taken for itself.
    """
    board = Board(taken)
    eastern = {pool.id for pool in grid.pools if label_of(pool, grid.site(pool.site_id), "region") == EAST}
    found: list[Option | None] = []
    for number, ask in enumerate(asks):
        request = Request(workload=ask.workload, grid=grid, now=now, horizon=horizon, occupancy=board.occupancy)
        made, _ = offers(request, [e for e in ask.estimates if e.pool_id in eastern], outlooks)
        if not made:
            found.append(None)
            continue
        site = nearest_site(ask.workload, grid, [offer.site for offer in made])
        here = [offer for offer in made if offer.site.id == site.id]
        first = min(here, key=lambda o: (o.found.at_once_us, o.found.at_once_cost_micro, o.pool.id)).at_once
        board.place(number, first.pool_id, promises_of(first))
        found.append(first)
    return found
