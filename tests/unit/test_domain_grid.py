"""Models, accelerators, sites and the grid: derived sizes, look-ups, distances, and what is refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from suanwang.domain.accelerator import Accelerator, AcceleratorKind, Efficiency
from suanwang.domain.catalog import find
from suanwang.domain.geography import City, LatencyModel, great_circle_km
from suanwang.domain.model import ModelSpec
from suanwang.domain.money import Money
from suanwang.domain.price import Basis, Price, PriceBook
from suanwang.domain.provenance import Confidence, MissingFigure, Provenance
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Link, Pool, Site
from suanwang.domain.tariff import Tariff, TariffPeriod
from suanwang.errors import NotFound, msg

SOURCE = Provenance(source="made up for the test", confidence=Confidence.ESTIMATE)
DAY = datetime(2025, 6, 2, tzinfo=UTC)
BEIJING = City(id="beijing", name="Beijing", name_zh="北京", latitude=39.9042, longitude=116.4074)
SHANGHAI = City(id="shanghai", name="Shanghai", name_zh="上海", latitude=31.2304, longitude=121.4737)
CARD = Accelerator(id="x1", vendor="v", name="X1", kind=AcceleratorKind.NPU, provenance=SOURCE)


def tariff(periods: tuple[TariffPeriod, ...] = ()) -> Tariff:
    prices = {"flat": Decimal("0.5"), "valley": Decimal("0.25")}
    return Tariff(id="t", name="t", currency="CNY", prices=prices, periods=periods, provenance=SOURCE)


def site(site_id: str = "s1", city: City = SHANGHAI) -> Site:
    return Site(
        id=site_id,
        name=site_id,
        zone=ZoneInfo("Asia/Shanghai"),
        latitude=city.latitude,
        longitude=city.longitude,
        tariff=tariff((TariffPeriod(name="valley", minutes=((0, 480),)),)),
        pue=Signal.constant("1", "1.2"),
        carbon_location=Signal.constant("kg/kWh", "0.5"),
    )


def book(version: int, effective: datetime, *prices: Price) -> PriceBook:
    return PriceBook(
        id="b", version=version, currency="CNY", effective=effective, prices=tuple(prices), provenance=SOURCE
    )


def pool(pool_id: str = "p1") -> Pool:
    return Pool(
        id=pool_id,
        site_id="s1",
        accelerator=CARD,
        nodes=4,
        accelerators_per_node=8,
        engine="local",
        price_book_id="b",
    )


def grid(links: tuple[Link, ...] = ()) -> Grid:
    return Grid(
        id="g",
        currency="CNY",
        sites=(site(), site("s2", BEIJING)),
        pools=(pool(), pool("p2")),
        links=links,
        cities=(BEIJING, SHANGHAI),
        price_books=(book(1, DAY), book(3, DAY + timedelta(days=2)), book(2, DAY + timedelta(days=1))),
    )


def test_things_of_the_grid_are_found_by_id() -> None:
    joined = grid()
    assert joined.site("s2").latitude == BEIJING.latitude
    assert joined.pool("p2").accelerators == 32
    assert joined.city("beijing") is BEIJING


@pytest.mark.parametrize(
    ("look_up", "known"),
    [("site", "s1, s2"), ("pool", "p1, p2"), ("city", "beijing, shanghai"), ("tenant", "none"), ("programme", "none")],
)
def test_what_is_not_in_the_grid_is_refused_with_what_is(look_up: str, known: str) -> None:
    with pytest.raises(NotFound, match=f"no {look_up} 'nowhere' in the grid") as caught:
        getattr(grid(), look_up)("nowhere")
    assert caught.value.code == "not-found"
    assert str(caught.value.remedy) == f"The grid has: {known}."


@pytest.mark.parametrize(("days", "version"), [(-1, None), (0, 1), (0.5, 1), (1, 2), (5, 3)])
def test_price_book_in_force(days: float, version: int | None) -> None:
    found = grid().price_book("b", DAY + timedelta(days=days))
    assert (found and found.version) == version
    assert grid().price_book("other", DAY + timedelta(days=days)) is None


def test_links_join_both_ways_and_a_measured_round_trip_wins() -> None:
    link = Link(a="beijing", b="s1", bytes_per_s=1e9, round_trip_ms=30.5)
    joined = grid((link,))
    assert joined.link("s1", "beijing") is joined.link("beijing", "s1") is link
    assert joined.link("s1", "s2") is None
    assert joined.round_trip_ms(BEIJING, joined.site("s1")) == 30.5
    assert joined.round_trip_ms(SHANGHAI, joined.site("s1")) == LatencyModel().equipment_ms


@pytest.mark.parametrize(
    ("a", "b", "km", "within"),
    [
        ((39.9042, 116.4074), (31.2304, 121.4737), 1067, 2),
        ((52.5200, 13.4050), (48.8566, 2.3522), 878, 2),
        ((0.0, 0.0), (0.0, 180.0), 20015.1, 0.1),
        ((90.0, 0.0), (-90.0, 77.0), 20015.1, 0.1),
        ((0.0, 179.5), (0.0, -179.5), 111.2, 0.1),
        ((31.2304, 121.4737), (31.2304, 121.4737), 0, 1e-9),
    ],
    ids=["Beijing-Shanghai", "Berlin-Paris", "antipodes", "poles", "date line", "the same place"],
)
def test_great_circle(a: tuple[float, float], b: tuple[float, float], km: float, within: float) -> None:
    assert great_circle_km(*a, *b) == pytest.approx(km, abs=within)
    assert great_circle_km(*b, *a) == pytest.approx(great_circle_km(*a, *b))


def test_round_trip_beijing_shanghai_is_that_of_light_in_fibre() -> None:
    """1,067 km x 1.4 x 4.897 us/km x 2 + 1 ms = 15.6 ms, worked by hand."""
    assert grid().round_trip_ms(BEIJING, site()) == pytest.approx(15.6, abs=0.1)


def test_power_price_follows_the_site_s_own_clock() -> None:
    """The valley is 0:00-8:00 in Shanghai: 16:00-24:00 UTC. With PUE 1.2 a kWh at the IT equipment costs more."""
    price = site().power_price(DAY, DAY + timedelta(days=1))
    assert [(e.hour, m) for e, m in zip(price.edges, price.micros, strict=True)] == [(0, 500_000), (16, 250_000)]
    at_it = site().power_price_it(DAY, DAY + timedelta(days=1))
    assert at_it.micros == (600_000, 300_000)
    assert at_it.unit == "CNY/kWh"


def test_tariff_periods_take_the_first_that_holds() -> None:
    sunday = TariffPeriod(name="valley", minutes=((0, 1440),), weekdays=frozenset({7}))
    summer = TariffPeriod(name="sharp", minutes=((720, 780),), months=frozenset({7, 8}))
    rules = tariff((sunday, summer))
    assert rules.period_at(datetime(2025, 7, 6, 12, 30, tzinfo=UTC)) == "valley"
    assert rules.period_at(datetime(2025, 7, 7, 12, 59, tzinfo=UTC)) == "sharp"
    assert rules.period_at(datetime(2025, 7, 7, 13, 0, tzinfo=UTC)) == "flat"
    assert rules.period_at(datetime(2025, 6, 2, 12, 30, tzinfo=UTC)) == "flat"


@pytest.mark.parametrize("minutes", [(60, 60), (120, 60), (-1, 60), (0, 1441)])
def test_tariff_minutes_rise_within_a_day(minutes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="minutes of p"):
        tariff((TariffPeriod(name="p", minutes=(minutes,)),))


def test_blank_figures_are_named_never_zero() -> None:
    for read, figure in [
        (CARD.memory_or_raise, "memory size"),
        (CARD.bandwidth_or_raise, "memory bandwidth"),
        (CARD.link_or_raise, "link bandwidth"),
        (CARD.power_or_raise, "power"),
        (lambda: CARD.peak_or_raise("bf16"), "peak in bf16"),
    ]:
        with pytest.raises(MissingFigure, match=f"accelerator x1 has no {figure}") as caught:
            read()
        assert (caught.value.code, caught.value.thing, caught.value.figure) == (
            "missing-figure",
            "accelerator x1",
            figure,
        )


@pytest.mark.parametrize("field", ["memory_bytes", "memory_bytes_per_s", "link_bytes_per_s", "power_w"])
@pytest.mark.parametrize("figure", [0.0, -1.0, float("inf"), float("nan")])
def test_figures_of_a_card_are_positive(field: str, figure: float) -> None:
    given: dict[str, Any] = {"id": "x", "vendor": "v", "name": "X", "kind": AcceleratorKind.GPU, "provenance": SOURCE}
    with pytest.raises(ValueError, match="positive and finite"):
        Accelerator(**(given | {field: figure}))
    with pytest.raises(ValueError, match="positive and finite"):
        Accelerator(**given, peak_flops_per_s={"bf16": figure})


def test_best_trusted_efficiency_wins() -> None:
    press = Efficiency(
        dtype="bf16", ratio=0.9, method="m", provenance=Provenance(source="p", confidence=Confidence.PRESS)
    )
    measured = Efficiency(
        dtype="bf16", ratio=0.7, method="m", provenance=Provenance(source="m", confidence=Confidence.MEASURED)
    )
    card = Accelerator(
        id="x",
        vendor="v",
        name="X",
        kind=AcceleratorKind.GPU,
        provenance=SOURCE,
        peak_flops_per_s={"bf16": 1e15},
        efficiencies=(press, measured),
    )
    assert card.efficiency("bf16") is measured
    assert card.efficiency("fp8") is None
    assert card.capabilities == {"bf16", "gpu"}


def shape(**changed: Any) -> ModelSpec:
    fields: dict[str, Any] = {"id": "m", "layers": 32, "hidden": 4096, "heads": 32, "ffn": 14336, "vocab": 128_256}
    return ModelSpec(**(fields | changed))


def test_shape_of_a_model_is_completed() -> None:
    plain = shape()
    assert (plain.kv_heads, plain.head_size) == (32, 128)
    assert shape(kv_heads=8, head_size=256).head_size == 256
    assert shape(hidden=2880, heads=64, head_size=64).head_size == 64


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"layers": 0}, "at least 1"),
        ({"vocab": -1}, "at least 1"),
        ({"ffn": -1}, "at least 1"),
        ({"hidden": 4097}, "not a multiple of heads"),
        ({"kv_heads": 5}, "not a multiple of kv_heads"),
        ({"experts": 8}, "experts_per_token"),
        ({"experts": 8, "experts_per_token": 9}, "experts_per_token"),
        ({"experts": -8, "experts_per_token": 1}, "experts_per_token"),
        ({"ffn": 0}, "needs ffn"),
    ],
)
def test_shape_that_cannot_exist_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        shape(**changed)


def test_price_books_price_a_basis_once_in_their_currency() -> None:
    hour = Price(basis=Basis.ACCELERATOR_HOUR, amount=Money(1, "CNY"))
    assert book(1, DAY, hour).price(Basis.ACCELERATOR_HOUR) is hour
    assert book(1, DAY, hour).price(Basis.KWH) is None
    with pytest.raises(ValueError, match="priced twice"):
        book(1, DAY, hour, hour)
    with pytest.raises(ValueError, match="must be in CNY"):
        book(1, DAY, Price(basis=Basis.KWH, amount=Money(1, "EUR")))
    with pytest.raises(ValueError, match="needs an amount"):
        Price(basis=Basis.ACCELERATOR_HOUR, amount=None)
    with pytest.raises(ValueError, match="not negative"):
        Price(basis=Basis.KWH, amount=Money(-1, "CNY"))


def test_catalog_lists_what_is_near() -> None:
    table = {"h100-sxm": 1, "h200-sxm": 2, "ascend-910b": 3}
    assert find(table, msg("accelerator"), "h200-sxm") == 2
    with pytest.raises(NotFound, match="no accelerator 'h100-sx'") as caught:
        find(table, msg("accelerator"), "h100-sx")
    assert "Nearest: h100-sxm" in str(caught.value.remedy)
    with pytest.raises(NotFound):
        find({}, msg("accelerator"), "h100-sxm")
