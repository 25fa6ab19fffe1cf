"""Documents of a month: a tenant's invoice and credit note, a site's and a programme's statement.

They are views of what was posted and charged. The close of the month issues them (`periods.py`): then they are kept, so
that they never change; what becomes known later is in the credit note of a later month.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from suanwang.domain.invoice import DocumentKind, Invoice, InvoiceLine
from suanwang.domain.job import Job, JobState
from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.period import Period, Span, period_of, read_month
from suanwang.domain.price import Charge
from suanwang.domain.usage import UsageRecord
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.rating import effective
from suanwang.service.settlement import book_of
from suanwang.settle import invoice, tax_of, tenant_id
from suanwang.settle.adjust import generation_of, transfers_of
from suanwang.settle.commit import PREFIX as COMMITMENT

ALL = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What of a job belongs to one month: its settlement (generation 0) or one of its adjustments."""

    job: Job
    generation: int
    at: datetime
    charges: tuple[Charge, ...]
    transfers: tuple[Transfer, ...]


def tenant_documents(hub: Hub, tenant: str, month: str) -> list[Invoice]:
    """The tenant's invoice of a month and, where earlier months were corrected in it, a credit note.

    Raises NotFound, InvalidInput.
    """
    hub.grid.tenant(tenant)
    period = read_month(month, hub.grid.zone)
    with hub.store.transaction() as tx:
        parts = [p for job in settled_jobs(tx, tenant) for p in parts_of(tx, job)]
        mine = [p for p in parts if period.holds(p.at)]
        first = {p.job.id: period_of(Span.MONTH, p.at, hub.grid.zone) for p in parts if p.generation == 0}
        own = [p for p in mine if first[p.job.id].id == period.id]
        late = [p for p in mine if first[p.job.id].id != period.id]
        account = tenant_id(tenant, hub.grid.currency)
        moved = tx.ledger.transfers(account_id=account, limit=ALL)
        committed = [t for t in moved if t.id.startswith(COMMITMENT) and t.id.split(":")[3] == period.id]
        made = [_document(hub, tx, f"INV-{period.id}-{tenant}", tenant, period, own, committed, lambda _: "")]
        if late:
            name = f"CN-{period.id}-{tenant}"
            note = _document(hub, tx, name, tenant, period, late, [], lambda job: f"INV-{first[job].id}-{tenant}")
            made.append(note)
        return [_kept(tx, document, period) for document in made]


def site_statement(hub: Hub, site: str, month: str) -> Invoice:
    """What a site earned in a month: who paid, the tax it owes, what it waived."""
    hub.grid.site(site)
    period = read_month(month, hub.grid.zone)
    with hub.store.transaction() as tx:
        jobs = [j for j in settled_jobs(tx) if j.placement is not None and j.placement.option.site_id == site]
        parts = [p for job in jobs for p in parts_of(tx, job) if period.holds(p.at)]
        made = _document(hub, tx, f"STM-{period.id}-site-{site}", site, period, parts, [], lambda _: "")
        return _kept(tx, replace(made, kind=DocumentKind.STATEMENT), period)


def programme_statement(hub: Hub, programme: str, month: str) -> Invoice:
    """What the fund of a programme paid in a month, job by job; what came back from corrections is negative."""
    currency = hub.grid.programme(programme).currency
    period = read_month(month, hub.grid.zone)
    fund = f"fund:{programme}:{currency}"
    with hub.store.transaction() as tx:
        moved = [
            t
            for t in tx.ledger.transfers(account_id=fund, limit=ALL)
            if t.job_id and t.kind in (TransferKind.POST, TransferKind.SINGLE) and period.holds(t.at)
        ]
        jobs = list(dict.fromkeys(t.job_id for t in moved))
        blank = invoice(
            f"STM-{period.id}-programme-{programme}",
            programme,
            issued=min(hub.clock.now(), period.end),
            currency=currency,
            charges=[],
            transfers=[],
            records=effective(tx, jobs),
        )
        lines = tuple(_fund_line(tx, t, fund) for t in moved)
        paid = total([line.amount for line in lines], currency)
        made = replace(blank, kind=DocumentKind.STATEMENT, period=period.id, lines=lines, charged=paid, by_voucher=paid)
        return _kept(tx, made, period)


