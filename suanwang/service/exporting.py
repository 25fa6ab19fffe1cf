"""What other programs read of the books: charges for FOCUS, balances for Open OnDemand, counters for Prometheus."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from suanwang.domain.invoice import DocumentKind, Invoice
from suanwang.domain.money import Money
from suanwang.domain.period import Period, Span, period_of, read_month
from suanwang.domain.price import Basis, Charge
from suanwang.domain.usage import UsageRecord, corrected
from suanwang.ports import Transaction
from suanwang.schemas.focus import Billed
from suanwang.service.budgets import budget_states
from suanwang.service.hub import Hub
from suanwang.service.invoices import Part, parts_of, settled_jobs, tenant_documents
from suanwang.settle import tenant_id
from suanwang.settle.adjust import generation_of
from suanwang.units import MICRO


def billed(hub: Hub, month: str, tenant: str = "") -> list[Billed]:
    """Every charge, credit and rounding of a month, tenant by tenant, job by job. Raises InvalidInput, NotFound.

    The amounts of a tenant sum to what its documents of the month ask to be paid.
    """
    period = read_month(month, hub.grid.zone)
    tenants = [hub.grid.tenant(tenant)] if tenant else list(hub.grid.tenants)
    found: list[Billed] = []
    for one in tenants:
        documents = {d.kind: d for d in tenant_documents(hub, one.id, month)}
        with hub.store.transaction() as tx:
            issued = {i.id for i in tx.books.issued(period.id, one.id)}
            names = {kind: d.id if d.id in issued else "" for kind, d in documents.items()}
            for job in settled_jobs(tx, one.id):
                parts = parts_of(tx, job)
                first = period_of(Span.MONTH, parts[0].at, hub.grid.zone).id if parts else ""
                for part in parts:
                    if period.holds(part.at):
                        kind = DocumentKind.INVOICE if first == period.id else DocumentKind.CREDIT_NOTE
                        found += _part(hub, tx, part, period, names.get(kind, ""), kind is DocumentKind.CREDIT_NOTE)
        found += _commitments(hub, documents[DocumentKind.INVOICE], period, names[DocumentKind.INVOICE])
    return found


def _part(hub: Hub, tx: Transaction, part: Part, period: Period, invoice: str, correction: bool) -> Iterator[Billed]:
    job = part.job
    assert job.placement is not None
    site = hub.grid.site(job.placement.option.site_id)
    records = {r.id: r for r in corrected(tx.usage.records(job.id), tx.usage.corrections(job.id))}
    common: dict[str, Any] = {
        "tenant": job.tenant,
        "tenant_name": hub.grid.tenant(job.tenant).name,
        "provider": site.name,
        "grid": hub.grid.id,
        "invoice": invoice,
        "period_start": period.start,
        "period_end": period.end,
        "job": job.id,
        "job_name": job.workload.name,
        "site": site.id,
        "site_name": site.name,
        "project": job.workload.labels.get("project", ""),
        "tags": job.workload.labels,
    }
    for charge in part.charges:
        record = records[charge.usage_id]
        again = correction or generation_of(charge) > 0
        yield _charge(charge, record, common, again)
    charged = sum(c.amount.micro for c in part.charges)
    document = _sums(part)
    first, last = min(r.start for r in records.values()), max(r.end for r in records.values())
    rest = charged - document["money"] - document["voucher"]
    for category, text, micro in (
        ("Credit", "paid by compute vouchers", -document["voucher"]),
        ("Credit", "waived by the site", -rest),
        ("Adjustment", "rounding to the coin", document["rounding"]),
    ):
        if micro:
            yield Billed(
                **common,
                start=first,
                end=last,
                amount=Money(micro, hub.grid.currency),
                category=category,
                description=text,
                correction=correction,
            )


def _charge(charge: Charge, record: UsageRecord, common: dict[str, Any], correction: bool) -> Billed:
    cards = f"{record.accelerators} x {record.accelerator_id}"
    return Billed(
        **common,
        start=record.start,
        end=record.end,
        amount=charge.amount,
        charge=charge,
        category="Tax" if charge.basis is Basis.TAX else "Usage",
        description=f"{charge.basis.value} of {cards}" + (f" ({charge.rule})" if charge.rule else ""),
        correction=correction,
        accelerator=record.accelerator_id,
    )


def _sums(part: Part) -> dict[str, int]:
    """Money, vouchers and rounding of a part, in millionths."""
    found = {"money": 0, "voucher": 0, "rounding": 0}
    payers = {"tenant": "money", "fund": "voucher"}
    for t in part.transfers:
        if t.kind.value not in ("post", "single") or t.amount.unit.startswith(("VCH:", "BUDGET:")):
            continue
        debit, credit = t.debit.partition(":")[0], t.credit.partition(":")[0]
        if debit in payers and credit == "site":
            found[payers[debit]] += t.amount.micro
        elif debit == "site" and credit in payers:
            found[payers[credit]] -= t.amount.micro
        elif credit == "rounding":
            found["rounding"] += t.amount.micro
        elif debit == "rounding":
            found["rounding"] -= t.amount.micro
    return found


def _commitments(hub: Hub, document: Invoice, period: Period, invoice: str) -> Iterator[Billed]:
    for line in document.lines:
        if line.rule == "commitment" and not line.job_id:
            yield Billed(
                tenant=document.tenant,
                tenant_name=hub.grid.tenant(document.tenant).name,
                provider=hub.grid.id,
                grid=hub.grid.id,
                invoice=invoice,
                period_start=period.start,
                period_end=period.end,
                start=period.start,
                end=period.end,
                amount=line.amount,
                category="Purchase",
                description=line.description,
            )


def balance_json(hub: Hub, now: datetime, unit: str = "") -> dict[str, Any]:
    """Open OnDemand's balance file (version 1) in one unit: of money what each tenant can spend and what is left of
    each budget, of accelerator-hours what is left of each quota. Open OnDemand warns below a threshold of its own.
    """
    wanted = unit or hub.grid.currency
    rows: list[dict[str, Any]] = []
    with hub.store.transaction() as tx:
        for tenant in hub.grid.tenants if wanted == hub.grid.currency else ():
            balance = tx.ledger.balance(tenant_id(tenant.id, hub.grid.currency))
            limit = tenant.credit_limit.micro
            rows.append({"user": tenant.id, "project": tenant.id, "value": (balance.available + limit) / MICRO})
    for state in budget_states(hub, now):
        budget = state.budget
        if state.limit.unit == wanted:
            who, where = budget.user or budget.tenant, budget.project or budget.tenant
            rows.append({"user": who, "project": where, "value": state.free.micro / MICRO})
    return {
        "version": 1,
        "timestamp": int(now.timestamp()),
        "config": {"unit": wanted, "project_type": "project"},
        "balances": rows,
    }
