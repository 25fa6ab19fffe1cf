"""The grid and programme files: every field to the domain, and a table of bad files."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from suanwang.domain.geography import LatencyModel
from suanwang.domain.money import Money
from suanwang.domain.price import Basis, Price
from suanwang.domain.provenance import Confidence
from suanwang.domain.rule import Rule
from suanwang.domain.site import Grid
from suanwang.domain.tariff import Tariff, TariffPeriod
from suanwang.errors import InvalidInput, Problem
from suanwang.schemas.grid import read_grid
from suanwang.schemas.programme import read_programme
from suanwang.schemas.site import periods_that_occur
from tests.small_catalog import GRID, SOURCE, small_catalog

CATALOG = small_catalog()
PROGRAMME = "apiVersion: suanwang/v1\nkind: Programme\nprogramme:\n" + "\n".join(
    line[6:] for line in GRID[GRID.index("    - id: west") :].replace("    - id", "      id").splitlines()
).replace("\n", "\n  ").join(["  ", "\n"])


def read(text: str) -> Grid:
    return read_grid(text, "g.yaml", CATALOG)


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(InvalidInput) as raised:
        read(text)
    return raised.value.problems


def changed(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, old
    return text.replace(old, new)


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


def test_sites() -> None:
    west, east = read(GRID).sites
    assert (west.id, west.name_zh, west.province, west.hub) == ("guian", "贵安", "Guizhou", "guian")
    assert (west.latitude, west.longitude, west.zone) == (26.6, 106.7, ZoneInfo("Asia/Shanghai"))
    assert west.tariff is CATALOG.tariff("gz")
    assert west.pue.micros == (1_250_000,)
    assert west.carbon_location.micros == (512_300,)
    assert west.carbon_market is not None
    assert west.carbon_market.micros == (100_000,)
    assert west.labels == {"side": "west"}
    assert (east.latitude, east.longitude, east.province, east.hub) == (31.15, 121.11, "CN-SH", "")
    assert east.carbon_market is None
    assert east.pue.at(datetime(2026, 6, 30, 15, 59, tzinfo=UTC)) == 1.3
    assert east.pue.at(datetime(2026, 6, 30, 16, tzinfo=UTC)) == 1.4


def test_a_tariff_of_ones_own() -> None:
    tariff = read(GRID).site("qingpu").tariff
    assert (tariff.id, tariff.currency, tariff.base) == ("qingpu", "CNY", "flat")
    assert tariff.prices == {"flat": Decimal("0.7"), "peak": Decimal("1.1")}
    assert tariff.periods == (
        TariffPeriod(
            name="peak",
            minutes=((480, 660), (1350, 1440), (0, 60)),
            months=frozenset({7, 8}),
            weekdays=frozenset({1, 2, 3, 4, 5}),
        ),
    )
    assert (tariff.provenance.date, tariff.provenance.confidence) == ("2026-07", Confidence.OFFICIAL)


def test_pools_and_what_a_system_gives() -> None:
    npu, gpu = read(GRID).pools
    assert (npu.site_id, npu.accelerator.id, npu.nodes, npu.accelerators_per_node) == ("guian", "ascend-910b3", 2, 8)
    assert (npu.engine, npu.queue, npu.price_book_id, npu.labels) == ("slurm", "ascend", "rent", {"tier": "gold"})
    assert (npu.node_overhead_w, npu.node_network_bytes_per_s) == (1500.0, 25e9)
    assert (gpu.accelerator.id, gpu.accelerators_per_node, gpu.software_factor) == ("a100-sxm4-80gb", 8, 0.9)
    assert (gpu.node_overhead_w, gpu.node_network_bytes_per_s) == (6500.0 - 8 * 400.0, 2e11)


def test_links_cities_prices_tenants_and_the_rest() -> None:
    grid = read(GRID)
    assert (grid.id, grid.currency, grid.carbon_price_per_t) == ("small", "CNY", cny("80"))
    assert grid.latency == LatencyModel(route_factor=1.5, equipment_ms=2.0)
    link, unpriced = grid.links
    assert (link.a, link.b, link.bytes_per_s, link.round_trip_ms) == ("guian", "qingpu", 1.25e9, 25.0)
    assert link.price_per_gb == cny("0.05")
    assert (unpriced.price_per_gb, unpriced.round_trip_ms) == (None, None)
    assert [city.id for city in grid.cities] == ["beijing", "shanghai", "kashgar"]
    rent, compute = grid.price_books
    assert (rent.version, rent.currency, rent.channel, rent.term) == (2, "CNY", "list", "month")
    assert rent.effective == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert rent.price(Basis.KWH) == Price(basis=Basis.KWH, amount=None)
    assert rent.price(Basis.ACCELERATOR_HOUR) == Price(basis=Basis.ACCELERATOR_HOUR, amount=cny("12.5"))
    assert rent.price(Basis.DATA_GB) == Price(basis=Basis.DATA_GB, amount=cny("0.1"))
    assert compute.price(Basis.DELIVERED_PFLOP_HOUR) == Price(basis=Basis.DELIVERED_PFLOP_HOUR, amount=cny("20"))
    assert compute.price(Basis.KWH) == Price(basis=Basis.KWH, amount=cny("0.6"))
    assert compute.provenance.confidence is Confidence.ESTIMATE
    (tenant,) = grid.tenants
    assert (tenant.credit_limit, tenant.facts) == (cny("1000"), {"legal_form": "university"})


def test_a_programme_within_the_grid_and_on_its_own() -> None:
    (programme,) = read(GRID).programmes
    assert programme == read_programme(PROGRAMME, "p.yaml")
    assert [rate.ratio for rate in programme.rates] == [Fraction(3, 10), Fraction(1, 5)]
    assert programme.rates[0].when == (Rule(fact="tenant.legal_form", one_of=("university",)),)
    assert (programme.opens, programme.caps) == (datetime(2025, 12, 31, 16, tzinfo=UTC), ())


def test_cities_default_to_those_of_the_catalog() -> None:
    start, end = GRID.index("  cities:"), GRID.index("  price_books:")
    assert [c.id for c in read(GRID[:start] + GRID[end:]).cities] == ["shanghai", "beijing"]


S, P, B, V = "grid.sites", "grid.pools", "grid.price_books", "grid.programmes[0]"
# what is replaced in the good grid, by what, and the line, path and message of the one problem that follows
BAD: list[tuple[str, str, str, str]] = [
    ("kind: Grid", "kind: grid", "kind", "'grid' is not known here"),
    ("id: small", "id: a b", "grid.id", "'a b' is not written as it must be"),
    ("currency: CNY\n  carbon", "currency: CNY\n  policy: easy + topology\n  carbon", "grid.policy", "has a packing"),
    ("currency: CNY\n  carbon", "currency: yuan\n  carbon", "grid.currency", "'yuan' is not a currency"),
    ("80 CNY/t", "80 CNY", "grid.carbon_price", "is per nothing, not per t"),
    ("80 CNY/t", "80 USD/t", "grid.carbon_price", "this is in USD, the grid in CNY"),
    ("route_factor: 1.5", "route_factor: 0.5", "grid.latency.route_factor", "0.5 must be at least 1"),
    ("hub: guian", "hub: guiyang", f"{S}[0].hub", "'guiyang' is not among the hubs"),
    ("      hub: guian\n      zone", "      longitude: 1.5\n      zone", f"{S}[0].latitude", "needs latitude"),
    ("latitude: 31.15", "latitude: 131.15", f"{S}[1].latitude", "must be at most 90"),
    ("zone: Asia/Shanghai\n      tariff: gz", "zone: Asia/Gui\n      tariff: gz", f"{S}[0].zone", "not a time zone"),
    ("zone: Asia/Shanghai\n      tariff: gz", "zone: ../etc\n      tariff: gz", f"{S}[0].zone", "not a time zone"),
    ("tariff: gz", "tariff: cn-gz", f"{S}[0].tariff", "'cn-gz' is not among the tariffs"),
    ("      tariff: gz\n", "", f"{S}[0].tariff", "tariff is missing"),
    ("tariff: gz", "tariff: us", f"{S}[0].tariff", "the tariff is in USD"),
    ("tariff: gz", "tariff: no-peak", f"{S}[0].tariff", "no price for the period peak"),
    ("peak: 1.1 CNY/kWh", "top: 1.1 CNY/kWh", f"{S}[1].tariff.prices", "no price for the period peak"),
    ("flat: 0.7 CNY/kWh", "flat: 0.7 CNY", f"{S}[1].tariff.prices.flat", "is per nothing, not per kWh"),
    ("flat: 0.7 CNY/kWh", "flat: 0.7 USD/kWh", f"{S}[1].tariff.prices", "several currencies: CNY, USD"),
    ("8-11, 22:30-1", "8-25", f"{S}[1].tariff.periods[0].hours", "not a list of hours"),
    ("8-11, 22:30-1", "8-8", f"{S}[1].tariff.periods[0].hours", "not a list of hours"),
    ("8-11, 22:30-1", "8:75-9", f"{S}[1].tariff.periods[0].hours", "not a list of hours"),
    ("[7, 8]", "[7, 13]", f"{S}[1].tariff.periods[0].months[1]", "13 must be at most 12"),
    ("confidence: official}\n      pue", "confidence: sure}\n      pue", f"{S}[1].tariff.source.confidence", "'sure'"),
    ("      pue: 1.25\n", "", f"{S}[0].pue", "pue is missing"),
    ("pue: 1.25", "pue: 0.9", f"{S}[0].pue", "0.9 is out of range"),
    ("pue: 1.25", "pue: good", f"{S}[0].pue", "'good' is not a number"),
    ("pue: 1.25", "pue: []", f"{S}[0].pue", "too short"),
    ("2026-07-01T00:00+08:00, value: 1.4", "2026-01-01T00:00+08:00, value: 1.4", f"{S}[1].pue[1].since", "not later"),
    ("value: 1.4", "value: 1.40000001", f"{S}[1].pue[1].value", "finer than a millionth"),
    ("      carbon: {location: cn-gz-2023, market: 100 g/kWh}\n", "", f"{S}[0].carbon", "carbon is missing"),
    ("cn-gz-2023", "cn-gz-2032", f"{S}[0].carbon.location", "'cn-gz-2032' is not among the carbon factors"),
    ("100 g/kWh", "100 t/kWh", f"{S}[0].carbon.market", "not an amount of CO2 per kWh"),
    ("site: guian", "site: guiyang", f"{P}[0].site", "'guiyang' is not among the sites of the file"),
    ("ascend-910b3", "ascend-910b", f"{P}[0].accelerator", "'ascend-910b' is not among the accelerators"),
    ("      accelerator: ascend-910b3\n", "", f"{P}[0].accelerator", "needs accelerator or system"),
    ("system: dgx-a100", "system: dgx-b100", f"{P}[1].system", "'dgx-b100' is not among the systems"),
    ("system: dgx-a100", "system: dgx-a100, accelerator: ascend-910b3", f"{P}[1].accelerator", "contradict"),
    ("      accelerators_per_node: 8\n", "", f"{P}[0].accelerators_per_node", "needs accelerators_per_node"),
    ("nodes: 2\n", "nodes: 0\n", f"{P}[0].nodes", "0 must be at least 1"),
    ("nodes: 2\n", "nodes: -2\n", f"{P}[0].nodes", "-2 must be at least 1"),
    ("price_book: rent", "price_book: rant", f"{P}[0].price_book", "'rant' is not among the price books"),
    ("      price_book: rent\n", "", f"{P}[0].price_book", "price_book is missing"),
    ("1.5 kW", "1.5", f"{P}[0].node_overhead", "1.5 has no unit"),
    ("200 Gbit/s", "200 GB", f"{P}[0].node_network", "unknown unit 'GB'"),
    ("software_factor: 0.9", "software_factor: 0", f"{P}[1].software_factor", "0 must be greater than 0"),
    ("id: gpu", "id: npu", f"{P}[1].id", "'npu' is given twice"),
    ("[beijing, guian]", "[beijing, mars]", "grid.links[1].between[1]", "'mars' is not among the cities and sites"),
    ("[beijing, guian]", "[guian, guian]", "grid.links[1].between", "a link from guian to itself"),
    ("[beijing, guian]", "[beijing]", "grid.links[1].between", "too short"),
    ("[beijing, guian]", "[qingpu, guian]", "grid.links[1]", "given twice"),
    ("0.05 CNY/GB", "0.05 USD/GB", "grid.links[0].price", "this is in USD"),
    ("    - shanghai\n", "    - shangai\n", "grid.cities[1]", "'shangai' is not among the cities"),
    ("    - shanghai\n", "    - beijing\n", "grid.cities[1]", "beijing is given twice"),
    ("id: kashgar", "id: qingpu", "grid.cities[2].id", "qingpu is the id of a site too"),
    ("accelerator_hour: 12.5 CNY", "accelerator_hour: 12.5", f"{B}[0].prices.accelerator_hour", "not an amount"),
    ("accelerator_hour: 12.5 CNY", "accelerator_hour: -1 CNY", f"{B}[0].prices.accelerator_hour", "negative"),
    ("accelerator_hour: 12.5 CNY, ", "", f"{B}[0].prices", "prices neither accelerator_hour nor"),
    ("12.5 CNY", "12.5 USD", f"{B}[0].prices.accelerator_hour", "this price is in USD, its book in CNY"),
    ("kwh: pass-through", "kwh: passed", f"{B}[0].prices.kwh", "'passed' is not an amount"),
    ("version: 2", "currency: USD", f"{B}[0].currency", "the price book is in USD, the grid in CNY"),
    ("version: 2", "version: 0", f"{B}[0].version", "0 must be at least 1"),
    ("1000 CNY", "1000 USD", "grid.tenants[0].credit_limit", "this is in USD"),
    ("closes: 2027", "closes: 2025", f"{V}.closes", "closes before it opens"),
    ("closes: 2027-01-01T00:00+08:00", "closes: 2027-01-01", f"{V}.closes", "no offset"),
    ("ratio: 30 %", "ratio: 130 %", f"{V}.rates[0].ratio", "out of range"),
    ("ratio: 30 %", "ratio: 0 %", f"{V}.rates[0].ratio", "more than 0"),
    ("fact: tenant.legal_form", "fact: legal_form", f"{V}.rates[0].when[0].fact", "not written as it must be"),
    ("one_of: [university]", "one_of: []", f"{V}.rates[0].when[0].one_of", "too short"),
    (", when: [{fact: tenant.legal_form, one_of: [university]}]", "", f"{V}.rates[0]", "never apply"),
    ("      currency: CNY\n", "      currency: USD\n", f"{V}.currency", "this is in USD, the grid in CNY"),
    ("issuer: Office", "issuer: Office\n      cap_per_job: 5 USD", f"{V}.cap_per_job", "cap_per_job is in USD"),
    ("issuer: Office", "issuer: Office\n      recognised: [powr]", f"{V}.recognised[0]", "'powr' is not known here"),
]


@pytest.mark.parametrize(("old", "new", "path", "message"), BAD, ids=range(len(BAD)))
def test_a_bad_grid_is_told_where_what_and_what_to_do(old: str, new: str, path: str, message: str) -> None:
    (problem,) = problems(changed(GRID, old, new))
    assert problem.place.partition(" ")[2] == path
    assert message in str(problem.message)
    assert str(problem.remedy)


def test_all_problems_are_reported_together() -> None:
    text = GRID
    for old, new in [
        ("route_factor: 1.5", "route_factor: 0.5"),
        ("hub: guian", "hub: guiyang"),
        ("tariff: gz", "tariff: cn-gz"),
        ("pue: 1.25", "pue: 0.9"),
        ("site: guian", "site: guiyang"),
        ("ascend-910b3", "ascend-910b"),
        ("1.5 kW", "1.5"),
        ("accelerator_hour: 12.5 CNY, ", ""),
        ("[beijing, guian]", "[beijing, mars]"),
        ("credit_limit", "creditlimit"),
        ("closes: 2027", "closes: 2025"),
    ]:
        text = changed(text, old, new)
    found = problems(text)
    assert [p.place for p in found] == [
        "g.yaml:7 grid.latency.route_factor",
        "g.yaml:12 grid.sites[0].hub",
        "g.yaml:14 grid.sites[0].tariff",
        "g.yaml:15 grid.sites[0].pue",
        "g.yaml:35 grid.pools[0].site",
        "g.yaml:36 grid.pools[0].accelerator",
        "g.yaml:42 grid.pools[0].node_overhead",
        "g.yaml:48 grid.links[1].between[1]",
        "g.yaml:57 grid.price_books[0].prices",
        "g.yaml:66 grid.tenants[0].creditlimit",
        "g.yaml:73 grid.programmes[0].closes",
    ]


def test_ids_are_given_once() -> None:
    text = changed(
        changed(GRID, "    - id: qingpu\n", "    - id: guian\n"),
        "  - id: compute\n",
        "  - id: rent\n      version: 2\n",
    )
    text = text.replace("site: qingpu", "site: guian").replace("price_book: compute", "price_book: rent")
    text = text.replace("[guian, qingpu]", "[guian, shanghai]").replace("id: gpu", "id: npu")
    assert [(p.place.partition(" ")[2], str(p.message)) for p in problems(text)] == [
        ("grid.sites[1].id", "'guian' is given twice (first at g.yaml:9)."),
        ("grid.pools[1].id", "'npu' is given twice (first at g.yaml:34)."),
        ("grid.price_books[1].version", "'rent version 2' is given twice (first at g.yaml:54)."),
    ]


def test_an_unreadable_id_does_not_make_every_reference_wrong() -> None:
    (site,) = problems(changed(GRID, "    - id: guian\n", "    - id: [guian]\n"))
    assert site.place == "g.yaml:9 grid.sites[0].id"
    (book,) = problems(changed(GRID, "    - id: rent\n", "    - id: 5\n"))
    assert "grid.price_books[0].id" in book.place


@pytest.mark.parametrize("text", ["", "[]", "5", "grid: 5", "grid: {sites: 5, pools: [5], links: {}, cities: [[]]}"])
def test_what_is_no_grid_at_all_is_refused(text: str) -> None:
    assert problems(text)


def test_a_programme_file_reports_all_its_problems() -> None:
    text = changed(changed(PROGRAMME, "closes: 2027", "closes: 2020"), "ratio: 30 %", "ratio: '0.3'")
    with pytest.raises(InvalidInput) as raised:
        read_programme(changed(text, "issuer: Office", "issuer: ''\n  minimum_spend: 3 USD"), "p.yaml")
    assert [p.place.partition(" ")[2] for p in raised.value.problems] == [
        "programme.issuer",
        "programme.minimum_spend",
        "programme.closes",
        "programme.rates[0].ratio",
    ]


def test_the_base_period_needs_a_price_only_where_minutes_are_left_to_it() -> None:
    whole = TariffPeriod(name="day", minutes=((0, 1440),))
    weekend = TariffPeriod(name="weekend", minutes=((0, 1440),), weekdays=frozenset({6, 7}))
    never = TariffPeriod(name="never", minutes=((0, 60), (30, 90)))

    def occurring(*periods: TariffPeriod) -> set[str]:
        tariff = Tariff(id="t", name="t", currency="CNY", prices={}, periods=periods, provenance=SOURCE)
        return periods_that_occur(tariff)

    assert occurring() == {"flat"}
    assert occurring(whole, never) == {"day"}
    assert occurring(weekend) == {"weekend", "flat"}
    assert occurring(weekend, whole) == {"weekend", "day"}
    assert occurring(never) == {"never", "flat"}
