"""Draining: a site or a pool takes no new work, while what runs there runs on. Kept in the database, so that every hub
knows of it; the grid file's own `drained` cannot be lifted here."""

from collections.abc import Set
from dataclasses import replace

from suanwang.domain.identity import Principal
from suanwang.domain.site import Grid
from suanwang.hub_ports import HubStore, HubTransaction
from suanwang.service.hub import Hub


def site_place(site_id: str) -> str:
    return f"site:{site_id}"


def pool_place(pool_id: str) -> str:
    return f"pool:{pool_id}"


def with_drains(grid: Grid, drained: Set[str]) -> Grid:
    """The grid with these places drained too."""
    if not drained:
        return grid
    sites = tuple(replace(s, drained=s.drained or site_place(s.id) in drained) for s in grid.sites)
    pools = tuple(replace(p, drained=p.drained or pool_place(p.id) in drained) for p in grid.pools)
    return replace(grid, sites=sites, pools=pools)


def operated(grid: Grid, principal: Principal) -> Grid:
    """The grid with those sites and pools alone that the principal operates: its own, or as the grid's operator all."""
    site = principal.user.site
    sites = tuple(s for s in grid.sites if site in ("", s.id))
    return replace(grid, sites=sites, pools=tuple(p for p in grid.pools if site in ("", p.site_id)))


def present(hub: Hub, store: HubStore) -> Hub:
    """The hub with the drains of this moment."""
    with store.reading() as tx:
        return replace(hub, grid=with_drains(hub.grid, tx.operations.drained()))


def set_drained(tx: HubTransaction, hub: Hub, place: str, by: str, *, drained: bool) -> None:
    """Drain a place or lift it; a repeat changes nothing."""
    if drained:
        tx.operations.drain(place, by, hub.clock.now())
    else:
        tx.operations.undrain(place)
