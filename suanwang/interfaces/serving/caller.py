"""Who calls, and what a handler works with: the principal, its language, and the hub as it may use it."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from suanwang.bootstrap import House
from suanwang.domain.identity import Permission, Principal
from suanwang.errors import NotPermitted, msg
from suanwang.interfaces.i18n import Translate, translator
from suanwang.interfaces.serving.refusals import language_of
from suanwang.schemas.wire import plain
from suanwang.service.acting import Act, acting
from suanwang.service.hub import Hub
from suanwang.service.identity import authenticate, digest, unknown

SESSION_COOKIE = "suanwang_session"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
REMEMBER_S = 3.0
"""How long a principal that was authenticated is known again without the database: the longest that a revoked token
still works."""
REMEMBERED = 10_000


class Known:
    """The principals of the last seconds, by the digest of their secret."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._found: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def get(self, key: str) -> Principal | None:
        with self._mutex:
            until, principal = self._found.get(key, (0.0, None))
            return principal if until > monotonic() else None

    def put(self, key: str, principal: Principal) -> None:
        with self._mutex:
            self._found[key] = (monotonic() + REMEMBER_S, principal)
            self._found.move_to_end(key)
            while len(self._found) > REMEMBERED:
                self._found.popitem(last=False)

    def forget(self) -> None:
        """After a revocation: everybody is asked for again."""
        with self._mutex:
            self._found.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One request of one principal."""

    house: House
    principal: Principal
    request_id: str
    lang: str
    csrf: str

    @property
    def translate(self) -> Translate:
        return translator(self.lang)

    def show(self, thing: object) -> Any:
        """The wire form, in the caller's language."""
        return plain(thing, self.translate)

    def reading(self, permission: Permission) -> Hub:
        """The hub, of which it sees what the permission lets it see. Raises NotPermitted(role-missing)."""
        tenant = self.principal.tenant_for(permission)
        return self._hub(Act(action="", target="", request_id=self.request_id, changes=False), tenant)

    def changing(self, permission: Permission, action: str, target: str = "") -> Hub:
        """The hub for one change, which the audit log will have as `action` on `target`. Raises NotPermitted."""
        tenant = self.principal.tenant_for(permission)
        return self._hub(Act(action=action, target=target, request_id=self.request_id, changes=True), tenant)

    def _hub(self, act: Act, tenant: str) -> Hub:
        return acting(self.house.hub, self.house.store, self.principal, act, tenant)


def csrf_of(secret: str) -> str:
    """The CSRF token of a session: it can be made from the session's secret only, and tells nothing of it."""
    return digest(f"csrf {secret}")


async def caller(request: Request) -> Caller:
    """The caller by its bearer token, or by its session's cookie; then a change must carry the CSRF token."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        secret = request.cookies.get(SESSION_COOKIE, "")
        if secret and request.method not in SAFE and request.headers.get(CSRF_HEADER, "") != csrf_of(secret):
            raise NotPermitted(
                "csrf-refused",
                msg("the change does not come from a page of this session"),
                msg("Load the page again."),
            )
    principal = await _principal(request, secret.strip())
    request.scope["principal"] = principal
    return Caller(
        house=request.app.state.house,
        principal=principal,
        request_id=request.scope.get("request_id", ""),
        lang=language_of(request),
        csrf=csrf_of(secret) if principal.token.session else "",
    )


async def _principal(request: Request, secret: str) -> Principal:
    if not secret:
        raise unknown()
    known: Known = request.app.state.known
    house: House = request.app.state.house
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
