"""Replay of a trace of jobs on a pool of like accelerators: events in time; the queue that is live too decides."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from suanwang.schedule.queues import Queue, Running

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
MakeQueue = Callable[[Sequence[int], Sequence[float]], Queue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """A trace as columns, by rising submit time: seconds and accelerators. `estimate_s`: what the scheduler knows."""

    job_ids: tuple[str, ...]
    submit_s: Numbers
    run_s: Numbers
    size: Ints
    estimate_s: Numbers
    user: tuple[str, ...]

    def __post_init__(self) -> None:
        if not len(self.job_ids) == len(self.submit_s) == len(self.run_s) == len(self.size) == len(self.estimate_s):
            raise ValueError("the columns of a trace have one length")
        if (np.diff(self.submit_s) < 0).any() or (self.run_s < 0).any() or (self.size < 1).any():
            raise ValueError("jobs come by submit time, run for 0 s or more, on 1 accelerator or more")

    def __len__(self) -> int:
        return len(self.job_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """When each job started (seconds; NaN: it is larger than the pool and never could)."""

    jobs: Jobs
    capacity: int
    start_s: Numbers
    waiting_max: int

    @property
    def end_s(self) -> Numbers:
        """When each job ended."""
        end: Numbers = self.start_s + self.jobs.run_s
        return end

    def event_hash(self) -> str:
        """SHA-256 of the event log: equal for equal decisions, on any machine."""
        ids = "\n".join(self.jobs.job_ids).encode()
        return hashlib.sha256(ids + b"\0" + self.start_s.astype("<f8").tobytes()).hexdigest()


def replay(jobs: Jobs, capacity: int, make_queue: MakeQueue, keys: Numbers | None = None) -> Played:
    """Play the trace on `capacity` accelerators. `keys`: the queue's order (default: as they come).

    At each instant the jobs that end leave first, then those that come join, then the queue admits.
    """
    sizes, runs = jobs.size.tolist(), jobs.run_s.tolist()
    submits, estimates = jobs.submit_s.tolist(), jobs.estimate_s.tolist()
    order = submits if keys is None else keys.tolist()
    queue, running = make_queue(sizes, estimates), Running()
    starts = [float("nan")] * len(jobs)
    ends: list[tuple[float, int]] = []
    free, waiting_max, at, count = capacity, 0, 0, len(jobs)
    while at < count or ends:
        now = submits[at] if at < count and (not ends or submits[at] < ends[0][0]) else ends[0][0]
        while ends and ends[0][0] <= now:
            job = heappop(ends)[1]
            free += sizes[job]
            running.finish(starts[job] + estimates[job], sizes[job])
        while at < count and submits[at] == now:
            if sizes[at] <= capacity:
                queue.submit(at, order[at])
            at += 1
        if not len(queue):
            continue
        for job in queue.admit(now, free, running):
            free -= sizes[job]
            starts[job] = now
            heappush(ends, (now + runs[job], job))
            running.start(now + estimates[job], sizes[job])
        waiting_max = max(waiting_max, len(queue))
    return Played(jobs=jobs, capacity=capacity, start_s=np.array(starts), waiting_max=waiting_max)
