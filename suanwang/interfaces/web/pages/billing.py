"""Billing: a tenant's balance, budgets, what moved its money, and the invoice of each job; for auditors the ledger."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.domain.job import JobState
from suanwang.errors import NotFound, msg
from suanwang.interfaces.i18n import Translate
from suanwang.interfaces.reports.invoice import month_document
from suanwang.interfaces.serving.shelf import Month, own_tenant
from suanwang.interfaces.web.page import ReportForm, Visitor, printed, render, text_of
from suanwang.service.budgets import budget_states
from suanwang.service.delivered import DeliveredLine, delivered_month
from suanwang.service.invoices import is_issued, tenant_documents
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


@router.get("/billing/month")
def month_part(request: Request, who: Visitor, tenant: str, month: Month) -> Response:
    """The documents and the delivered compute of a tenant and month. Raises NotFound."""
    hub = who.reading(Permission.BOOKS_READ)
    chosen = own_tenant(who, tenant, Permission.BOOKS_READ)
    documents = [(d, is_issued(hub, d)) for d in tenant_documents(hub, chosen, month)]
    found = delivered_month(hub, chosen, month)
    fall = waterfall(found.lines, who.translate)
    return render(request, "month_part.html", who, documents=documents, month=month, found=found, waterfall=fall)


@router.get("/billing/document")
def document_page(who: Visitor, tenant: str, month: Month, document: str, form: ReportForm = "html") -> Response:
    """One document of a month, to read or to keep. Raises NotFound."""
    hub = who.reading(Permission.BOOKS_READ)
    made = tenant_documents(hub, own_tenant(who, tenant, Permission.BOOKS_READ), month)
    one = next((d for d in made if d.id == document), None)
    if one is None:
        what = msg("there is no {noun} {key}", noun=msg("document"), key=document)
        raise NotFound("not-found", what, msg("Check the id."))
    text = text_of(who)
    report = month_document(one, hub.grid, draft=not is_issued(hub, one), lang=who.lang, text=text)
    return printed(who, report, form, one.id)


def waterfall(lines: Sequence[DeliveredLine], translate: Translate) -> dict[str, Any] | None:
    """An ECharts option, PFLOP-hours: from the peak of the cards down to what was delivered; None without a peak."""
    known = [line for line in lines if line.theoretical is not None]
    if not known:
        return None
    failed, inefficient = (sum(getattr(line, of) for line in known) for of in ("failed", "inefficient"))
    delivered = sum(line.delivered for line in known)
    whole = delivered + failed + inefficient
    steps = [(msg("at the peak"), 0.0, whole), (msg("failed"), whole - failed, failed)]
    steps += [(msg("inefficiency"), delivered, inefficient), (msg("delivered"), 0.0, delivered)]
    shown = [float(f"{size:.6g}") for _, _, size in steps]
    return {
        "grid": {"left": 80, "right": 24, "top": 32, "bottom": 32},
        "tooltip": {},
        "xAxis": {"type": "category", "data": [name.render(translate) for name, _, _ in steps]},
        "yAxis": {"type": "value", "name": "PFLOP·h"},
        "series": [
            {"type": "bar", "stack": "s", "silent": True, "itemStyle": {"color": "transparent"}}
            | {"data": [under for _, under, _ in steps]},
            {"type": "bar", "stack": "s", "data": shown, "label": {"show": True, "position": "inside"}},
        ],
    }


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
