"""What a process has answered: how many requests, with which status, how fast."""

import threading
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets that times are counted in."""


@dataclass(slots=True)
class Served:
    """`by_status`: "2xx" and so on. `seconds`: the sum of all times."""

    by_status: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    seconds: float = 0.0
    _counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def answered(self, status: int, seconds: float) -> None:
        with self._mutex:
            self.by_status[f"{status // 100}xx"] += 1
            self.seconds += seconds
            self._counts[bisect_left(BOUNDS_S, seconds)] += 1

    def buckets(self) -> list[tuple[str, float]]:
        """(upper bound, how many were at most so long), as Prometheus wants them."""
        total, made = 0, []
        for bound, count in zip([*map(str, BOUNDS_S), "+Inf"], self._counts, strict=True):
            total += count
            made.append((bound, float(total)))
        return made
