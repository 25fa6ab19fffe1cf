"""What engines foretell: drains, maintenance and reservations become closures of their pools, so that nothing is
promised there."""

from dataclasses import replace
from datetime import datetime, timedelta

from suanwang.domain.order import Ability, Outage
from suanwang.domain.site import Closure, Grid, Pool
from suanwang.errors import NotFound, NotNow
from suanwang.service.hub import Hub

UNKNOWN_END = timedelta(days=1)
"""An assumption: a drained or dead node of which nobody knows the end is looked at again tomorrow."""


def grid_with_outages(hub: Hub, now: datetime) -> Grid:
    """The grid, its pools closed as their engines say. To be called outside of any transaction: engines are asked.

    An engine that does not answer, or has no such outlook, closes nothing.
    """
    return replace(hub.grid, pools=tuple(_closed(hub, pool, now) for pool in hub.grid.pools))


def _closed(hub: Hub, pool: Pool, now: datetime) -> Pool:
    if pool.id not in hub.engines:
        return pool
    try:
        engine = hub.engine(pool.id)
        outages = () if Ability.OUTLOOK in engine.lacks() else engine.capacity(pool.id).outages
    except (NotNow, NotFound):
        return pool
    closures = [_closure(outage, pool, now) for outage in outages if outage.end is None or outage.end > now]
    return replace(pool, closures=(*pool.closures, *closures)) if closures else pool


def _closure(outage: Outage, pool: Pool, now: datetime) -> Closure:
    end = outage.end if outage.end is not None else max(outage.start, now) + UNKNOWN_END
    count = min(outage.accelerators, pool.accelerators)
    return Closure(start=outage.start, end=end, accelerators=count, why=outage.why)
