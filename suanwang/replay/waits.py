"""Predicted waits against those of a trace: each is foretold from the jobs that had started before the job came."""

from dataclasses import dataclass

import numpy as np

from suanwang.place.waits import Arrival, History, predict
from suanwang.replay.engine import Jobs, Numbers

RECENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitErrors:
    """Of `jobs` predictions, in s. `covered`: share of waits in the band from low to high (0.8 is what it says).

    `recent_mean_*`, `none_*`: the errors of two simple rules on the same jobs: the mean wait of the last 100 that had
    started, and no wait at all.
    """

    jobs: int
    mean_wait_s: float
    mean_error_s: float
    median_error_s: float
    covered: float
    recent_mean_error_s: float
    recent_mean_median_error_s: float
    none_error_s: float


def backtest(jobs: Jobs, start_s: Numbers, accelerators: int) -> WaitErrors:
    """Errors over the jobs of a trace that started at `start_s` (NaN: never). Raises ValueError where none can be
    predicted."""
    ran = np.flatnonzero(np.isfinite(start_s))
    came, started = jobs.submit_s[ran], start_s[ran]
    size, asked = jobs.size[ran].astype(np.float64), jobs.estimate_s[ran]
    ahead = waiting_work(came, started, size * asked) / accelerators
    order = np.argsort(started, kind="stable")
    history = History(
        came_s=came[order],
        started_s=started[order],
        accelerators=size[order],
        asked_s=asked[order],
        ahead_s=ahead[order],
    )
    foretold = np.full((len(ran), 4), np.nan)
    for i in range(len(ran)):
        band = predict(history, Arrival(at_s=came[i], accelerators=size[i], asked_s=asked[i], ahead_s=ahead[i]))
        if band is not None:
            known = int(np.searchsorted(history.started_s, came[i], side="right"))
            lately = slice(max(0, known - RECENT), known)
            mean = float((history.started_s[lately] - history.came_s[lately]).mean())
            foretold[i] = band.low, band.mid, band.high, mean
    some = np.isfinite(foretold[:, 0])
    if not some.any():
        raise ValueError("the trace has too few jobs to predict a wait from")
    low, mid, high, mean_s = foretold[some].T
    wait = (started - came)[some]
    return WaitErrors(
        jobs=int(some.sum()),
        mean_wait_s=float(wait.mean()),
        mean_error_s=float(np.abs(mid - wait).mean()),
        median_error_s=float(np.median(np.abs(mid - wait))),
        covered=float(((low - 1 <= wait) & (wait <= high + 1)).mean()),
        recent_mean_error_s=float(np.abs(mean_s - wait).mean()),
        recent_mean_median_error_s=float(np.median(np.abs(mean_s - wait))),
        none_error_s=float(wait.mean()),
    )


def waiting_work(came_s: Numbers, started_s: Numbers, work: Numbers) -> Numbers:
    """For each job the work of those that had come before it and had not started when it came."""
    order = np.argsort(started_s, kind="stable")
    gone = np.concatenate([[0.0], np.cumsum(work[order])])
    come = np.concatenate([[0.0], np.cumsum(work)])
    before = np.searchsorted(came_s, came_s, side="left")
    left = np.searchsorted(started_s[order], came_s, side="right")
    return np.asarray(np.maximum(come[before] - gone[left], 0.0))
