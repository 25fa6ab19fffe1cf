"""Whether the hub lives and serves: for load balancers and supervisors. Nobody logs in for these."""

from fastapi import APIRouter, Request

from suanwang.interfaces.serving.front import front_of

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz")
def readyz(request: Request) -> dict[str, str]:
    """The hub can serve: its database answers. 503 when it does not."""
    with front_of(request).house.store.reading() as tx:
        tx.identity.users(limit=1)
    return {"status": "ok"}
