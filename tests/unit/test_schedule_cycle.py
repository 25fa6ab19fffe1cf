"""The scheduling cycle: who is admitted, and the reason that everybody else waits for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from suanwang.domain.job import JobState
from suanwang.domain.order import Capacity
from suanwang.domain.placement import Occupancy, Placement, Promise
from suanwang.domain.reason import Reason
from suanwang.place.place import place
from suanwang.schedule.cycle import cycle
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.schedule.policies.priority import Priority
from suanwang.schedule.policy import Policy
from suanwang.schedule.snapshot import Active, PoolState, Snapshot, Waiting
from tests.small_grid import MONDAY, estimate, grid, hour, job, pool, site, workload

FCFS = FirstComeFirstServed()
POOL = PoolState(pool_id="p", accelerators=16, free=16)


def wait(job_id: str, accelerators: int = 8, since: float = 0, **changes: Any) -> Waiting:
    base = Waiting(
        job_id=job_id, tenant="me", pool_id="p", accelerators=accelerators, since=hour(since), start=hour(since)
    )
    return replace(base, **changes)


def decide(
    *waiting: Waiting, pools: tuple[PoolState, ...] = (POOL,), policy: Policy = FCFS, **rest: Any
) -> dict[str, str]:
    """Job id -> "admitted" or the reason, at hour 10."""
    decisions = cycle(Snapshot(now=hour(10), pools=pools, waiting=waiting, **rest), policy)
    result = {a.job_id: "admitted" for a in decisions.admitted}
    result |= {w.job_id: w.reason.value for w in decisions.waiting}
    assert len(result) == len(decisions.admitted) + len(decisions.waiting) == len(waiting)
    return result


@pytest.mark.parametrize(
    ("job", "pools", "reason", "text"),
    [
        (wait("j", start=hour(12), earliest_start=hour(12)), (POOL,), Reason.WAITING_FOR_START, "as asked for"),
        (
            wait("j", start=hour(12), earliest_start=hour(11)),
            (POOL,),
            Reason.WAITING_FOR_START,
            "Not before 2026-03-02T11:00:00+00:00, as asked for; planned for 2026-03-02T12:00:00+00:00.",
        ),
        (wait("j", start=hour(12), data_ready=hour(11)), (POOL,), Reason.WAITING_FOR_DATA, "The data is there at"),
        (wait("j", start=hour(12), free_from=hour(12)), (POOL,), Reason.WAITING_FOR_CAPACITY, "is promised until"),
        (
            wait("j", start=hour(12), earliest_start=hour(9), data_ready=hour(10), free_from=hour(10)),
            (POOL,),
            Reason.WAITING_FOR_CHEAP_POWER,
            "Planned for 2026-03-02T12:00:00+00:00: the hours until then cost more.",
        ),
        (wait("j"), (replace(POOL, drained=True),), Reason.SITE_DRAINED, "Pool p takes no new work."),
        (
            wait("j"),
            (replace(POOL, healthy=False, detail="timed out"),),
            Reason.ENGINE_UNREACHABLE,
            "The engine of p does not answer (timed out).",
        ),
        (wait("j"), (), Reason.ENGINE_UNREACHABLE, "No engine has reported pool p."),
        (
            wait("j"),
            (replace(POOL, free=7),),
            Reason.WAITING_FOR_CAPACITY,
            "Needs 8 accelerators of p; 7 of 16 are free.",
        ),
    ],
)
def test_reason_to_wait(job: Waiting, pools: tuple[PoolState, ...], reason: Reason, text: str) -> None:
    decisions = cycle(Snapshot(now=hour(10), pools=pools, waiting=(job,)), FCFS)
    assert decisions.admitted == ()
    assert decisions.waiting[0].reason is reason
    assert text in str(decisions.waiting[0].detail)


def test_admitted_at_its_start() -> None:
    assert decide(wait("j", start=hour(10))) == {"j": "admitted"}


def test_gangs_are_whole_and_in_order() -> None:
    later = wait("c", 1, since=2)
    assert decide(later, wait("b", 9, since=1), wait("a", 8)) == {
        "a": "admitted",
        "b": "WaitingForCapacity",
        "c": "WaitingForCapacity",
    }
    small = replace(FCFS, blocks=False)
    assert decide(later, wait("b", 9, since=1), wait("a", 8), policy=small)["c"] == "admitted"


def test_a_blocked_head_blocks_its_own_pool_only() -> None:
    other = PoolState(pool_id="q", accelerators=4, free=4)
    jobs = (wait("a", 16), wait("b", 8, since=1), wait("c", 4, since=2, pool_id="q"))
    assert decide(*jobs, pools=(replace(POOL, free=8), other)) == {
        "a": "WaitingForCapacity",
        "b": "WaitingForCapacity",
        "c": "admitted",
    }


def test_a_gang_larger_than_its_pool_blocks_nobody() -> None:
    assert decide(wait("a", 17), wait("b", 8, since=1)) == {"a": "WaitingForCapacity", "b": "admitted"}


def test_active_jobs_that_the_engine_does_not_count_yet_are_counted() -> None:
    queued = Active(job_id="x", pool_id="p", accelerators=10, running=False)
    assert decide(wait("a", 8), active=(queued,)) == {"a": "WaitingForCapacity"}
    assert decide(wait("a", 6), active=(queued,)) == {"a": "admitted"}
    running = replace(queued, running=True)
    # 6 are left of the pool; the engine says 2, because something else runs there
    assert decide(wait("a", 6), pools=(replace(POOL, free=2),), active=(running,)) == {"a": "WaitingForCapacity"}
    assert decide(wait("a", 2), pools=(replace(POOL, free=2),), active=(running,)) == {"a": "admitted"}
    # an engine that still reports what just started as free does not count twice
    assert decide(wait("a", 8), pools=(POOL,), active=(running,)) == {"a": "WaitingForCapacity"}


def test_priority_and_ageing() -> None:
    policy = Priority(ageing=timedelta(hours=2))
    low, high = wait("low", 16, since=0), wait("high", 16, since=9, priority=4)
    assert decide(low, high, policy=policy) == {"low": "admitted", "high": "WaitingForCapacity"}  # 9 h against 8 h
    urgent = replace(high, priority=5)
    assert decide(low, urgent, policy=policy) == {"low": "WaitingForCapacity", "high": "admitted"}
    assert decide(low, high, policy=FCFS)["low"] == "admitted"
    with pytest.raises(ValueError, match="ageing"):
        Priority(ageing=timedelta(0))


class Forgetful(FirstComeFirstServed):
    """A policy with a bug."""

    def order(self, due: Any, snapshot: Snapshot) -> Any:
        return list(due)[1:]


def test_a_policy_that_loses_a_job_is_a_bug() -> None:
    with pytest.raises(ValueError, match="every due job"):
        decide(wait("a"), policy=Forgetful())


def placed(**taken: Any) -> Placement:
    where = grid([site("s")], [pool("p", "s")])
    occupancy = Occupancy(promises={"p": (Promise(start=hour(-1), end=hour(2), accelerators=30),)} if taken else {})
    decision = place(workload(), where, [estimate("p")], [], MONDAY, occupancy)
    assert isinstance(decision, Placement)
    return decision


def test_why_a_placed_job_waits_is_read_from_its_placement() -> None:
    """The valley begins at 16:00 UTC (00:00 in China)."""
    waiting = Waiting.of(job("j", placed()))
    assert (waiting.start, waiting.free_from, waiting.accelerators) == (hour(16), hour(0), 8)
    full = Waiting.of(job("j", placed(full=True)))
    assert (full.start, full.free_from) == (hour(16), hour(2))
    reasons = [
        cycle(Snapshot(now=hour(h), pools=(POOL,), waiting=(full,)), FCFS).waiting[0].reason for h in (1, 2, 15.9)
    ]
    assert reasons == [Reason.WAITING_FOR_CAPACITY, Reason.WAITING_FOR_CHEAP_POWER, Reason.WAITING_FOR_CHEAP_POWER]
    assert cycle(Snapshot(now=hour(16), pools=(POOL,), waiting=(full,)), FCFS).admitted[0].job_id == "j"


def test_active_of_a_job() -> None:
    running = job("j", placed(), JobState.RUNNING)
    active = Active.of(running)
    assert (active.job_id, active.pool_id, active.accelerators, active.running) == ("j", "p", 8, True)
    assert (active.job, active.started) == (Waiting.of(running), running.updated)
    assert active.end == running.updated + timedelta(seconds=placed().option.estimate.time_s.high)
    assert replace(active, end=None).seconds_left(hour(1)) == float("inf")
    assert not Active.of(replace(running, state=JobState.QUEUED)).running
    with pytest.raises(ValueError, match="not active"):
        Active.of(replace(running, state=JobState.HELD))
    with pytest.raises(ValueError, match="no placement"):
        Waiting.of(replace(running, placement=None))


def test_pool_state_of_a_pool() -> None:
    capacity = Capacity(pool_id="p", accelerators=24, free=3, healthy=False, detail="slow")
    state = PoolState.of(pool("p", "s"), site("s", drained=True), capacity)
    assert state == PoolState(pool_id="p", accelerators=24, free=3, healthy=False, drained=True, detail="slow")
