"""Time series of a replay: accelerators in use and jobs that wait, as means over equal steps of time."""

from dataclasses import dataclass

import numpy as np

from suanwang.replay.engine import Numbers, Played

STEPS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Means over [at_s[i], at_s[i + 1]); `at_s` has one more. Seconds from the trace's beginning; accelerators; jobs.

    `waiting`: jobs that have come and not yet begun; `asked`: accelerators that these ask for.
    """

    at_s: tuple[float, ...]
    busy: tuple[float, ...]
    waiting: tuple[float, ...]
    asked: tuple[float, ...]


def series(played: Played, steps: int = STEPS) -> Series:
    """From the first submission to the last end."""
    begun = ~np.isnan(played.start_s)
    submit, start, size = played.jobs.submit_s[begun], played.start_s[begun], played.jobs.size[begun]
    runs = played.runs
    last = max(float(runs.end_s.max()), float(submit.min()) + 1.0) if len(runs.end_s) else 1.0
    edges = np.linspace(float(submit.min()) if len(submit) else 0.0, last, steps + 1)
    ones = np.ones(len(submit))
    return Series(
        at_s=tuple(edges.tolist()),
        busy=_means(runs.start_s, runs.end_s, runs.accelerators.astype(np.float64), edges),
        waiting=_means(submit, start, ones, edges),
        asked=_means(submit, start, size.astype(np.float64), edges),
    )


def _means(begin: Numbers, end: Numbers, weight: Numbers, edges: Numbers) -> tuple[float, ...]:
    """Mean over each step of the summed weights of the intervals that are open."""
    times = np.concatenate((begin, end))
    order = np.argsort(times, kind="stable")
    times, level = times[order], np.cumsum(np.concatenate((weight, -weight))[order])
    area = np.concatenate(([0.0], np.cumsum(level[:-1] * np.diff(times))))
    return tuple((np.diff(np.interp(edges, times, area)) / np.diff(edges)).tolist())
