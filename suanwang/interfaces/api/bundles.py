"""Bundles over HTTP: the files that a job's program needs, sent before the job that names them."""

import tempfile
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool

from suanwang.adapters.bundles import BYTES_MAX, refused
from suanwang.domain.identity import Permission
from suanwang.errors import msg
from suanwang.interfaces.api.operations import operation
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.schemas.answers import BundleMade

router = APIRouter(prefix="/v1", tags=["jobs"])
Writer = Annotated[Caller, Depends(needs(Permission.JOBS_WRITE))]
MEMORY_BYTES = 1 << 20
"""So much of an archive is kept in memory; the rest goes to a file that has no name."""


@router.post("/bundles", **operation(Permission.JOBS_WRITE, BundleMade, status=201, body="tar"))
async def make_bundle(request: Request, caller: Writer) -> Any:
    """Keep the files of a tar archive (plain or gzip). A job names them as `directory: bundle:<id>`."""
    organisation = caller.principal.user.organisation
    with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as archive:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > BYTES_MAX:
                raise refused(msg("it has more than 64 MiB"))
            await run_in_threadpool(archive.write, chunk)
        archive.seek(0)
        bundle_id = await run_in_threadpool(caller.house.bundles.keep, organisation, archive)
    return caller.answer(BundleMade(id=bundle_id), 201)
