"""What placement counts: each part of the cost, ties, capacity, data, and what it says of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from suanwang.domain.accelerator import Efficiency
from suanwang.domain.placement import Against, CostPart, Occupancy, Placement, Promise
from suanwang.domain.price import Basis, Price
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Link
from suanwang.domain.workload import DataSet, Limits, Workload
from suanwang.place.outlook import Outlooks
from suanwang.place.place import place
from tests.small_grid import CARD, INVENTED, MONDAY, book, cny, estimate, grid, hour, pool, site, tariff, workload

FLAT = tariff({"flat": "0.5"}, {}, id="flat")
SITE = site("s", tariff=FLAT)
GRID = grid([SITE], [pool("p", "s")])


def decide(where: Grid, work: Workload | None = None, occupancy: Occupancy | None = None) -> Placement:
    estimates = [estimate(p.id) for p in where.pools]
    decision = place(work or workload(), where, estimates, [], MONDAY, occupancy or Occupancy())
    assert isinstance(decision, Placement)
    return decision


def told(decision: Placement) -> list[str]:
    return [str(reason) for reason in decision.reasons]


def test_flat_prices_start_at_once() -> None:
    decision = decide(GRID)
    assert decision.option.start == MONDAY
    assert decision.savings == ()
    assert told(decision) == [
        "S (p) is the only pool that can have it: 92.00 CNY in all.",
        "Starts at once: no later start within the limits costs less.",
    ]


def test_own_price_per_kwh_is_of_energy_at_the_meter() -> None:
    decision = decide(replace(GRID, price_books=(book(kwh="0.8"),)))
    assert decision.option.cost[CostPart.POWER] == cny("19.2")  # 20 kWh x PUE 1.2 x 0.8


def test_power_that_is_not_billed_costs_nothing_and_is_told() -> None:
    decision = decide(replace(GRID, price_books=(book(kwh=None),), carbon_price_per_t=cny("100")))
    assert decision.option.cost[CostPart.POWER] == cny("0")
    assert decision.option.cost[CostPart.CARBON] == cny("1.2")
    assert decision.option.billed == cny("80")
    assert told(decision)[-1] == "Price book book does not bill power: 24.0 kWh are covered by the rent."


def test_delivered_compute_is_peak_times_measured_efficiency() -> None:
    measured = replace(CARD, efficiencies=(Efficiency(dtype="bf16", ratio=0.5, method="gemm", provenance=INVENTED),))
    per_pflop = replace(book(), prices=(Price(basis=Basis.DELIVERED_PFLOP_HOUR, amount=cny("9")),))
    where = grid([SITE], [pool("p", "s", accelerator=measured)], price_books=(per_pflop,))
    # 8 cards x 0.3 PFLOP/s x 0.5 x 2 h x 9 CNY
    assert decide(where).option.cost[CostPart.RENT] == cny("21.6")


def test_carbon_decides_but_is_not_billed() -> None:
    clean = site(
        "clean", tariff=FLAT, carbon_location=Signal.constant("kg/kWh", "0.1"), pue=Signal.constant("1", "1.3")
    )
    where = grid([SITE, clean], [pool("p", "s"), pool("q", "clean")])
    assert decide(where).option.pool_id == "p"
    decision = decide(replace(where, carbon_price_per_t=cny("1000")))
    assert decision.option.pool_id == "q"
    assert decision.option.cost[CostPart.CARBON] == cny("2.6")
    assert decision.option.billed == decision.option.billed_high - cny("23.25")


def test_market_based_carbon_is_shown_where_it_is_known() -> None:
    assert decide(GRID).option.carbon_kg_market is None
    green = replace(SITE, carbon_market=Signal.constant("kg/kWh", "0.05"))
    option = decide(grid([green], GRID.pools)).option
    assert (option.carbon_kg_location, option.carbon_kg_market) == (12.0, 1.2)


def test_lower_rent_from_a_later_price_book_is_waited_for() -> None:
    later = book(rent="4", version=2, effective=hour(3))
    decision = decide(replace(GRID, price_books=(book(), later)))
    assert decision.option.start == hour(3)
    assert "Waits 3.0 h for a lower rent: 4.0000 instead of 5.0000 CNY per accelerator-hour." in told(decision)


def test_cleaner_hours_are_waited_for() -> None:
    cleaner = replace(SITE, carbon_location=Signal.of("kg/kWh", [(hour(-1), "0.5"), (hour(2), "0.25")]))
    decision = decide(grid([cleaner], GRID.pools, carbon_price_per_t=cny("100")))
    assert decision.option.start == hour(2)
    assert "Waits 2.0 h for cleaner hours at S: 6.0 instead of 12.0 kg CO2." in told(decision)


def test_price_book_may_begin_later() -> None:
    decision = decide(replace(GRID, price_books=(book(effective=hour(5)),)))
    assert decision.option.start == hour(5)


def test_full_pool_is_waited_for_or_avoided() -> None:
    taken = (Promise(start=hour(-3), end=hour(4.5), accelerators=30),)
    one = decide(GRID, occupancy=Occupancy(promises={"p": taken}))
    assert one.option.start == hour(4.5)
    assert "Waits 4.5 h for 8 free accelerators in p." in told(one)
    two = decide(grid([SITE], [pool("p", "s"), pool("q", "s")]), occupancy=Occupancy(promises={"p": taken}))
    assert (two.option.pool_id, two.option.start) == ("q", MONDAY)


def test_run_fits_between_promises_to_the_microsecond() -> None:
    gap = (Promise(start=hour(-1), end=hour(1), accelerators=32), Promise(start=hour(3), end=hour(9), accelerators=25))
    assert decide(GRID, occupancy=Occupancy(promises={"p": gap})).option.start == hour(1)
    late = replace(gap[0], end=hour(1) + timedelta(microseconds=1))
    assert decide(GRID, occupancy=Occupancy(promises={"p": (late, gap[1])})).option.start == hour(9)


def test_ties_go_to_the_smaller_pool_id() -> None:
    where = grid([SITE], [pool("b", "s"), pool("a", "s"), *(pool(f"z{i}", "s") for i in range(5))])
    decision = decide(where)
    assert [decision.option.pool_id, *(o.pool_id for o in decision.alternatives)] == ["a", "b", "z0", "z1"]


def test_ties_in_cost_go_to_the_earlier_end() -> None:
    where = grid([SITE], [pool("a", "s"), pool("b", "s")])
    taken = {"a": (Promise(start=hour(-1), end=hour(2), accelerators=30),)}
    assert decide(where, occupancy=Occupancy(promises=taken)).option.pool_id == "b"


def test_several_estimates_of_a_pool_compete() -> None:
    small, large = estimate("p", hours=2, count=8), estimate("p", hours=1.5, count=16)
    decision = place(workload(), GRID, [large, small], [], MONDAY, Occupancy())
    assert isinstance(decision, Placement)
    assert (decision.option.accelerators, decision.alternatives) == (8, ())
    urgent = workload(limits=Limits(deadline=hour(2)))
    decision = place(urgent, GRID, [large, small], [], MONDAY, Occupancy())
    assert isinstance(decision, Placement)
    assert (decision.option.accelerators, decision.rejections) == (16, ())


DATA = (
    DataSet(name="a", at="shanghai", size_bytes=3.6e12),
    DataSet(name="b", at="shanghai", size_bytes=1.8e12),
    DataSet(name="c", at="depot", size_bytes=3.6e12),
    DataSet(name="d", at="s", size_bytes=9e15),
)
LINKS = (
    Link(a="shanghai", b="s", bytes_per_s=1e9, price_per_gb=cny("0.01")),
    Link(a="s", b="depot", bytes_per_s=0.5e9, price_per_gb=cny("0.02")),
)


def test_data_goes_over_different_links_at_once() -> None:
    decision = decide(replace(GRID, links=LINKS), workload(data=DATA))
    assert decision.option.data_ready == hour(2)  # 5.4 TB at 1 GB/s take 1.5 h, 3.6 TB at 0.5 GB/s take 2 h
    assert decision.option.start == hour(2)
    assert decision.option.cost[CostPart.DATA] == cny("126")  # 5,400 GB x 0.01 + 3,600 GB x 0.02
    assert decision.option.billed_high == cny("241")  # 100 rent + 15 power + 126
    assert "The data needs 2.0 h to reach S and costs 126.00 CNY." in told(decision)


def test_earliest_start_is_told() -> None:
    decision = decide(GRID, workload(limits=Limits(earliest_start=hour(30), deadline=hour(40), time_limit_s=7200)))
    assert decision.option.start == hour(30)
    assert told(decision)[1:] == [
        "Waits 30.0 h for the earliest start that was asked for.",
        "Ends at least 7.5 h before the deadline, at the high end of the estimate.",
        "The time limit of 2.0 h may end it: the run takes up to 2.5 h.",
    ]


def test_nearest_east_is_nearest_to_the_city_or_the_data() -> None:
    near = site("near", latitude=31.0, longitude=121.0, tariff=FLAT, labels={"region": "east"})
    far = site("far", latitude=23.0, longitude=113.0, tariff=FLAT, labels={"region": "east"})
    west = site("west", tariff=tariff({"flat": "0.1"}, {}))
    where = grid([far, near, west], [pool("f", "far"), pool("n", "near"), pool("w", "west")])

    def east(work: Workload, links: tuple[Link, ...] = ()) -> str:
        savings = {s.against: s for s in decide(replace(where, links=links), work).savings}
        return savings[Against.NEAREST_EAST_AT_ONCE].alternative.pool_id

    assert east(workload(limits=Limits(city="shanghai"))) == "n"
    assert east(workload()) == "f"
    links = tuple(Link(a="near", b=s, bytes_per_s=1e9, price_per_gb=cny("0.0001")) for s in ("far", "west"))
    at_near = workload(data=(DataSet(name="d", at="near", size_bytes=1e9),))
    assert east(at_near, links) == "n"


def test_outlooks_kept_change_nothing_and_belong_to_one_grid() -> None:
    where = grid([site("s")], [pool("p", "s")])
    kept = Outlooks(where)
    for i in range(5):
        now = hour(i * 7.3)
        asked = [estimate("p", hours=2 + i)]
        again = place(workload(), where, asked, [], now, Occupancy(), outlooks=kept)
        assert again == place(workload(), where, asked, [], now, Occupancy())
    with pytest.raises(ValueError, match="another grid"):
        place(workload(), replace(where), [estimate("p")], [], MONDAY, Occupancy(), outlooks=kept)


def test_estimate_without_time_is_a_bug() -> None:
    nothing = estimate("p")
    nothing = replace(nothing, time_s=nothing.time_s.scaled(0))
    with pytest.raises(ValueError, match="takes no time"):
        place(workload(), GRID, [nothing], [], MONDAY, Occupancy())


@pytest.mark.parametrize(
    ("promises", "wanted", "full"),
    [
        ([], 32, []),
        ([(0, 4, 8)], 24, []),
        ([(0, 4, 8)], 25, [(0, 4)]),
        ([(0, 4, 8), (2, 6, 8)], 20, [(2, 4)]),
        ([(0, 4, 8), (4, 6, 8)], 25, [(0, 6)]),
        ([(0, 2, 8), (4, 6, 8)], 25, [(0, 2), (4, 6)]),
        ([(0, 4, 40)], 1, [(0, 4)]),
    ],
)
def test_full_intervals(promises: list[tuple[int, int, int]], wanted: int, full: list[tuple[int, int]]) -> None:
    taken = tuple(Promise(start=hour(a), end=hour(b), accelerators=n) for a, b, n in promises)
    assert Occupancy(promises={"p": taken}).full("p", 32, wanted) == [(hour(a), hour(b)) for a, b in full]


def test_empty_promise_is_refused() -> None:
    with pytest.raises(ValueError, match="promise"):
        Promise(start=MONDAY, end=MONDAY, accelerators=1)
