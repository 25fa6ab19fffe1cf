"""What a tenant's vouchers take over of a job, with what was redeemed before as the programmes' caps count it."""

from collections.abc import Iterator
from datetime import datetime

from suanwang.domain.docket import DocketKind
from suanwang.domain.job import Job
from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.placement import Option
from suanwang.domain.programme import Programme, Scope
from suanwang.domain.voucher import Granted, Redemption, Voucher
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.settle import (
    Purse,
    billed_high_by_part,
    facts_of,
    fund_id,
    order_of_use,
    planned_quantities,
    redeem_in_order,
    voucher_id,
)

OWN = (Scope.JOB, Scope.TENANT)
"""The scopes of caps that need only the tenant's own vouchers."""


def redemptions_for(hub: Hub, tx: Transaction, job: Job, option: Option, now: datetime) -> tuple[Redemption, ...]:
    """What the tenant's vouchers take over of an option, in their order of use; refused ones with their reason.

    Without `vouchers` in the workload none is used: a voucher is spent only when its tenant says so.
    """
    if not job.workload.vouchers:
        return ()
    proved = {d.id: d.case.facts for d in tx.dockets.find(kinds=(DocketKind.APPLICATION,), tenant=job.tenant) if d.case}
    purses = []
    for voucher in tx.ledger.vouchers(tenant=job.tenant):
        programme = hub.grid.programme(voucher.programme_id)
        remaining = Money(tx.ledger.balance(voucher_id(voucher.id)).available, programme.unit)
        facts = proved.get(voucher.id, {})
        purses.append(Purse(voucher=voucher, programme=programme, remaining=remaining, facts=facts))
    programmes = {p.programme.id: p.programme for p in purses}
    funds = {
        p.id: Money(tx.ledger.balance(fund_id(p.id, p.currency)).available, p.currency) for p in hub.grid.programmes
    }
    pool = hub.grid.pool(option.pool_id)
    return redeem_in_order(
        order_of_use(purses, job.workload.vouchers),
        before={name: tuple(redeemed_before(hub, tx, p, job.tenant)) for name, p in programmes.items()},
        fund_available=funds,
        facts=facts_of(hub.grid.tenant(job.tenant), hub.grid.site(pool.site_id), pool, job.workload),
        amount_by_part=billed_high_by_part(option),
        now=now,
        quantities=planned_quantities(option),
    )


def redeemed_before(hub: Hub, tx: Transaction, programme: Programme, tenant: str) -> Iterator[Granted]:
    """What vouchers of a programme paid or hold, as far as its caps need it: the tenant's own, else everybody's."""
    own_only = all(cap.scope in OWN for cap in programme.caps)
    if not programme.caps:
        return
    for voucher in tx.ledger.vouchers(tenant=tenant if own_only else "", programme_id=programme.id):
        transfers = tx.ledger.transfers(account_id=voucher_id(voucher.id))
        resolved = {t.pending_id for t in transfers if t.pending_id}
        for transfer in transfers:
            if transfer.debit == voucher_id(voucher.id) and transfer.id not in resolved and transfer.amount:
                yield _granted(hub, tx, programme, voucher, transfer)


def _granted(hub: Hub, tx: Transaction, programme: Programme, voucher: Voucher, transfer: Transfer) -> Granted:
    tenant = next((t for t in hub.grid.tenants if t.id == voucher.tenant), None)
    assert transfer.kind is not TransferKind.VOID
    placement = tx.jobs.get(transfer.job_id).placement if transfer.job_id else None
    return Granted(
        at=transfer.at,
        amount=Money(transfer.amount.micro, programme.currency),
        tenant=voucher.tenant,
        job=transfer.job_id,
        group=tenant.facts.get("group", tenant.facts.get("tenant.group", "")) if tenant else "",
        provider=placement.option.site_id if placement else "",
    )
