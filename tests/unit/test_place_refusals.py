"""Every reason for which a pool is refused, with the figures that bind; and that no pool is left out."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from suanwang.domain.estimate import Estimate
from suanwang.domain.placement import Occupancy, Placement, Promise, Refused, Rejection
from suanwang.domain.price import Basis, Price
from suanwang.domain.reason import Reason
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Link
from suanwang.domain.workload import DataSet, Demand, Limits, Workload
from suanwang.errors import NotFound, msg
from suanwang.place.place import place
from tests.small_grid import MONDAY, NIGHT, book, cny, estimate, grid, hour, pool, site, tariff, workload

NORTH = site("north", province="CN-NX", labels={"region": "west"})
GRID = grid([NORTH], [pool("p", "north")])
DATA = (DataSet(name="corpus", at="shanghai", size_bytes=9e12),)
LINK = Link(a="north", b="shanghai", bytes_per_s=1.25e9, price_per_gb=cny("0.01"))
USD_BOOK = replace(book(), currency="USD", prices=())


def answer(work: Workload, where: Grid = GRID, occupancy: Occupancy | None = None, **changes: Any) -> Rejection:
    decision = place(work, where, [estimate("p", **changes)], [], MONDAY, occupancy or Occupancy())
    assert isinstance(decision, Refused)
    assert [r.pool_id for r in decision.rejections] == ["p"]
    return decision.rejections[0]


def limited(**limits: Any) -> Workload:
    return workload(limits=Limits(**limits))


def full(until: float) -> Occupancy:
    return Occupancy(promises={"p": (Promise(start=hour(-5), end=hour(until), accelerators=25),)})


CASES: list[tuple[str, Workload, Grid, Reason, str]] = [
    (
        "province",
        workload(requires={"province": ("CN-GZ", "CN-GS")}),
        GRID,
        Reason.LABEL_MISMATCH,
        "The workload requires province = CN-GZ or CN-GS; pool p has CN-NX.",
    ),
    (
        "unknown label",
        workload(requires={"tier": ("4",)}),
        GRID,
        Reason.LABEL_MISMATCH,
        "The workload requires tier = 4; pool p has nothing.",
    ),
    (
        "vendor",
        workload(demand=Demand(vendors=("other",))),
        GRID,
        Reason.NO_ACCELERATOR_FITS,
        "card-a is not made by other.",
    ),
    (
        "card",
        workload(demand=Demand(accelerators=("card-b",))),
        GRID,
        Reason.NO_ACCELERATOR_FITS,
        "card-a is not card-b.",
    ),
    (
        "capability",
        workload(demand=Demand(capabilities=("bf16", "fp8", "gpu"))),
        GRID,
        Reason.NO_ACCELERATOR_FITS,
        "card-a is not fp8 and gpu.",
    ),
    (
        "drained site",
        workload(),
        grid([replace(NORTH, drained=True)], GRID.pools),
        Reason.SITE_DRAINED,
        "site north takes no new work.",
    ),
    (
        "drained pool",
        workload(),
        grid([NORTH], [pool("p", "north", drained=True)]),
        Reason.SITE_DRAINED,
        "pool p takes no new work.",
    ),
    (
        "latency",
        limited(city="shanghai", latency_ms_max=10.0),
        GRID,
        Reason.EXCEEDS_LATENCY,
        "The round trip from shanghai to north is 16.2 ms; the limit is 10.0 ms.",
    ),
    (
        "no link",
        workload(data=DATA),
        GRID,
        Reason.NO_LINK,
        "No link joins shanghai, where data set corpus lies, with site north.",
    ),
    (
        "unpriced link",
        workload(data=DATA),
        replace(GRID, links=(replace(LINK, price_per_gb=None),)),
        Reason.MISSING_FIGURE,
        "link north-shanghai has no price per GB",
    ),
    (
        "no price book",
        workload(),
        replace(GRID, price_books=()),
        Reason.MISSING_FIGURE,
        "price book book has no version in force at 2026-03-02T00:00:00+00:00",
    ),
    (
        "price book of another currency",
        workload(),
        replace(GRID, price_books=(USD_BOOK,)),
        Reason.MISSING_FIGURE,
        "price book book version 1 has no price in CNY (it is in USD)",
    ),
    (
        "price book without rent",
        workload(),
        replace(GRID, price_books=(book(rent=None),)),
        Reason.MISSING_FIGURE,
        "price book book version 1 has no price per accelerator-hour or delivered PFLOP/s hour",
    ),
    (
        "tariff without a price",
        workload(),
        grid([replace(NORTH, tariff=tariff({"flat": "0.6"}, {"valley": [(20, 22)]}))], GRID.pools),
        Reason.MISSING_FIGURE,
        "tariff t has no price for period 'valley'",
    ),
    (
        "tariff of another currency",
        workload(),
        grid([replace(NORTH, tariff=replace(NIGHT, currency="USD"))], GRID.pools),
        Reason.MISSING_FIGURE,
        "tariff night has no price in CNY (it is in USD)",
    ),
    (
        "carbon series that has ended",
        workload(),
        grid([replace(NORTH, carbon_location=Signal.of("kg/kWh", [(hour(-9), "0.5")], hour(-1)))], GRID.pools),
        Reason.MISSING_FIGURE,
        "site north has no carbon signal at 2026-03-02T00:00:00+00:00",
    ),
    (
        "carbon series that ends during the run",
        workload(),
        grid([replace(NORTH, carbon_location=Signal.of("kg/kWh", [(hour(-9), "0.5")], hour(1)))], GRID.pools),
        Reason.MISSING_FIGURE,
        "site north with price book book has no price, PUE or carbon figure after 2026-03-02T01:00:00+00:00",
    ),
    (
        "delivered compute without a measured efficiency",
        workload(),
        replace(
            GRID,
            price_books=(replace(book(), prices=(Price(basis=Basis.DELIVERED_PFLOP_HOUR, amount=cny("9")),)),),
        ),
        Reason.MISSING_FIGURE,
        "accelerator card-a has no measured efficiency in bf16",
    ),
    (
        "deadline at the high end",
        limited(deadline=hour(2.4)),
        GRID,
        Reason.MISSES_DEADLINE,
        "The earliest run ends by 2026-03-02T02:30:00+00:00 at the high end of its estimate; "
        "the deadline is 2026-03-02T02:24:00+00:00.",
    ),
    (
        "deadline after the data's arrival",
        workload(data=DATA, limits=Limits(deadline=hour(4))),
        replace(GRID, links=(LINK,)),
        Reason.MISSES_DEADLINE,
        "The earliest run ends by 2026-03-02T04:30:00+00:00 at the high end of its estimate; "
        "the deadline is 2026-03-02T04:00:00+00:00.",
    ),
    (
        "budget",
        limited(budget=cny("100")),
        GRID,
        Reason.OVER_BUDGET,
        "The least that would be held is 109.00 CNY; the budget is 100.00 CNY.",
    ),
]


@pytest.mark.parametrize(("work", "where", "reason", "text"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_reason(work: Workload, where: Grid, reason: Reason, text: str) -> None:
    rejection = answer(work, where)
    assert (rejection.reason, str(rejection.detail)) == (reason, text)


def test_gang_larger_than_pool() -> None:
    rejection = answer(workload(), count=33)
    assert rejection.reason is Reason.EXCEEDS_CAPACITY
    assert str(rejection.detail) == "The gang needs 33 accelerators; pool p has 32."


def test_pool_full_for_the_horizon() -> None:
    rejection = answer(workload(), occupancy=full(200))
    assert rejection.reason is Reason.EXCEEDS_CAPACITY
    assert str(rejection.detail).startswith("Pool p is full for every start until 2026-03-09T00:00:00+00:00;")


def test_pool_full_until_the_deadline() -> None:
    rejection = answer(limited(deadline=hour(6)), occupancy=full(5))
    assert rejection.reason is Reason.MISSES_DEADLINE
    assert "ends by 2026-03-02T07:30:00" in str(rejection.detail)


def test_each_limit_admits_what_meets_it_exactly() -> None:
    limits = Limits(city="shanghai", latency_ms_max=16.2, deadline=hour(2.5), budget=cny("118"))
    met = workload(
        limits=limits, requires={"region": ("west",), "site": ("north",), "pool": ("p",), "vendor": ("maker",)}
    )
    decision = place(met, GRID, [estimate("p")], [], MONDAY, Occupancy())
    assert isinstance(decision, Placement)
    assert decision.option.billed_high == cny("118")  # 100 rent, 25 kWh x 1.2 x 0.6


def test_price_that_is_not_charged_needs_no_tariff() -> None:
    """A tariff without prices does not matter where the price book has its own price per kWh, or none."""
    bare = replace(NORTH, tariff=tariff({}, {}))
    for kwh in ("0.5", None):
        where = grid([bare], GRID.pools, price_books=(book(kwh=kwh),))
        assert isinstance(place(workload(), where, [estimate("p")], [], MONDAY, Occupancy()), Placement)


def test_every_pool_is_there_once() -> None:
    pools = [pool(f"p{i}", "north", drained=i == 1) for i in range(3)]
    given = Rejection(pool_id="p2", reason=Reason.EXCEEDS_MEMORY, detail=msg("too big"))
    where = grid([NORTH], pools)
    decision = place(workload(), where, [estimate("p0"), estimate("p1")], [given], MONDAY, Occupancy())
    assert isinstance(decision, Placement)
    assert (decision.option.pool_id, decision.alternatives) == ("p0", ())
    assert [(r.pool_id, r.reason) for r in decision.rejections] == [
        ("p1", Reason.SITE_DRAINED),
        ("p2", Reason.EXCEEDS_MEMORY),
    ]


@pytest.mark.parametrize(
    ("estimates", "rejected"),
    [([], []), ([estimate("p")], ["p"]), ([], ["p", "p"]), ([estimate("p"), estimate("q")], [])],
    ids=["left out", "both", "twice", "not in the grid"],
)
def test_incomplete_input_is_a_bug(estimates: list[Estimate], rejected: list[str]) -> None:
    given = [Rejection(pool_id=p, reason=Reason.EXCEEDS_MEMORY, detail=msg("no")) for p in rejected]
    with pytest.raises(ValueError, match="every pool"):
        place(workload(), GRID, estimates, given, MONDAY, Occupancy())


def test_unknown_city_and_naive_time() -> None:
    with pytest.raises(NotFound):
        place(limited(city="atlantis"), GRID, [estimate("p")], [], MONDAY, Occupancy())
    naive = datetime(2026, 3, 2, tzinfo=UTC).replace(tzinfo=None)
    with pytest.raises(ValueError, match="no time zone"):
        place(workload(), GRID, [estimate("p")], [], naive, Occupancy())


def test_measured_round_trip_overrides() -> None:
    measured = Link(a="shanghai", b="north", bytes_per_s=1e9, price_per_gb=cny("1"), round_trip_ms=9.0)
    where = replace(GRID, links=(measured,))
    decision = place(limited(city="shanghai", latency_ms_max=10.0), where, [estimate("p")], [], MONDAY, Occupancy())
    assert isinstance(decision, Placement)
    assert decision.option.round_trip_ms == 9.0
