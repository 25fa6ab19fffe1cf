"""Logging in and out of the console: a token is exchanged for a session in a cookie that no script can read."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote, unquote, urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from suanwang.domain.identity import Permission, User
from suanwang.errors import Never, msg
from suanwang.interfaces.serving.caller import SESSION_COOKIE
from suanwang.interfaces.serving.front import front_of
from suanwang.interfaces.web.oidc import Attempt, Provider, refused, user_of_claims
from suanwang.service.identity import authenticate, make_token

router = APIRouter(include_in_schema=False)
SESSION_FOR = timedelta(hours=12)


def local_path(target: str) -> str:
    """Where to go after logging in: a path of this hub, never another site."""
    parts = urlsplit(target)
    ours = not parts.scheme and not parts.netloc and target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if ours else "/"


def open_session(request: Request, user: User, target: str, scopes: frozenset[Permission] = frozenset()) -> Response:
    """A redirect that carries the cookie of a new session of a user."""
    house = front_of(request).house
    with house.store.transaction() as tx:
        now = house.hub.clock.now()
        new = make_token(tx.identity, user, "console", now, SESSION_FOR, scopes=scopes, session=True)
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
    principal = authenticate(house.store, token.strip(), house.hub.clock.now())
    return open_session(request, principal.user, target, principal.token.scopes)


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


ATTEMPT_COOKIE = "suanwang_login"
ATTEMPT_S = 600


def _provider(request: Request) -> Provider:
    """Raises Never(no-provider)."""
    settings = front_of(request).house.settings
    if not settings.oidc_issuer:
        raise Never(
            "no-provider",
            msg("this hub has no identity provider"),
            msg("Log in by a token, or set SUANWANG_OIDC_ISSUER."),
        )
    address = settings.public_url or str(request.base_url).rstrip("/")
    secret = settings.oidc_client_secret
    return Provider(settings.oidc_issuer, settings.oidc_client_id, secret, f"{address}/login/oidc/back")


@router.get("/login/oidc")
def go_to_provider(request: Request, target: str = "/") -> Response:
    """Begin a log-in at the identity provider."""
    address, attempt = _provider(request).begin()
    response = RedirectResponse(address, 303)
    kept = "|".join((attempt.state, attempt.nonce, attempt.verifier, quote(local_path(target), safe="")))
    secure = request.url.scheme == "https"
    response.set_cookie(ATTEMPT_COOKIE, kept, max_age=ATTEMPT_S, httponly=True, samesite="lax", secure=secure)
    return response


@router.get("/login/oidc/back")
def come_from_provider(request: Request, state: str = "", code: str = "") -> Response:
    """End a log-in: the provider's word is checked, and a session opened. Raises NotPermitted."""
    parts = request.cookies.get(ATTEMPT_COOKIE, "").split("|")
    if len(parts) != 4:
        raise refused("cookie")
    provider = _provider(request)
    claims = provider.finish(Attempt(state=parts[0], nonce=parts[1], verifier=parts[2]), state, code)
    user = user_of_claims(front_of(request).house.store, provider.issuer, claims)
    response = open_session(request, user, unquote(parts[3]))
    response.delete_cookie(ATTEMPT_COOKIE)
    return response
