"""Who calls, and what a handler works with: the principal, its language, and the hub as it may use it."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from hmac import compare_digest
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from suanwang.bootstrap import House
from suanwang.domain.identity import Permission, Principal
from suanwang.errors import NotPermitted, msg
from suanwang.hub_ports import HubStore
from suanwang.interfaces.i18n import Translate, translator
from suanwang.interfaces.serving.front import Front, front_of
from suanwang.interfaces.serving.known import Known
from suanwang.interfaces.serving.refusals import language_of
from suanwang.schemas.wire import plain
from suanwang.service.acting import Act, acting, store_of
from suanwang.service.hub import Hub
from suanwang.service.identity import authenticate, digest, unknown

SESSION_COOKIE = "suanwang_session"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One request of one principal."""

    house: House
    principal: Principal
    request_id: str
    lang: str
    csrf: str
    known: Known

    @property
    def translate(self) -> Translate:
        return translator(self.lang)

    def show(self, thing: object) -> Any:
        """The wire form, in the caller's language."""
        return plain(thing, self.translate)

    def answer(self, thing: object, status: int = 200) -> JSONResponse:
        """The wire form as an answer: it is JSON already, and need not be walked through again."""
        return JSONResponse(self.show(thing), status)

    def reading(self, permission: Permission, *, everything: bool = False) -> Hub:
        """The hub, of which it sees what the permission lets it see. Raises NotPermitted(role-missing).

        `everything`: what all tenants have promised is counted too, though it is not shown (a quote).
        """
        tenant = "" if everything else self.principal.tenant_for(permission)
        return self._hub(Act(action="", target="", request_id=self.request_id, changes=False), tenant)

    def changing(self, permission: Permission | None, action: str, target: str = "", *, adds: bool = False) -> Hub:
        """The hub for one change, which the audit log will have as `action` on `target`. Raises NotPermitted.

        `permission` None: a change of what is the caller's own. `adds`: see `Act`.
        """
        tenant = self.principal.tenant_for(permission) if permission else self.principal.user.organisation
        return self._hub(Act(action=action, target=target, request_id=self.request_id, changes=True, adds=adds), tenant)

    def store(self, hub: Hub) -> HubStore:
        """The store of such a hub, with users, tokens and the like."""
        return store_of(hub)

    def forget_principals(self) -> None:
        """After a change of users or tokens: everybody is asked for again."""
        self.known.forget()

    def _hub(self, act: Act, tenant: str) -> Hub:
        return acting(self.house.hub, self.house.store, self.principal, act, tenant)


def csrf_of(secret: str) -> str:
    """The CSRF token of a session: it can be made from the session's secret only, and tells nothing of it."""
    return digest(f"csrf {secret}")


def require_csrf(request: Request, secret: str) -> None:
    """Raises NotPermitted(csrf-refused) for a change that comes from no page of the session."""
    if not compare_digest(request.headers.get(CSRF_HEADER, "").encode(), csrf_of(secret).encode()):
        raise NotPermitted(
            "csrf-refused",
            msg("the change does not come from a page of this session"),
            msg("Load the page again."),
        )


async def caller(request: Request) -> Caller:
    """The caller by its bearer token, or by its session's cookie; then a change must carry the CSRF token."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        secret = request.cookies.get(SESSION_COOKIE, "")
        if secret and request.method not in SAFE:
            require_csrf(request, secret)
    front = front_of(request)
    principal = await _principal(front, secret.strip())
    request.scope["principal"] = principal
    front.shares.take(principal.user.id)
    return Caller(
        house=front.house,
        principal=principal,
        request_id=request.scope.get("request_id", ""),
        lang=language_of(request),
        csrf=csrf_of(secret) if principal.token.session else "",
        known=front.known,
    )


async def _principal(front: Front, secret: str) -> Principal:
    if not secret:
        raise unknown()
    known, house = front.known, front.house
    key, now = digest(secret), house.hub.clock.now()
    principal = known.get(key)
    if principal is None or not principal.token.valid(now):
        principal = await run_in_threadpool(authenticate, house.store, secret, now)
        known.put(key, principal)
    return principal


def needs(permission: Permission) -> Callable[[Caller], Coroutine[Any, Any, Caller]]:
    """A dependency: the caller, who has the permission for something. Raises NotPermitted(role-missing)."""

    async def allowed(found: Annotated[Caller, Depends(caller)]) -> Caller:
        found.principal.require(permission)
        return found

    return allowed
