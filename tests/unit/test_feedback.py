"""What a pool learns from its runs: the factor, the estimates after it, and the whole way through a hub."""

from dataclasses import replace
from datetime import timedelta
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.comparison import Comparison
from suanwang.domain.job import Job, JobState
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Batch, Demand, Program
from suanwang.estimate.feedback import factor_after, factor_in, with_factor
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.comparing import history
from suanwang.service.hub import Hub
from suanwang.service.planning import estimate_all
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.small_grid import MONDAY, cny, grid, pool, site, workload

BEFORE = Comparison(
    pool_id="pa",
    work="batch_known",
    sequence=3,
    job_id="j",
    at=MONDAY,
    estimated_s=1.0,
    measured_s=1.0,
    factor_used=1.0,
    factor=1.5,
    learned=True,
    estimated_kwh_it=1.0,
)


def test_the_first_run_goes_half_way() -> None:
    factor, learned = factor_after(None, 4.0, 1.0)
    assert factor == pytest.approx(2.0)
    assert learned


def test_a_run_that_was_estimated_with_the_factor_confirms_it() -> None:
    assert factor_after(BEFORE, 1.0, 1.5)[0] == pytest.approx(1.5)


@pytest.mark.parametrize("ratio", [5.1, 0.19])
def test_a_run_that_is_far_off_teaches_nothing(ratio: float) -> None:
    assert factor_after(BEFORE, ratio, 1.5) == (1.5, False)


@settings(derandomize=True, deadline=None, max_examples=50)
@given(st.floats(0.3, 3.0))
def test_runs_that_are_always_off_by_the_same_are_learned(real: float) -> None:
    """After forty runs that take `real` times the model, estimates with the factor are within 2 % of them."""
    last: Comparison | None = None
    for number in range(1, 41):
        used = last.factor if last else 1.0
        factor, learned = factor_after(last, real / used, used)
        last = replace(BEFORE, sequence=number, factor=factor, learned=learned)
    assert last is not None
    assert abs(log(last.factor / real)) < 0.02


def world() -> tuple[Hub, ManualClock]:
    clock = ManualClock(MONDAY + timedelta(hours=16))  # midnight there: power is cheap, nothing waits for it
    plan = grid([site("a")], [pool("pa", "a")], tenants=(Tenant(id="me", name="Me", credit_limit=cny("100000")),))
    engine = SimulatedEngine({"pa": 32}, clock)
    hub = Hub(store=MemoryStore(), clock=clock, grid=plan, engines={"pa": engine}, accelerators={})
    open_accounts(hub)
    return hub, clock


def run(hub: Hub, clock: ManualClock, key: str, *, said: float, took: float, code: str = "0") -> Job:
    """A program whose duration is said to be one thing and takes another."""
    task = Batch(duration_s=said, duration_accelerators=8)
    program = Program(command=("x",), environment={"SUANWANG_SIM_DURATION": str(took), "SUANWANG_SIM_EXIT": code})
    job = submit(hub, replace(workload(), task=task, demand=Demand(count=8), program=program), key)
    for _ in range(20):
        tick(hub, FirstComeFirstServed())
        clock.advance(took / 4)
        with hub.store.transaction() as tx:
            if tx.jobs.get(job.id).state is JobState.SETTLED:
                break
    with hub.store.transaction() as tx:
        return tx.jobs.get(job.id)


def test_after_a_run_the_next_estimate_of_its_class_is_nearer() -> None:
    hub, clock = world()
    asked = replace(workload(), task=Batch(duration_s=1000.0, duration_accelerators=8), demand=Demand(count=8))
    assert estimate_all(hub, asked)[0][0].time_s.mid == pytest.approx(1000)
    assert run(hub, clock, "one", said=1000, took=1100).outcome is JobState.SUCCEEDED
    (first,) = history(hub)
    assert (first.pool_id, first.work, first.sequence, first.learned) == ("pa", "batch_known", 1, True)
    assert first.estimated_s == pytest.approx(1000)
    assert first.measured_s == pytest.approx(1100, rel=0.01)
    assert first.factor == pytest.approx(1.1**0.5, rel=0.01)
    assert first.measured_kwh_it is None  # no sensor
    found = estimate_all(hub, asked)[0][0]
    assert found.time_s.mid == pytest.approx(1000 * first.factor)
    assert sum(found.breakdown_s.values()) == pytest.approx(found.time_s.mid)
    assert factor_in(found) == first.factor
    assert any("settled runs" in a.source for a in found.assumptions)
    run(hub, clock, "two", said=1000, took=1100)
    second = history(hub, "pa")[-1]
    assert second.sequence == 2
    assert second.factor_used == first.factor
    assert first.factor < second.factor < 1.1
    assert history(hub, "elsewhere") == []


def test_a_run_that_was_ended_at_its_limit_lengthens_the_next_estimate() -> None:
    hub, clock = world()
    factors = []
    for number in range(8):
        ended = run(hub, clock, f"run {number}", said=1000, took=1700)
        factors.append(history(hub)[-1].factor)
        if ended.outcome is JobState.SUCCEEDED:
            break
    assert ended.outcome is JobState.SUCCEEDED
    assert factors == sorted(factors)
    assert [c.ended_early for c in history(hub)] == [True] * (len(factors) - 1) + [False]


def test_what_failed_or_was_far_off_changes_nothing() -> None:
    hub, clock = world()
    assert run(hub, clock, "fails", said=1000, took=500, code="3").outcome is JobState.FAILED
    assert history(hub) == []
    run(hub, clock, "far", said=10_000, took=500)
    (found,) = history(hub)
    assert (found.learned, found.factor) == (False, 1.0)


def test_another_class_or_pool_is_left_alone() -> None:
    hub, _ = world()
    answer = estimate_all(hub, workload())[0][0]
    assert with_factor(answer, {("pa", "something_else"): BEFORE, ("pb", answer.work): BEFORE}) == answer
