"""Closing of months: what was posted until then stays as it is; what comes later goes to the open month."""

from datetime import datetime
from fractions import Fraction

from suanwang.domain.job import OUTCOMES
from suanwang.domain.period import ClosedPeriod, Period, Span, period_of, read_month
from suanwang.errors import NotNow, msg
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.invoices import programme_statement, site_statement, tenant_documents
from suanwang.service.rating import charges_between
from suanwang.settle.commit import shortfall


def close_month(hub: Hub, month: str) -> ClosedPeriod:
    """Close a month of the grid's zone and issue its documents. A repeat gives what it was closed with, and issues what
    a crash had left out.

    Raises InvalidInput for what is no month, NotNow(period-open) while it is not over, while an earlier month that has
    transfers is open, or while a job that ended in it is not settled.
    """
    closed = _close(hub, read_month(month, hub.grid.zone))
    documents = [d for tenant in hub.grid.tenants for d in tenant_documents(hub, tenant.id, month)]
    documents += [site_statement(hub, site.id, month) for site in hub.grid.sites]
    documents += [programme_statement(hub, programme.id, month) for programme in hub.grid.programmes]
    with hub.store.transaction() as tx:
        for document in documents:
            tx.books.issue(document)
    return closed


def _close(hub: Hub, period: Period) -> ClosedPeriod:
    now = hub.clock.now()
    with hub.store.transaction() as tx:
        known = {c.period.id: c for c in tx.books.closed()}
        if period.id in known:
            return known[period.id]
        _check_closable(hub, tx, period, now, list(known.values()))
        bill_commitments(hub, tx, period, now)
        position, link = tx.ledger.last()
        balances = {b.account_id: b.posted for b in tx.ledger.balances() if b.posted}
        closed = ClosedPeriod(period=period, closed=now, position=position, hash=link, balances=balances)
        tx.books.close(closed)
        return closed


def bill_commitments(hub: Hub, tx: Transaction, period: Period, now: datetime) -> None:
    """Bill what tenants committed to in a month and did not use; dated now, a line of that month's invoice.

    Raises insufficient-balance where a tenant cannot pay it: the month stays open.
    """
    for book_id in dict.fromkeys(b.id for b in hub.grid.price_books if b.commitments):
        book = hub.grid.price_book(book_id, period.start)
        pool = next((p for p in hub.grid.pools if p.price_book_id == book_id), None)
        if book is None or pool is None:
            continue
        for commitment in book.commitments:
            charges = [c for c in charges_between(tx, period, commitment.tenant) if c.book_id == book_id]
            used = sum((c.quantity for c in charges if c.basis is commitment.basis), Fraction(0))
            tx.ledger.post(shortfall(book, commitment, period, used, pool.site_id, now))


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
