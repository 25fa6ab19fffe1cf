"""What the grid metered of the use that a claim rests on: of its days, its provider, its tenant, its cost lines."""

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from suanwang.domain.case import Case, Cost
from suanwang.domain.docket import Docket, MeteredUse, Role
from suanwang.domain.programme import Mode
from suanwang.service.claims import metered_of
from suanwang.service.office import Signature, apply
from tests.month_world import HALF, START, World
from tests.small_grid import cny

OCTOBER = (date(2026, 10, 1), date(2026, 10, 31))


def applied(world: World, cost: str, days: tuple[date, date] | None = OCTOBER, provider: str = "") -> Docket:
    first, last = days or (None, None)
    costs = (Cost(line="rent", amount=cny(cost), from_day=first, until_day=last),) if cost else ()
    case = Case(id="", at=START, facts={"provider.id": provider} if provider else {}, costs=costs)
    return apply(
        world.hub, "half", case, "me", f"a-{cost}-{days is None}-{provider}", Signature(actor="Ann", role=Role.TENANT)
    )


@pytest.fixture
def world() -> World:
    """The tenant ran eight cards for an hour at 5 CNY, another one too."""
    made = World()
    made.hub = replace(made.hub, grid=replace(made.hub.grid, programmes=(replace(HALF, mode=Mode.REIMBURSE),)))
    made.pay("500")
    made.run(3600)
    made.run(3600, tenant="you")
    return made


def found(world: World, docket: Docket) -> MeteredUse:
    metered = metered_of(world.hub, docket)
    assert metered is not None
    return metered


def test_only_what_the_tenant_used_there_and_then_counts(world: World) -> None:
    metered = found(world, applied(world, "80", provider="a"))
    assert float(metered.accelerator_hours) == pytest.approx(8, abs=0.1)
    assert float(metered.charged.decimal) == pytest.approx(40, abs=0.5), "rent alone; power is no line of this case"
    assert metered.jobs == 1
    assert metered.share == pytest.approx(0.5, abs=0.01)
    assert found(world, applied(world, "10", provider="a")).share == 1
    november = found(world, applied(world, "80", (date(2026, 11, 1), date(2026, 11, 30))))
    assert (november.charged, november.accelerator_hours, november.jobs) == (cny("0"), Fraction(0), 0)


def test_without_days_it_is_the_time_since_the_programme_opened(world: World) -> None:
    metered = found(world, applied(world, "80", None))
    assert (metered.start, metered.end) == (HALF.opens, world.clock.now())
    assert metered.jobs == 1


def test_there_may_be_nothing_to_compare(world: World) -> None:
    assert metered_of(world.hub, applied(world, "80", provider="elsewhere")) is None
    assert metered_of(world.hub, applied(world, "")) is None
