"""Waits: how long a job will wait in a site's own queue, predicted from how long others did.

Of the jobs that have started there, those that are alike count most: of like size and time asked for, that came when
as much work was waiting, and lately. The prediction is a band of weighted quantiles of their waits: low, mid, high.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.estimate import Band

Floats = NDArray[np.float64]

LEAST = 10
"""Fewer started jobs say nothing."""
MOST = 400
"""Only the latest ones are looked at."""
QUANTILES = (0.1, 0.5, 0.9)
HALF_LIFE_S = 3 * 86400.0
AHEAD_WEIGHT = 8.0
"""How much more the waiting work tells than size and time asked for; tuned on replayed traces."""
AHEAD_SCALE_S = 600.0
"""Waiting work of less than this, per accelerator of the pool, makes little difference."""


@dataclass(frozen=True, kw_only=True)
class History:
    """Jobs of one pool in order of their starts, (n,) each: when they came and started (s), accelerators, time asked
    for (s), and `ahead`: work that waited when they came, in s of the whole pool."""

    came_s: Floats
    started_s: Floats
    accelerators: Floats
    asked_s: Floats
    ahead_s: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A job that comes now."""

    at_s: float
    accelerators: float
    asked_s: float
    ahead_s: float


def predict(history: History, arrival: Arrival) -> Band | None:
    """The band of its wait in s, from jobs that had started before it came; None where there are too few."""
    known = int(np.searchsorted(history.started_s, arrival.at_s, side="right"))
    if known < LEAST:
        return None
    last = slice(max(0, known - MOST), known)
    waits = history.started_s[last] - history.came_s[last]
    unlike = np.abs(np.log2(np.maximum(history.accelerators[last], 1) / max(arrival.accelerators, 1)))
    unlike += np.abs(np.log2(np.maximum(history.asked_s[last], 1) / max(arrival.asked_s, 1))) / 2
    scaled = np.log2(1 + history.ahead_s[last] / AHEAD_SCALE_S)
    unlike += AHEAD_WEIGHT * np.abs(scaled - np.log2(1 + arrival.ahead_s / AHEAD_SCALE_S))
    age = (arrival.at_s - history.started_s[last]) / HALF_LIFE_S
    weight = np.exp2(-unlike - age)
    order = np.argsort(waits, kind="stable")
    share = np.cumsum(weight[order])
    at = np.minimum(np.searchsorted(share, np.array(QUANTILES) * share[-1]), len(order) - 1)
    low, mid, high = (max(float(waits[order[i]]), 0.0) for i in at)
    return Band(low, mid, high)
