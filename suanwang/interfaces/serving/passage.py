"""What every request passes: it gets an id, its size is bounded, a fault of ours is answered in the one shape."""

import logging
import re
import uuid
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from suanwang.errors import Never, SuanwangError, msg
from suanwang.interfaces.serving.limits import TooManyRequests
from suanwang.interfaces.serving.refusals import answer
from suanwang.interfaces.serving.served import Served

log = logging.getLogger("suanwang.api")
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
BODY_BYTES_MAX = 2_000_000
BYTES_MAX = {"/v1/bundles": 65 << 20}
"""Addresses that take more, and bound it themselves."""
ALWAYS = frozenset({"/healthz", "/readyz", "/metrics"})
"""What is answered however much there is to do."""


class TooLarge(HTTPException):
    """The body goes on beyond BODY_BYTES_MAX. (Of the kind that FastAPI lets through while it reads a body.)"""

    def __init__(self) -> None:
        super().__init__(413)


class Passage:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, in_flight_max: int, served: Served) -> None:
        self._app = app
        self._in_flight_max = in_flight_max
        self._served = served

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        request_id = scope["request_id"] = _request_id(scope)
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        self._served.add("in_flight", 1)
        try:
            if self._served.here("in_flight") > self._in_flight_max and scope["path"] not in ALWAYS:
                await _refuse(scope, sending, TooManyRequests(1))
            else:
                await self._app(scope, _bounded(receive, BYTES_MAX.get(scope["path"], BODY_BYTES_MAX)), sending)
        except Exception:
            log.exception("fault", extra={"fields": {"request_id": request_id}})
            if not status:
                await _refuse(scope, sending, _fault())
        finally:
            seconds = perf_counter() - began
            self._served.add("in_flight", -1)
            self._served.answered(status, seconds)
            _log(scope, status, seconds)


def _request_id(scope: Scope) -> str:
    """The caller's own id of the request where it is a plain one, else a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _bounded(receive: Receive, limit: int) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise TooLarge
        return message

    return bounded


async def _refuse(scope: Scope, send: Send, error: SuanwangError) -> None:
    request = Request(scope)
    response = answer(request, error)
    await response(scope, request.receive, send)


def _fault() -> Never:
    return Never(
        "hub-failed", msg("the hub met a fault of its own"), msg("Tell the hub's operator the id of this request.")
    )


def _log(scope: Scope, status: int, seconds: float) -> None:
    principal = scope.get("principal")
    fields = {
        "request_id": scope["request_id"],
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(seconds * 1000, 1),
        "user": principal.user.id if principal is not None else "",
    }
    log.info("request", extra={"fields": fields})
