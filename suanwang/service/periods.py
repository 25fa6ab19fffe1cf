"""Closing of months: what was posted until then stays as it is; what comes later goes to the open month."""

from datetime import datetime

from suanwang.domain.job import OUTCOMES
from suanwang.domain.period import ClosedPeriod, Period, Span, period_of, read_month
from suanwang.errors import NotNow, msg
from suanwang.ports import Transaction
from suanwang.service.hub import Hub


def close_month(hub: Hub, month: str) -> ClosedPeriod:
    """Close a month of the grid's zone. A repeat gives what it was closed with.

    Raises InvalidInput for what is no month, NotNow(period-open) while it is not over, while an earlier month that has
    transfers is open, or while a job that ended in it is not settled.
    """
    period = read_month(month, hub.grid.zone)
    now = hub.clock.now()
    with hub.store.transaction() as tx:
        known = {c.period.id: c for c in tx.books.closed()}
        if period.id in known:
            return known[period.id]
        _check_closable(hub, tx, period, now, list(known.values()))
        position, link = tx.ledger.last()
        balances = {b.account_id: b.posted for b in tx.ledger.balances() if b.posted}
        closed = ClosedPeriod(period=period, closed=now, position=position, hash=link, balances=balances)
        tx.books.close(closed)
        return closed


def closed_months(hub: Hub) -> list[ClosedPeriod]:
    """In order of time."""
    with hub.store.transaction() as tx:
        return tx.books.closed()


def _check_closable(hub: Hub, tx: Transaction, period: Period, now: datetime, closed: list[ClosedPeriod]) -> None:
    remedy = msg(
        "Close the months in their order, when they are over and `suanwang admin tick` has settled their jobs."
    )
    if period.end > now:
        end = period.end.isoformat()
        raise NotNow("period-open", msg("{period} is not over before {end}", period=period.id, end=end), remedy)
    if closed:
        expected = period_of(Span.MONTH, closed[-1].period.end, hub.grid.zone)
    else:
        first = tx.ledger.transfers(limit=1)
        expected = period_of(Span.MONTH, first[0].at if first else period.start, hub.grid.zone)
        if not first or period.end <= expected.start:
            expected = period
    if period.id != expected.id:
        what = msg("{period} cannot be closed: the next to be closed is {next}", period=period.id, next=expected.id)
        raise NotNow("period-open", what, remedy)
    ended = [job for job in tx.jobs.find(states=tuple(OUTCOMES), limit=1_000_000) if job.updated < period.end]
    if ended:
        what = msg("{count} job(s) that ended in {period} are not settled yet", count=len(ended), period=period.id)
        raise NotNow("period-open", what, remedy)
