"""Placement against a calculation by hand, with the hours and prices of two provinces' tariffs.

Ningxia (宁发改价格(管理)[2023]7号): valley 9-17 h, peak 7-9 and 17-23 h. Guizhou (黔发改价格[2023]481号): valley 0-8 h,
peak 10-13 and 17-22 h. Prices are January 2026 general commercial samples at 1-10 kV (CNY/kWh peak/flat/valley):
Ningxia 0.55/0.35/0.16, Guizhou 0.75/0.48/0.22.
"""

from suanwang.domain.placement import Against, CostPart, Occupancy, Placement
from suanwang.domain.signal import Signal
from suanwang.domain.workload import Limits
from suanwang.place.place import place
from tests.small_grid import cny, estimate, grid, hour, pool, site, tariff, workload

NINGXIA = tariff(
    {"peak": "0.55", "flat": "0.35", "valley": "0.16"},
    {"valley": [(9, 17)], "peak": [(7, 9), (17, 23)]},
    id="ningxia",
)
GUIZHOU = tariff(
    {"peak": "0.75", "flat": "0.48", "valley": "0.22"},
    {"valley": [(0, 8)], "peak": [(10, 13), (17, 22)]},
    id="guizhou",
)
SITES = (
    site("zhongwei", tariff=NINGXIA, pue=Signal.constant("1", "1.1"), labels={"region": "west"}),
    site("guian", tariff=GUIZHOU, pue=Signal.constant("1", "1.2"), labels={"region": "west"}),
    site("shanghai-dc", tariff=GUIZHOU, pue=Signal.constant("1", "1.3"), labels={"region": "east"}),
)
POOLS = (pool("nx", "zhongwei"), pool("gz", "guian"), pool("sh", "shanghai-dc"))
GRID = grid(SITES, POOLS, carbon_price_per_t=cny("80"))
ESTIMATES = [estimate(p.id, hours=4, kwh=400) for p in POOLS]


def decide(at_hour: float) -> Placement:
    decision = place(workload(), GRID, ESTIMATES, [], hour(at_hour), Occupancy())
    assert isinstance(decision, Placement)
    return decision


def test_morning_waits_one_hour_for_the_ningxia_valley() -> None:
    """At 08:00 in China, Zhongwei's valley is an hour away; Guizhou's night tariff is 16 h away and dearer."""
    decision = decide(0)
    option = decision.option
    assert (option.pool_id, option.start, option.end) == ("nx", hour(1), hour(5))
    assert option.cost == {
        CostPart.RENT: cny("160"),  # 8 cards x 4 h x 5 CNY
        CostPart.POWER: cny("70.4"),  # 400 kWh x PUE 1.1 x 0.16 CNY/kWh
        CostPart.DATA: cny("0"),
        CostPart.CARBON: cny("17.6"),  # 440 kWh x 0.5 kg/kWh x 0.08 CNY/kg
    }
    assert option.energy_kwh == 440
    assert option.carbon_kg_location == 220
    assert option.billed == cny("230.4")
    assert option.billed_high == cny("288")  # all of it 1.25 times: the 5 h are still in the valley
    assert [o.pool_id for o in decision.alternatives] == ["gz", "sh"]
    assert decision.alternatives[0].start == hour(16)  # 00:00 in China
    assert decision.alternatives[0].cost[CostPart.POWER] == cny("105.6")  # 480 kWh x 0.22


def test_morning_savings_itemised() -> None:
    savings = {s.against: s for s in decide(0).savings}
    # at once in the same pool: 1 h of peak (0.55) and 3 h of valley (0.16) at 110 kW
    assert savings[Against.SAME_POOL_AT_ONCE].alternative.cost[CostPart.POWER] == cny("113.3")
    assert savings[Against.SAME_POOL_AT_ONCE].parts[CostPart.POWER] == cny("42.9")
    assert savings[Against.SAME_POOL_AT_ONCE].parts[CostPart.RENT] == cny("0")
    assert savings[Against.CHEAPEST_AT_ONCE].alternative.pool_id == "nx"
    # at once in the east from 08:00: 2 h flat (0.48), 2 h peak (0.75) at 130 kW = 319.8; 20.8 for 520 kWh of carbon
    east = savings[Against.NEAREST_EAST_AT_ONCE]
    assert east.alternative.pool_id == "sh"
    assert east.parts == {
        CostPart.RENT: cny("0"),
        CostPart.POWER: cny("249.4"),
        CostPart.DATA: cny("0"),
        CostPart.CARBON: cny("3.2"),
    }
    assert east.total == cny("252.6")


def test_morning_is_told() -> None:
    told = [str(m) for m in decide(0).reasons]
    assert told[0] == ("Zhongwei (nx) costs least: 248.00 CNY in all; the next best, gz, costs 36.80 CNY more.")
    assert told[1] == "Waits 1.0 h for the valley tariff at Zhongwei: 0.1600 instead of 0.2575 CNY/kWh."


def test_valley_starts_at_once() -> None:
    """At 11:00 in China Zhongwei is in its valley for 6 h more: no waiting."""
    decision = decide(3)
    assert decision.option.start == hour(3)
    assert any(str(m).startswith("Starts at once") for m in decision.reasons)


def test_night_goes_to_guizhou_when_ningxia_must_not_wait() -> None:
    """At 00:00 in China with a deadline at 05:00, Ningxia is flat (0.35 x 1.1), Guizhou in its valley (0.22 x 1.2)."""
    urgent = workload(limits=Limits(deadline=hour(21)))
    decision = place(urgent, GRID, ESTIMATES, [], hour(16), Occupancy())
    assert isinstance(decision, Placement)
    assert (decision.option.pool_id, decision.option.start) == ("gz", hour(16))
    assert decision.option.cost[CostPart.POWER] == cny("105.6")
    power = {o.pool_id: o.cost[CostPart.POWER] for o in decision.alternatives}
    assert power == {"sh": cny("114.4"), "nx": cny("154")}  # 520 kWh x 0.22, 440 kWh x 0.35
