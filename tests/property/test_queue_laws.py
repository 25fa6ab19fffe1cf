"""Laws of the queues, on random traces: replay decides as the live cycle would, and EASY as its definition says."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.replay.engine import Jobs, replay
from suanwang.replay.metrics import measure
from suanwang.schedule.cycle import cycle
from suanwang.schedule.policies import find_kept
from suanwang.schedule.policy import Policy
from suanwang.schedule.snapshot import Active, PoolState, Snapshot, Waiting
from tests.plain_conservative import conservative_starts
from tests.plain_easy import easy_starts

CAPACITY = 8
ZERO = datetime(2026, 1, 1, tzinfo=UTC)
JOB = st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(1, CAPACITY), st.integers(-6, 15))
TRACES = st.lists(JOB, min_size=1, max_size=25)


def columns(rows: list[tuple[int, int, int, int]]) -> Jobs:
    """(submit, run, size, seconds that the estimate is too long; it may be too short)."""
    rows = sorted(rows, key=lambda row: row[0])
    submit, run, size, slack = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    return Jobs(
        job_ids=tuple(f"{i:03}" for i in range(len(rows))),
        submit_s=submit.astype(np.float64),
        run_s=run.astype(np.float64),
        size=size,
        estimate_s=np.maximum(run + slack, 1).astype(np.float64),
        user=("me",) * len(rows),
    )


def live(jobs: Jobs, policy: Policy) -> list[float]:
    """Start times when `cycle` decides on a fresh snapshot at every second that something happens."""
    start: dict[int, float] = {}
    moments = set(jobs.submit_s.tolist())
    while moments:
        now = min(moments)
        moments.remove(now)
        active = [j for j, s in start.items() if s + jobs.run_s[j] > now]
        waiting = [j for j in range(len(jobs)) if jobs.submit_s[j] <= now and j not in start]
        free = CAPACITY - int(sum(jobs.size[j] for j in active))
        decisions = cycle(
            Snapshot(
                now=ZERO + timedelta(seconds=now),
                pools=(PoolState(pool_id="p", accelerators=CAPACITY, free=free),),
                waiting=tuple(_waiting(jobs, j) for j in waiting),
                active=tuple(_active(jobs, j, start[j]) for j in active),
            ),
            policy,
        )
        for admitted in decisions.admitted:
            job = int(admitted.job_id)
            start[job] = now
            moments.add(now + float(jobs.run_s[job]))
    return [start[j] for j in range(len(jobs))]


def _waiting(jobs: Jobs, job: int) -> Waiting:
    since = ZERO + timedelta(seconds=float(jobs.submit_s[job]))
    return Waiting(
        job_id=jobs.job_ids[job],
        tenant="me",
        pool_id="p",
        accelerators=int(jobs.size[job]),
        since=since,
        start=since,
        run_s_max=float(jobs.estimate_s[job]),
    )


def _active(jobs: Jobs, job: int, start: float) -> Active:
    end = ZERO + timedelta(seconds=start + float(jobs.estimate_s[job]))
    return Active(job_id=jobs.job_ids[job], pool_id="p", accelerators=int(jobs.size[job]), running=True, end=end)


@pytest.mark.parametrize("name", ["fcfs", "sjf", "first_fit", "easy", "conservative"])
@settings(max_examples=60, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_replay_starts_each_job_when_the_live_cycle_would(name: str, rows: list[tuple[int, int, int, int]]) -> None:
    jobs, policy = columns(rows), find_kept(name)
    played = replay(jobs, CAPACITY, policy.queue, policy.keys(jobs.submit_s, jobs.estimate_s))
    assert played.start_s.tolist() == live(jobs, policy)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_easy_is_what_its_definition_says(rows: list[tuple[int, int, int, int]]) -> None:
    jobs = columns(rows)
    played = replay(jobs, CAPACITY, find_kept("easy").queue)
    columns_ = (jobs.submit_s.tolist(), jobs.run_s.tolist(), jobs.size.tolist(), jobs.estimate_s.tolist())
    assert played.start_s.tolist() == easy_starts(*columns_, CAPACITY)


@pytest.mark.parametrize("depth", [1, 3, 99])
@settings(max_examples=80, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_conservative_is_what_its_definition_says(depth: int, rows: list[tuple[int, int, int, int]]) -> None:
    jobs = columns(rows)
    kept = find_kept(f"conservative(depth={depth})")
    starts = replay(jobs, CAPACITY, kept.queue).start_s.tolist()
    columns_ = (jobs.submit_s.tolist(), jobs.run_s.tolist(), jobs.size.tolist(), jobs.estimate_s.tolist())
    assert starts == conservative_starts(*columns_, CAPACITY, depth)
    if depth == 1:
        assert starts == easy_starts(*columns_, CAPACITY)


@pytest.mark.parametrize("name", ["fcfs", "sjf", "first_fit", "easy", "conservative"])
@settings(max_examples=60, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_the_pool_is_never_overfull_and_no_bound_is_beaten(name: str, rows: list[tuple[int, int, int, int]]) -> None:
    jobs, policy = columns(rows), find_kept(name)
    played = replay(jobs, CAPACITY, policy.queue, policy.keys(jobs.submit_s, jobs.estimate_s))
    assert (played.start_s >= jobs.submit_s).all()
    for now in played.start_s.tolist():
        assert jobs.size[(played.start_s <= now) & (played.end_s > now)].sum() <= CAPACITY
    metrics = measure(played)
    assert metrics.makespan_s >= metrics.makespan_s_lower_bound - 1e-9
    assert metrics.utilisation <= metrics.utilisation_upper_bound + 1e-9
    assert (
        played.event_hash()
        == replay(jobs, CAPACITY, policy.queue, policy.keys(jobs.submit_s, jobs.estimate_s)).event_hash()
    )
