"""Sites: what each has, how it is, what it earned; and drain."""

from dataclasses import replace
from datetime import date, datetime, time
from typing import Annotated

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import Response

from suanwang.domain.identity import Permission
from suanwang.domain.money import Money
from suanwang.errors import NotFound, NotPermitted, msg
from suanwang.feasibility.study import rests_on
from suanwang.feasibility.variance import review
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.invoice import month_document
from suanwang.interfaces.reports.review import review_report
from suanwang.interfaces.serving.shelf import Month, site_books
from suanwang.interfaces.web.page import ReportForm, Visitor, printed, render, text_of
from suanwang.schemas.site_plan import read_site_plan
from suanwang.schemas.yaml_file import decode
from suanwang.service.actuals import metered
from suanwang.service.drains import pool_place, present, set_drained, site_place
from suanwang.service.invoices import is_issued, site_statement
from suanwang.service.listing import ask_pools, site_status
from suanwang.service.revenue import revenue_ahead

router = APIRouter(include_in_schema=False, prefix="/sites")
HOURS_AHEAD = 48


@router.get("")
def list_page(request: Request, who: Visitor) -> Response:
    """Every site as it is now."""
    who.principal.require(Permission.GRID_READ)
    hub = present(who.house.hub, who.house.store)
    capacities = ask_pools(hub, [p.id for p in hub.grid.pools])
    return render(request, "sites.html", who, sites=[site_status(hub, s, capacities) for s in hub.grid.sites])


@router.get("/{site_id}")
def site_page(request: Request, who: Visitor, site_id: str) -> Response:
    """One site with its pools. Raises NotFound."""
    who.principal.require(Permission.GRID_READ)
    hub = present(who.house.hub, who.house.store)
    site = hub.grid.site(site_id)
    status = site_status(hub, site, ask_pools(hub, [p.id for p in hub.grid.pools if p.site_id == site.id]))
    earned, month = None, f"{hub.clock.now().astimezone(hub.grid.zone):%Y-%m}"
    if _operates(who, site_id) or who.principal.everywhere(Permission.BOOKS_READ):
        with who.house.store.transaction() as tx:
            earned = Money(tx.ledger.balance(f"site:{site.id}:{hub.grid.currency}").posted, hub.grid.currency)
    return render(
        request,
        "site.html",
        who,
        site=status,
        provenance=site.tariff.provenance,
        earned=earned,
        month=month,
        operates=_operates(who, site_id),
    )


@router.get("/{site_id}/revenue")
def revenue_part(request: Request, who: Visitor, site_id: str) -> Response:
    """What the site's hours ahead earn at the marginal prices. Raises NotFound, NotPermitted."""
    site_books(who, site_id)
    found = revenue_ahead(who.house.hub, site_id, HOURS_AHEAD)
    return render(request, "revenue_part.html", who, found=found, currency=who.house.hub.grid.currency)


@router.get("/{site_id}/statement")
def statement_page(who: Visitor, site_id: str, month: Month, form: ReportForm = "html") -> Response:
    """What the site earned in a month, to read or to keep. Raises NotFound, NotPermitted."""
    hub = site_books(who, site_id)
    made = site_statement(hub, site_id, month)
    report = month_document(made, hub.grid, draft=not is_issued(hub, made), lang=who.lang, text=text_of(who))
    return printed(who, report, form, made.id)


@router.post("/{site_id}/review")
def review_part(
    request: Request, who: Visitor, site_id: str, plan: UploadFile, since: Annotated[date, Form()]
) -> Response:
    """Plan against actual: the site's own plan beside what was metered and earned, month by month, with the forecast.

    Raises InvalidInput with every problem, NotFound, NotPermitted.
    """
    hub = site_books(who, site_id)
    study = read_site_plan(decode(plan.file.read(), "plan"), "plan", who.house.catalog)
    decision = datetime.combine(since, time(), hub.grid.zone)
    found = review(study.plan, metered(hub.store, site_id, decision, study.plan))
    resting = rests_on(replace(study, plan=found.forecast_plan))
    report = review_report(study, found, resting, who.lang, text_of(who))
    return render(request, "feasibility_part.html", who, report=html_page(report))


def _operates(who: Visitor, site_id: str) -> bool:
    """Its own operator, or the grid's."""
    return who.principal.may(Permission.SITES_OPERATE) and who.principal.user.site in ("", site_id)


@router.post("/{site_id}/drain")
def drain(
    who: Visitor, site_id: str, drained: Annotated[bool, Form()], pool: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Let a site, or one pool of it, take no new work, or take work again. Raises NotFound, NotPermitted."""
    hub = present(who.house.hub, who.house.store)
    site = hub.grid.site(site_id)
    who.principal.require(Permission.SITES_OPERATE)
    if not _operates(who, site_id):
        raise NotPermitted("role-missing", msg("this is another's site"), msg("Ask its operator."))
    place = site_place(site.id)
    if pool:
        if hub.grid.pool(pool).site_id != site.id:
            raise NotFound(
                "not-found", msg("there is no {noun} {key}", noun=msg("pool"), key=pool), msg("Check the id.")
            )
        place = pool_place(pool)
    changing = who.changing(Permission.SITES_OPERATE, "drain" if drained else "undrain", place)
    with who.store(changing).transaction() as tx:
        set_drained(tx, changing, place, who.principal.user.id, drained=drained)
    return Response(status_code=204, headers={"HX-Refresh": "true"})
