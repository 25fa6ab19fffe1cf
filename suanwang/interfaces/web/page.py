"""How a page is made: who sees it, in which language and colours, with which way through the console."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from suanwang import __version__
from suanwang.domain.identity import Permission
from suanwang.domain.money import Money
from suanwang.errors import InvalidInput, Message, NotPermitted, SuanwangError, msg
from suanwang.interfaces import figures
from suanwang.interfaces.i18n import translator
from suanwang.interfaces.reports.document import Document
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.pdf import pdf_file
from suanwang.interfaces.serving.caller import Caller, caller
from suanwang.interfaces.serving.refusals import language_of, status_of
from suanwang.interfaces.web.words import word

ReportForm = Literal["html", "pdf"]
THEMES = ("auto", "light", "dark")
ENVIRONMENT = Environment(
    loader=PackageLoader("suanwang.interfaces.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
"""Texts in templates are `t("…")`; `make messages` collects them with the others."""


@dataclass(frozen=True, slots=True)
class Room:
    """One entry of the rail: where it leads, its name, who may go there."""

    path: str
    name: Message
    sign: str
    permission: Permission


P = Permission
ROOMS = (
    Room("/", msg("Overview"), "◎", P.GRID_READ),
    Room("/quote", msg("Quote"), "¥", P.QUOTE),
    Room("/jobs", msg("Jobs"), "▤", P.JOBS_READ),
    Room("/prices", msg("Prices"), "▦", P.GRID_READ),
    Room("/sites", msg("Sites"), "⌂", P.GRID_READ),
    Room("/vouchers", msg("Vouchers"), "券", P.GRID_READ),
    Room("/billing", msg("Billing"), "≡", P.BOOKS_READ),
    Room("/feasibility", msg("Feasibility"), "∿", P.GRID_READ),
    Room("/replay", msg("Replay"), "↻", P.GRID_READ),
    Room("/catalog", msg("Catalog"), "☰", P.GRID_READ),
    Room("/audit", msg("Audit"), "✓", P.AUDIT_READ),
    Room("/admin", msg("Admin"), "⚙", P.USERS_READ),
)


class LogInFirst(Exception):  # not a refusal: it leads to the log-in page
    """Nobody is logged in; `target` is where they wanted to go."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.target = target


async def visitor(request: Request) -> Caller:
    """The caller of a page. Raises LogInFirst where there is none."""
    try:
        return await caller(request)
    except NotPermitted as refusal:
        if refusal.code != "not-authenticated":
            raise
        raise LogInFirst(request.url.path) from refusal


Visitor = Annotated[Caller, Depends(visitor)]


def render(request: Request, template: str, who: Caller | None, status: int = 200, **context: Any) -> HTMLResponse:
    """A template as a response. In it: `t` translates, `say` renders a Message, and the figures have their units."""
    lang = who.lang if who else language_of(request)
    translate = translator(lang)
    theme = request.cookies.get("theme", "auto")
    text = ENVIRONMENT.get_template(template).render(
        t=lambda text, **values: translate(text).format(**values) if values else translate(text),
        say=lambda message: message.render(translate) if isinstance(message, Message) else str(message),
        word=lambda kind, name: word(kind, name, translate),
        money=money,
        when=when,
        duration=figures.duration,
        energy=figures.energy,
        carbon=figures.carbon,
        compute=figures.compute,
        lang=lang,
        theme=theme if theme in THEMES else "auto",
        who=who,
        csrf=who.csrf if who else "",
        may=_allowed(who),
        rooms=[room for room in ROOMS if who is not None and who.principal.may(room.permission)],
        path=request.url.path,
        version=__version__,
        **context,
    )
    return HTMLResponse(text, status, headers=HEADERS)


HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; form-action 'self'; base-uri 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Nothing from outside, no script in the page itself, nobody frames it, nothing of it is kept."""


def _allowed(who: Caller | None) -> Callable[[str], bool]:
    return lambda name: who is not None and who.principal.may(Permission(name))


def printed(who: Caller, made: Document, form: ReportForm, name: str) -> Response:
    """A document as a page to read, or as a PDF file to keep."""
    if form == "html":
        return HTMLResponse(html_page(made), headers=HEADERS)
    content = pdf_file(made, who.house.settings.fonts)
    headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def text_of(who: Caller) -> Callable[[Message | str], str]:
    """How reports say a text in the visitor's language."""
    return lambda message: message if isinstance(message, str) else message.render(who.translate)


def money(amount: Money | None) -> str:
    """¥ 1,234.57; a dash where there is none."""
    return "–" if amount is None else figures.money(amount)


def when(time: datetime | None, zone: str = "") -> str:
    """In a site's zone where it is named, else in UTC; a dash where there is none."""
    if time is None:
        return "–"
    local = time.astimezone(ZoneInfo(zone) if zone else UTC)
    return f"{local:%Y-%m-%d %H:%M}" + ("" if zone else "Z")


def refusal(request: Request, error: SuanwangError, who: Caller | None, part: bool = False) -> HTMLResponse:
    """A refusal as a page, or as the part that a form put it into: what happened, what to do, every problem."""
    problems = error.problems if isinstance(error, InvalidInput) else ()
    template = "refusal_part.html" if part else "refusal.html"
    return render(request, template, who, 200 if part else status_of(error), error=error, problems=problems)
