"""Step 7 of a tick: post what a job really cost, void the rest, and book the rounding of its invoice."""

from datetime import datetime

from suanwang.domain.invoice import Invoice
from suanwang.domain.job import OUTCOMES, Job, JobState
from suanwang.errors import Conflict
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.settle import invoice, release, rounding_transfer, settle


def settle_ended(hub: Hub, now: datetime) -> int:
    """Settle every job that has ended; how many. One transaction a job: transfers and the move, or neither."""
    with hub.store.transaction() as tx:
        ended = tx.jobs.find(states=tuple(OUTCOMES), limit=1_000_000)
    settled = 0
    for job in ended:
        try:
            with hub.store.transaction() as tx:
                _settle(hub, tx, job, now)
        except Conflict:  # another hub has settled it
            continue
        settled += 1
    return settled


def _settle(hub: Hub, tx: Transaction, job: Job, now: datetime) -> None:
    charges = tx.usage.charges(job.id)
    pending = tx.ledger.pending(job.id)
    if charges:
        tx.ledger.post(settle(job, charges, pending, job.redemptions, at=now).transfers)
        bill = _invoice(hub, tx, job, now)
        rounding = rounding_transfer(bill, tx.ledger.transfers(job_id=job.id), job_id=job.id)
        if rounding is not None:
            tx.ledger.post([rounding])
    else:
        tx.ledger.post(release(pending, at=now))
    move(tx.jobs, job, JobState.SETTLED, now, job.reason, job.detail)


def invoice_of(hub: Hub, job_id: str) -> Invoice:
    """The bill of one job, as posted so far. Raises NotFound."""
    with hub.store.transaction() as tx:
        job = tx.jobs.get(job_id)
        return _invoice(hub, tx, job, job.updated)


def _invoice(hub: Hub, tx: Transaction, job: Job, issued: datetime) -> Invoice:
    return invoice(
        f"inv-{job.id}",
        job.tenant,
        issued=issued,
        currency=hub.grid.currency,
        charges=tx.usage.charges(job.id),
        transfers=tx.ledger.transfers(job_id=job.id),
        records=tx.usage.records(job.id),
    )
