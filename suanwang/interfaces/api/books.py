"""Money and vouchers over HTTP: what a tenant has, what it was moved for, whether the books balance."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Response

from suanwang.domain.identity import Permission
from suanwang.domain.ledger import Balance
from suanwang.domain.programme import Programme
from suanwang.domain.voucher import Voucher
from suanwang.errors import InvalidInput, NotPermitted, Problem, msg
from suanwang.interfaces.api.operations import AfterNumber, Id, Limit, operation
from suanwang.interfaces.serving.bodies import body_of
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.interfaces.serving.shelf import Month, own_tenant
from suanwang.schemas.answers import ProgrammeList, TenantLine, TenantList, TransferPage
from suanwang.schemas.focus import focus_csv, plain_csv
from suanwang.schemas.requests import NewVoucher, Payment
from suanwang.service.exporting import billed
from suanwang.service.jobs import visible
from suanwang.service.listing import VoucherList, balance_of, transfers_of, vouchers_left
from suanwang.service.tenants import LedgerReport, check_ledger, issue_voucher, pay_fund, pay_in
from suanwang.settle.office import two_persons

router = APIRouter(prefix="/v1", tags=["books"])
Reader = Annotated[Caller, Depends(needs(Permission.BOOKS_READ))]
Cashier = Annotated[Caller, Depends(needs(Permission.BOOKS_WRITE))]
Auditor = Annotated[Caller, Depends(needs(Permission.LEDGER_READ))]
Anybody = Annotated[Caller, Depends(needs(Permission.GRID_READ))]
Maker = Annotated[Caller, Depends(needs(Permission.VOUCHERS_MAKE))]
Key = Annotated[str, Header(alias="Idempotency-Key", pattern=r"^[!-~]{1,200}$")]
Paid = Annotated[Payment, Depends(body_of(Payment))]


@router.get("/tenants", **operation(Permission.BOOKS_READ, TenantList))
def list_tenants(caller: Reader) -> Any:
    """The tenants that the caller may see."""
    seen = [
        TenantLine(id=t.id, name=t.name, name_zh=t.name_zh)
        for t in caller.house.hub.grid.tenants
        if visible(caller.principal, t.id, Permission.BOOKS_READ)
    ]
    return caller.answer(TenantList(tenants=tuple(sorted(seen, key=lambda t: t.id))))


@router.get("/tenants/{tenant_id}/balance", **operation(Permission.BOOKS_READ, Balance, refuses=(404,)))
def show_balance(caller: Reader, tenant_id: Id) -> Any:
    """A tenant's money, in millionths of the grid's currency: posted, and what is held of it."""
    tenant = own_tenant(caller, tenant_id, Permission.BOOKS_READ)
    return caller.answer(balance_of(caller.reading(Permission.BOOKS_READ), tenant))


@router.get("/tenants/{tenant_id}/transfers", **operation(Permission.BOOKS_READ, TransferPage, refuses=(404,)))
def list_transfers_of(caller: Reader, tenant_id: Id, after: AfterNumber = 0, limit: Limit = 100) -> Any:
    """What moved a tenant's money, in the order it was posted."""
    tenant = own_tenant(caller, tenant_id, Permission.BOOKS_READ)
    found = transfers_of(caller.reading(Permission.BOOKS_READ), tenant, after, limit)
    return caller.answer(_page(found, after, limit))


def _page(found: Any, after: int, limit: int) -> TransferPage:
    return TransferPage(transfers=tuple(found), next=after + len(found) if len(found) == limit else None)


Form = Annotated[Literal["csv", "focus-1.2", "focus-1.4"], Query(alias="format", description="Plain, or FOCUS.")]


@router.get(
    "/tenants/{tenant_id}/charges.csv",
    **operation(Permission.BOOKS_READ, {"type": "string"}, media="text/csv", refuses=(404, 409)),
)
def export_charges(caller: Reader, tenant_id: Id, month: Month, form: Form = "focus-1.2") -> Response:
    """What a tenant is billed for a month, line by line, for other programs: FOCUS is the FinOps Open Cost and Usage
    Specification. The sum of its BilledCost is what the documents of the month ask for."""
    tenant = own_tenant(caller, tenant_id, Permission.BOOKS_READ)
    rows = billed(caller.reading(Permission.BOOKS_READ), month, tenant)
    text = plain_csv(rows) if form == "csv" else focus_csv(rows, form.removeprefix("focus-"))
    headers = {"Content-Disposition": f'attachment; filename="{tenant}-{month}-{form}.csv"'}
    return Response(text, media_type="text/csv", headers=headers)


@router.get("/tenants/{tenant_id}/vouchers", **operation(Permission.BOOKS_READ, VoucherList, refuses=(404,)))
def list_vouchers(caller: Reader, tenant_id: Id) -> Any:
    """A tenant's vouchers with what is left of each, soonest expiry first."""
    tenant = own_tenant(caller, tenant_id, Permission.BOOKS_READ)
    return caller.answer(VoucherList(vouchers=vouchers_left(caller.reading(Permission.BOOKS_READ), tenant)))


