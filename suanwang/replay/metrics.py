"""What came of a replay, in the field's words (Feitelson, JSSPP 2001)."""

from dataclasses import dataclass

import numpy as np

from suanwang.replay.engine import Played

BOUND_S = 10.0
"""Bounded slowdown counts shorter run times as this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Times in seconds. `completion`: from submission to end; `makespan`: from the first submission to the last end.

    `utilisation`: accelerator-seconds used, of those of the makespan. `fairness`: Jain's index of the users' mean
    bounded slowdown (1: all alike). `makespan_s_lower_bound`: no schedule is shorter; none that replaces this is better
    than `utilisation_upper_bound`. `never_started`: jobs larger than the pool; they count nowhere else.
    """

    jobs: int
    never_started: int
    mean_wait_s: float
    median_wait_s: float
    p95_wait_s: float
    max_wait_s: float
    mean_bounded_slowdown: float
    mean_completion_s: float
    makespan_s: float
    makespan_s_lower_bound: float
    utilisation: float
    utilisation_upper_bound: float
    fairness: float
    waiting_max: int
    event_log_sha256: str


def measure(played: Played) -> Metrics:
    """Of the jobs that could start. Raises ValueError when none did."""
    started = ~np.isnan(played.start_s)
    if not started.any():
        raise ValueError("no job of the trace fits in the pool")
    jobs = played.jobs
    submit, run, size = jobs.submit_s[started], jobs.run_s[started], jobs.size[started]
    wait = played.start_s[started] - submit
    completion = wait + run
    slowdown = np.maximum(completion / np.maximum(run, BOUND_S), 1.0)
    first = submit.min()
    makespan = float((played.start_s[started] + run).max() - first)
    area = float((run * size).sum())
    least = max(float((submit + run).max() - first), area / played.capacity)
    users = np.unique(np.array(jobs.user)[started], return_inverse=True)[1]
    by_user = np.bincount(users, slowdown) / np.bincount(users)
    return Metrics(
        jobs=int(started.sum()),
        never_started=int((~started).sum()),
        mean_wait_s=float(wait.mean()),
        median_wait_s=float(np.median(wait)),
        p95_wait_s=float(np.quantile(wait, 0.95)),
        max_wait_s=float(wait.max()),
        mean_bounded_slowdown=float(slowdown.mean()),
        mean_completion_s=float(completion.mean()),
        makespan_s=makespan,
        makespan_s_lower_bound=least,
        utilisation=area / (played.capacity * makespan) if makespan else 1.0,
        utilisation_upper_bound=min(1.0, area / (played.capacity * least)) if least else 1.0,
        fairness=float(by_user.sum() ** 2 / (len(by_user) * (by_user**2).sum())),
        waiting_max=played.waiting_max,
        event_log_sha256=played.event_hash(),
    )
