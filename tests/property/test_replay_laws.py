"""Laws of every policy in replay: gangs are whole, pools never overfull, no work is lost or done twice."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.replay.cycles import Terms, play
from suanwang.replay.engine import Jobs, Played, replay
from suanwang.replay.metrics import measure
from suanwang.replay.series import series
from suanwang.schedule.packing.by_name import find_packing
from suanwang.schedule.packing.layout import Layout, like_nodes, seeded, whole_demands
from suanwang.schedule.packing.nodes import Nodes
from suanwang.schedule.policies import find_policy, policy_names
from suanwang.schedule.policy import Holding, Keyed
from suanwang.schedule.scaling import Scaling
from suanwang.schedule.snapshot import PoolState

CAPACITY, RESTART_S = 8, 2.0
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
JOB = st.tuples(
    st.integers(0, 60),  # submitted
    st.integers(1, 30),  # runs
    st.integers(1, CAPACITY),
    st.integers(0, 15),  # the estimate is so much too long
    st.sampled_from("abc"),  # tenant
    st.integers(0, 2),  # priority
    st.sampled_from([None, 20, 90]),  # to be done within
)
Rows = list[tuple[int, int, int, int, str, int, int | None]]
TRACES = st.lists(JOB, min_size=1, max_size=15)
OPTIONS = {
    "las": "las(quantum=5s, first_h=0.01)",
    "max_min": "max_min(round=7s)",
    "elastic": "elastic(quantum=4s)",
    "gandiva": "gandiva(round=7s)",
}
SHARED = {("a", "a"): 0.5, ("a", "b"): 0.7, ("b", "a"): 0.4, ("b", "c"): 0.3, ("c", "b"): 0.6}
"""Speed of a job of the first kind beside one of the second; kinds that are not here cannot share."""
NAMES = [OPTIONS.get(name, name) for name in policy_names()]


def columns(rows: Rows) -> Jobs:
    rows = sorted(rows, key=lambda row: row[0])
    submit, run, size, slack = (np.array([row[i] for row in rows], dtype=np.int64) for i in range(4))
    return Jobs(
        job_ids=tuple(f"{i:03}" for i in range(len(rows))),
        submit_s=submit.astype(np.float64),
        run_s=run.astype(np.float64),
        size=size,
        estimate_s=(run + slack).astype(np.float64),
        user=tuple(row[4] for row in rows),
        priority=np.array([row[5] for row in rows], dtype=np.int64),
        deadline_s=np.array([np.nan if row[6] is None else row[0] + row[6] for row in rows]),
    )


def played(jobs: Jobs, name: str, packing: str = "", *, elastic: bool = False) -> Played:
    layout = None
    if packing:
        nodes = Nodes(like_nodes(2, 4, rack=1))
        layout = Layout(nodes, find_packing(packing, whole_demands(4))(nodes, seeded()))
    pool = PoolState(pool_id="p", accelerators=CAPACITY, free=CAPACITY, layout=layout)
    scaling = (lambda _, size: Scaling(least=1, most=max(size, 4), serial=0.2)) if elastic else None
    done = play(jobs, [pool], find_policy(name), Terms(begin=BEGIN, restart_s=RESTART_S, scaling=scaling))
    if layout:
        assert (layout.nodes.full_left == layout.nodes.gpus).all(), "all nodes are given back"
    return done


def check(done: Played, *, elastic: bool = False) -> None:
    jobs, runs = done.jobs, done.runs
    ended = ~np.isnan(done.end_s)
    assert int((~ended).sum()) == done.refused
    assert (done.start_s[ended] >= jobs.submit_s[ended]).all()
    for at in np.unique(runs.start_s):
        assert runs.accelerators[(runs.start_s <= at) & (runs.end_s > at)].sum() <= CAPACITY
    for job in np.flatnonzero(ended):
        mine = np.flatnonzero(runs.job == job)
        begin, end, size = runs.start_s[mine], runs.end_s[mine], runs.accelerators[mine]
        assert (begin[1:] >= end[:-1]).all()
        assert end[-1] == done.end_s[job]
        if not elastic:
            assert (size == jobs.size[job]).all()
            lost = (end - begin).sum() - jobs.run_s[job]
            assert -1e-6 <= lost <= RESTART_S * (len(mine) - 1) + 1e-6
    metrics = measure(done) if ended.any() else None
    if metrics:
        assert metrics.makespan_s >= metrics.makespan_s_lower_bound - 1e-6
        assert metrics.mean_completion_s >= metrics.mean_completion_s_lower_bound - 1e-6
        assert metrics.utilisation <= metrics.utilisation_upper_bound + 1e-9
        assert 0 < metrics.fairness <= 1 + 1e-9
        steps = series(done, 10)
        area = sum(busy * (b - a) for busy, a, b in zip(steps.busy, steps.at_s, steps.at_s[1:], strict=False))
        assert area == pytest.approx(((runs.end_s - runs.start_s) * runs.accelerators).sum())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_no_policy_breaks_the_pool_or_loses_work(name: str, rows: Rows) -> None:
    jobs = columns(rows)
    done = played(jobs, name)
    check(done)
    assert played(jobs, name).event_hash() == done.event_hash()


@pytest.mark.parametrize("packing", ["best-fit", "topology", "least-fragmentation", "random"])
@pytest.mark.parametrize("name", ["easy", OPTIONS["las"], "quota"])
@settings(max_examples=8, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_any_policy_goes_with_any_packing(name: str, packing: str, rows: Rows) -> None:
    check(played(columns(rows), name, packing))


@pytest.mark.parametrize("packing", ["", "best-fit"])
@settings(max_examples=40, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_jobs_that_share_accelerators_keep_their_work(packing: str, rows: Rows) -> None:
    jobs = columns(rows)
    kinds = tuple(row[4] for row in sorted(rows, key=lambda row: row[0]))
    jobs = replace(
        jobs,
        kind=kinds,
        speeds={kind: {"p": 1.0} for kind in kinds},
        together={pair: {"p": speed} for pair, speed in SHARED.items()},
    )
    done = played(jobs, OPTIONS["gandiva"], packing)
    assert not np.isnan(done.end_s).any()
    runs, least = done.runs, min(SHARED.values())
    for at in np.unique(runs.start_s):
        assert runs.accelerators[(runs.start_s <= at) & (runs.end_s > at)].sum() <= CAPACITY
    for job in range(len(jobs)):
        mine = np.flatnonzero(runs.job == job)
        had = (runs.end_s[mine] - runs.start_s[mine]).sum()
        assert jobs.run_s[job] - 1e-6 <= had <= jobs.run_s[job] / least + RESTART_S * len(mine) + 1e-6
        assert set(runs.accelerators[mine].tolist()) <= {0, int(jobs.size[job])}
    metrics = measure(done)
    assert metrics.makespan_s >= metrics.makespan_s_lower_bound - 1e-6
    assert metrics.utilisation <= metrics.utilisation_upper_bound + 1e-9


@settings(max_examples=25, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_jobs_that_scale_keep_their_work(rows: Rows) -> None:
    done = played(columns(rows), OPTIONS["elastic"], elastic=True)
    check(done, elastic=True)
    for job in range(len(done.jobs)):
        mine = np.flatnonzero(done.runs.job == job)
        scaling = Scaling(least=1, most=max(int(done.jobs.size[job]), 4), serial=0.2)
        speeds = np.array([scaling.speed(int(n), int(done.jobs.size[job])) for n in done.runs.accelerators[mine]])
        spans = done.runs.end_s[mine] - done.runs.start_s[mine]
        least = (np.maximum(spans - np.where(np.arange(len(mine)) > 0, RESTART_S, 0.0), 0.0) * speeds).sum()
        assert least <= done.jobs.run_s[job] + 1e-6 <= (spans * speeds).sum() + 2e-6


@pytest.mark.parametrize(
    "name", [n for n in policy_names() if isinstance(find_policy(n), Keyed) and not isinstance(find_policy(n), Holding)]
)
@pytest.mark.parametrize("packing", ["", "best-fit"])
@settings(max_examples=25, derandomize=True, deadline=None)
@given(rows=TRACES)
def test_a_kept_queue_decides_as_the_cycle_does(name: str, packing: str, rows: Rows) -> None:
    jobs, policy = columns(rows), find_policy(name)
    assert isinstance(policy, Keyed)
    layout = None
    if packing:
        nodes = Nodes(like_nodes(2, 4, rack=1))
        layout = Layout(nodes, find_packing(packing, whole_demands(4))(nodes, seeded()))
    kept = replay(jobs, CAPACITY, policy.queue, policy.keys(jobs.submit_s, jobs.estimate_s), layout)
    asked = played(jobs, name, packing)
    if not packing or policy.blocks:
        assert kept.start_s.tolist() == asked.start_s.tolist()
    check(kept)
