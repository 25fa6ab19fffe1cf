"""Sites, pools and prices over HTTP: what the grid has now, what it costs, and draining."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from suanwang import __version__
from suanwang.domain.identity import Permission
from suanwang.domain.site import Site
from suanwang.interfaces.api.operations import Id, operation
from suanwang.interfaces.api.tags import require_match, tagged
from suanwang.interfaces.serving.bodies import body_of
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.schemas.answers import Moment, PriceTable
from suanwang.schemas.requests import Drained
from suanwang.service.drains import operated, pool_place, present, set_drained, site_place
from suanwang.service.hub import Hub
from suanwang.service.listing import SiteList, SiteStatus, ask_pools, site_status
from suanwang.service.pricing import price_table

router = APIRouter(prefix="/v1", tags=["sites"])
Reader = Annotated[Caller, Depends(needs(Permission.GRID_READ))]
Operator = Annotated[Caller, Depends(needs(Permission.SITES_OPERATE))]
Wish = Annotated[Drained, Depends(body_of(Drained))]


@router.get("/now", **operation(Permission.GRID_READ, Moment))
def show_now(caller: Reader) -> Any:
    """Grid time, and what grid this is."""
    hub = caller.house.hub
    return caller.answer(Moment(now=hub.clock.now(), grid=hub.grid.id, currency=hub.grid.currency, version=__version__))


def present_hub(caller: Caller) -> Hub:
    """The hub with the drains of this moment."""
    return present(caller.house.hub, caller.house.store)


def status_of_site(hub: Hub, site: Site) -> SiteStatus:
    """A site as it is now; its engines are asked."""
    return site_status(hub, site, ask_pools(hub, [p.id for p in hub.grid.pools if p.site_id == site.id]))


@router.get("/sites", **operation(Permission.GRID_READ, SiteList))
def list_sites(caller: Reader) -> Any:
    """Every site with its pools, its price of power, its PUE and its carbon, now."""
    hub = present_hub(caller)
    capacities = ask_pools(hub, [p.id for p in hub.grid.pools])
    return caller.answer(SiteList(sites=tuple(site_status(hub, s, capacities) for s in hub.grid.sites)))


@router.get("/sites/{site_id}", **operation(Permission.GRID_READ, SiteStatus, refuses=(404,)))
def show_site(request: Request, caller: Reader, site_id: Id) -> Response:
    """A site with its pools, now."""
    hub = present_hub(caller)
    return tagged(request, caller, status_of_site(hub, hub.grid.site(site_id)))


@router.put(
    "/sites/{site_id}/drained", **operation(Permission.SITES_OPERATE, SiteStatus, body=Drained, refuses=(404, 412))
)
def drain_site(request: Request, caller: Operator, site_id: Id, wish: Wish) -> Response:
    """Let a site take no new work, or take work again. A drain of the grid file itself is not lifted."""
    hub = _operated(caller)
    site = hub.grid.site(site_id)
    require_match(request, status_of_site(hub, site))
    return _drain(request, caller, site_place(site.id), site.id, wish)


@router.put(
    "/pools/{pool_id}/drained", **operation(Permission.SITES_OPERATE, SiteStatus, body=Drained, refuses=(404, 412))
)
def drain_pool(request: Request, caller: Operator, pool_id: Id, wish: Wish) -> Response:
    """Let a pool take no new work, or take work again; answers with its site."""
    hub = _operated(caller)
    pool = hub.grid.pool(pool_id)
    require_match(request, status_of_site(hub, hub.grid.site(pool.site_id)))
    return _drain(request, caller, pool_place(pool.id), pool.site_id, wish)


def _operated(caller: Caller) -> Hub:
    """The hub with those sites and pools alone that the caller operates."""
    hub = present_hub(caller)
    return replace(hub, grid=operated(hub.grid, caller.principal))


def _drain(request: Request, caller: Caller, place: str, site_id: str, wish: Drained) -> Response:
    action = "drain" if wish.drained else "undrain"
    hub = caller.changing(Permission.SITES_OPERATE, action, place)
    with caller.store(hub).transaction() as tx:
        set_drained(tx, hub, place, caller.principal.user.id, drained=wish.drained)
    now = present_hub(caller)
    return tagged(request, caller, status_of_site(now, now.grid.site(site_id)))


@router.get("/prices", **operation(Permission.GRID_READ, PriceTable, refuses=(400,)))
def list_prices(
    caller: Reader, hours: Annotated[int, Query(ge=1, le=24 * 31, description="Whole hours from now on.")] = 48
) -> Any:
    """The marginal price of an accelerator-hour in each pool and hour: rent, power, congestion."""
    hub = present_hub(caller)
    return caller.answer(price_table(hub, hours))
