"""The voucher office over HTTP: dockets (applications, vouchers, claims), and the steps that people sign.

In which role a principal signs follows from what it may: a checker's step is the checker's. Where the programme asks
for two persons, the one who made a docket cannot also check it, whatever its roles.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from suanwang.domain.docket import Docket
from suanwang.domain.docket import Role as Side
from suanwang.domain.identity import Permission, Principal
from suanwang.errors import NotFound, NotPermitted, msg
from suanwang.interfaces.api.operations import Id, operation
from suanwang.interfaces.serving.bodies import body_of
from suanwang.interfaces.serving.caller import Caller, caller
from suanwang.schemas.answers import DocketShown
from suanwang.schemas.requests import NewStep
from suanwang.service.claims import metered_of
from suanwang.service.jobs import visible
from suanwang.service.office import Signature, take

router = APIRouter(prefix="/v1", tags=["vouchers"])
Anyone = Annotated[Caller, Depends(caller)]


def _side(principal: Principal, docket: Docket) -> Side | None:
    """The role in which a principal acts on a docket; None: it does not see it."""
    if principal.everywhere(Permission.VOUCHERS_CHECK):
        return Side.CHECKER
    if principal.everywhere(Permission.VOUCHERS_MAKE):
        return Side.MAKER
    return Side.TENANT if visible(principal, docket.tenant, Permission.BOOKS_READ) else None


def _docket(found: Caller, docket_id: str) -> tuple[Docket, Side]:
    """A docket that the caller may see, and its role there. Raises NotFound, alike for another tenant's."""
    with found.house.store.reading() as tx:
        docket = tx.dockets.get(docket_id)
    side = _side(found.principal, docket)
    if side is None:
        what = msg("there is no {noun} {key}", noun=msg("docket"), key=docket_id)
        raise NotFound("not-found", what, msg("Check the id."))
    return docket, side


@router.get("/dockets/{docket_id}", **operation(None, DocketShown, refuses=(404,)))
def show_docket(found: Anyone, docket_id: Id) -> Any:
    """A docket with every step that was signed, and what the grid metered of the use that it rests on."""
    docket, _ = _docket(found, docket_id)
    metered = metered_of(found.house.hub, docket)
    with found.house.store.reading() as tx:
        return found.show(DocketShown(docket=docket, steps=tuple(tx.dockets.steps(docket_id)), metered=metered))


@router.post("/dockets/{docket_id}/steps", **operation(None, Docket, body=NewStep, refuses=(400, 404, 409)))
def take_step(found: Anyone, docket_id: Id, step: Annotated[NewStep, Depends(body_of(NewStep))]) -> Any:
    """Sign a step of a docket as the caller; two persons where the programme asks for them."""
    docket, side = _docket(found, docket_id)
    permission = {Side.CHECKER: Permission.VOUCHERS_CHECK, Side.MAKER: Permission.VOUCHERS_MAKE}.get(side)
    if permission is None and not found.principal.within(Permission.BOOKS_READ):
        raise NotPermitted(
            "role-missing",
            msg("{user} may only look at this", user=found.principal.user.id),
            msg("Ask the tenant's own people, or the voucher office."),
        )
    hub = found.changing(permission, "sign step", f"{docket.id} {step.after}")
    signed = Signature(actor=found.principal.user.id, role=side, reason=step.reason)
    return found.show(take(hub, docket.id, step.after, signed))
