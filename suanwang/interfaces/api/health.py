"""Whether the hub lives and serves: for load balancers and supervisors. Nobody logs in for these."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request

if TYPE_CHECKING:
    from suanwang.bootstrap import House

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> dict[str, str]:
    """The hub can serve: its database answers. 503 when it does not."""
    house: House = request.app.state.house
    with house.store.reading() as tx:
        tx.identity.users(limit=1)
    return {"status": "ok"}
