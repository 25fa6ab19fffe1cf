"""Puts the console into the hub's application: pages, files, and refusals as pages where a person asked."""

from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.concurrency import run_in_threadpool

from suanwang.errors import SuanwangError
from suanwang.interfaces.serving.caller import caller
from suanwang.interfaces.serving.refusals import answer
from suanwang.interfaces.web.page import LogInFirst, refusal
from suanwang.interfaces.web.pages import (
    billing,
    entry,
    jobs,
    overview,
    people,
    prices,
    quote,
    shelves,
    sites,
    studies,
    vouchers,
)

ROUTERS = (
    entry.router,
    overview.router,
    quote.router,
    jobs.router,
    prices.router,
    sites.router,
    vouchers.router,
    billing.router,
    studies.router,
    shelves.router,
    people.router,
)


def install(app: FastAPI) -> None:
    """Add the console to an application that has the API already."""
    folder = Path(str(files("suanwang.interfaces.web").joinpath("static")))
    app.mount("/static", StaticFiles(directory=folder), name="static")
    for router in ROUTERS:
        app.include_router(router)
    app.add_exception_handler(LogInFirst, _log_in)
    app.add_exception_handler(SuanwangError, _refused)


async def _log_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, LogInFirst)
    response = RedirectResponse(f"/login?target={error.target}", 303)
    if request.headers.get("hx-request"):
        response = RedirectResponse("/login", 200)
        response.headers["HX-Redirect"] = "/login"
    return response


async def _refused(request: Request, error: Exception) -> Response:
    """The one error shape for programs, a page for people."""
    assert isinstance(error, SuanwangError)
    if request.url.path == "/login" and error.code == "not-authenticated":
        return RedirectResponse("/login?failed=true", 303)
    part = bool(request.headers.get("hx-request"))
    if request.url.path.startswith("/v1") or not (part or "text/html" in request.headers.get("accept", "")):
        return answer(request, error)
    try:
        who = await caller(request)
    except SuanwangError:
        who = None
    return await run_in_threadpool(refusal, request, error, who, part)
