"""Rating at work: what a price depends on beside the record (the site's clock, facts, the month's use)."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from suanwang.domain.job import Job
from suanwang.domain.period import Period, Span, period_of
from suanwang.domain.price import Basis, Charge, PriceBook
from suanwang.domain.usage import UsageRecord, corrected
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.settle import Circumstances, Rater, facts_of
from suanwang.settle.adjust import live

NOTHING: Mapping[Basis, Fraction] = {}


def charges_for(hub: Hub, tx: Transaction, job: Job, record: UsageRecord, book: PriceBook) -> list[Charge]:
    """The charges of a record as the book has them now: raises price-missing or MissingFigure by name."""
    return Rater(book).charges(record, circumstances_of(hub, tx, job, record, book))


def circumstances_of(hub: Hub, tx: Transaction, job: Job, record: UsageRecord, book: PriceBook) -> Circumstances:
    """Only what the book asks for is read."""
    pool, site = hub.grid.pool(record.pool_id), hub.grid.site(record.site_id)
    facts = facts_of(hub.grid.tenant(job.tenant), site, pool, job.workload) if book.discounts else {}
    counts = book.commitments or any(p.tiers for p in book.prices)
    month = period_of(Span.MONTH, record.start, hub.grid.zone)
    used = use_before(tx, record, book.id, month) if counts else NOTHING
    return Circumstances(zone=site.zone, facts=facts, before=used)


def use_before(tx: Transaction, record: UsageRecord, book_id: str, month: Period) -> dict[Basis, Fraction]:
    """What the record's tenant was charged for in a month before the record, by basis, under the book."""
    sums: dict[Basis, Fraction] = {}
    for charge in charges_between(tx, month, record.tenant):
        earlier = charge.usage_id != record.id
        if earlier and charge.book_id == book_id:
            sums[charge.basis] = sums.get(charge.basis, Fraction(0)) + charge.quantity
    return sums


def charges_between(tx: Transaction, month: Period, tenant: str) -> list[Charge]:
    """The charges that count of a tenant's records that begin in a month."""
    return live(tx.usage.charged(month.start, month.end, tenant))


def effective(tx: Transaction, job_ids: Iterable[str]) -> list[UsageRecord]:
    """The records of jobs as they count, each in its last correction, in order of time."""
    found: list[UsageRecord] = []
    for job_id in job_ids:
        found += corrected(tx.usage.records(job_id), tx.usage.corrections(job_id))
    return sorted(found, key=lambda r: (r.start, r.id))


def total_micro(charges: Sequence[Charge]) -> int:
    """Sum in millionths."""
    return sum(c.amount.micro for c in charges)
