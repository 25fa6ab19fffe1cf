"""The grid hour by hour: what was metered, what is planned, by hand."""

from datetime import timedelta

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import DURATION, SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.site import Link, Tenant
from suanwang.domain.workload import Batch, DataSet, Demand, Limits, Program
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hourly import grid_hour
from suanwang.service.hub import Hub
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.small_grid import CARD, MONDAY, cny, grid, hour, pool, site, tariff, workload

TOWN = "shanghai"


@pytest.fixture
def world() -> tuple[Hub, ManualClock]:
    """Eight cards are used from 1:30 to 3:00; sixteen are planned from 40:00 to 42:00, with data from a town."""
    clock = ManualClock(MONDAY)
    tenants = tuple(Tenant(id=name, name=name, credit_limit=cny("100000")) for name in ("me", "other"))
    plan = grid(
        [site("a", tariff=tariff({"flat": "0.5"}, {}))],
        [pool("p", "a")],
        tenants=tenants,
        links=(Link(a=TOWN, b="a", bytes_per_s=1e9, price_per_gb=cny("0")),),
    )
    engine = SimulatedEngine({"p": 32}, clock)
    hub = Hub(store=MemoryStore(), clock=clock, grid=plan, engines={"p": engine}, accelerators={CARD.id: CARD})
    open_accounts(hub)
    for name, cards, start, hours, data in (("past", 8, 1.5, 1.5, ()), ("next", 16, 40, 2, (TOWN,))):
        wanted = workload(
            name=name,
            task=Batch(
                dtype="bf16", duration_s=hours * 3600, duration_accelerator=CARD.id, duration_accelerators=cards
            ),
            demand=Demand(count=cards),
            limits=Limits(earliest_start=hour(start), deadline=hour(start + 2 * hours)),
            data=tuple(DataSet(name="d", at=at, size_bytes=1e6) for at in data),
            program=Program(command=("x",), environment={DURATION: str(hours * 3600)}),
        )
        submit(hub, wanted, name)
    for _ in range(10):
        tick(hub, FirstComeFirstServed())
        clock.advance(1800)
    tick(hub, FirstComeFirstServed())
    return hub, clock


def test_past_hours_are_as_metered_and_those_to_come_as_planned(world: tuple[Hub, ManualClock]) -> None:
    hub, clock = world
    assert clock.now() == MONDAY + timedelta(hours=5)
    working = {h: grid_hour(hub, "me", h).sites[0].working for h in (-5, -4, -3, -2, -1, 0, 34, 35, 36, 37)}
    assert working == {-5: 0, -4: 4, -3: 8, -2: 0, -1: 0, 0: 0, 34: 0, 35: 16, 36: 16, 37: 0}
    assert [grid_hour(hub, "me", h).planned for h in (-1, 0)] == [False, True]
    assert grid_hour(hub, "me", -4).start == MONDAY + timedelta(hours=1)


def test_data_from_elsewhere_is_a_flow_of_its_hours(world: tuple[Hub, ManualClock]) -> None:
    hub, _ = world
    assert grid_hour(hub, "me", -3).flows == ()
    (flow,) = grid_hour(hub, "me", 35).flows
    assert (flow.workload, flow.data_at, flow.site_id) == ("next", TOWN, "a")


def test_another_tenant_sees_prices_and_none_of_the_work(world: tuple[Hub, ManualClock]) -> None:
    hub, _ = world
    for h in (-4, 35):
        found = grid_hour(hub, "other", h)
        assert (found.sites[0].working, found.flows) == (0, ())
        assert found.sites[0].power_price_per_kwh == pytest.approx(0.5)