@router.post(
    "/tenants/{tenant_id}/deposits", **operation(Permission.BOOKS_WRITE, Balance, body=Payment, refuses=(400, 404, 409))
)
def pay_deposit(caller: Cashier, tenant_id: Id, payment: Paid, idempotency_key: Key) -> Any:
    """Book money that a tenant paid in; the same Idempotency-Key is the same payment."""
    tenant = own_tenant(caller, tenant_id, Permission.BOOKS_WRITE)
    hub = caller.changing(Permission.BOOKS_WRITE, "deposit", f"{tenant} {idempotency_key}")
    _require(payment, hub.grid.currency)
    return caller.answer(pay_in(hub, tenant, payment.amount, idempotency_key))


@router.get("/programmes", **operation(Permission.GRID_READ, ProgrammeList))
def list_programmes(caller: Anybody) -> Any:
    """The voucher programmes of the grid, with their rules."""
    return caller.answer(ProgrammeList(programmes=caller.house.hub.grid.programmes))


@router.get("/programmes/{programme_id}", **operation(Permission.GRID_READ, Programme, refuses=(404,)))
def show_programme(caller: Anybody, programme_id: Id) -> Any:
    """One voucher programme."""
    return caller.answer(caller.house.hub.grid.programme(programme_id))


@router.post(
    "/programmes/{programme_id}/funds",
    **operation(Permission.BOOKS_WRITE, None, status=204, body=Payment, refuses=(400, 404, 409)),
)
def pay_programme(caller: Cashier, programme_id: Id, payment: Paid, idempotency_key: Key) -> Response:
    """Book money that an issuer paid into a programme's fund; the same Idempotency-Key is the same payment."""
    hub = caller.changing(Permission.BOOKS_WRITE, "fund programme", f"{programme_id} {idempotency_key}")
    _require(payment, hub.grid.programme(programme_id).currency)
    pay_fund(hub, programme_id, payment.amount, idempotency_key)
    return Response(status_code=204)


def _require(payment: Payment, currency: str) -> None:
    """Raises InvalidInput for an amount of another currency, or of nothing."""
    if payment.amount.unit != currency:
        what = msg("The amount must be in {currency}.", currency=currency)
    elif payment.amount.micro <= 0:
        what = msg("An amount must be above 0.")
    else:
        return
    raise InvalidInput([Problem("body amount", what, msg("Give a number such as 1234.50."))])


@router.post(
    "/vouchers", **operation(Permission.VOUCHERS_MAKE, Voucher, status=201, body=NewVoucher, refuses=(404, 409))
)
def make_voucher(caller: Maker, new: Annotated[NewVoucher, Depends(body_of(NewVoucher))]) -> Any:
    """Issue a voucher to a tenant. The same id again changes nothing."""
    hub = caller.changing(Permission.VOUCHERS_MAKE, "issue voucher", new.id)
    now = hub.clock.now()
    problems = []
    if new.face.unit != hub.grid.programme(new.programme).currency or new.face.micro <= 0:
        what = msg("The amount must be in {currency}.", currency=hub.grid.programme(new.programme).currency)
        problems.append(Problem("body face", what, msg("Give a number such as 1234.50.")))
    if new.expires <= now:
        what = msg("{text} is past.", text=new.expires.isoformat())
        problems.append(Problem("body expires", what, msg("Write it as 2027-01-01T00:00+08:00.")))
    if problems:
        raise InvalidInput(problems)
    if two_persons(hub.grid.programme(new.programme), new.face):
        raise NotPermitted(
            "second-person",
            msg("a voucher of this amount needs a second person"),
            msg("Let the tenant apply: a checker approves what a maker has checked, and the voucher is issued."),
        )
    voucher = Voucher(
        id=new.id, programme_id=new.programme, tenant=new.tenant, face=new.face, issued=now, expires=new.expires
    )
    issue_voucher(hub, voucher)
    return caller.answer(voucher, 201)


@router.get("/ledger/check", **operation(Permission.LEDGER_READ, LedgerReport, refuses=(400,)))
def check_books(caller: Auditor) -> Any:
    """Re-derive every balance from the first transfer; refuses naming the first thing that is wrong."""
    return caller.answer(check_ledger(caller.reading(Permission.LEDGER_READ)))


@router.get("/ledger/transfers", **operation(Permission.LEDGER_READ, TransferPage))
def list_transfers(caller: Auditor, after: AfterNumber = 0, limit: Limit = 100) -> Any:
    """Every transfer in the order it was posted."""
    with caller.reading(Permission.LEDGER_READ).store.transaction() as tx:
        found = tx.ledger.transfers(after=after, limit=limit)
    return caller.answer(_page(found, after, limit))
