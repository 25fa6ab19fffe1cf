"""What engines foretell keeps jobs from being promised those accelerators."""

from dataclasses import replace
from datetime import timedelta

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.order import Capacity, Lacks, Outage
from suanwang.domain.site import Closure
from suanwang.errors import NotNow, msg
from suanwang.service.hub import Hub
from suanwang.service.outages import grid_with_outages
from tests.small_grid import MONDAY, book, grid, pool, site

HOUR = timedelta(hours=1)


class Foretelling(SimulatedEngine):
    """Knows of outages, or does not answer."""

    outages: tuple[Outage, ...] = ()
    silent = False

    def lacks(self) -> Lacks:
        return {}

    def capacity(self, pool_id: str) -> Capacity:
        if self.silent:
            raise NotNow("engine-unreachable", msg("silent"), msg("Wait."))
        return replace(super().capacity(pool_id), outages=self.outages)


@pytest.fixture
def engine() -> Foretelling:
    return Foretelling({"p": 8}, ManualClock(MONDAY))


@pytest.fixture
def hub(engine: Foretelling) -> Hub:
    plan = grid([site("s")], [replace(pool("p", "s"), nodes=1, accelerators_per_node=8)], price_books=(book(),))
    clock = ManualClock(MONDAY)
    return Hub(store=MemoryStore(), clock=clock, grid=plan, engines={"p": engine}, accelerators={})


def closures(hub: Hub) -> tuple[Closure, ...]:
    return grid_with_outages(hub, MONDAY).pools[0].closures


def test_outages_close_their_pool(hub: Hub, engine: Foretelling) -> None:
    upkeep = Outage(start=MONDAY + HOUR, end=MONDAY + 3 * HOUR, accelerators=8, why="upkeep")
    over = Outage(start=MONDAY - 3 * HOUR, end=MONDAY, accelerators=8)
    engine.outages = (upkeep, over)
    assert closures(hub) == (Closure(start=upkeep.start, end=MONDAY + 3 * HOUR, accelerators=8, why="upkeep"),)


def test_an_outage_without_an_end_closes_for_a_day(hub: Hub, engine: Foretelling) -> None:
    engine.outages = (Outage(start=MONDAY - HOUR, end=None, accelerators=16),)
    (closed,) = closures(hub)
    assert (closed.start, closed.end, closed.accelerators) == (MONDAY - HOUR, MONDAY + timedelta(days=1), 8)


def test_an_engine_that_does_not_answer_closes_nothing(hub: Hub, engine: Foretelling) -> None:
    engine.outages = (Outage(start=MONDAY, end=None, accelerators=8),)
    engine.silent = True
    assert closures(hub) == ()
