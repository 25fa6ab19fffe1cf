"""Waits in a site's own queue: predicted from those of others, told with a band, and part of when a run can start."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.estimate import Band
from suanwang.domain.job import Job, JobState
from suanwang.domain.placement import Occupancy, Placement, Refused
from suanwang.domain.reason import Reason
from suanwang.domain.workload import Limits
from suanwang.interfaces.cli.main import main
from suanwang.place.place import place
from suanwang.place.waits import LEAST, Arrival, History, predict
from suanwang.replay.engine import Jobs, replay
from suanwang.replay.waits import backtest, waiting_work
from suanwang.schedule.policies import find_kept
from suanwang.service.moves import move
from suanwang.service.submit import job_id
from suanwang.service.waits import queues_of
from tests.small_grid import MONDAY, estimate, grid, hour, job, pool, site, workload

WAY = (JobState.ESTIMATED, JobState.PLACED, JobState.HELD)


def history(waits: list[float], sizes: list[float]) -> History:
    came = np.arange(len(waits)) * 100.0
    order = np.argsort(came + np.array(waits), kind="stable")
    started = np.asarray((came + np.array(waits))[order], np.float64)
    same = np.full(len(waits), 3600.0)
    return History(
        came_s=np.asarray(came[order], np.float64),
        started_s=started,
        accelerators=np.array(sizes)[order],
        asked_s=same,
        ahead_s=np.zeros(len(waits)),
    )


def arrival(size: float, at_s: float = 1e5) -> Arrival:
    return Arrival(at_s=at_s, accelerators=size, asked_s=3600.0, ahead_s=0.0)


def test_those_that_are_alike_count_most() -> None:
    mixed = history([60.0, 5000.0] * 30, [1.0, 64.0] * 30)
    small, large = predict(mixed, arrival(1)), predict(mixed, arrival(64))
    assert small is not None
    assert large is not None
    assert (small.mid, large.mid) == (60.0, 5000.0)
    assert small.low <= small.mid <= small.high


def test_nothing_is_foretold_from_few_or_from_the_future() -> None:
    assert predict(history([60.0] * (LEAST - 1), [1.0] * (LEAST - 1)), arrival(1)) is None
    many = history([60.0] * 50, [1.0] * 50)
    assert predict(many, arrival(1, at_s=500.0)) is None  # most of them have not yet started then


def drawn(count: int, accelerators: int, seed: int = 0) -> Jobs:
    random = np.random.default_rng(seed)
    run = np.ceil(random.exponential(600.0, count))
    size = 2 ** random.integers(0, 4, count)
    gap = float((run * size).mean()) / accelerators / 0.95
    return Jobs(
        job_ids=tuple(map(str, range(count))),
        submit_s=np.cumsum(random.exponential(gap, count)),
        run_s=run,
        size=size,
        estimate_s=run,
        user=("u",) * count,
    )


def test_the_errors_on_a_replayed_trace_are_less_than_those_of_simple_rules() -> None:
    jobs, queue = drawn(3000, 32), find_kept("easy")
    played = replay(jobs, 32, queue.queue, queue.keys(jobs.submit_s, jobs.estimate_s))
    errors = backtest(jobs, played.start_s, 32)
    assert errors.jobs > 2900
    assert errors.mean_error_s < 0.75 * errors.recent_mean_error_s
    assert errors.mean_error_s < 0.5 * errors.none_error_s
    assert errors.covered > 0.6
    with pytest.raises(ValueError, match="too few"):
        backtest(drawn(5, 32), drawn(5, 32).submit_s, 32)


def test_work_that_waits_is_what_came_and_has_not_started() -> None:
    came, started = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 10.0, 2.5, 4.0])
    assert waiting_work(came, started, np.array([1.0, 2.0, 4.0, 8.0])).tolist() == [0.0, 0.0, 2.0, 2.0]


def test_a_start_is_no_sooner_than_the_queue_lets_it() -> None:
    plan = grid([site("a")], [pool("p", "a")])
    band = Band(600.0, 3600.0, 7200.0)

    def placed(deadline: float) -> Placement | Refused:
        asked = workload(limits=Limits(deadline=hour(deadline)))
        return place(asked, plan, [estimate("p", hours=2, high=1.0)], [], MONDAY, Occupancy(), waits=lambda *_: band)

    found = placed(4.0)
    assert isinstance(found, Placement)
    assert found.option.start == hour(1)
    assert any("expected to keep it waiting 1.0 h (0.2 h to 2.0 h)" in str(r) for r in found.reasons)
    late = placed(3.9)  # at the high end of the wait it would end after four hours
    assert isinstance(late, Refused)
    assert late.rejections[0].reason is Reason.MISSES_DEADLINE


def test_the_store_remembers_how_long_jobs_waited() -> None:
    plan, store = grid([site("a")], [pool("p", "a")]), MemoryStore()
    made = place(workload(), plan, [estimate("p")], [], MONDAY, Occupancy())
    assert isinstance(made, Placement)
    with store.transaction() as tx:
        for number in range(20):
            at = MONDAY + timedelta(minutes=number)
            one: Job = replace(
                job(job_id("me", str(number), int(at.timestamp() * 1000)), made, JobState.SUBMITTED),
                version=0,
                placement=None,
                key=str(number),
            )
            tx.jobs.add(one)
            for state in WAY:
                one = move(tx.jobs, one, state, at, placement=made)
            one = move(tx.jobs, one, JobState.QUEUED, at, attempt=1)
            move(tx.jobs, one, JobState.RUNNING, at + timedelta(minutes=30))
        now = MONDAY + timedelta(hours=1)
        wait = queues_of(tx, now, plan).wait("p", estimate("p"))
        assert queues_of(tx, now, plan).wait("elsewhere", estimate("p")) is None
    assert wait is not None
    assert wait.mid == 1800.0


def test_the_bench_tells_the_errors_of_a_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = drawn(300, 8)
    rows = zip(jobs.submit_s.astype(int), jobs.run_s.astype(int), jobs.size, strict=True)
    lines = [f"{i} {s} -1 {r} {n} -1 -1 {n} {r} -1 1 1 1 -1 -1 -1 -1 -1" for i, (s, r, n) in enumerate(rows, start=1)]
    (tmp_path / "t.swf").write_text("; MaxProcs: 8\n" + "\n".join(lines) + "\n")
    assert main(["bench", "waits", str(tmp_path / "t.swf"), "--policy", "fcfs", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["jobs"] > 250
    assert told["mean_error_s"] < told["none_error_s"]
    (tmp_path / "few.swf").write_text("; MaxProcs: 8\n" + "\n".join(lines[:3]) + "\n")
    assert main(["bench", "waits", str(tmp_path / "few.swf")]) == 2
    assert "too few jobs" in capsys.readouterr().err
