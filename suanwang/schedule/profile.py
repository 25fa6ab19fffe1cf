"""The accelerators of a pool that are expected to be free, as a step function of time from now on (seconds)."""

from bisect import bisect_right
from collections.abc import Iterable
from math import inf

import numpy as np
from numpy.typing import NDArray


class Profile:
    """`free` now, more at each end of a running job, less where something is reserved."""

    def __init__(self, free: int, ends: Iterable[tuple[float, int]]) -> None:
        """`ends`: (seconds from now, accelerators); one that is over its estimate counts as ending now."""
        self._times = [0.0]
        self._free = [free]
        for end, size in sorted(ends):
            if end <= 0.0 or end == self._times[-1]:
                self._free[-1] += size
            elif end < inf:
                self._times.append(end)
                self._free.append(self._free[-1] + size)

    def earliest(self, size: int, duration: float, start: float = 0.0) -> float:
        """The first time from `start` on, from which `size` are free for so long; inf when there never are so many."""
        times, free = self._times, self._free
        at = bisect_right(times, start) - 1
        while at < len(times):
            if free[at] < size:
                at += 1
                continue
            begin = max(times[at], start)
            until, ahead = begin + duration, at + 1
            while ahead < len(times) and times[ahead] < until and free[ahead] >= size:
                ahead += 1
            if ahead == len(times) or times[ahead] >= until:
                return begin
            at = ahead
        return inf

    def free_for(self, start: float, durations: NDArray[np.float64]) -> NDArray[np.int64]:
        """How many are free from `start` on for each of these durations, all the time."""
        at = bisect_right(self._times, start) - 1
        least = np.minimum.accumulate(np.array(self._free[at:], dtype=np.int64))
        last = np.searchsorted(np.array(self._times[at:]), start + durations, side="left") - 1
        found: NDArray[np.int64] = least[np.maximum(last, 0)]
        return found

    def next_step(self, when: float) -> float:
        """When that changes next; inf: never."""
        at = bisect_right(self._times, when)
        return self._times[at] if at < len(self._times) else inf

    def reserve(self, start: float, duration: float, size: int) -> None:
        """Take `size` for so long. Raises ValueError where they are not free."""
        first, last = self._cut(start), None if duration == inf else self._cut(start + duration)
        for at in range(first, len(self._times) if last is None else last):
            self._free[at] -= size
            if self._free[at] < 0:
                raise ValueError("more is reserved than is free")

    def _cut(self, when: float) -> int:
        """The step that begins then."""
        at = bisect_right(self._times, when) - 1
        if self._times[at] < when:
            at += 1
            self._times.insert(at, when)
            self._free.insert(at, self._free[at - 1])
        return at
