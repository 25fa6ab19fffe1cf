"""Step 7 of a tick: post what a job really cost, void the rest, and book the rounding of its invoice."""

from datetime import datetime

from suanwang.domain.invoice import Invoice
from suanwang.domain.job import OUTCOMES, Job, JobState
from suanwang.domain.money import Money
from suanwang.domain.price import Charge, PriceBook
from suanwang.domain.usage import corrected
from suanwang.errors import Conflict
from suanwang.ports import Transaction
from suanwang.service.comparing import compare
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.service.staging import taking
from suanwang.settle import (
    closing,
    invoice,
    metered_quantities,
    release,
    rounding_transfer,
    settle,
    tax_account,
    tax_of,
    tax_transfer,
)
from suanwang.settle.adjust import live
from suanwang.settle.budgets import capture, is_budget


def settle_ended(hub: Hub, now: datetime) -> int:
    """Settle every job that has ended; how many. One transaction a job: transfers and the move, or neither."""
    with hub.store.transaction() as tx:
        ended = tx.jobs.find(states=tuple(OUTCOMES), limit=1_000_000)
    settled = 0
    for job in ended:
        try:
            with hub.store.transaction() as tx:
                if taking(tx, job):
                    continue
                _settle(hub, tx, job, now)
        except Conflict:  # another hub has settled it
            continue
        settled += 1
    return settled


def _settle(hub: Hub, tx: Transaction, job: Job, now: datetime) -> None:
    pending = tx.ledger.pending(job.id)
    charges, tax = _closed_charges(hub, tx, job)
    if charges:
        budgets = [t for t in pending if is_budget(t)]
        paying = [t for t in pending if not is_budget(t)]
        metered = metered_quantities(corrected(tx.usage.records(job.id), tx.usage.corrections(job.id)))
        settled = settle(job, charges, paying, job.redemptions, at=now, quantities=metered)
        hours = metered["accelerator_hour"]
        assert job.placement is not None
        if tax:
            tx.ledger.open(tax_account(job.placement.option.site_id, tax.unit))
        taxed = tax_transfer(job, tax, settled, at=now)
        tx.ledger.post([*settled.transfers, *taxed, *capture(budgets, settled.by_money, hours, at=now)])
        settle_rounding(hub, tx, job, now)
    else:
        tx.ledger.post(release(pending, at=now))
    compare(tx, job, now)
    move(tx.jobs, job, JobState.SETTLED, now, job.reason, job.detail)


def settle_rounding(hub: Hub, tx: Transaction, job: Job, now: datetime, mark: str = "") -> None:
    """Book what the invoice of a job rounds and was not booked before."""
    bill = _invoice(hub, tx, job, now, mark)
    rounding = rounding_transfer(bill, tx.ledger.transfers(job_id=job.id), job_id=job.id)
    if rounding is not None:
        tx.ledger.post([rounding])


def _closed_charges(hub: Hub, tx: Transaction, job: Job) -> tuple[list[Charge], Money]:
    """A job's charges with those that are due once at its end, and the tax within them."""
    charges = live(tx.usage.charges(job.id))
    if not charges:
        return [], Money.zero(hub.grid.currency)
    book = book_of(tx, charges[0])
    last = tx.usage.records(job.id)[-1]
    once = closing(job.id, charges, book, last.id)
    tx.usage.charge(once)
    return [*charges, *once], tax_of([*charges, *once], book)


def _tax(tx: Transaction, charges: list[Charge]) -> Money | None:
    """The tax within a job's charges; None where its book has none."""
    counting = live(charges)
    if not counting:
        return None
    book = book_of(tx, counting[0])
    return None if book.tax is None else tax_of(counting, book)


def book_of(tx: Transaction, charge: Charge) -> PriceBook:
    """The sealed version of the price book that made a charge."""
    return next(b for b in tx.usage.sealed() if (b.id, b.version) == (charge.book_id, charge.book_version))


def invoice_of(hub: Hub, job_id: str) -> Invoice:
    """The bill of one job, as posted so far. Raises NotFound."""
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
        return _invoice(hub, tx, job, job.updated)


def _invoice(hub: Hub, tx: Transaction, job: Job, issued: datetime, mark: str = "") -> Invoice:
    charges = tx.usage.charges(job.id)
    return invoice(
        f"inv-{job.id}{mark}",
        job.tenant,
        issued=issued,
        currency=hub.grid.currency,
        charges=live(charges),
        transfers=tx.ledger.transfers(job_id=job.id),
        records=corrected(tx.usage.records(job.id), tx.usage.corrections(job.id)),
        tax=_tax(tx, charges),
    )
