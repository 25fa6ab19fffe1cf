"""Overview: where the hubs are, how full, at which price now, what runs, and what moves between places."""

from math import ceil, floor
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.domain.job import JobState
from suanwang.interfaces.web.page import Visitor, render
from suanwang.service.drains import present
from suanwang.service.hub import Hub
from suanwang.service.jobs import lines_of
from suanwang.service.listing import JobLine, SiteStatus, ask_pools, site_status

router = APIRouter(include_in_schema=False)
LIVE = (
    JobState.RUNNING,
    JobState.QUEUED,
    JobState.HELD,
    JobState.PLACED,
    JobState.ESTIMATED,
    JobState.SUBMITTED,
    JobState.PREEMPTED,
)
SHOWN = 200


@router.get("/")
def overview(request: Request, who: Visitor) -> Response:
    """The map of the grid, its sites as they are now, and what runs."""
    hub = present(who.house.hub, who.house.store)
    capacities = ask_pools(hub, [p.id for p in hub.grid.pools])
    sites = [site_status(hub, s, capacities) for s in hub.grid.sites]
    jobs: tuple[JobLine, ...] = ()
    if who.principal.may(Permission.JOBS_READ):
        tenant = who.principal.tenant_for(Permission.JOBS_READ)
        jobs = lines_of(who.reading(Permission.JOBS_READ), tenant, LIVE, SHOWN, "").jobs
    present_cards = sum(p.present or 0 for s in sites for p in s.pools)
    return render(
        request,
        "overview.html",
        who,
        sites=sites,
        jobs=jobs,
        now=hub.clock.now(),
        cards=present_cards,
        free=sum(p.free or 0 for s in sites for p in s.pools),
        running=sum(j.state is JobState.RUNNING for j in jobs),
        waiting=sum(j.state is not JobState.RUNNING for j in jobs),
        prices=[s.power_price_per_kwh for s in sites if s.power_price_per_kwh is not None],
        flows=flow_map(hub, sites, jobs, who.lang),
    )


def flow_map(hub: Hub, sites: list[SiteStatus], jobs: tuple[JobLine, ...], lang: str) -> dict[str, Any]:
    """An ECharts option: sites at their longitude and latitude, sized by accelerators, coloured by the price of power;
    lines from where data lies to where its job runs. No borders are drawn."""
    prices = [s.power_price_per_kwh for s in sites if s.power_price_per_kwh is not None]
    nodes = []
    for s in sites:
        cards = sum(p.accelerators for p in s.pools)
        name = s.name_zh if lang == "zh-CN" and s.name_zh else s.name
        nodes.append(
            {
                "name": name,
                "value": [s.longitude, s.latitude, s.power_price_per_kwh],
                "symbolSize": min(60, 12 + cards**0.5 * 1.6),
            }
        )
    places = {s.id: (s.longitude, s.latitude) for s in hub.grid.sites}
    places |= {c.id: (c.longitude, c.latitude) for c in hub.grid.cities}
    with hub.store.transaction() as tx:
        moved = [(data.at, line) for line in jobs for data in tx.jobs.get(line.id).workload.data]
    moved = [(at, line) for at, line in moved if {at, line.site_id} <= set(places) and at != line.site_id]
    arcs = [{"coords": [places[at], places[line.site_id]], "name": line.name} for at, line in moved]
    shown = [places[s.id] for s in sites] + [places[at] for at, _ in moved]
    low, high = (min(prices), max(prices)) if prices else (0.0, 1.0)
    return {
        "grid": {"left": 50, "right": 150, "top": 24, "bottom": 40},
        "tooltip": {},
        "xAxis": {"type": "value", "name": "°E", **_span([p[0] for p in shown])},
        "yAxis": {"type": "value", "name": "°N", **_span([p[1] for p in shown])},
        "visualMap": {
            "min": low,
            "max": high if high > low else low + 0.01,
            "dimension": 2,
            "right": 0,
            "top": "middle",
            "text": [f"{hub.grid.currency}/kWh", ""],
            "inRange": {"color": ["#2b8a6b", "#d9a441", "#b3261e"]},
            "seriesIndex": 0,
        },
        "series": [
            {"type": "scatter", "data": nodes, "label": {"show": True, "formatter": "{b}", "position": "right"}},
            {
                "type": "lines",
                "coordinateSystem": "cartesian2d",
                "data": arcs,
                "lineStyle": {"curveness": 0.25, "width": 2, "opacity": 0.7},
                "symbol": ["none", "arrow"],
            },
        ],
    }


def _span(values: list[float]) -> dict[str, int]:
    """Whole degrees around some values, with room at both ends."""
    room = max(2.0, (max(values) - min(values)) * 0.12)
    return {"min": floor(min(values) - room), "max": ceil(max(values) + room)}
