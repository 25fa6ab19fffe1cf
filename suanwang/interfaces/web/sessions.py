"""Logging in and out of the console: a token is exchanged for a session in a cookie that no script can read."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from suanwang.domain.identity import Principal
from suanwang.interfaces.serving.caller import SESSION_COOKIE
from suanwang.interfaces.serving.front import front_of
from suanwang.service.identity import authenticate, make_token

router = APIRouter(include_in_schema=False)
SESSION_FOR = timedelta(hours=12)


def local_path(target: str) -> str:
    """Where to go after logging in: a path of this hub, never another site."""
    parts = urlsplit(target)
    ours = not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if ours else "/"


def open_session(request: Request, principal: Principal, target: str) -> Response:
    """A redirect that carries the cookie of a new session of the principal's user."""
    house = front_of(request).house
    scopes, now = principal.token.scopes, house.hub.clock.now()
    with house.store.transaction() as tx:
        new = make_token(tx.identity, principal.user, "console", now, SESSION_FOR, scopes=scopes, session=True)
    response = RedirectResponse(local_path(target), 303)
    response.set_cookie(
        SESSION_COOKIE,
        new.secret,
        max_age=int(SESSION_FOR.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return response


@router.post("/login")
def log_in(request: Request, token: Annotated[str, Form()], target: Annotated[str, Form()] = "/") -> Response:
    """Open a session by a token. Raises NotPermitted(not-authenticated)."""
    house = front_of(request).house
    return open_session(request, authenticate(house.store, token.strip(), house.hub.clock.now()), target)


@router.post("/logout")
def log_out(request: Request) -> Response:
    """End the session: its token is revoked, its cookie removed."""
    house = front_of(request).house
    secret = request.cookies.get(SESSION_COOKIE, "")
    if secret:
        now = house.hub.clock.now()
        with house.store.transaction() as tx:
            tx.identity.revoke(authenticate(house.store, secret, now).token.id, now)
        front_of(request).known.forget()
    response = RedirectResponse("/", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response
