"""A month over HTTP: a tenant's documents and delivered compute, its budgets, a site's or programme's statement."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from suanwang.domain.identity import Permission
from suanwang.domain.invoice import Invoice
from suanwang.interfaces.api.operations import Id, operation
from suanwang.interfaces.serving.caller import Caller, caller, needs
from suanwang.interfaces.serving.shelf import Month, own_tenant, programme_books, site_books
from suanwang.schemas.answers import BudgetList, DocumentList
from suanwang.service.budgets import budget_alerts, budget_states
from suanwang.service.delivered import DeliveredMonth, delivered_month
from suanwang.service.invoices import programme_statement, site_statement, tenant_documents
from suanwang.service.revenue import SiteRevenue, revenue_ahead

router = APIRouter(prefix="/v1", tags=["books"])
P = Permission.BOOKS_READ
Reader = Annotated[Caller, Depends(needs(P))]


@router.get("/tenants/{tenant_id}/budgets", **operation(P, BudgetList, refuses=(404,)))
def list_budgets(caller: Reader, tenant_id: Id) -> Any:
    """A tenant's budgets and quotas: what is used and reserved of each in the period that holds this moment."""
    tenant = own_tenant(caller, tenant_id, P)
    hub = caller.reading(P)
    states, alerts = budget_states(hub, tenant=tenant), budget_alerts(hub, tenant=tenant)
    return caller.answer(BudgetList(budgets=tuple(states), alerts=tuple(alerts)))


@router.get("/tenants/{tenant_id}/documents", **operation(P, DocumentList, refuses=(404,)))
def list_documents(caller: Reader, tenant_id: Id, month: Month) -> Any:
    """A tenant's invoice of a month, and its credit note. Those of a closed month never change."""
    tenant = own_tenant(caller, tenant_id, P)
    return caller.answer(DocumentList(documents=tuple(tenant_documents(caller.reading(P), tenant, month))))


@router.get("/tenants/{tenant_id}/delivered", **operation(P, DeliveredMonth, refuses=(404,)))
def show_delivered(caller: Reader, tenant_id: Id, month: Month) -> Any:
    """A tenant's compute of a month in PFLOP-hours: at the peak of its cards, and what of it was delivered."""
    tenant = own_tenant(caller, tenant_id, P)
    return caller.answer(delivered_month(caller.reading(P), tenant, month))


@router.get("/sites/{site_id}/revenue", **operation(Permission.SITES_OPERATE, SiteRevenue, refuses=(400, 404)))
def show_revenue(
    who: Annotated[Caller, Depends(caller)],
    site_id: Id,
    hours: Annotated[int, Query(ge=1, le=24 * 31, description="Whole hours from now on.")] = 48,
) -> Any:
    """What a site's promised hours earn at the marginal prices of the hours ahead, and what its idle ones are worth."""
    site_books(who, site_id)
    return who.answer(revenue_ahead(who.house.hub, site_id, hours))


@router.get("/sites/{site_id}/statement", **operation(Permission.SITES_OPERATE, Invoice, refuses=(404,)))
def show_statement(who: Annotated[Caller, Depends(caller)], site_id: Id, month: Month) -> Any:
    """What a site earned in a month, job by job: for its operator, and for who may read all books."""
    return who.answer(site_statement(site_books(who, site_id), site_id, month))


@router.get("/programmes/{programme_id}/statement", **operation(Permission.VOUCHERS_MAKE, Invoice, refuses=(404,)))
def show_programme_statement(who: Annotated[Caller, Depends(caller)], programme_id: Id, month: Month) -> Any:
    """What the fund of a programme paid in a month, job by job: for its office, and for who may read all books."""
    return who.answer(programme_statement(programme_books(who, programme_id), programme_id, month))
