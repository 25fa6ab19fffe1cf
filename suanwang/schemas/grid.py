"""The grid file to the domain: `read_grid` gives a Grid whose references resolve, or all problems at once."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from suanwang.domain.budget import ACCELERATOR_HOUR, Budget
from suanwang.domain.catalog import Catalog
from suanwang.domain.geography import City, LatencyModel
from suanwang.domain.money import Money
from suanwang.domain.price import PriceBook
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Link, Tenant
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.schedule.scheme import find_scheme
from suanwang.schemas.entitlements import make_entitlements
from suanwang.schemas.findings import Findings
from suanwang.schemas.grid_fields import BudgetSection, GridFile, GridSection, TenantSection
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.pool import Tables, make_pool
from suanwang.schemas.price_book import exact, make_price_book
from suanwang.schemas.programme import check_programme, make_programme
from suanwang.schemas.section import read_section
from suanwang.schemas.signal_fields import ReadSignal
from suanwang.schemas.signals import read_signals
from suanwang.schemas.site import make_site
from suanwang.schemas.yaml_file import Path, read_yaml
from suanwang.units import MICRO

ROOT: Path = ("grid",)


def grid_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the grid file."""
    return schema_of(GridFile, "grid")


def read_grid(
    text: str, name: str, catalog: Catalog, books: Sequence[PriceBook] = (), read: ReadSignal | None = None
) -> Grid:
    """The grid of a YAML text; `name` is the file's name in messages, `books` are price books of their own files.

    `read` fetches the signals that sites take from elsewhere; without it they are checked for their form alone.

    Raises InvalidInput with every problem.
    """
    findings = Findings(read_yaml(text, name))
    section = read_section(GridFile, findings).grid
    _check_ids(section, findings)
    inline = [
        make_price_book(book, (*ROOT, "price_books", i), findings, section.currency)
        for i, book in enumerate(section.price_books)
    ]
    _check_files(section, books, findings)
    budgets = _budgets(section, findings)
    cities = _cities(section, findings, catalog)
    tables = Tables(
        sites=findings.table((*ROOT, "sites"), [(site.id, site) for site in section.sites]),
        books=_book_ids(section, books, findings),
    )
    links = _links(section, findings, _places(section, findings, cities, tables))
    sites = [
        make_site(site, (*ROOT, "sites", i), findings, catalog, section.currency, read)
        for i, site in enumerate(section.sites)
    ]
    pools = [make_pool(pool, (*ROOT, "pools", i), findings, catalog, tables) for i, pool in enumerate(section.pools)]
    tenants = [_tenant(tenant, section.currency) for tenant in section.tenants]
    _check_money(section, findings)
    _check_policy(section, findings)
    entitlements = make_entitlements(section.entitlements, (*ROOT, "entitlements"), findings)
    findings.raise_any()
    return Grid(
        id=section.id,
        currency=section.currency,
        sites=tuple(site for site in sites if site),
        pools=tuple(pool for pool in pools if pool),
        links=tuple(links),
        cities=tuple(cities.values()),
        price_books=(*(book for book in inline if book), *books),
        tenants=tuple(tenants),
        programmes=tuple(make_programme(programme) for programme in section.programmes),
        carbon_price_per_t=section.carbon_price,
        latency=_latency(section),
        policy=section.policy,
        entitlements=entitlements,
        budgets=tuple(budget for budget in budgets if budget),
        zone=section.zone or UTC,
    )


def read_grid_signals(text: str, name: str, read: ReadSignal) -> tuple[dict[str, dict[str, Signal]], list[Problem]]:
    """The signals of a grid file's sites as they are now, by site and field, and what is wrong with the others.

    Raises InvalidInput where the file itself cannot be read.
    """
    findings = Findings(read_yaml(text, name))
    section = read_section(GridFile, findings).grid
    findings.raise_any()
    found = {}
    for i, site in enumerate(section.sites):
        heard = read_signals(site.signals, (*ROOT, "sites", i, "signals"), findings, section.currency, read)
        if heard:
            found[site.id] = heard
    return found, findings.problems


