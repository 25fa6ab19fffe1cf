"""Admin: people and service accounts with their roles, and their tokens."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.interfaces.web.page import Visitor, render

router = APIRouter(include_in_schema=False, prefix="/admin")


@router.get("")
def people_page(request: Request, who: Visitor) -> Response:
    """The users that the visitor may see."""
    organisation = who.principal.tenant_for(Permission.USERS_READ)
    hub = who.reading(Permission.USERS_READ)
    with who.store(hub).transaction() as tx:
        users = tx.identity.users(organisation)
        tokens = {u.id: tx.identity.tokens(u.id) for u in users}
    return render(request, "admin.html", who, users=users, tokens=tokens, now=who.house.hub.clock.now())
