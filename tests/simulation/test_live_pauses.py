"""Planned pauses, carried out by the hub: stopped when dear hours begin, gone on after them, billed for what ran."""

from datetime import timedelta

from suanwang.domain.job import JobState
from suanwang.domain.reason import Reason
from suanwang.domain.workload import Checkpointing, Limits
from suanwang.service.planning import occupancy_of
from suanwang.service.replanning import replan_waiting
from suanwang.service.settlement import invoice_of
from tests.simulation.test_live_preemption import Hall
from tests.small_grid import MONDAY, cny, hour, tariff

SOON = Limits(deadline=hour(11))
"""Too soon for a run of six hours that waits until the dear ones are over."""

DEAR_AT_NOON = tariff({"flat": "0.5", "peak": "20"}, {"peak": [(12, 15)]}, id="noon")
"""From 04:00 to 07:00 UTC, four hours after MONDAY."""


def hall() -> Hall:
    return Hall("easy", power=DEAR_AT_NOON)


def test_it_pauses_in_the_dear_hours_and_goes_on_after_them() -> None:
    grid = hall()
    long = grid.order("long", 6, limits=SOON)
    grid.run(1)
    placement = grid.job(long).placement
    assert placement is not None
    option = placement.option
    assert [(p.start, p.end) for p in option.pauses] == [(hour(4), hour(7))]
    assert (option.start, option.end) == (MONDAY, hour(9))
    assert any("Pauses 1 ×, 3.0 h" in str(reason) for reason in placement.reasons)
    assert replan_waiting(grid.hub) == []

    grid.run(3 * 60 + 55, step=5)
    assert grid.job(long).state is JobState.RUNNING
    grid.run(20, step=5)
    stopped = grid.job(long)
    assert (stopped.state, stopped.reason) == (JobState.PREEMPTED, Reason.WAITING_FOR_CHEAP_POWER)
    assert grid.engine.capacity("p").free == 8
    between = grid.order("between", 1, preemptible=False, limits=Limits(deadline=hour(6)))
    grid.run(90, step=5)
    assert grid.job(between).state is JobState.SETTLED, "others have the cards meanwhile"

    grid.run(6 * 60, step=5)
    done = grid.job(long)
    assert (done.state, done.outcome, done.attempt) == (JobState.SETTLED, JobState.SUCCEEDED, 2)
    assert ("preempted", "Paused") in grid.went(long)
    with grid.hub.store.transaction() as tx:
        records = tx.usage.records(long)
        ran = sum((r.end - r.start for r in records), timedelta())
    assert abs(ran - timedelta(hours=6)) < timedelta(minutes=6)
    assert all(r.end <= hour(4.1) or r.start >= hour(7) for r in records)
    invoice = invoice_of(grid.hub, long)
    assert invoice.charged <= option.billed_high
    assert invoice.charged < placement.savings[0].alternative.billed


def test_what_is_promised_leaves_the_pause_to_others() -> None:
    grid = hall()
    grid.order("long", 6, limits=SOON)
    grid.run(1)
    with grid.hub.store.transaction() as tx:
        taken = occupancy_of(tx, grid.clock.now(), grid.hub.grid)
    (first, second) = taken.full("p", 8, 1)
    assert (first, second[0]) == ((MONDAY, hour(4)), hour(7))


def test_one_that_comes_late_waits_for_the_end_of_the_pause() -> None:
    grid = hall()
    grid.engine.reachable = False
    long = grid.order("long", 6, limits=SOON)
    grid.run(5 * 60, step=10)
    grid.engine.reachable = True
    grid.run(110, step=10)
    assert (grid.job(long).state, grid.job(long).attempt) == (JobState.HELD, 0)
    grid.run(20, step=10)
    assert grid.job(long).state is JobState.RUNNING
    grid.run(6 * 60, step=10)
    assert (grid.job(long).outcome, grid.job(long).attempt) == (JobState.SUCCEEDED, 1)


def test_a_pause_that_costs_more_than_it_saves_is_not_planned() -> None:
    grid = hall()
    checkpointing = Checkpointing(every_s=60, pause_s=4 * 3600)
    long = grid.order("long", 6, checkpointing=checkpointing, limits=Limits(deadline=hour(14)))
    short = grid.order("short", 6, limits=Limits(deadline=hour(30), budget=cny("0.01")))
    grid.run(1)
    placement = grid.job(long).placement
    assert placement is not None
    assert placement.option.pauses == ()
    assert grid.job(short).reason is Reason.OVER_BUDGET