def _check_ids(section: GridSection, findings: Findings) -> None:
    for field in ("sites", "pools", "tenants", "programmes", "budgets"):
        findings.unique((*ROOT, field), [row.id for row in getattr(section, field)], "id")
    versions = [f"{b.id} version {b.version}" if b.id and b.version else None for b in section.price_books]
    findings.unique((*ROOT, "price_books"), versions, "version")
    places = {site.id for site in section.sites}
    for i, city in enumerate(section.cities or []):
        if not isinstance(city, str) and city is not None and city.id in places:
            what = msg("{city} is the id of a site too.", city=city.id)
            findings.add((*ROOT, "cities", i, "id"), what, msg("Rename one of them; links and data name either."))


def _check_policy(section: GridSection, findings: Findings) -> None:
    if not section.policy:
        return
    try:
        if find_scheme(section.policy).packing:
            what = msg("{value} has a packing; the engines of the sites choose the nodes.", value=section.policy)
            findings.add((*ROOT, "policy"), what, msg("Give the policy alone; `suanwang replay` takes a packing too."))
    except NotFound as error:
        findings.add((*ROOT, "policy"), msg("{problem}.", problem=error.message), error.remedy)
    except InvalidInput as error:
        for problem in error.problems:
            findings.add((*ROOT, "policy"), msg("{problem}.", problem=problem.message), problem.remedy)


def _book_ids(section: GridSection, books: Sequence[PriceBook], findings: Findings) -> Mapping[str, object] | None:
    """Every price book by id, of the file and of files of their own; None where not all ids could be read."""
    rows: list[tuple[str | None, object]] = [(book.id, book) for book in section.price_books]
    return findings.table((*ROOT, "price_books"), [*rows, *((book.id, book) for book in books)])


def _check_files(section: GridSection, books: Sequence[PriceBook], findings: Findings) -> None:
    """Books of their own files are in the grid's currency, and no version is there twice."""
    path: Path = (*ROOT, "price_books") if section.price_books else ROOT
    inline = {(book.id, book.version) for book in section.price_books}
    for book in books:
        if section.currency is not None and book.currency != section.currency:
            what = msg(
                "price book {id} is in {unit}, the grid in {currency}.",
                id=book.id,
                unit=book.currency,
                currency=section.currency,
            )
            findings.add((*ROOT, "currency"), what, msg("Give it in the currency of the grid."))
        if (book.id, book.version) in inline:
            what = msg(
                "version {version} of price book {id} is also in a file of its own.", id=book.id, version=book.version
            )
            findings.add(path, what, msg("Keep one of them; a change is a new version."))
    if not books and not section.price_books:
        findings.add(path, msg("the grid has no price book."), msg("Add one, or name a folder of price book files."))


def _check_money(section: GridSection, findings: Findings) -> None:
    """Everything is priced in the grid's currency."""
    amounts: list[tuple[Path, Money | None]] = [((*ROOT, "carbon_price"), section.carbon_price)]
    amounts += [((*ROOT, "links", i, "price"), link.price) for i, link in enumerate(section.links)]
    amounts += [((*ROOT, "tenants", i, "credit_limit"), t.credit_limit) for i, t in enumerate(section.tenants)]
    units = [(path, amount.unit) for path, amount in amounts if amount is not None]
    amounts += [((*ROOT, "budgets", i, "money"), b.money) for i, b in enumerate(section.budgets)]
    for i, programme in enumerate(section.programmes):
        check_programme(programme, findings, (*ROOT, "programmes", i), in_grid=True)
        units.append(((*ROOT, "programmes", i, "currency"), programme.currency))
    for path, unit in units:
        if unit is not None and section.currency is not None and unit != section.currency:
            what = msg("this is in {unit}, the grid in {currency}.", unit=unit, currency=section.currency)
            findings.add(path, what, msg("Give it in the currency of the grid."))


