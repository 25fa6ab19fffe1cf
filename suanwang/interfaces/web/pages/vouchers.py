"""Vouchers: programmes in plain words, applications and claims with their signed steps, and where the money went."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from suanwang.domain.docket import STEPS, Docket, Role
from suanwang.domain.identity import Permission
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.interfaces.web.page import Visitor, render
from suanwang.schemas.case import read_case
from suanwang.service.claims import metered_of
from suanwang.service.office import Signature, apply, take
from suanwang.service.programme_report import ProgrammeReport, programme_report
from suanwang.settle.abuse.usage import METERED_LEAST
from suanwang.settle.grant import assess
from suanwang.settle.programme_words import programme_in_words

router = APIRouter(include_in_schema=False, prefix="/vouchers")
OFFICE = (Permission.VOUCHERS_MAKE, Permission.VOUCHERS_CHECK, Permission.LEDGER_READ)
CASE = """apiVersion: suanwang/v1
kind: Case
case:
  at: 2026-12-01
  facts:
    provider: {province: CN-GZ}
  costs:
    - {line: rent, amount: 50000 CNY}
"""


@router.get("")
def list_page(request: Request, who: Visitor) -> Response:
    """The programmes of the grid, and the dockets that the visitor may see."""
    who.principal.require(Permission.GRID_READ)
    return render(
        request,
        "vouchers.html",
        who,
        programmes=who.house.hub.grid.programmes,
        dockets=_dockets(who),
        office=_in_office(who),
    )


def _in_office(who: Visitor) -> bool:
    return any(who.principal.everywhere(permission) for permission in OFFICE)


def _dockets(who: Visitor, programme_id: str = "") -> list[Docket]:
    """Everybody's for the office and auditors, else those of the visitor's own organisation."""
    tenant = who.principal.user.organisation
    if not _in_office(who) and not tenant:
        return []
    with who.house.store.transaction() as tx:
        return tx.dockets.find(programme_id, tenant="" if _in_office(who) else tenant)


@router.get("/programme/{programme_id}")
def programme_page(request: Request, who: Visitor, programme_id: str) -> Response:
    """A programme in plain words; for the office, where its money went. Raises NotFound."""
    who.principal.require(Permission.GRID_READ)
    programme = who.house.hub.grid.programme(programme_id)
    report = programme_report(who.house.hub, programme_id) if _in_office(who) else None
    return render(
        request,
        "programme.html",
        who,
        programme=programme,
        rules=programme_in_words(programme),
        report=report,
        sankey=sankey(report) if report else None,
        dockets=_dockets(who, programme_id),
        example=CASE,
        applies=bool(who.principal.user.organisation) and who.principal.may(Permission.QUOTE),
    )


def sankey(report: ProgrammeReport) -> dict[str, Any] | None:
    """An ECharts option: fund line → programme → tenant → site, thick as the money; None where nothing flowed."""
    paid = [(f"{line} ", report.programme.id, s["paid"].micro / 1e6) for line, s in report.lines.items()]
    flows = [link for link in paid if link[2] > 0]
    total: dict[tuple[str, str], float] = {}
    for job in report.jobs:
        for pair in ((report.programme.id, job.tenant), (job.tenant, f"{job.site_id}  ")):
            total[pair] = total.get(pair, 0.0) + job.paid.micro / 1e6
    flows += [(a, b, value) for (a, b), value in total.items() if value > 0]
    if not flows:
        return None
    names = dict.fromkeys(name for a, b, _ in flows for name in (a, b))
    return {
        "tooltip": {},
        "series": [
            {
                "type": "sankey",
                "data": [{"name": name} for name in names],
                "links": [{"source": a, "target": b, "value": round(value, 2)} for a, b, value in flows],
            }
        ],
    }


@router.post("/programme/{programme_id}/quote")
def quote_part(
    request: Request, who: Visitor, programme_id: str, file: Annotated[str, Form(max_length=100_000)]
) -> Response:
    """What it would grant in the case of the form, and why. Raises InvalidInput, NotFound."""
    who.principal.require(Permission.GRID_READ)
    programme = who.house.hub.grid.programme(programme_id)
    result = assess(programme, read_case(file, "case", programme))
    return render(request, "grant_part.html", who, result=result)


@router.post("/programme/{programme_id}/apply")
def apply_form(
    who: Visitor,
    programme_id: str,
    file: Annotated[str, Form(max_length=100_000)],
    docket_id: Annotated[str, Form(max_length=64)],
) -> Response:
    """Apply for the visitor's own organisation. Raises InvalidInput, NotFound, Conflict."""
    user = who.principal.user
    if not user.organisation:
        raise NotFound("not-found", msg("there is no {noun} {key}", noun=msg("tenant"), key="–"), msg("Check the id."))
    if not docket_id.strip() or not docket_id.isprintable():
        what, remedy = msg("It is blank."), msg("Give a name that says which one it is.")
        raise InvalidInput([Problem("docket_id", what, remedy)])
    case = read_case(file, "case", who.house.hub.grid.programme(programme_id))
    hub = who.changing(Permission.QUOTE, "apply for voucher", docket_id)
    docket = apply(hub, programme_id, case, user.organisation, docket_id, Signature(actor=user.id, role=Role.TENANT))
    return Response(status_code=204, headers={"HX-Redirect": f"/vouchers/docket/{docket.id}"})


