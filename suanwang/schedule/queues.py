"""Queues: which waiting jobs start now on a pool of like accelerators. One decision, for the live cycle and for replay.

A job is a number; `sizes` (accelerators) and `estimates` (seconds it is expected to run at most) are columns by that
number. A gang starts whole or not at all. A queue keeps its jobs by rising key, then in the order they came.

In order: nothing passes a job that does not fit. First fit: whatever fits starts, so a large job may starve.
EASY (Lifka, JSSPP 1995; Mu'alem and Feitelson, IEEE TPDS 2001): the first job that does not fit has a reservation, at
the time when enough accelerators are expected to be free; others pass if they do not delay it. Conservative: every
job that waits has one.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from suanwang.schedule.profile import Profile

Numbers = NDArray[np.float64]


class Running:
    """The jobs that hold accelerators: (expected end in seconds, accelerators), by expected end."""

    __slots__ = ("_ends", "changes")

    def __init__(self, ends: Iterable[tuple[float, int]] = ()) -> None:
        self._ends = sorted(ends)
        self.changes = 0

    def start(self, end: float, size: int) -> None:
        """A job starts that is expected to end then."""
        insort(self._ends, (end, size))
        self.changes += 1

    def finish(self, end: float, size: int) -> None:
        """A job that was expected to end then is over. Raises ValueError when there is none such."""
        at = bisect_left(self._ends, (end, size))
        if at == len(self._ends) or self._ends[at] != (end, size):
            raise ValueError("no such job runs")
        del self._ends[at]
        self.changes += 1

    def free_from(self, size: int, free: int) -> tuple[float, int]:
        """When `size` accelerators are expected to be free, and how many more than that then; never: (inf, free)."""
        ends = self._ends
        for at, (end, released) in enumerate(ends):
            free += released
            if free >= size and (at + 1 == len(ends) or ends[at + 1][0] > end):
                return end, free - size
        return float("inf"), free

    def __iter__(self) -> Iterator[tuple[float, int]]:
        return iter(self._ends)


class Queue(Protocol):
    """Jobs that wait for one pool."""

    def __len__(self) -> int:
        """How many wait."""

    def submit(self, job: int, key: float) -> None:
        """A job joins, behind those with a key that is not greater."""

    def admit(self, now: float, free: int, running: Running) -> list[int]:
        """The jobs that start now, in order; they leave the queue. `running`: without them."""


class InOrder:
    """Nothing passes a job that does not fit: with the key of arrival first come first served, and so on."""

    def __init__(self, sizes: Sequence[int], estimates: Sequence[float]) -> None:  # noqa: ARG002
        self._sizes = sizes
        self._keys: list[tuple[float, int]] = []
        self._head = 0

    def __len__(self) -> int:
        return len(self._keys) - self._head

    def submit(self, job: int, key: float) -> None:
        """Behind those with a key that is not greater; jobs are numbered as they come."""
        keys, item = self._keys, (key, job)
        if not keys or keys[-1] <= item:
            keys.append(item)
        else:
            insort(keys, item, lo=self._head)

    def admit(self, now: float, free: int, running: Running) -> list[int]:  # noqa: ARG002
        """From the first on, while they fit."""
        keys, sizes, head = self._keys, self._sizes, self._head
        started = []
        while head < len(keys):
            job = keys[head][1]
            if sizes[job] > free:
                break
            free -= sizes[job]
            started.append(job)
            head += 1
        if head * 2 > len(keys):
            del keys[:head]
            head = 0
        self._head = head
        return started


class _Passing:
    """Columns of the waiting jobs in order, so that those that may pass are found without visiting each."""

    def __init__(self, sizes: Sequence[int], estimates: Sequence[float]) -> None:
        self._all_sizes, self._all_estimates = sizes, estimates
        self._keys: list[tuple[float, int]] = []
        self._sizes = np.zeros(64, dtype=np.int64)
        self._estimates = np.zeros(64, dtype=np.float64)
        self._first = 0
        self._seen = 0
        self._settled = (-1, -1)

    def __len__(self) -> int:
        return len(self._keys) - self._first

    def submit(self, job: int, key: float) -> None:
        """Behind those with a key that is not greater; jobs are numbered as they come."""
        item, count = (key, job), len(self._keys)
        if count == len(self._sizes):
            self._grow()
            count = len(self._keys)
        at = count
        if count and self._keys[-1] > item:
            at = bisect_left(self._keys, item, lo=self._first)
            self._sizes[at + 1 : count + 1] = self._sizes[at:count]
            self._estimates[at + 1 : count + 1] = self._estimates[at:count]
            self._settled = (-1, -1)
        self._keys.insert(at, item)
        self._sizes[at] = self._all_sizes[job]
        self._estimates[at] = self._all_estimates[job]

    def _grow(self) -> None:
        """Drop those that are gone from the front, then double."""
        count, first = len(self._keys), self._first
        kept = count - first
        room = max(64, 2 * kept)
        for name in ("_sizes", "_estimates"):
            old = getattr(self, name)
            new = np.zeros(room, dtype=old.dtype)
            new[:kept] = old[first:count]
            setattr(self, name, new)
        del self._keys[:first]
        self._first, self._seen = 0, max(self._seen - first, 0)

    def _take(self, at: int) -> int:
        """The job at a position leaves the queue."""
        count = len(self._keys)
        if at == self._first:
            self._first += 1
            return self._keys[at][1]
        self._sizes[at : count - 1] = self._sizes[at + 1 : count]
        self._estimates[at : count - 1] = self._estimates[at + 1 : count]
        return self._keys.pop(at)[1]

    def _pass(self, begin: int, free: int, window: float, spare: int) -> tuple[list[int], int, int]:
        """From a position on, take in order what fits in `free` and either ends within `window` or fits in `spare`.

        The jobs, and what is left of `free` and `spare`.
        """
        count = len(self._keys)
        if count - begin == 1:
            return self._pass_one(begin, free, window, spare)
        sizes, estimates = self._sizes[begin:count], self._estimates[begin:count]
        short = estimates <= window
        may = np.flatnonzero((sizes <= free) & (short | (sizes <= spare)))
        taken: list[int] = []
        while len(may):
            at = int(may[0])
            size = int(sizes[at])
            free -= size
            if not short[at]:
                spare -= size
            taken.append(at)
            may = may[1:]
            may = may[(sizes[may] <= free) & (short[may] | (sizes[may] <= spare))]
        jobs = [self._keys[begin + at][1] for at in taken]
        for at in reversed(taken):
            self._take(begin + at)
        return jobs, free, spare

    def _pass_one(self, at: int, free: int, window: float, spare: int) -> tuple[list[int], int, int]:
        """The same for the last alone, as when one job has joined."""
        job = self._keys[at][1]
        size, short = self._all_sizes[job], self._all_estimates[job] <= window
        if size > free or not (short or size <= spare):
            return [], free, spare
        return [self._take(at)], free - size, spare if short else spare - size

    def _begin(self, free: int, running: Running) -> int:
        """Where to look: only at those that joined since, if nothing else has changed; none passed then will now."""
        return max(self._seen, self._first) if self._settled == (free, running.changes) else self._first

    def _settle(self, free: int, running: Running, started: int) -> None:
        """Remember what the jobs that wait have been looked at with; those that started will be told to `running`."""
        self._seen = len(self._keys)
        self._settled = (free, running.changes + started)


class FirstFit(_Passing):
    """Whatever fits starts, in order."""

    def admit(self, now: float, free: int, running: Running) -> list[int]:  # noqa: ARG002
        """A reservation is not made: a large job may wait for ever."""
        jobs: list[int] = []
        if free:
            jobs, free, _ = self._pass(self._begin(free, running), free, float("inf"), 0)
        self._settle(free, running, len(jobs))
        return jobs


class Easy(_Passing):
    """The first that does not fit has a reservation; others pass if they do not delay it."""

    def __init__(self, sizes: Sequence[int], estimates: Sequence[float]) -> None:
        super().__init__(sizes, estimates)
        self._reserved: tuple[float, int] = (0.0, 0)

    def admit(self, now: float, free: int, running: Running) -> list[int]:
        """A job that is over its estimate counts as ending now."""
        begin = self._begin(free, running)
        jobs: list[int] = []
        if begin == self._first:
            jobs, free = self._in_order(free)
            if free and len(self):
                self._reserve(now, free, running, jobs)
            begin = self._first + 1
        if free and begin < len(self._keys):
            end, spare = self._reserved
            passed, free, spare = self._pass(begin, free, end - now, spare)
            self._reserved = end, spare
            jobs += passed
        self._settle(free, running, len(jobs))
        return jobs

    def _in_order(self, free: int) -> tuple[list[int], int]:
        jobs = []
        while len(self):
            size = int(self._sizes[self._first])
            if size > free:
                break
            free -= size
            jobs.append(self._take(self._first))
        return jobs, free

    def _reserve(self, now: float, free: int, running: Running, started: list[int]) -> None:
        """For the first that waits, when those that run and those that start now leave it enough."""
        if started:
            ours = ((now + self._all_estimates[job], self._all_sizes[job]) for job in started)
            running = Running([*running, *ours])
        end, spare = running.free_from(int(self._sizes[self._first]), free)
        self._reserved = max(end, now), spare


class Conservative(_Passing):
    """The first `depth` that wait have reservations, made in order; who can start without delaying one of them does.

    With 1 it is EASY, with as many as wait conservative backfill proper. Reservations are made anew when something has
    changed; until then newcomers are held against those that there are.
    """

    def __init__(self, sizes: Sequence[int], estimates: Sequence[float], depth: int) -> None:
        super().__init__(sizes, estimates)
        self._depth = depth
        self._profile = Profile(0, ())
        self._made = 0.0
        self._reserved = 0
        self._stands_until = -1.0

    def admit(self, now: float, free: int, running: Running) -> list[int]:
        """A job that is over its estimate counts as ending now."""
        if not free:
            self._settled = (-1, -1)
            return []
        begin = self._begin(free, running)
        if begin == self._first or now >= self._stands_until:
            self._profile, self._made = Profile(free, ((end - now, size) for end, size in running)), now
            self._reserved, begin = 0, self._first
        jobs, begin, free = self._in_order(begin, now - self._made, free)
        if begin < len(self._keys):
            passed, free = self._behind(begin, now - self._made, free)
            jobs += passed
        self._stands_until = self._made + self._profile.next_step(now - self._made)
        self._settle(free, running, len(jobs))
        return jobs

    def _in_order(self, at: int, at_s: float, free: int) -> tuple[list[int], int, int]:
        """Start or reserve, one after another; where the queue goes on behind those, and what is left of `free`."""
        started: list[int] = []
        while at < len(self._keys) and self._reserved < self._depth and free:
            size, estimate = int(self._sizes[at]), float(self._estimates[at])
            start = self._profile.earliest(size, estimate, at_s)
            if start < float("inf"):
                self._profile.reserve(start, estimate, size)
            if start == at_s and size <= free:
                first = at == self._first
                started.append(self._take(at))
                free -= size
                at += first
            else:
                self._reserved += 1
                at += 1
        return started, at if free else len(self._keys), free

    def _behind(self, begin: int, at_s: float, free: int) -> tuple[list[int], int]:
        """From a position on, whoever fits in `free` beside all reservations; `at_s`: seconds since they were made."""
        jobs: list[int] = []
        while begin < len(self._keys):
            sizes, estimates = self._sizes[begin : len(self._keys)], self._estimates[begin : len(self._keys)]
            may = np.flatnonzero((sizes <= free) & (sizes <= self._profile.free_for(at_s, estimates)))
            if not len(may):
                break
            begin += int(may[0])
            self._profile.reserve(at_s, float(self._estimates[begin]), int(self._sizes[begin]))
            free -= int(self._sizes[begin])
            first = begin == self._first
            jobs.append(self._take(begin))
            begin += first
        return jobs, free