def _budgets(section: GridSection, findings: Findings) -> list[Budget | None]:
    tenants = findings.table((*ROOT, "tenants"), [(tenant.id, tenant) for tenant in section.tenants])
    return [_budget(b, (*ROOT, "budgets", i), findings, tenants) for i, b in enumerate(section.budgets)]


def _budget(
    given: BudgetSection, path: Path, findings: Findings, tenants: Mapping[str, TenantSection] | None
) -> Budget | None:
    findings.reference((*path, "tenant"), msg("tenants of the grid"), given.tenant, tenants)
    if (given.money is None) == (given.accelerator_hours is None):
        what = msg("a budget has either money or accelerator_hours.")
        findings.add(path, what, msg("Give one of the two; two limits are two budgets."))
        return None
    hours = given.accelerator_hours
    limit = given.money if hours is None else Money(int(exact(hours) * MICRO), ACCELERATOR_HOUR)
    return findings.build(
        path,
        lambda: Budget(
            id=given.id,
            tenant=given.tenant,
            project=given.project,
            user=given.user,
            span=given.period,
            limit=limit or Money.zero(""),
            warn_percent=tuple(given.warn_percent),
            on_limit=given.on_limit,
        ),
    )


def _cities(section: GridSection, findings: Findings, catalog: Catalog) -> Mapping[str, City]:
    """Cities by id; all of the catalog's where the file names none."""
    if section.cities is None:
        return catalog.cities
    cities: dict[str, City] = {}
    for i, given in enumerate(section.cities):
        path = (*ROOT, "cities", i)
        if isinstance(given, str):
            city = findings.reference(path, msg("cities of the catalog"), given, catalog.cities)
        else:
            city = City(**given.model_dump()) if given is not None else None
        if city is not None and city.id in cities:
            findings.add(path, msg("{city} is given twice.", city=city.id), msg("Keep one of them."))
        elif city is not None:
            cities[city.id] = city
    return cities


def _places(
    section: GridSection, findings: Findings, cities: Mapping[str, City], tables: Tables
) -> Mapping[str, object] | None:
    """What a link may join: cities and sites by id; None where not all of them are known."""
    named = findings.table((*ROOT, "cities"), cities.items())
    if tables.sites is None or named is None or len(cities) < len(section.cities or ()):
        return None
    return {**named, **tables.sites}


def _links(section: GridSection, findings: Findings, places: Mapping[str, object] | None) -> list[Link]:
    links: list[Link] = []
    joined: set[frozenset[str]] = set()
    for i, link in enumerate(section.links):
        path = (*ROOT, "links", i)
        for end, place in enumerate(link.between):
            findings.reference((*path, "between", end), msg("cities and sites"), place, places)
        if len(link.between) != 2:
            continue
        a, b = link.between
        if a == b:
            findings.add((*path, "between"), msg("a link from {place} to itself.", place=a), msg("Name two places."))
        if frozenset((a, b)) in joined:
            what = msg("the link between {a} and {b} is given twice.", a=a, b=b)
            findings.add(path, what, msg("Keep one of them; a link works both ways."))
        joined.add(frozenset((a, b)))
        links.append(
            Link(
                a=a,
                b=b,
                bytes_per_s=link.bandwidth,
                price_per_gb=link.price,
                round_trip_ms=None if link.round_trip is None else link.round_trip * 1000,
            )
        )
    return links


def _tenant(tenant: TenantSection, currency: str) -> Tenant:
    return Tenant(
        id=tenant.id,
        name=tenant.name,
        name_zh=tenant.name_zh,
        credit_limit=tenant.credit_limit or Money.zero(currency),
        facts=tenant.facts,
    )


def _latency(section: GridSection) -> LatencyModel:
    model, default = section.latency, LatencyModel()
    if model is None:
        return default
    return LatencyModel(
        fibre_us_per_km=model.fibre_us_per_km,
        route_factor=model.route_factor,
        equipment_ms=default.equipment_ms if model.equipment is None else model.equipment * 1000,
    )