def _fund_line(tx: Transaction, transfer: Transfer, fund: str) -> InvoiceLine:
    amount = transfer.amount if transfer.debit == fund else -transfer.amount
    voucher = transfer.id.rpartition(":fund:")[2]
    return InvoiceLine(
        job_id=transfer.job_id,
        description=f"{tx.jobs.get(transfer.job_id).tenant}: {voucher}",
        quantity="1",
        unit="job",
        unit_price=amount,
        amount=amount,
        rule=transfer.memo,
    )


def parts_of(tx: Transaction, job: Job) -> list[Part]:
    """A settled job's settlement and its adjustments, each with its charges and transfers; the sum is the whole job."""
    charges, transfers = tx.usage.charges(job.id), tx.ledger.transfers(job_id=job.id, limit=ALL)
    moved = {g: transfers_of(g, job.id, transfers) for g in sorted({generation_of(c) for c in charges} - {0})}
    adjusted = {g: found for g, found in moved.items() if found}
    base = [c for c in charges if generation_of(c) not in adjusted]
    rest = transfers_of(0, job.id, transfers)
    roundings = {g: f"rounding:inv-{job.id}-{g}" for g in adjusted}
    own = [t for t in rest if t.id not in roundings.values()]
    parts = [Part(job=job, generation=0, at=job.updated, charges=tuple(base), transfers=tuple(own))]
    for g, found in adjusted.items():
        with_rounding = [*found, *(t for t in rest if t.id == roundings[g])]
        mine = tuple(c for c in charges if generation_of(c) == g)
        parts.append(Part(job=job, generation=g, at=found[0].at, charges=mine, transfers=tuple(with_rounding)))
    return [p for p in parts if p.charges]


def settled_jobs(tx: Transaction, tenant: str = "") -> list[Job]:
    """By id, which is in order of time."""
    return tx.jobs.find(states=(JobState.SETTLED,), tenant=tenant, limit=ALL)


def _document(
    hub: Hub,
    tx: Transaction,
    name: str,
    subject: str,
    period: Period,
    parts: Sequence[Part],
    committed: Sequence[Transfer],
    corrects: Callable[[str], str],
) -> Invoice:
    charges = [c for p in parts for c in p.charges]
    made = invoice(
        name,
        subject,
        issued=min(hub.clock.now(), period.end),
        currency=hub.grid.currency,
        charges=charges,
        transfers=[t for p in parts for t in p.transfers],
        records=_records(tx, parts),
        tax=_tax(tx, charges, hub.grid.currency),
        kind=DocumentKind.CREDIT_NOTE if name.startswith("CN-") else DocumentKind.INVOICE,
        period=period.id,
    )
    lines = tuple(replace(line, corrects=corrects(line.job_id)) for line in made.lines)
    extra = total([t.amount for t in committed], made.currency)
    return replace(
        made,
        lines=(*lines, *map(_committed_line, committed)),
        charged=made.charged + extra,
        by_money=made.by_money + extra,
        payable=made.payable + extra,
    )


def _committed_line(transfer: Transfer) -> InvoiceLine:
    return InvoiceLine(
        job_id="",
        description=transfer.memo,
        quantity="1",
        unit="month",
        unit_price=transfer.amount,
        amount=transfer.amount,
        rule="commitment",
    )


def _records(tx: Transaction, parts: Iterable[Part]) -> list[UsageRecord]:
    """The records that a document's first charges are for; an adjustment has none of its own, but what it added."""
    settled = [p.job.id for p in parts if p.generation == 0]
    return effective(tx, settled)


def _tax(tx: Transaction, charges: Sequence[Charge], unit: str) -> Money | None:
    """The tax within charges, each job by its own book; None where no book has one."""
    groups: dict[tuple[str, str, int], list[Charge]] = {}
    for charge in charges:
        groups.setdefault((charge.job_id, charge.book_id, charge.book_version), []).append(charge)
    taxed = [(book_of(tx, group[0]), group) for group in groups.values()]
    if all(book.tax is None for book, _ in taxed):
        return None
    return total([tax_of(group, book) for book, group in taxed], unit)


def _kept(tx: Transaction, document: Invoice, period: Period) -> Invoice:
    """As it was issued; else as it stands now."""
    return next((i for i in tx.books.issued(period.id, document.tenant) if i.id == document.id), document)


def is_issued(hub: Hub, document: Invoice) -> bool:
    """Whether a document is kept, or a draft of an open month."""
    with hub.store.transaction() as tx:
        return any(i.id == document.id for i in tx.books.issued(document.period))
