"""Gavel's physical-cluster traces: mean completion and makespan within 5 % of the published ones (OSDI 2020)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from suanwang.adapters.traces.read import JobTrace, read_trace
from suanwang.replay.cycles import Terms, play
from suanwang.replay.metrics import Metrics, measure
from suanwang.schedule.policies import find_policy
from suanwang.schedule.snapshot import PoolState

HERE = Path(__file__).parent / "gavel"
POOLS = tuple(PoolState(pool_id=k, accelerators=n, free=n) for k, n in (("v100", 8), ("p100", 16), ("k80", 24)))


def played(trace: str, policy: str) -> Metrics:
    read = read_trace(HERE / trace)
    assert isinstance(read, JobTrace)
    assert read.malformed.count == 0
    return measure(play(read.jobs, POOLS, find_policy(policy), Terms(begin=datetime(2020, 1, 1, tzinfo=UTC))))


@pytest.mark.parametrize(("policy", "hours"), [("max_min(aware=no, strict=yes)", 5.20), ("max_min(strict=yes)", 3.82)])
def test_mean_completion(policy: str, hours: float) -> None:
    metrics = played("fairness.trace", policy)
    assert metrics.jobs == 96
    assert metrics.mean_completion_s / 3600 == pytest.approx(hours, rel=0.05)


def test_makespan() -> None:
    metrics = played("makespan.trace", "max_min(makespan=yes, strict=yes)")
    assert metrics.jobs == 100
    assert metrics.makespan_s / 3600 == pytest.approx(17.40, rel=0.05)


def test_to_fill_what_comes_free_within_a_round_is_better() -> None:
    assert played("fairness.trace", "max_min").mean_completion_s < 3.82 * 3600


@pytest.mark.parametrize("seed", range(5))
def test_makespan_of_random_pairs(seed: int) -> None:
    """Gavel's own simulator gives 20.93 h with its seed 0 and 20.68 to 21.18 h with 0 to 9."""
    metrics = played("makespan.trace", f"gandiva(seed={seed}, strict=yes)")
    assert metrics.jobs == 100
    assert metrics.makespan_s / 3600 == pytest.approx(20.93, rel=0.05)
    assert metrics.makespan_s >= metrics.makespan_s_lower_bound
