"""Sites: what each has, how it is, what it earned; and drain."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.domain.money import Money
from suanwang.errors import NotFound, NotPermitted, msg
from suanwang.interfaces.web.page import Visitor, render
from suanwang.service.drains import pool_place, present, set_drained, site_place
from suanwang.service.listing import ask_pools, site_status

router = APIRouter(include_in_schema=False, prefix="/sites")


@router.get("")
def list_page(request: Request, who: Visitor) -> Response:
    """Every site as it is now."""
    who.principal.require(Permission.GRID_READ)
    hub = present(who.house.hub, who.house.store)
    capacities = ask_pools(hub, [p.id for p in hub.grid.pools])
    return render(request, "sites.html", who, sites=[site_status(hub, s, capacities) for s in hub.grid.sites])


@router.get("/{site_id}")
def site_page(request: Request, who: Visitor, site_id: str) -> Response:
    """One site with its pools. Raises NotFound."""
    who.principal.require(Permission.GRID_READ)
    hub = present(who.house.hub, who.house.store)
    site = hub.grid.site(site_id)
    status = site_status(hub, site, ask_pools(hub, [p.id for p in hub.grid.pools if p.site_id == site.id]))
    earned = None
    if _operates(who, site_id) or who.principal.everywhere(Permission.BOOKS_READ):
        with who.house.store.transaction() as tx:
            earned = Money(tx.ledger.balance(f"site:{site.id}:{hub.grid.currency}").posted, hub.grid.currency)
    return render(
        request, "site.html", who, site=status, source=site.tariff, earned=earned, operates=_operates(who, site_id)
    )


def _operates(who: Visitor, site_id: str) -> bool:
    """Its own operator, or the grid's."""
    return who.principal.may(Permission.SITES_OPERATE) and who.principal.user.site in ("", site_id)


@router.post("/{site_id}/drain")
def drain(
    who: Visitor, site_id: str, drained: Annotated[bool, Form()], pool: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Let a site, or one pool of it, take no new work, or take work again. Raises NotFound, NotPermitted."""
    hub = present(who.house.hub, who.house.store)
    site = hub.grid.site(site_id)
    who.principal.require(Permission.SITES_OPERATE)
    if not _operates(who, site_id):
        raise NotPermitted("role-missing", msg("this is another's site"), msg("Ask its operator."))
    place = site_place(site.id)
    if pool:
        if hub.grid.pool(pool).site_id != site.id:
            raise NotFound(
                "not-found", msg("there is no {noun} {key}", noun=msg("pool"), key=pool), msg("Check the id.")
            )
        place = pool_place(pool)
    changing = who.changing(Permission.SITES_OPERATE, "drain" if drained else "undrain", place)
    with who.store(changing).transaction() as tx:
        set_drained(tx, changing, place, who.principal.user.id, drained=drained)
    return Response(status_code=204, headers={"HX-Refresh": "true"})
