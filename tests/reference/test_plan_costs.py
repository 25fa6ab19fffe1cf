"""A plan's cost is the exact objective's: the planner and the placement of one workload share one cost model."""

from dataclasses import replace

import numpy as np
import pytest

from suanwang.domain.estimate import Estimate
from suanwang.domain.placement import Occupancy, Placement, Promise
from suanwang.domain.signal import Signal
from suanwang.domain.workload import Limits
from suanwang.place.columns import Window, free, instance_of
from suanwang.place.offer import Offer, Request, offers
from suanwang.place.outlook import Outlooks, from_us, to_us
from suanwang.place.place import place
from suanwang.place.plan import plan
from tests.small_grid import cny, estimate, grid, hour, pool, site, tariff, workload

TARIFF = tariff({"flat": "0.6", "valley": "0.3", "peak": "1.1"}, {"valley": [(0, 7)], "peak": [(10, 13), (18, 21)]})
CARBON = Signal.of("kg/kWh", [(hour(h), f"0.{400 + (h * 37) % 250}") for h in range(400)])
GRID = grid(
    [site("a", tariff=TARIFF, carbon_location=CARBON), site("b", pue=Signal.constant("1", "1.37"))],
    [pool("pa", "a"), pool("pb", "b")],
    carbon_price_per_t=cny("80"),
)
WINDOW = Window(grid=GRID, start=hour(0), hours=72)
WORKLOADS = [workload(name=f"w{i}", limits=Limits(earliest_start=hour(i % 5))) for i in range(12)]


def estimates(number: int) -> list[Estimate]:
    return [estimate(p.id, hours=2 + number % 4, kwh=20 + 7.3 * number, count=8 + 8 * (number % 3)) for p in GRID.pools]


def asked(number: int, outlooks: Outlooks) -> list[Offer]:
    request = Request(
        workload=WORKLOADS[number], grid=GRID, now=hour(0), horizon=WINDOW.end - hour(0), occupancy=Occupancy()
    )
    return offers(request, estimates(number), outlooks)[0]


def test_the_exact_objective_gives_the_same_cost() -> None:
    outlooks = Outlooks(GRID)
    demands = [asked(i, outlooks) for i in range(len(WORKLOADS))]
    made = plan(instance_of(WINDOW, demands, Occupancy(), outlooks))
    assert made.assignment.refused == 0
    for number, (option, start) in enumerate(zip(made.assignment.option, made.assignment.start, strict=True)):
        (offer,) = [o for o in demands[number] if o.pool.id == GRID.pools[made.instance.pool[option]].id]
        exact = offer.option(to_us(hour(int(start)))).total
        assert made.costs[number] == pytest.approx(exact.micro / 1e6, abs=5e-6)


def test_one_workload_alone_costs_what_its_exact_placement_does() -> None:
    """On whole hours, because prices change on whole hours here and its run takes whole hours."""
    outlooks = Outlooks(GRID)
    for number, one in enumerate(WORKLOADS):
        decision = place(one, GRID, estimates(number), [], hour(0), Occupancy(), 72 - (2 + number % 4) - number % 5)
        assert isinstance(decision, Placement)
        made = plan(instance_of(WINDOW, [asked(number, outlooks)], Occupancy(), outlooks))
        assert made.cost == pytest.approx(decision.option.total.micro / 1e6, abs=5e-6)


def test_what_is_promised_is_not_free() -> None:
    promises = {"pa": (Promise(start=from_us(to_us(hour(1)) + 1), end=hour(3), accelerators=30),)}
    left = free(WINDOW, Occupancy(promises=promises))
    assert left[0, :5].tolist() == [32, 2, 2, 32, 32]
    assert (left[1] == 32).all()
    drained = replace(GRID, pools=(GRID.pools[0], replace(GRID.pools[1], drained=True)))
    assert np.array_equal(free(replace(WINDOW, grid=drained), Occupancy())[1], np.zeros(72))


def test_nothing_to_plan_costs_nothing_and_prices_nothing() -> None:
    made = plan(instance_of(WINDOW, [], Occupancy(), Outlooks(GRID)))
    assert (made.cost, made.gap, float(made.prices.max())) == (0.0, 0.0, 0.0)
