"""Overview: where the hubs are, how full, at which price now, what runs, and what moves between places."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil, floor
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.domain.job import JobState
from suanwang.interfaces.serving.caller import Caller
from suanwang.interfaces.web.page import Visitor, render
from suanwang.service.drains import present
from suanwang.service.hourly import Flow, GridHour, grid_hour
from suanwang.service.hub import Hub
from suanwang.service.jobs import lines_of
from suanwang.service.listing import JobLine, ask_pools, site_status

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
REACH_H = 48
"""How many hours the map goes back and ahead."""
Hour = Annotated[int, Query(ge=-REACH_H, le=REACH_H)]


@router.get("/")
def overview(request: Request, who: Visitor, hour: Hour = 0) -> Response:
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
        **of_hour(who, hour),
    )


@router.get("/flows")
def flows_part(request: Request, who: Visitor, hour: Hour = 0) -> Response:
    """The map of one hour of the last or next 48, and its table: a part of the overview."""
    return render(request, "flows.html", who, **of_hour(who, hour))


def of_hour(who: Caller, hour: int) -> dict[str, Any]:
    """What the part shows: a caller who may not see jobs sees prices and carbon alone."""
    hub = present(who.house.hub, who.house.store)
    sees = who.principal.may(Permission.JOBS_READ)
    tenant = who.principal.tenant_for(Permission.JOBS_READ) if sees else ""
    seen = replace(hub, store=who.reading(Permission.JOBS_READ).store) if sees else hub
    found = grid_hour(seen, tenant, hour)
    names = {s.id: s.name_zh if who.lang == "zh-CN" and s.name_zh else s.name for s in hub.grid.sites}
    names |= {c.id: c.name_zh if who.lang == "zh-CN" and c.name_zh else c.name for c in hub.grid.cities}
    flows = found.flows if sees else ()
    shown = (
        {s.site_id: f"{names[s.site_id]} ({s.working:.0f}/{s.accelerators})" for s in found.sites} if sees else names
    )
    return {
        "found": found,
        "hour": hour,
        "reach": REACH_H,
        "sees": sees,
        "names": names,
        "flows": flows,
        "chart": flow_map(hub, found, flows, shown),
    }


def flow_map(hub: Hub, found: GridHour, flows: Sequence[Flow], names: Mapping[str, str]) -> dict[str, Any]:
    """An ECharts option: sites at their longitude and latitude, sized by accelerators, coloured by the price of power;
    lines from where data lies to where its job runs. No borders are drawn."""
    prices = [s.power_price_per_kwh for s in found.sites if s.power_price_per_kwh is not None]
    places = {s.id: (s.longitude, s.latitude) for s in hub.grid.sites}
    places |= {c.id: (c.longitude, c.latitude) for c in hub.grid.cities}
    nodes = [
        {
            "name": names[s.site_id],
            "value": [*places[s.site_id], s.power_price_per_kwh],
            "symbolSize": min(60, 12 + s.accelerators**0.5 * 1.6),
        }
        for s in found.sites
    ]
    moved = [flow for flow in flows if flow.data_at in places]
    arcs = [{"coords": [places[f.data_at], places[f.site_id]], "name": f.workload} for f in moved]
    shown = [places[s.site_id] for s in found.sites] + [places[f.data_at] for f in moved]
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
