"""Waiting jobs are moved where that pays, with what is held; a move made is a move that the rest of the way keeps."""

from dataclasses import replace
from typing import Any

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import Job, JobState
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Batch, Demand, Limits, Program
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.service.replanning import apply, replan_waiting
from suanwang.service.rolling import Rolling
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import check_ledger, open_accounts
from suanwang.service.tick import tick
from tests.small_grid import CARD, MONDAY, cny, grid, hour, pool, site, tariff, workload

POLICY = FirstComeFirstServed()


def hub_of_two() -> tuple[Hub, ManualClock]:
    """A cheap western pool and a dear eastern one, 32 cards each."""
    clock = ManualClock(MONDAY)
    sites = [site("east", tariff=tariff({"flat": "0.9"}, {})), site("west", tariff=tariff({"flat": "0.2"}, {}))]
    tenant = Tenant(id="me", name="Me", credit_limit=cny("100000"))
    plan = grid(sites, [pool("e", "east"), pool("w", "west")], tenants=(tenant,))
    engine = SimulatedEngine({"e": 32, "w": 32}, clock)
    hub = Hub(
        store=MemoryStore(), clock=clock, grid=plan, engines={"e": engine, "w": engine}, accelerators={CARD.id: CARD}
    )
    open_accounts(hub)
    return hub, clock


def order(hub: Hub, name: str, hours: float, **limits: Any) -> Job:
    task = Batch(dtype="bf16", duration_s=hours * 3600, duration_accelerator=CARD.id, duration_accelerators=32)
    wanted = workload(
        name=name,
        task=task,
        demand=Demand(count=32),
        limits=Limits(time_limit_s=hours * 3600, **limits),
        program=Program(command=("x",), environment={"SUANWANG_SIM_DURATION": str(hours * 3600)}),
    )
    return submit(hub, wanted, name)


def stored(hub: Hub, job: Job) -> Job:
    with hub.store.transaction() as tx:
        return tx.jobs.get(job.id)


def pool_of(hub: Hub, job: Job) -> str:
    placement = stored(hub, job).placement
    assert placement is not None
    return placement.option.pool_id


def test_a_job_moves_when_the_better_place_is_free_again() -> None:
    hub, clock = hub_of_two()
    first = order(hub, "first", 10)
    tick(hub, POLICY)
    second = order(hub, "second", 2, earliest_start=hour(4), deadline=hour(8))
    tick(hub, POLICY)
    assert (pool_of(hub, first), pool_of(hub, second)) == ("w", "e")
    assert replan_waiting(hub) == []

    cancel(hub, first.id)
    tick(hub, POLICY)
    (found,) = replan_waiting(hub)
    assert (found.job_id, found.placement.option.pool_id) == (second.id, "w")
    assert found.saved > cny("1")
    assert pool_of(hub, second) == "e"  # found is not done
    assert apply(hub, found)
    moved = stored(hub, second)
    assert (moved.state, moved.replanned, pool_of(hub, second)) == (JobState.HELD, 1, "w")
    with hub.store.transaction() as tx:
        (pending,) = tx.ledger.pending(second.id)
        events = [e.after for e in tx.jobs.events(second.id)]
    assert pending.credit.startswith("site:west")
    assert events[-2:] == [JobState.PLACED, JobState.HELD]

    assert replan_waiting(hub) == []  # made again, it moves nothing
    assert not apply(hub, found)  # what was found stands no more
    for _ in range(8):
        clock.advance(3600)
        tick(hub, POLICY)
    ended = stored(hub, second)
    assert (ended.state, ended.outcome) == (JobState.SETTLED, JobState.SUCCEEDED)
    assert check_ledger(hub).counts["holds_open"] == 0


def test_a_hub_that_runs_looks_by_itself_and_comes_to_rest() -> None:
    hub, clock = hub_of_two()
    rolling = Rolling(1800)
    first = order(hub, "first", 10)
    tick(hub, POLICY)
    second = order(hub, "second", 2, earliest_start=hour(4), deadline=hour(8))
    tick(hub, POLICY)
    cancel(hub, first.id)
    moved = []
    for _ in range(12):
        tick(hub, POLICY)
        moved.append(rolling.step(hub))
        clock.advance(600)
    assert moved == [0, 0, 0, 1, *[0] * 8], "not before its time, and not back again"
    assert (rolling.moved, pool_of(hub, second), stored(hub, second).replanned) == (1, "w", 1)
    with hub.store.transaction() as tx:
        told = [str(event.detail) for event in tx.jobs.events(second.id) if event.detail]
    assert any("Re-planned: w from" in detail and "saves" in detail for detail in told)


def test_a_job_begins_sooner_where_others_end_early_at_no_more_cost() -> None:
    """It waits ten hours for the cheap pool, which is then free after all."""
    hub, clock = hub_of_two()
    first = order(hub, "first", 10)
    tick(hub, POLICY)
    second = order(hub, "second", 2)
    tick(hub, POLICY)
    placement = stored(hub, second).placement
    assert placement is not None
    assert (placement.option.pool_id, placement.option.start) == ("w", hour(10))
    clock.advance(600)
    cancel(hub, first.id)
    tick(hub, POLICY)
    (found,) = replan_waiting(hub)
    assert (found.saved, found.placement.option.start) == (cny("0"), clock.now())
    assert apply(hub, found)
    assert replan_waiting(hub) == []
    tick(hub, POLICY)
    assert stored(hub, second).state in (JobState.QUEUED, JobState.RUNNING)
    with hub.store.transaction() as tx:
        assert any("9.8 h sooner" in str(event.detail) for event in tx.jobs.events(second.id))


def test_a_hub_that_is_told_not_to_look_does_not() -> None:
    hub, clock = hub_of_two()
    first, second = order(hub, "first", 10), order(hub, "second", 2, earliest_start=hour(4), deadline=hour(8))
    tick(hub, POLICY)
    tick(hub, POLICY)
    cancel(hub, first.id)
    tick(hub, POLICY)
    clock.advance(3600)
    assert Rolling(0).step(hub) == 0
    assert stored(hub, second).replanned == 0


def test_what_runs_and_what_gains_little_stays() -> None:
    hub, clock = hub_of_two()
    jobs = [order(hub, "a", 10), order(hub, "b", 10)]
    tick(hub, POLICY)
    clock.advance(3600)
    tick(hub, POLICY)
    places = [pool_of(hub, job) for job in jobs]
    assert replan_waiting(hub) == []
    assert [pool_of(hub, job) for job in jobs] == places


def test_a_job_that_was_cancelled_meanwhile_is_left_alone() -> None:
    hub, _ = hub_of_two()
    first = order(hub, "first", 10)
    tick(hub, POLICY)
    second = order(hub, "second", 2, earliest_start=hour(4), deadline=hour(8))
    tick(hub, POLICY)
    cancel(hub, first.id)
    tick(hub, POLICY)
    (found,) = replan_waiting(hub)
    cancel(hub, second.id)
    assert not apply(hub, found)
    assert not apply(hub, replace(found, job_id=first.id))


def test_a_cancel_is_not_lost_to_a_move_of_what_was_read_before() -> None:
    hub, clock = hub_of_two()
    read = order(hub, "first", 10)
    cancel(hub, read.id)
    with hub.store.transaction() as tx:
        moved = move(tx.jobs, read, JobState.ESTIMATED, clock.now())
    assert moved.cancel_requested
    assert stored(hub, read).cancel_requested
