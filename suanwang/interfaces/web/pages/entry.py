"""The way in, and what a person sets for themselves: language and theme."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from suanwang.interfaces.web.page import THEMES, render
from suanwang.interfaces.web.sessions import local_path

router = APIRouter(include_in_schema=False)
A_YEAR_S = 31_536_000


@router.get("/login")
def log_in_page(request: Request, target: str = "/", failed: bool = False) -> Response:
    """The form that takes a token."""
    oidc = any(getattr(route, "path", "") == "/login/oidc" for route in request.app.routes)
    return render(request, "login.html", None, target=local_path(target), failed=failed, oidc=oidc)


@router.get("/settings")
def settings(
    to: str = "/",
    lang: Annotated[str, Query(pattern="^(en|zh-CN)?$")] = "",
    theme: Annotated[str, Query(pattern=f"^({'|'.join(THEMES)})?$")] = "",
) -> Response:
    """Keep the language or the theme in a cookie, and go back."""
    response = RedirectResponse(local_path(to), 303)
    for name, value in (("lang", lang), ("theme", theme)):
        if value:
            response.set_cookie(name, value, max_age=A_YEAR_S, samesite="lax", httponly=True)
    return response
