"""From the first minutes of a program to its whole run: how fast it goes on, and how sure that is."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt

from suanwang.domain.estimate import Band

BLOCKS = 4
T_95 = 3.182
"""Student's t for 95 % with BLOCKS - 1 degrees of freedom."""
WARM_UP = 0.2
"""Share of the time from the first progress on that is left out of the rate: caches fill, kernels are chosen."""


@dataclass(frozen=True, slots=True)
class Seen:
    """At `second` of the run so much was done (in the program's own unit: steps, items)."""

    second: float
    done: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolated:
    """`rate` in units of progress a second, with its 95 % band; `duration_s` of the whole run at that rate.

    `start_s`: until the first progress. `blocks`: rates of the equal parts of the time that the band comes from.
    """

    rate: Band
    duration_s: Band
    start_s: float
    blocks: tuple[float, ...]


def extrapolate(seen: Sequence[Seen], total: float) -> Extrapolated:
    """The whole run of `total` from what was seen of it. Raises ValueError where too little was seen to tell.

    The time after the warm-up is cut into BLOCKS parts; the mean of their rates has the standard error s/sqrt(BLOCKS).
    """
    points = [p for i, p in enumerate(seen) if i == 0 or (p.done > seen[i - 1].done and p.second > seen[i - 1].second)]
    if len(points) < 2 * BLOCKS:
        raise ValueError(f"progress was seen {len(points)} times, {2 * BLOCKS} are needed")
    first, last = points[0], points[-1]
    cut = first.second + WARM_UP * (last.second - first.second)
    edges = [cut + (last.second - cut) * i / BLOCKS for i in range(BLOCKS + 1)]
    marks = [done_at(points, edge) for edge in edges]
    rates = [(b - a) / (edges[1] - edges[0]) for a, b in pairwise(marks)]
    mean = statistics.fmean(rates)
    error = T_95 * statistics.stdev(rates) / sqrt(BLOCKS)
    low = max(mean - error, mean / 10)
    left = max(total - last.done, 0.0)
    return Extrapolated(
        rate=Band(low, mean, mean + error),
        duration_s=Band(last.second + left / (mean + error), last.second + left / mean, last.second + left / low),
        start_s=first.second,
        blocks=tuple(rates),
    )


def done_at(points: Sequence[Seen], second: float) -> float:
    """Progress at a time between two sightings, on the line that joins them."""
    after = next((i for i, p in enumerate(points) if p.second >= second), len(points) - 1)
    if after == 0:
        return points[0].done
    a, b = points[after - 1], points[after]
    return a.done + (b.done - a.done) * min((second - a.second) / (b.second - a.second), 1.0)
