"""The one shape of an error: code, message, remedy, and for bad input every problem with its place."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from suanwang.errors import (
    Conflict,
    InvalidInput,
    Never,
    NotFound,
    NotNow,
    NotPermitted,
    Problem,
    SuanwangError,
    msg,
)
from suanwang.interfaces.i18n import language, translator

STATUS: tuple[tuple[type[SuanwangError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (NotPermitted, 403),
    (NotNow, 503),
    (Never, 400),
)
STATUS_OF_CODE: Mapping[str, int] = {
    "not-authenticated": 401,
    "not-settled": 409,
    "not-started": 409,
    "stale-etag": 412,
    "too-large": 413,
    "too-many-requests": 429,
    "hub-failed": 500,
}
"""Codes for which HTTP has a status of its own."""


def status_of(error: SuanwangError) -> int:
    """The HTTP status of a refusal."""
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next(status for kind, status in STATUS if isinstance(error, kind))


def language_of(request: Request) -> str:
    """zh-CN or en: the console's cookie, else the first of Accept-Language, else English."""
    return language(request.cookies.get("lang", "") or request.headers.get("accept-language", ""), {})


def answer(request: Request, error: SuanwangError) -> JSONResponse:
    """The refusal as a response, in the reader's language."""
    translate = translator(language_of(request))
    shape: dict[str, Any] = {
        "code": error.code,
        "message": error.message.render(translate),
        "remedy": error.remedy.render(translate),
        "request_id": request.scope.get("request_id", ""),
    }
    if isinstance(error, InvalidInput):
        shape["problems"] = [
            {"place": p.place, "message": p.message.render(translate), "remedy": p.remedy.render(translate)}
            for p in error.problems
        ]
    headers = {}
    status = status_of(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        headers["Retry-After"] = str(getattr(error, "retry_after_s", 1))
    return JSONResponse({"error": shape}, status, headers)


def _bad_request(request: Request, error: RequestValidationError) -> JSONResponse:
    """What FastAPI found in the parameters or the body, as the problems of our own."""
    problems = [
        Problem(
            ".".join(str(part) for part in found["loc"]),
            msg("{what}.", what=found["msg"].rstrip(".")),
            msg("See the API reference."),
        )
        for found in error.errors()
    ]
    return answer(request, InvalidInput(problems))


def _no_route(request: Request, error: HTTPException) -> JSONResponse:
    """What Starlette refuses itself: an unknown address, a wrong method, a body that is not JSON."""
    remedy = msg("See the API reference at /v1/openapi.json.")
    if error.status_code in (404, 405):
        shown = answer(request, NotFound("no-such-route", msg("the hub has no such address or method"), remedy))
        shown.status_code = error.status_code
        shown.headers.update(error.headers or {})
        return shown
    if error.status_code == 413:
        what = msg("the body is larger than the hub takes")
        return answer(request, Never("too-large", what, msg("Send less; large data belongs at the site.")))
    what = msg("The body cannot be read.")
    return answer(request, InvalidInput([Problem("body", what, msg("Send JSON in UTF-8, not nested too deeply."))]))


def respond(request: Request, error: Exception) -> JSONResponse:
    """Any error that a handler may raise, in the one shape."""
    match error:
        case SuanwangError():
            return answer(request, error)
        case RequestValidationError():
            return _bad_request(request, error)
        case HTTPException():
            return _no_route(request, error)
    raise error


def add_refusals(app: FastAPI) -> None:
    """Let every error of an application leave in the one shape."""
    for kind in (SuanwangError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, respond)
