"""The one address that agents call: an exchange, held open for a while when the hub has nothing to say."""

from time import monotonic
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool

from suanwang.domain.identity import Permission
from suanwang.interfaces.serving.caller import Caller, needs
from suanwang.schemas.sync import SyncReply, SyncRequest
from suanwang.service.exchange import exchange, waiting

router = APIRouter(prefix="/v1/agent", tags=["agents"])
Agent = Annotated[Caller, Depends(needs(Permission.AGENT_SYNC))]

POLL_S = 0.1
"""How often the hub looks whether it has something to say."""


@router.post("/sync", openapi_extra={"x-permission": Permission.AGENT_SYNC.value})
async def sync(caller: Agent, message: SyncRequest) -> SyncReply:
    """Apply an agent's news, once however often they come, and tell it what its site is asked for.

    The message is applied at once; only the answer waits, up to `wait_s`, and no thread waits with it.
    """
    hub, site_id = caller.house.hub, caller.principal.user.site
    until = monotonic() + message.wait_s
    reply = await run_in_threadpool(exchange, hub, site_id, message)
    while not (reply.wishes or reply.questions or reply.unknown) and monotonic() < until:
        await anyio.sleep(min(POLL_S, max(0.0, until - monotonic())))
        if await run_in_threadpool(waiting, caller.house.store, site_id, message.heard):
            return await run_in_threadpool(exchange, hub, site_id, message)
    return reply
