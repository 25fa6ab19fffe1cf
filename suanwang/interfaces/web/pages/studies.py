"""Feasibility and replay: a plan of a site as a report, and queueing policies side by side over a trace."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import Response

from suanwang.adapters.traces.read import JobTrace, read_trace
from suanwang.domain.identity import Permission
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.study import study_report
from suanwang.interfaces.web.page import Visitor, render, text_of
from suanwang.replay.scenario import Case, Ground, run_case, summary
from suanwang.schedule.policies import policy_names
from suanwang.schedule.snapshot import PoolState
from suanwang.schemas.site_plan import read_site_plan
from suanwang.service.studies import answer

router = APIRouter(include_in_schema=False)
DRAWS = 1000
JOBS_MAX = 50_000
POLICIES_MAX = 8
EXAMPLES = Path(__file__).parents[1] / "examples"


@router.get("/feasibility")
def feasibility_page(request: Request, who: Visitor) -> Response:
    """The form, with a small university cluster to begin with."""
    who.principal.require(Permission.GRID_READ)
    return render(request, "feasibility.html", who, example=_example("university.yaml"))


def _example(name: str) -> str:
    return (EXAMPLES / name).read_text(encoding="utf-8")


@router.post("/feasibility")
def feasibility_part(request: Request, who: Visitor, file: Annotated[str, Form(max_length=200_000)]) -> Response:
    """The study of the plan: figures, cash flow, and the whole report. Raises InvalidInput with every problem."""
    who.principal.require(Permission.GRID_READ)
    study = read_site_plan(file, "site", who.house.catalog)
    found = answer(study, who.house.catalog, draws=DRAWS)
    document = study_report(found, who.lang, text_of(who))
    return render(request, "feasibility_part.html", who, report=html_page(document))


@router.get("/replay")
def replay_page(request: Request, who: Visitor) -> Response:
    """The form: a trace, how many accelerators, which policies."""
    who.principal.require(Permission.GRID_READ)
    return render(request, "replay.html", who, policies=policy_names(), chosen=("fcfs", "sjf", "easy"))


@router.post("/replay")
def replay_part(
    request: Request,
    who: Visitor,
    trace: UploadFile,
    policy: Annotated[list[str], Form(max_length=POLICIES_MAX)],
    accelerators: Annotated[int, Form(ge=0, le=10_000_000)] = 0,
) -> Response:
    """The policies side by side. Raises InvalidInput, NotFound."""
    who.principal.require(Permission.GRID_READ)
    found = _trace(trace)
    cards = accelerators or found.accelerators or 0
    if not cards:
        what, remedy = msg("the trace does not tell how many accelerators there are"), msg("Give their number.")
        raise InvalidInput([Problem("accelerators", what, remedy)])
    begin = datetime.fromtimestamp(found.zero_s, UTC) if found.zero_s is not None else datetime(2026, 1, 1, tzinfo=UTC)
    pool = PoolState(pool_id="pool", accelerators=cards, free=cards)
    ground = Ground(jobs=found.jobs, pools=(pool,), begin=begin)
    results = [summary(case, ground, [run_case(ground, case)]) for case in (Case(policy=name) for name in policy)]
    return render(
        request, "replay_part.html", who, results=results, malformed=found.malformed.count, bars=_bars(results)
    )


def _trace(upload: UploadFile) -> JobTrace:
    """The uploaded trace of jobs. Raises InvalidInput."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace"
        path.write_bytes(upload.file.read())
        found = read_trace(path)
    problem = None
    if not isinstance(found, JobTrace):
        problem = msg("this is a list of pods, not of jobs")
    elif not 0 < len(found.jobs.submit_s) <= JOBS_MAX:
        problem = msg(
            "the trace has {count} jobs; here from 1 to {most} are played",
            count=len(found.jobs.submit_s),
            most=JOBS_MAX,
        )
    if problem is not None:
        raise InvalidInput([Problem("trace", problem, msg("Play larger ones with `suanwang replay`."))])
    assert isinstance(found, JobTrace)
    return found


def _bars(results: list[dict[str, Any]]) -> dict[str, Any]:
    """An ECharts option: mean wait of each policy, in hours."""
    return {
        "grid": {"left": 120, "right": 60, "top": 8, "bottom": 40},
        "tooltip": {},
        "xAxis": {"type": "value", "name": "h"},
        "yAxis": {"type": "category", "data": [r["policy"] for r in results], "inverse": True},
        "series": [
            {
                "type": "bar",
                "data": [round(r["mean_wait_s"] / 3600, 3) for r in results],
                "label": {"show": True, "position": "right"},
            }
        ],
    }
