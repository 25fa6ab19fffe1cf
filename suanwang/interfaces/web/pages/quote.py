"""Quote: describe a workload, see the offers side by side with their cost, time and carbon, and order one."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.domain.placement import CostPart, Option
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.serving.orders import read_order
from suanwang.interfaces.web.page import Visitor, render
from suanwang.schemas.yaml_file import read_yaml
from suanwang.service.drains import present
from suanwang.service.planning import Quote, quote
from suanwang.service.submit import submit
from suanwang.units import MICRO

router = APIRouter(include_in_schema=False, prefix="/quote")
File = Annotated[str, Form(max_length=200_000)]
PARTS = (CostPart.RENT, CostPart.POWER, CostPart.DATA, CostPart.CARBON)
EXAMPLE = """apiVersion: suanwang/v1
kind: Workload
workload:
  name: sum
  kind: batch
  batch: {{duration: 10 s, duration_accelerator: {accelerator}}}
  command: [python3, -c, "print(sum(range(1000)))"]
  accelerators: {{count: 1}}
  time_limit: 1 min
"""


@router.get("")
def quote_page(request: Request, who: Visitor) -> Response:
    """The form, with an example to begin with."""
    who.principal.require(Permission.QUOTE)
    first = who.house.hub.grid.pools[0].accelerator.id
    return render(request, "quote.html", who, example=EXAMPLE.format(accelerator=first))


@router.post("")
def quote_part(request: Request, who: Visitor, file: File) -> Response:
    """The offers for the workload of the form. Raises InvalidInput with every problem."""
    found = _quoted(who, file)
    chosen = found.placement.option if found.placement else None
    options = [chosen, *found.placement.alternatives] if found.placement and chosen else []
    return render(
        request,
        "quote_part.html",
        who,
        quote=found,
        options=options,
        parts_of=PARTS,
        file=file,
        pareto=pareto(options, found.placement is not None, who),
        key=who.request_id,
    )


@router.post("/order")
def order(who: Visitor, file: File, key: Annotated[str, Form(pattern=r"^[!-~]{1,200}$")]) -> Response:
    """Order it; the same form again is the same job. Leads to the job's page."""
    workload = _read(who, file, Permission.JOBS_WRITE)
    job = submit(who.changing(Permission.JOBS_WRITE, "submit job", key), workload, key)
    return Response(status_code=204, headers={"HX-Redirect": f"/jobs/{job.id}"})


def _read(who: Visitor, file: str, permission: Permission) -> Workload:
    if not file.strip():
        what, remedy = msg("There is no workload."), msg("Fill in the form, or start from the example.")
        raise InvalidInput([Problem("workload", what, remedy)])
    return read_order(who, read_yaml(file, "workload"), permission)


def _quoted(who: Visitor, file: str) -> Quote:
    workload = _read(who, file, Permission.QUOTE)
    return quote(present(who.reading(Permission.QUOTE, everything=True), who.house.store), workload)


def pareto(options: list[Option], placed: bool, who: Visitor) -> dict[str, Any]:
    """An ECharts option: each offer a dot, cost by finish time, its size the carbon; the chosen one comes first."""
    most = max((o.carbon_kg_location for o in options), default=1.0) or 1.0
    unit = who.house.hub.grid.currency
    dots = [
        {
            "name": o.pool_id,
            "value": [o.end.isoformat(), o.total.micro / MICRO, round(o.carbon_kg_location, 3)],
            "symbolSize": 12 + 28 * o.carbon_kg_location / most,
            "itemStyle": {"borderColor": "#0b6b6b", "borderWidth": 4} if placed and i == 0 else {},
        }
        for i, o in enumerate(options)
    ]
    front, least = [], float("inf")
    for o in sorted(options, key=lambda o: (o.end, o.total.micro)):
        if o.total.micro < least:
            least = o.total.micro
            front.append([o.end.isoformat(), o.total.micro / MICRO])
    return {
        "grid": {"left": 80, "right": 120, "top": 28, "bottom": 40},
        "tooltip": {},
        "xAxis": {"type": "time", "name": "UTC", "boundaryGap": ["5%", "5%"]},
        "yAxis": {"type": "value", "name": unit, "scale": True, "boundaryGap": ["15%", "15%"]},
        "series": [
            {"type": "scatter", "data": dots, "label": {"show": True, "formatter": "{b}", "position": "right"}},
            {"type": "line", "data": front, "step": "end", "symbol": "none", "lineStyle": {"type": "dashed"}},
        ],
    }