@router.get("/docket/{docket_id}")
def docket_page(request: Request, who: Visitor, docket_id: str) -> Response:
    """One docket with its steps, and the steps that the visitor may take. Raises NotFound."""
    docket = _docket(who, docket_id)
    with who.house.store.transaction() as tx:
        steps = tx.dockets.steps(docket_id)
    mine, metered = _roles(who, docket), metered_of(who.house.hub, docket)
    possible = [
        (after, next(iter(sorted(mine & roles))))
        for (before, after), roles in STEPS[docket.kind].items()
        if before == docket.state and mine & roles
    ]
    return render(
        request,
        "docket.html",
        who,
        docket=docket,
        steps=steps,
        possible=possible,
        metered=metered,
        metered_least=METERED_LEAST,
    )


def _docket(who: Visitor, docket_id: str) -> Docket:
    with who.house.store.transaction() as tx:
        docket = tx.dockets.get(docket_id)
    if not _in_office(who) and docket.tenant != (who.principal.user.organisation or None):
        raise NotFound(
            "not-found", msg("there is no {noun} {key}", noun=msg("docket"), key=docket_id), msg("Check the id.")
        )
    return docket


def _roles(who: Visitor, docket: Docket) -> set[Role]:
    """In which capacities the visitor may act on a docket."""
    roles = set()
    if who.principal.everywhere(Permission.VOUCHERS_MAKE):
        roles.add(Role.MAKER)
    if who.principal.everywhere(Permission.VOUCHERS_CHECK):
        roles.add(Role.CHECKER)
    if who.principal.everywhere(Permission.BOOKS_WRITE):
        roles.add(Role.FINANCE)
    if docket.tenant == (who.principal.user.organisation or None) and who.principal.may(Permission.QUOTE):
        roles.add(Role.TENANT)
    return roles


NEEDED = {
    Role.MAKER: Permission.VOUCHERS_MAKE,
    Role.CHECKER: Permission.VOUCHERS_CHECK,
    Role.FINANCE: Permission.BOOKS_WRITE,
    Role.TENANT: Permission.QUOTE,
}


@router.post("/docket/{docket_id}/step")
def step_form(
    who: Visitor,
    docket_id: str,
    after: Annotated[str, Form(max_length=40)],
    role: Annotated[Role, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Take a step, signed by the visitor. Raises NotFound, NotPermitted, Never, NotNow."""
    docket = _docket(who, docket_id)
    if role not in _roles(who, docket):
        who.principal.require(NEEDED.get(role, Permission.AGENT_SYNC))
    hub = who.changing(NEEDED[role], f"docket to {after}", docket_id)
    take(hub, docket_id, after, Signature(actor=who.principal.user.id, role=role, reason=reason))
    return Response(status_code=204, headers={"HX-Refresh": "true"})
