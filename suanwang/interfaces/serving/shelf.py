"""Whose books a caller may open: a tenant's, a site's, a programme's; of which month."""

from typing import Annotated

from fastapi import Query

from suanwang.domain.identity import Permission
from suanwang.errors import NotFound, msg
from suanwang.interfaces.serving.caller import Caller
from suanwang.service.drains import operated
from suanwang.service.hub import Hub
from suanwang.service.jobs import visible

Month = Annotated[str, Query(pattern=r"^[0-9]{4}-[0-9]{2}$", description="As 2026-11, in the grid's zone.")]


def own_tenant(caller: Caller, tenant: str, permission: Permission) -> str:
    """The tenant, when the caller may see its things. Raises NotFound, with the same words for another's."""
    known = tenant in {t.id for t in caller.house.hub.grid.tenants}
    if not known or not visible(caller.principal, tenant, permission):
        raise NotFound(
            "not-found", msg("there is no {noun} {key}", noun=msg("tenant"), key=tenant), msg("Check the id.")
        )
    return tenant


def site_books(who: Caller, site_id: str) -> Hub:
    """The hub, to read the books of a site: for whoever may read all books, and for the site's operator.

    Raises NotFound (another's site is like a missing one), NotPermitted(role-missing).
    """
    principal = who.principal
    if principal.everywhere(Permission.BOOKS_READ):
        who.house.hub.grid.site(site_id)
        return who.reading(Permission.BOOKS_READ)
    principal.require(Permission.SITES_OPERATE)
    operated(who.house.hub.grid, principal).site(site_id)
    return who.reading(Permission.SITES_OPERATE)


def programme_books(who: Caller, programme_id: str) -> Hub:
    """The hub, to read the books of a programme: for whoever may read all books, and for the voucher office.

    Raises NotFound, NotPermitted(role-missing).
    """
    office = (Permission.BOOKS_READ, Permission.VOUCHERS_CHECK)
    mine = next((p for p in office if who.principal.everywhere(p)), Permission.VOUCHERS_MAKE)
    who.principal.require(mine)
    who.house.hub.grid.programme(programme_id)
    return who.reading(mine)
