"""A run in pieces: the least cost of all ways, by trying them; and never dearer than the run without a break."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.domain.money import total
from suanwang.domain.placement import Divided, Occupancy, Promise
from suanwang.domain.site import Link
from suanwang.domain.workload import Checkpointing, Limits, Workload
from suanwang.place.divide import divide
from suanwang.place.offer import Request, offers
from suanwang.place.outlook import Outlooks
from suanwang.place.pieces import PAUSED, Alone, Course, cheapest, cheapest_alone
from tests.small_grid import MONDAY, book, cny, estimate, grid, hour, pool, site, tariff, workload

SLOTS, UNITS = 5, 40
DAY = tariff({"flat": "0.9", "valley": "0.1"}, {"valley": [(8, 12)]}, id="day")
NIGHT = tariff({"flat": "0.9", "valley": "0.1"}, {"valley": [(12, 16)]}, id="night")


def cost_of(course: Course, way: tuple[int, ...]) -> float:
    """What a way costs until the run is done, by the words of the module; infinite where it never is."""
    cost, left, saved_at, before = 0.0, course.units, PAUSED, PAUSED
    for slot, place in enumerate(way):
        if place != PAUSED:
            cost += course.cost[place, slot]
            left -= int(course.pace[place])
            if saved_at == PAUSED:
                cost += course.entry[place]
            elif place != before:
                left += int(course.begin[place])
                cost += course.moving[saved_at, place]
            saved_at = place
        before = place
        if left <= 0:
            return float(cost)
    return float("inf")


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_no_way_costs_less(seed: int) -> None:
    random = np.random.default_rng(seed)
    course = Course(
        units=UNITS,
        entry=random.integers(0, 5, 2).astype(float),
        cost=np.where(random.random((2, SLOTS)) < 0.15, np.inf, random.integers(1, 9, (2, SLOTS))),
        pace=random.integers(8, 25, 2),
        begin=random.integers(0, 12, 2),
        moving=random.integers(0, 4, (2, 2)) * (1.0 - np.eye(2)),
    )
    least, way = cheapest(course)
    best = min(cost_of(course, tried) for tried in product((PAUSED, 0, 1), repeat=SLOTS))
    assert least == pytest.approx(best)
    if np.isfinite(least):
        assert cost_of(course, tuple(way.tolist())) == pytest.approx(least)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_at_one_place_it_is_the_same(seed: int) -> None:
    random = np.random.default_rng(seed)
    slots, units = int(random.integers(1, 12)), int(random.integers(3, 60))
    course = Course(
        units=units,
        entry=np.zeros(1),
        cost=np.where(random.random((1, slots)) < 0.15, np.inf, random.integers(1, 9, (1, slots))),
        pace=random.integers(5, 25, 1),
        begin=random.integers(0, 30, 1),
        moving=np.zeros((1, 1)),
    )
    alone = Alone(units=units, cost=course.cost[0], pace=int(course.pace[0]), begin=int(course.begin[0]))
    least, way = cheapest_alone(alone)
    assert least == pytest.approx(cheapest(course)[0])
    if np.isfinite(least):
        assert cost_of(course, tuple(way.tolist())) == pytest.approx(least)


def divided(taken: Occupancy | None = None, **changes: Any) -> Divided | None:
    plan = grid(
        [site("a", tariff=DAY), site("b", tariff=NIGHT)],
        [pool("pa", "a"), pool("pb", "b")],
        links=(Link(a="a", b="b", bytes_per_s=1e9, price_per_gb=cny("0.01")),),
        price_books=(book(rent="0.05"),),
    )
    base = workload(preemptible=True, checkpointing=Checkpointing(every_s=600, pause_s=60, size_bytes=1e9))
    asked: Workload = replace(base, **changes)
    request = Request(
        workload=asked, grid=plan, now=MONDAY, horizon=timedelta(hours=30), occupancy=taken or Occupancy()
    )
    estimates = [estimate(p, hours=6.5, kwh=65, high=1.0) for p in ("pa", "pb")]
    return divide(request, offers(request, estimates, Outlooks(plan))[0])


def test_it_moves_with_the_cheap_hours() -> None:
    """Cheap from 8 to 12 local at one site and from 12 to 16 at the other: it runs there, then here."""
    found = divided(limits=Limits(deadline=hour(12)))
    assert found is not None
    assert [p.pool_id for p in found.pieces] == ["pa", "pb"]
    assert (found.pieces[0].start, found.pieces[0].end) == (MONDAY, hour(4))
    ran = sum((p.end - p.start for p in found.pieces), timedelta())
    assert ran == timedelta(hours=6.5, minutes=1)  # the pause of a minute is run time
    assert found.total == total([total(list(p.cost.values()), "CNY") for p in found.pieces], "CNY")
    assert found.saved > cny("0")


def test_what_may_not_be_cut_is_not() -> None:
    assert divided(preemptible=False) is None
    assert divided(checkpointing=None) is None
    assert divided(limits=Limits(budget=cny("0.01"))) is None
    dear = Checkpointing(every_s=600, pause_s=600, size_bytes=1e13)
    found = divided(checkpointing=dear, limits=Limits(deadline=hour(12)))
    assert found is None or len({p.site_id for p in found.pieces}) == 1


def test_it_goes_round_what_is_taken() -> None:
    full = Occupancy(promises={p: (Promise(start=hour(2), end=hour(3), accelerators=32),) for p in ("pa", "pb")})
    found = divided(taken=full, limits=Limits(deadline=hour(12)))
    assert found is not None
    assert all(p.end <= hour(2) or p.start >= hour(3) for p in found.pieces)
