"""Start times, job by job, as AccaSim 1.1.3 gives them; EASY against a plain reading of its definition."""

import csv
from pathlib import Path

import pytest

from suanwang.adapters.traces.swf import read_swf
from suanwang.adapters.traces.text import read_lines
from suanwang.replay.engine import Jobs, replay
from suanwang.schedule.policies import find_kept
from tests.plain_easy import easy_starts

HERE = Path(__file__).parent / "queue_starts"


def busy() -> tuple[Jobs, int]:
    path = HERE / "busy.swf"
    jobs, processors, _, broken = read_swf(read_lines(path), path)
    assert processors is not None
    assert (len(jobs), processors, broken.count) == (800, 64, 0)
    return jobs, processors


@pytest.mark.parametrize("name", ["fcfs", "sjf", "first_fit"])
def test_the_same_start_for_every_job(name: str) -> None:
    jobs, processors = busy()
    policy = find_kept(name)
    played = replay(jobs, processors, policy.queue, policy.keys(jobs.submit_s, jobs.estimate_s))
    with (HERE / "starts_s.csv").open(encoding="utf-8") as lines:
        theirs = {row["job"]: int(row[name]) for row in csv.DictReader(lines)}
    assert dict(zip(jobs.job_ids, played.start_s.astype(int).tolist(), strict=True)) == theirs
    assert played.waiting_max > 20


def test_easy_is_not_first_fit_where_a_large_job_waits() -> None:
    """The rule that parts them: nothing that passes may delay the first that waits."""
    jobs, processors = busy()
    easy, first_fit = (replay(jobs, processors, find_kept(name).queue) for name in ("easy", "first_fit"))
    large = jobs.size > processors // 2
    assert (easy.start_s - jobs.submit_s)[large].max() < (first_fit.start_s - jobs.submit_s)[large].max()


def test_easy_as_it_is_defined() -> None:
    jobs, processors = busy()
    submit, run, estimate = (column[:150].tolist() for column in (jobs.submit_s, jobs.run_s, jobs.estimate_s))
    plain = easy_starts(submit, run, jobs.size[:150].tolist(), estimate, processors)
    few = Jobs(
        job_ids=jobs.job_ids[:150],
        submit_s=jobs.submit_s[:150],
        run_s=jobs.run_s[:150],
        size=jobs.size[:150],
        estimate_s=jobs.estimate_s[:150],
        user=jobs.user[:150],
    )
    assert replay(few, processors, find_kept("easy").queue).start_s.tolist() == plain
