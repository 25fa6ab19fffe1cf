"""Jobs: the queue with its reasons, a Gantt chart, and one job with its offers, moves, output and cost so far."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from suanwang.domain.identity import Permission
from suanwang.domain.job import OUTCOMES, Job, JobState
from suanwang.domain.money import Money, total
from suanwang.domain.usage import UsageRecord
from suanwang.errors import NotNow
from suanwang.interfaces.web.page import Visitor, render
from suanwang.service.jobs import events_of, job_of, lines_of, output_of, usage_of
from suanwang.service.listing import JobLine
from suanwang.service.submit import cancel
from suanwang.units import PFLOP_HOUR

router = APIRouter(include_in_schema=False, prefix="/jobs")
PAGE = 200
LOG_BYTES = 64_000
COLOURS = {JobState.RUNNING: "--good", JobState.SETTLED: "--off", JobState.FAILED: "--bad"}


@router.get("")
def list_page(
    request: Request,
    who: Visitor,
    state: Annotated[list[JobState], Query()] = [],  # noqa: B006
    before: str = "",
) -> Response:
    """The newest jobs, and where and when they run."""
    tenant = who.principal.tenant_for(Permission.JOBS_READ)
    hub = who.reading(Permission.JOBS_READ)
    found = lines_of(hub, tenant, tuple(state), PAGE, before, newest=True)
    return render(
        request,
        "jobs.html",
        who,
        jobs=found.jobs,
        older=found.next,
        states=list(JobState),
        chosen=state,
        gantt=gantt(found.jobs, hub.clock.now().isoformat()),
    )


def gantt(jobs: tuple[JobLine, ...], now: str) -> dict[str, Any]:
    """Lanes are pools; a bar is a job from its planned start to its planned end."""
    lanes = sorted({j.pool_id for j in jobs if j.pool_id})
    items = [
        {
            "lane": lanes.index(j.pool_id),
            "name": j.name,
            "start": j.start.isoformat(),
            "end": j.end.isoformat(),
            "cards": j.accelerators,
            "told": f"{j.state.value}, {j.accelerators} × {j.pool_id}",
            "colour": COLOURS.get(j.state, "--wait"),
        }
        for j in jobs
        if j.pool_id and j.start and j.end
    ]
    return {"lanes": lanes, "items": items, "now": now}


@router.get("/{job_id}")
def job_page(request: Request, who: Visitor, job_id: str) -> Response:
    """One job. Raises NotFound."""
    hub = who.reading(Permission.JOBS_READ)
    job = job_of(hub, who.principal, job_id)
    usage = usage_of(hub, who.principal, job_id)
    with hub.store.transaction() as tx:
        charges = tx.usage.charges(job_id)
        paid = tx.ledger.transfers(job_id=job_id)
    return render(
        request,
        "job.html",
        who,
        job=job,
        option=job.placement.option if job.placement else None,
        events=events_of(hub, who.principal, job_id),
        usage=usage,
        so_far=total([c.amount for c in charges], hub.grid.currency) if charges else Money.zero(hub.grid.currency),
        transfers=paid,
        live=job.state not in (*OUTCOMES, JobState.SETTLED),
        waterfall=waterfall(usage),
        output=_output(who, job),
    )


def waterfall(usage: tuple[UsageRecord, ...]) -> dict[str, float]:
    """PFLOP-hours: what the cards could do at their peak, and what was delivered; {} where nothing was metered."""
    known = [r.flops_theoretical for r in usage if r.flops_theoretical is not None]
    if not usage or len(known) < len(usage):
        return {}
    return {"theoretical": sum(known) / PFLOP_HOUR, "delivered": sum(r.flops_delivered for r in usage) / PFLOP_HOUR}


@router.get("/{job_id}/output")
def output_part(who: Visitor, job_id: str) -> Response:
    """The end of a job's output as plain text; the page asks for it again while the job runs."""
    job = job_of(who.reading(Permission.JOBS_READ), who.principal, job_id)
    response = HTMLResponse(_escaped(_output(who, job)))
    if job.state in (*OUTCOMES, JobState.SETTLED):
        response.status_code = 286  # htmx stops asking
    return response


def _output(who: Visitor, job: Job) -> str:
    hub = who.reading(Permission.JOBS_READ)
    try:
        return output_of(hub, who.principal, job.id, 0, LOG_BYTES * 16)[-LOG_BYTES:].decode("utf-8", "replace")
    except NotNow:
        return ""


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@router.post("/{job_id}/cancel")
def cancel_job(who: Visitor, job_id: str, sure: Annotated[str, Form()] = "") -> Response:
    """Ask for its end; the page is loaded again."""
    job_of(who.reading(Permission.JOBS_WRITE), who.principal, job_id, Permission.JOBS_WRITE)
    if sure == "yes":
        cancel(who.changing(Permission.JOBS_WRITE, "cancel job", job_id), job_id)
    return Response(status_code=204, headers={"HX-Refresh": "true"})
