"""The contract of the port `Comparisons`, run on every store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from suanwang.domain.comparison import Comparison
from suanwang.domain.job import Job, JobState
from suanwang.domain.workload import Batch, Workload, WorkloadKind
from suanwang.errors import Conflict
from suanwang.ports import Store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
FIRST = Comparison(
    pool_id="p",
    work="training_dense",
    sequence=1,
    job_id="j1",
    at=NOW,
    estimated_s=100.0,
    measured_s=120.0,
    factor_used=1.0,
    factor=1.1,
    learned=True,
    estimated_kwh_it=2.0,
    measured_kwh_it=None,
)


def with_jobs(store: Store, *ids: str) -> Store:
    workload = Workload(name="w", kind=WorkloadKind.BATCH, task=Batch(flops=1.0), tenant="t")
    with store.transaction() as tx:
        for id_ in ids:
            tx.jobs.add(
                Job(
                    id=id_,
                    tenant="t",
                    key=id_,
                    workload=workload,
                    state=JobState.SUBMITTED,
                    version=0,
                    created=NOW,
                    updated=NOW,
                )
            )
    return store


def test_what_is_added_is_read_again_once(store: Store) -> None:
    with with_jobs(store, "j1").transaction() as tx:
        assert tx.comparisons.latest() == {}
        assert tx.comparisons.add(FIRST)
        assert not tx.comparisons.add(replace(FIRST, sequence=2, factor=9.0))
    with store.transaction() as tx:
        assert tx.comparisons.history() == [FIRST]
        assert tx.comparisons.latest() == {("p", "training_dense"): FIRST}


def test_a_number_that_another_has_taken_is_a_conflict(store: Store) -> None:
    with_jobs(store, "j1", "j2")
    with store.transaction() as tx:
        tx.comparisons.add(FIRST)
    with pytest.raises(Conflict), store.transaction() as tx:
        tx.comparisons.add(replace(FIRST, job_id="j2"))


def test_the_last_of_each_class_and_the_newest_of_a_pool(store: Store) -> None:
    jobs = [f"j{i}" for i in range(1, 5)]
    with_jobs(store, *jobs)
    second = replace(FIRST, sequence=2, job_id="j2", at=NOW + timedelta(hours=1), factor=1.2)
    other = replace(FIRST, work="batch_known", job_id="j3", at=NOW + timedelta(hours=2), measured_kwh_it=1.5)
    far = replace(FIRST, pool_id="q", job_id="j4", at=NOW - timedelta(hours=1))
    with store.transaction() as tx:
        for one in (FIRST, second, other, far):
            tx.comparisons.add(one)
    with store.transaction() as tx:
        assert tx.comparisons.latest() == {
            ("p", "training_dense"): second,
            ("p", "batch_known"): other,
            ("q", "training_dense"): far,
        }
        assert tx.comparisons.history() == [far, FIRST, second, other]
        assert tx.comparisons.history("p", limit=2) == [second, other]
