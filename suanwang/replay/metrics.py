"""What came of a replay, in the field's words (Feitelson, JSSPP 2001), each with the best that it could be."""

from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.replay.engine import Numbers, Played

BOUND_S = 10.0
"""Bounded slowdown counts shorter run times as this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Times in seconds. `completion`: from submission to end; `makespan`: from the first submission to the last end.

    `allocation_ratio`: accelerator-seconds given, of those of the makespan; `utilisation`: those less restarts.
    `fairness`: Jain's index of the users' mean bounded slowdown (1: all alike). No schedule is better than a bound:
    completion by the relaxation to one machine that works on the shortest remaining job (SRPT), makespan by area and
    longest job. `deadline_misses`: of the jobs with a deadline, those that end late or not at all. `never_started`:
    jobs larger than the pool, or refused; of the figures above they count in `deadline_misses` alone.
    """

    jobs: int
    never_started: int
    refused: int
    mean_wait_s: float
    median_wait_s: float
    p95_wait_s: float
    max_wait_s: float
    mean_bounded_slowdown: float
    mean_completion_s: float
    mean_completion_s_lower_bound: float
    p95_completion_s: float
    makespan_s: float
    makespan_s_lower_bound: float
    utilisation: float
    utilisation_upper_bound: float
    allocation_ratio: float
    fairness: float
    deadlines: int
    deadline_misses: int
    preemptions: int
    resizes: int
    restarts_accelerator_h: float
    nodes_per_gang: float | None
    racks_per_gang: float | None
    waits_for_nodes: int
    waiting_max: int
    cycles: int
    event_log_sha256: str


def measure(played: Played) -> Metrics:
    """Of the jobs that ran. Raises InvalidInput when none did."""
    started = ~np.isnan(played.end_s)
    if not started.any():
        remedy = msg("Give more accelerators, or look at the lines that were left out.")
        problem = msg("none of its {count} jobs could run", count=len(played.jobs.job_ids))
        raise InvalidInput([Problem("trace", problem, remedy)])
    jobs = played.jobs
    submit, run = jobs.submit_s[started], jobs.run_s[started]
    wait = played.start_s[started] - submit
    completion = played.end_s[started] - submit
    slowdown = np.maximum(completion / np.maximum(run, BOUND_S), 1.0)
    first = submit.min()
    makespan = float(played.end_s[started].max() - first)
    shortest = run if played.shortest_s is None else played.shortest_s[started]
    areas = run * jobs.size[started] if played.least_area_s is None else played.least_area_s[started]
    least = max(float((submit + shortest).max() - first), float(areas.sum()) / played.capacity)
    given = float(((played.runs.end_s - played.runs.start_s) * played.runs.accelerators).sum())
    used, whole = given - played.restarts_s, played.capacity * makespan
    users = np.unique(np.array(jobs.user)[started], return_inverse=True)[1]
    by_user = np.bincount(users, slowdown) / np.bincount(users)
    deadlines, misses = _deadlines(played)
    spread = played.spread or (None, None)
    return Metrics(
        jobs=int(started.sum()),
        never_started=int((~started).sum()),
        refused=played.refused,
        mean_wait_s=float(wait.mean()),
        median_wait_s=float(np.median(wait)),
        p95_wait_s=float(np.quantile(wait, 0.95)),
        max_wait_s=float(wait.max()),
        mean_bounded_slowdown=float(slowdown.mean()),
        mean_completion_s=float(completion.mean()),
        mean_completion_s_lower_bound=completion_bound(submit, shortest, areas / played.capacity),
        p95_completion_s=float(np.quantile(completion, 0.95)),
        makespan_s=makespan,
        makespan_s_lower_bound=least,
        utilisation=used / whole if whole else 1.0,
        utilisation_upper_bound=min(1.0, used / (played.capacity * least)) if least else 1.0,
        allocation_ratio=given / whole if whole else 1.0,
        fairness=float(by_user.sum() ** 2 / (len(by_user) * (by_user**2).sum())),
        deadlines=deadlines,
        deadline_misses=misses,
        preemptions=played.preemptions,
        resizes=played.resizes,
        restarts_accelerator_h=played.restarts_s / 3600.0,
        nodes_per_gang=spread[0],
        racks_per_gang=spread[1],
        waits_for_nodes=played.unplaced,
        waiting_max=played.waiting_max,
        cycles=played.cycles,
        event_log_sha256=played.event_hash(),
    )


def _deadlines(played: Played) -> tuple[int, int]:
    """Jobs with a deadline, and those of them that do not keep it."""
    deadline = played.jobs.deadline_s
    if deadline is None:
        return 0, 0
    has = ~np.isnan(deadline)
    kept = played.end_s[has] <= deadline[has]
    return int(has.sum()), int((~kept).sum())


def completion_bound(submit: Numbers, shortest: Numbers, alone: Numbers) -> float:
    """No schedule has a smaller mean completion time (seconds).

    `alone`: each job's time if it had the whole pool and used it fully. The pool as one machine that always works on
    the job with the least left (SRPT, optimal there: Schrage 1968) does no worse than any schedule of the pool; and no
    job ends before it could alone.
    """
    order = np.argsort(submit, kind="stable")
    arrivals, work = submit[order].tolist(), alone[order].tolist()
    left: list[tuple[float, float]] = []
    total, now = 0.0, arrivals[0]
    for at, come in enumerate(arrivals):
        while left and now < come:
            rest, since = heappop(left)
            if now + rest <= come:
                now += rest
                total += now - since
            else:
                heappush(left, (rest - (come - now), since))
                now = come
        now = max(now, come)
        heappush(left, (work[at], come))
    while left:
        rest, since = heappop(left)
        now += rest
        total += now - since
    return max(total / len(arrivals), float(shortest.mean()))
