"""Late and corrected usage, and rating anew: a settled job is adjusted in the open month, others are charged anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money
from suanwang.domain.price import Basis, Charge, PriceBook
from suanwang.domain.usage import Correction, UsageRecord, corrected
from suanwang.errors import Never, NotFound, msg
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.rating import charges_for
from suanwang.service.settlement import book_of, settle_rounding
from suanwang.settle import closing, tax_account, tax_of
from suanwang.settle.adjust import adjust, generation_of, live, paid_of, reverse
from suanwang.settle.reconcile import Figures, mean_price, with_figures

ONCE = (Basis.MINIMUM, Basis.TAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """What changed for a job: its charges before and after, and what was posted for that (nothing while it runs)."""

    job_id: str
    generation: int
    before: Money
    after: Money
    posted: int

    @property
    def change(self) -> Money:
        return self.after - self.before


def correct(
    hub: Hub, record_id: str, job_id: str, figures: Figures, reason: str, evidence: Mapping[str, str]
) -> Adjustment:
    """Correct the figures of a usage record, and charge it anew. The same correction again changes nothing more.

    Raises NotFound, Never(store-refused) for what cannot be corrected, insufficient-balance where the tenant cannot
    pay the difference.
    """
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
        earlier = tx.usage.corrections(job_id)
        records = {r.id: r for r in corrected(tx.usage.records(job_id), earlier)}
        if record_id not in records:
            raise NotFound(
                "not-found", msg("job {job} has no usage record {id}", job=job_id, id=record_id), msg("Check the id.")
            )
        metered = records[record_id]
        price = mean_price(hub.grid.site(metered.site_id), metered.start, metered.end)
        record = with_figures(metered, figures, price)
        mine = [c for c in earlier if c.record.id == record_id]
        if record == records[record_id]:
            total = _total(live(tx.usage.charges(job_id)), hub.grid.currency)
            return Adjustment(job_id=job_id, generation=0, before=total, after=total, posted=0)
        now = hub.clock.now()
        correction = Correction(sequence=len(mine) + 1, at=now, record=record, reason=reason, evidence=evidence)
        tx.usage.correct(correction, [])
        charges = tx.usage.charges(job_id)
        of_record = [c for c in live(charges) if c.usage_id == record_id and c.basis not in (*ONCE, Basis.DATA_GB)]
        book = book_of(tx, of_record[0]) if of_record else None
        if book is None:
            raise Never(
                "store-refused",
                msg("usage record {id} has no charge to correct", id=record_id),
                msg("Rate the job first."),
            )
        return _recharge(hub, tx, job, [record], book, of_record, now)


def add_late(hub: Hub, record: UsageRecord) -> Adjustment:
    """Usage that became known after its job was metered, perhaps settled: its own record, charged in the open month.

    A repeat changes nothing more. Raises Never(store-refused) where it overlaps what is metered.
    """
    with hub.store.transaction() as tx:
        job = tx.jobs.get(record.job_id)
        charges = live(tx.usage.charges(record.job_id))
        if job.placement is None or not charges:
            raise Never(
                "store-refused",
                msg("job {job} has no metered use that the late one belongs to", job=job.id),
                msg("Late usage is of a job that has run."),
            )
        if not tx.usage.add(record, []):
            total = _total(charges, hub.grid.currency)
            return Adjustment(job_id=job.id, generation=0, before=total, after=total, posted=0)
        return _recharge(hub, tx, job, [record], book_of(tx, charges[0]), [], hub.clock.now())


def rerate(hub: Hub, job_id: str, book: PriceBook) -> Adjustment:
    """Charge all of a job's use by another book (version): reversal and new. A repeat changes nothing more."""
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
        charges = live(tx.usage.charges(job_id))
        if not charges:
            raise Never(
                "price-missing", msg("job {job} has no charges to rate anew", job=job_id), msg("Wait until it has run.")
            )
        if all((c.book_id, c.book_version) == (book.id, book.version) for c in charges):
            total = _total(charges, hub.grid.currency)
            return Adjustment(job_id=job_id, generation=0, before=total, after=total, posted=0)
        tx.usage.seal(book)
        records = corrected(tx.usage.records(job_id), tx.usage.corrections(job_id))
        replaced = [c for c in charges if c.basis not in ONCE]
        return _recharge(hub, tx, job, records, book, replaced, hub.clock.now())


def _recharge(
    hub: Hub,
    tx: Transaction,
    job: Job,
    records: Sequence[UsageRecord],
    book: PriceBook,
    replaced: Sequence[Charge],
    now: datetime,
) -> Adjustment:
    """Take charges back, make those of `records` by `book`, and post the difference where the job is settled."""
    charges = tx.usage.charges(job.id)
    counting = live(charges)
    generation = max(map(generation_of, charges), default=0) + 1
    settled = job.state is JobState.SETTLED
    gone = [*replaced, *(c for c in counting if c.basis in ONCE and settled)]
    tx.usage.charge(reverse(gone, generation))
    moved = [replace(c, id=f"{c.id}@{generation}") for c in replaced if c.basis is Basis.DATA_GB]
    fresh = [replace(c, id=f"{c.id}@{generation}") for r in records for c in charges_for(hub, tx, job, r, book)]
    tx.usage.charge([*fresh, *moved])
    kept = [c for c in counting if c.id not in {g.id for g in gone}]
    after = [*kept, *fresh, *moved]
    if settled:
        once = closing(job.id, after, book, records[-1].id, f"@{generation}")
        tx.usage.charge(once)
        after += once
    before_total, after_total = _total(counting, book.currency), _total(after, book.currency)
    posted = 0
    if settled:
        tax = tax_of(after, book)
        posted = _post(tx, job, generation, before_total, after_total, tax, now)
        settle_rounding(hub, tx, job, now, f"-{generation}")
    return Adjustment(job_id=job.id, generation=generation, before=before_total, after=after_total, posted=posted)


def _post(tx: Transaction, job: Job, generation: int, before: Money, after: Money, tax: Money, now: datetime) -> int:
    assert job.placement is not None
    paid = paid_of(job, tx.ledger.transfers(job_id=job.id), after.unit)
    if tax or paid.tax:
        tx.ledger.open(tax_account(job.placement.option.site_id, after.unit))
    transfers = adjust(job, generation, before=before, after=after, tax=tax, paid=paid, at=now)
    tx.ledger.post(transfers)
    return len(transfers)


def _total(charges: Sequence[Charge], unit: str) -> Money:
    return Money(sum(c.amount.micro for c in charges), unit)
