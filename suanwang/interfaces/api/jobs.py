"""Jobs over HTTP: order, list, show, end."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from suanwang.domain.identity import Permission
from suanwang.interfaces.serving.caller import Caller, needs

router = APIRouter(prefix="/v1", tags=["jobs"])
Reader = Annotated[Caller, Depends(needs(Permission.JOBS_READ))]


@router.get("/jobs")
def list_jobs(
    caller: Reader,
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Jobs in order of submission."""
    hub = caller.reading(Permission.JOBS_READ)
    tenant = caller.principal.tenant_for(Permission.JOBS_READ)
    with hub.store.transaction() as tx:
        found = tx.jobs.find(tenant=tenant, limit=limit, after=after)
    return {"jobs": caller.show(found)}
