"""Prices: what an accelerator-hour costs at every pool and hour, and of what it is made."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.interfaces.web.page import Visitor, render
from suanwang.schemas.answers import PriceTable
from suanwang.service.drains import present
from suanwang.service.pricing import price_table

router = APIRouter(include_in_schema=False, prefix="/prices")


@router.get("")
def prices_page(request: Request, who: Visitor, hours: Annotated[int, Query(ge=6, le=168)] = 48) -> Response:
    """The marginal price by pool and hour."""
    who.principal.require(Permission.GRID_READ)
    table = price_table(present(who.house.hub, who.house.store), hours)
    names = [(table.start + timedelta(hours=h)).strftime("%m-%d %H") for h in range(table.hours)]
    return render(request, "prices.html", who, table=table, names=names, hours=hours, heat=heat_map(table, names))


def heat_map(table: PriceTable, names: list[str]) -> dict[str, Any]:
    """An ECharts option: hours across, pools down, the colour is the price."""
    pools = list(table.pools)
    cells = [[h, i, round(v, 4)] for i, p in enumerate(pools) for h, v in enumerate(table.pools[p].total)]
    values = [cell[2] for cell in cells] or [0.0]
    return {
        "grid": {"left": 120, "right": 48, "top": 8, "bottom": 76},
        "tooltip": {},
        "xAxis": {"type": "category", "data": names, "name": "UTC"},
        "yAxis": {"type": "category", "data": pools},
        "visualMap": {
            "min": min(values),
            "max": max(values) if max(values) > min(values) else min(values) + 0.01,
            "calculable": True,
            "orient": "horizontal",
            "left": "center",
            "bottom": 0,
            "text": [table.unit, ""],
            "inRange": {"color": ["#2b8a6b", "#e8d9a0", "#b3261e"]},
        },
        "series": [{"type": "heatmap", "data": cells}],
    }
