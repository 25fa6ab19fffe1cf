"""Jobs over HTTP: order, list, show, follow, end."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from suanwang.domain.identity import Permission
from suanwang.domain.invoice import Invoice
from suanwang.domain.job import Job, JobState
from suanwang.errors import NotFound, msg
from suanwang.interfaces.api.operations import WORKLOAD, After, Id, Limit, operation
from suanwang.interfaces.api.tags import require_match, tagged
from suanwang.interfaces.api.workloads import File
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.interfaces.serving.orders import read_order
from suanwang.schemas.answers import EventList, UsageList
from suanwang.service.jobs import JobPage, bill_of, events_of, job_of, lines_of, output_of, usage_of
from suanwang.service.submit import cancel, submit

router = APIRouter(prefix="/v1", tags=["jobs"])
Reader = Annotated[Caller, Depends(needs(Permission.JOBS_READ))]
Writer = Annotated[Caller, Depends(needs(Permission.JOBS_WRITE))]
Key = Annotated[str, Header(alias="Idempotency-Key", pattern=r"^[!-~]{0,200}$")]
LOG_BYTES_MAX = 1 << 20


@router.post("/jobs", **operation(Permission.JOBS_WRITE, Job, status=201, body=WORKLOAD, refuses=(409,)))
def submit_job(request: Request, caller: Writer, file: File, idempotency_key: Key = "") -> Response:
    """Order a workload. The same Idempotency-Key again gives the first job; without one every call is a new job."""
    workload = read_order(caller, file, Permission.JOBS_WRITE)
    key = idempotency_key or secrets.token_hex(16)
    hub = caller.changing(Permission.JOBS_WRITE, "submit job", key, adds=True)
    job = submit(hub, workload, key)
    return tagged(request, caller, job, 201, Location=f"/v1/jobs/{job.id}")


@router.get("/jobs", **operation(Permission.JOBS_READ, JobPage, refuses=(404,)))
def list_jobs(
    caller: Reader,
    after: After = "",
    limit: Limit = 100,
    state: Annotated[list[JobState], Query(description="Only jobs in one of these states.")] = [],  # noqa: B006
    tenant: Annotated[str, Query(max_length=128, description="Only this tenant's.")] = "",
    newest: Annotated[bool, Query(description="The newest first.")] = False,
) -> Any:
    """Jobs in order of submission, with why they wait or how they ended."""
    ours = caller.principal.tenant_for(Permission.JOBS_READ)
    if tenant and tenant not in (ours or tenant):
        raise _no_tenant(tenant)
    hub = caller.reading(Permission.JOBS_READ)
    return caller.answer(lines_of(hub, tenant or ours, tuple(state), limit, after, newest=newest))


def _no_tenant(tenant: str) -> NotFound:
    return NotFound("not-found", msg("there is no {noun} {key}", noun=msg("tenant"), key=tenant), msg("Check the id."))


@router.get("/jobs/{job_id}", **operation(Permission.JOBS_READ, Job, refuses=(404,)))
def show_job(request: Request, caller: Reader, job_id: Id) -> Response:
    """A job with its estimates, its placement and why other pools do not have it."""
    return tagged(request, caller, job_of(caller.reading(Permission.JOBS_READ), caller.principal, job_id))


@router.post("/jobs/{job_id}/cancel", **operation(Permission.JOBS_WRITE, Job, refuses=(404, 409, 412)))
def cancel_job(request: Request, caller: Writer, job_id: Id) -> Response:
    """Ask for a job's end; the next tick acts. What it used is billed, the rest of its hold is given back."""
    hub = caller.changing(Permission.JOBS_WRITE, "cancel job", job_id)
    found = job_of(caller.reading(Permission.JOBS_WRITE), caller.principal, job_id, Permission.JOBS_WRITE)
    require_match(request, found)
    return tagged(request, caller, cancel(hub, job_id))


@router.get("/jobs/{job_id}/events", **operation(Permission.JOBS_READ, EventList, refuses=(404,)))
def list_events(caller: Reader, job_id: Id) -> Any:
    """Every move of a job, in order."""
    hub = caller.reading(Permission.JOBS_READ)
    return caller.answer(EventList(events=events_of(hub, caller.principal, job_id)))


@router.get("/jobs/{job_id}/usage", **operation(Permission.JOBS_READ, UsageList, refuses=(404,)))
def list_usage(caller: Reader, job_id: Id) -> Any:
    """What a job used, in order of time."""
    hub = caller.reading(Permission.JOBS_READ)
    return caller.answer(UsageList(records=usage_of(hub, caller.principal, job_id)))


_BYTES = {"type": "string", "format": "binary"}


@router.get(
    "/jobs/{job_id}/logs",
    **operation(Permission.JOBS_READ, _BYTES, media="application/octet-stream", refuses=(400, 404, 409)),
)
def read_logs(
    caller: Reader,
    job_id: Id,
    offset: Annotated[int, Query(ge=0, le=2**53, description="From this byte on.")] = 0,
    limit: Annotated[int, Query(ge=1, le=LOG_BYTES_MAX, description="At most so many bytes.")] = 65536,
) -> Response:
    """What the program of a job's latest attempt wrote, as it wrote it. `X-Next-Offset`: where to go on."""
    hub = caller.reading(Permission.JOBS_READ)
    output = output_of(hub, caller.principal, job_id, offset, limit)
    headers = {"X-Next-Offset": str(offset + len(output)), "X-Content-Type-Options": "nosniff"}
    return Response(output, media_type="application/octet-stream", headers=headers)


@router.get("/jobs/{job_id}/invoice", **operation(Permission.JOBS_READ, Invoice, refuses=(404, 409)))
def show_invoice(caller: Reader, job_id: Id) -> Any:
    """The bill of a job that is settled."""
    return caller.answer(bill_of(caller.reading(Permission.JOBS_READ), caller.principal, job_id))
