"""Rows of jobs, in any order, to a trace's columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np

from suanwang.replay.engine import Jobs
from suanwang.schedule.snapshot import Together

MANY = 2**53
"""Seconds and accelerators are below it: larger ones, inf and nan tell nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One job as a trace tells of it. Seconds, from any zero; `estimate_s` None: its run time."""

    job_id: str
    submit_s: float
    run_s: float
    size: int
    user: str
    tenant: str = ""
    estimate_s: float | None = None
    deadline_s: float | None = None
    priority: int = 0
    kind: str = ""
    start_s: float | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.run_s < MANY and 1 <= self.size < MANY and abs(self.submit_s) < MANY):
            raise ValueError("the job has no submit time, run time or accelerators")


def jobs_of(
    rows: Sequence[Row],
    speeds: Mapping[str, Mapping[str, float]] | None = None,
    together: Together | None = None,
) -> tuple[Jobs, float]:
    """By submit time, from 0 s on; and what 0 s was. Two jobs of one id get a number each."""
    ordered = sorted(rows, key=lambda row: row.submit_s)
    zero = ordered[0].submit_s if ordered else 0.0
    deadlines = [nan if row.deadline_s is None else row.deadline_s - zero for row in ordered]
    estimates = [row.run_s if row.estimate_s is None else row.estimate_s for row in ordered]
    ids = [row.job_id for row in ordered]
    if len(set(ids)) < len(ids):
        ids = [f"{job_id}#{i}" for i, job_id in enumerate(ids)]
    has_deadline = any(row.deadline_s is not None for row in ordered)
    jobs = Jobs(
        job_ids=tuple(ids),
        submit_s=np.array([row.submit_s - zero for row in ordered], dtype=np.float64),
        run_s=np.array([row.run_s for row in ordered], dtype=np.float64),
        size=np.array([row.size for row in ordered], dtype=np.int64),
        estimate_s=np.array(estimates, dtype=np.float64),
        user=tuple(row.user for row in ordered),
        tenant=tuple(row.tenant or row.user for row in ordered),
        deadline_s=np.array(deadlines, dtype=np.float64) if has_deadline else None,
        priority=np.array([row.priority for row in ordered], dtype=np.int64)
        if any(r.priority for r in ordered)
        else None,
        kind=tuple(row.kind for row in ordered) if speeds else (),
        speeds=speeds or {},
        together=together or {},
        recorded_start_s=np.array([(r.start_s or 0.0) - zero for r in ordered], dtype=np.float64)
        if ordered and all(r.start_s is not None for r in ordered)
        else None,
    )
    return jobs, zero
