"""The books of the whole grid over HTTP: closed months and the close of one, charges of all tenants."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from suanwang.domain.identity import Permission
from suanwang.domain.period import ClosedPeriod
from suanwang.errors import Conflict, NotNow
from suanwang.interfaces.api.operations import operation
from suanwang.interfaces.serving.bodies import body_of
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.interfaces.serving.shelf import Month, own_tenant
from suanwang.schemas.answers import ChargeList, PeriodList
from suanwang.schemas.requests import MonthToClose
from suanwang.service.exporting import billed
from suanwang.service.periods import close_month, closed_months

router = APIRouter(prefix="/v1", tags=["books"])
P = Permission.LEDGER_READ
Auditor = Annotated[Caller, Depends(needs(P))]
Cashier = Annotated[Caller, Depends(needs(Permission.BOOKS_WRITE))]
Tenant = Annotated[str, Query(pattern=r"^([A-Za-z0-9][A-Za-z0-9._@:-]{0,127})?$", description="Only this one's.")]


@router.get("/periods", **operation(P, PeriodList))
def list_periods(caller: Auditor) -> Any:
    """The months that are closed, in order."""
    return caller.answer(PeriodList(periods=tuple(closed_months(caller.reading(P)))))


@router.post("/periods", **operation(Permission.BOOKS_WRITE, ClosedPeriod, body=MonthToClose, refuses=(400, 409)))
def close_period(caller: Cashier, asked: Annotated[MonthToClose, Depends(body_of(MonthToClose))]) -> Any:
    """Close a month and issue its documents: no transfer of that time is taken any more. A repeat changes nothing."""
    hub = caller.changing(Permission.BOOKS_WRITE, "close month", asked.month)
    try:
        return caller.answer(close_month(hub, asked.month))
    except NotNow as early:  # a clash with what is there: no retry of the next seconds helps
        raise Conflict(early.code, early.message, early.remedy) from early


@router.get("/charges", **operation(P, ChargeList, refuses=(404, 409)))
def list_charges(caller: Auditor, month: Month, tenant: Tenant = "") -> Any:
    """Every charge, credit and rounding of a month, of all tenants or of one."""
    if tenant:
        own_tenant(caller, tenant, P)
    return caller.answer(ChargeList(rows=tuple(billed(caller.reading(P), month, tenant))))
