"""A run with pauses keeps every limit, costs what its spans cost, and is bounded; what may not be paused never is."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart, Occupancy, Option, Promise
from suanwang.domain.site import Grid
from suanwang.domain.workload import Checkpointing, Limits, Workload
from suanwang.place.bound import least_in_parts
from suanwang.place.columns import Window
from suanwang.place.offer import Ask, Offer, Request, offers
from suanwang.place.outlook import Outlooks, to_us
from suanwang.place.paused import GAIN, paused
from suanwang.place.whole import plan_whole
from tests.small_grid import MONDAY, book, estimate, grid, hour, pool, site, tariff, workload

HORIZON_H = 48


@st.composite
def cases(draw: st.DrawFn) -> tuple[Grid, Request, list[Offer]]:
    """One pool whose power is dear in some hours of the day, a run of some hours, what is taken, perhaps a deadline."""
    begin = draw(st.integers(0, 20))
    dear = (begin, begin + draw(st.integers(1, 4)))
    power = tariff({"flat": "0.5", "peak": str(draw(st.integers(4, 40)))}, {"peak": [dear]}, id="drawn")
    plan = grid([site("a", tariff=power)], [pool("p", "a")], price_books=(book(rent="0.4"),))
    runs = estimate("p", hours=draw(st.floats(4, 30)), kwh=40, high=draw(st.sampled_from([1.0, 1.2])), count=8)
    saves = Checkpointing(every_s=600, pause_s=draw(st.sampled_from([0.0, 60.0, 1200.0])))
    within = draw(st.one_of(st.none(), st.integers(12, 40)))
    limits = Limits(deadline=hour(within) if within else None)
    asked = workload(preemptible=True, checkpointing=saves, limits=limits)
    at = draw(st.integers(0, 30))
    taken = Occupancy(promises={"p": (Promise(start=hour(at), end=hour(at + 3), accelerators=30),)})
    request = Request(
        workload=asked,
        grid=plan,
        now=MONDAY + timedelta(minutes=draw(st.integers(0, 59))),
        horizon=timedelta(hours=HORIZON_H),
        occupancy=draw(st.sampled_from([Occupancy(), taken])),
    )
    made = offers(request, [runs], Outlooks(plan))[0]
    assume(made)
    return plan, request, made


@settings(max_examples=150, deadline=None, derandomize=True)
@given(cases())
def test_it_keeps_its_limits_and_saves_enough(case: tuple[Grid, Request, list[Offer]]) -> None:
    _, request, made = case
    whole, saves = made[0].best.total, request.workload.checkpointing
    assert saves is not None
    found = paused(request, made, whole)
    assume(found is not None)
    assert found is not None
    option = found[1]
    ran = sum((end - begin for begin, end in option.spans), timedelta())
    assert ran.total_seconds() == pytest.approx(made[0].estimate.time_s.mid + len(option.pauses) * saves.pause_s)
    assert option.estimate.time_s.mid == pytest.approx(ran.total_seconds())
    assert option.total <= whole.times(1 - GAIN)
    assert option.start >= made[0].first
    assert all(p.start < p.end for p in option.pauses)
    assert [t for span in option.spans for t in span] == sorted(t for span in option.spans for t in span)
    full = request.occupancy.full("p", 32, 8)
    assert not [1 for a, b in full for begin, end in option.spans if begin < b and a < end]
    late = timedelta(seconds=option.estimate.time_s.high - option.estimate.time_s.mid)
    assert request.deadline is None or option.end + late <= request.deadline + timedelta(microseconds=1)
    assert option.cost == summed(found[0], option)
    assert option.billed_high >= option.billed


def summed(offer: Offer, option: Option) -> dict[CostPart, Money]:
    """Cost by part of each span as a run of its own, with the offer's power."""
    parts: dict[CostPart, list[Money]] = {}
    for begin, end in option.spans:
        length = to_us(end) - to_us(begin)
        run = offer.bid.mid
        one = replace(run, duration_us=length, energy_kwh_it=run.energy_kwh_it * length / run.duration_us)
        for part, amount in replace(offer.bid, mid=one).cost(offer.outlook, to_us(begin)).items():
            parts.setdefault(part, []).append(amount)
    return {part: total(amounts, "CNY") for part, amounts in parts.items()}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(cases())
def test_nothing_costs_less_than_the_bound(case: tuple[Grid, Request, list[Offer]]) -> None:
    plan, request, made = case
    window = Window(grid=plan, start=MONDAY, hours=HORIZON_H + 24)
    none = np.zeros((1, window.slots))
    least = least_in_parts(made[0], window, none, request.occupancy)
    whole = made[0].best.total
    found = paused(request, made, whole)
    for money in (whole, found[1].total if found else whole):
        assert least <= float(money.decimal) * (1 + 1e-9) + 1e-5


def asks(count: int, *, preemptible: bool = True) -> list[Ask]:
    base = workload(preemptible=preemptible, checkpointing=Checkpointing(every_s=60, pause_s=60))
    named = [replace(base, name=f"w{i}") for i in range(count)]
    return [Ask(workload=w, estimates=[estimate("p", hours=9, kwh=90, count=16)], rejections=[]) for w in named]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_plan_of_many_pauses_within_the_pool_and_its_bound(count: int) -> None:
    day = tariff({"flat": "0.2", "peak": "6"}, {"peak": [(2, 4), (10, 12), (18, 20)]}, id="day")
    plan = grid([site("a", tariff=day)], [pool("p", "a")], price_books=(book(rent="0.1"),))
    whole = plan_whole(plan, asks(count), MONDAY, Occupancy(), HORIZON_H)
    assert len(whole.placed) == count
    assert 0 < whole.bound <= float(whole.total.decimal) * (1 + 1e-9)
    assert sum(bool(d.option.pauses) for d in whole.placed) >= 1
    edges = sorted({t for d in whole.placed for span in d.option.spans for t in span})
    for at in edges:
        assert sum(16 for d in whole.placed for a, b in d.option.spans if a <= at < b) <= 32
    stiff = plan_whole(plan, asks(count, preemptible=False), MONDAY, Occupancy(), HORIZON_H)
    assert float(whole.total.decimal) <= float(stiff.total.decimal) * (1 + 1e-9)
    assert not any(d.option.pauses for d in stiff.placed)


def test_a_workload_that_is_not_asked_to_be_preemptible_never_pauses() -> None:
    held: Workload = workload(checkpointing=Checkpointing(every_s=60))
    plan = grid([site("a", tariff=tariff({"flat": "1", "peak": "60"}, {"peak": [(9, 12)]}))], [pool("p", "a")])
    request = Request(workload=held, grid=plan, now=MONDAY, horizon=timedelta(hours=HORIZON_H), occupancy=Occupancy())
    made, _ = offers(request, [estimate("p", hours=9)], Outlooks(plan))
    assert paused(request, made, made[0].best.total) is None
