"""Billing: a tenant's balance, budgets, what moved its money, and the invoice of each job; for auditors the ledger."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.domain.job import JobState
from suanwang.interfaces.web.page import Visitor, render
from suanwang.service.budgets import budget_states
from suanwang.service.jobs import bill_of, lines_of, visible
from suanwang.service.listing import balance_of, transfers_of, vouchers_left
from suanwang.service.tenants import check_ledger

router = APIRouter(include_in_schema=False)
SHOWN = 200


@router.get("/billing")
def billing_page(request: Request, who: Visitor, tenant: str = "") -> Response:
    """The books of one tenant."""
    who.principal.require(Permission.BOOKS_READ)
    hub = who.reading(Permission.BOOKS_READ)
    seen = [t for t in who.house.hub.grid.tenants if visible(who.principal, t.id, Permission.BOOKS_READ)]
    chosen = next((t for t in seen if t.id == tenant), seen[0] if seen else None)
    if chosen is None:
        return render(request, "billing.html", who, tenants=[], tenant=None)
    settled = lines_of(hub, chosen.id, (JobState.SETTLED,), SHOWN, "", newest=True).jobs
    return render(
        request,
        "billing.html",
        who,
        tenants=seen,
        tenant=chosen,
        balance=balance_of(hub, chosen.id),
        budgets=budget_states(hub, tenant=chosen.id),
        transfers=list(reversed(transfers_of(hub, chosen.id, 0, 10_000)))[:SHOWN],
        vouchers=vouchers_left(hub, chosen.id),
        settled=settled,
        currency=hub.grid.currency,
        month=f"{hub.clock.now().astimezone(hub.grid.zone):%Y-%m}",
    )


@router.get("/billing/{job_id}")
def invoice_page(request: Request, who: Visitor, job_id: str) -> Response:
    """The invoice of a settled job. Raises NotFound, NotNow."""
    bill = bill_of(who.reading(Permission.JOBS_READ), who.principal, job_id)
    return render(request, "invoice.html", who, bill=bill, job_id=job_id)


@router.get("/audit")
def audit_page(request: Request, who: Visitor, check: bool = False) -> Response:
    """Who did what, newest first; and on request the whole ledger derived again."""
    organisation = who.principal.tenant_for(Permission.AUDIT_READ)
    hub = who.reading(Permission.AUDIT_READ)
    with who.store(hub).transaction() as tx:
        entries = tx.identity.audit(organisation, 0, 10_000)
    report = check_ledger(who.house.hub) if check and who.principal.may(Permission.LEDGER_READ) else None
    return render(request, "audit.html", who, entries=list(reversed(entries))[:SHOWN], report=report)
