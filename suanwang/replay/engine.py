"""Replay of a trace of jobs on a pool of like accelerators: events in time; the queue that is live too decides."""

import hashlib
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from suanwang.schedule.packing.layout import Layout, Part
from suanwang.schedule.queues import Queue, Running
from suanwang.schedule.snapshot import Together

Numbers = NDArray[np.float64]
Ints = NDArray[np.int64]
MakeQueue = Callable[[Sequence[int], Sequence[float]], Queue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """A trace as columns, by rising submit time: seconds and accelerators. `estimate_s`: what the scheduler knows.

    Where a trace has them: `tenant` (else the user), `deadline_s` (NaN: none), `priority`, and `kind`, which
    names a row of `speeds`: how fast such a job is in each pool; `run_s` and `estimate_s` are then in the fastest.
    `together`: the same for two kinds that share accelerators, as a snapshot has it.
    `recorded_start_s`: when the job began where the trace is from.
    """

    job_ids: tuple[str, ...]
    submit_s: Numbers
    run_s: Numbers
    size: Ints
    estimate_s: Numbers
    user: tuple[str, ...]
    tenant: tuple[str, ...] = ()
    deadline_s: Numbers | None = None
    priority: Ints | None = None
    kind: tuple[str, ...] = ()
    speeds: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    together: Together = field(default_factory=dict)
    recorded_start_s: Numbers | None = None

    def __post_init__(self) -> None:
        columns: list[Sized] = [self.submit_s, self.run_s, self.size, self.estimate_s, self.user]
        columns += [
            c for c in (self.deadline_s, self.priority, self.tenant or None, self.kind or None) if c is not None
        ]
        if any(len(column) != len(self.job_ids) for column in columns):
            raise ValueError("the columns of a trace have one length")
        if (np.diff(self.submit_s) < 0).any() or (self.run_s < 0).any() or (self.size < 1).any():
            raise ValueError("jobs come by submit time, run for 0 s or more, on 1 accelerator or more")

    def __len__(self) -> int:
        return len(self.job_ids)

    @property
    def tenants(self) -> tuple[str, ...]:
        """Each job's tenant."""
        return self.tenant or self.user

    def most_together(self) -> float:
        """The most work that two jobs do on accelerators that they share; one alone where it is fastest does 1."""
        best = {kind: max(speeds.values()) for kind, speeds in self.speeds.items() if speeds}
        sums = (
            speed / best[one] + self.together.get((other, one), {}).get(pool, 0.0) / best[other]
            for (one, other), speeds in self.together.items()
            if one in best and other in best
            for pool, speed in speeds.items()
        )
        return max(1.0, max(sums, default=1.0))

    @property
    def recorded_peak(self) -> int | None:
        """The most accelerators that were in use at once where the trace is from: there were at least so many."""
        if self.recorded_start_s is None or not len(self):
            return None
        times = np.concatenate((self.recorded_start_s + self.run_s, self.recorded_start_s))
        change = np.concatenate((-self.size, self.size))
        order = np.lexsort((change, times))
        return int(np.cumsum(change[order]).max())

    @property
    def recorded_mean_wait_s(self) -> float | None:
        """As it was where the trace is from; seconds."""
        if self.recorded_start_s is None or not len(self):
            return None
        return float((self.recorded_start_s - self.submit_s).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """What ran when, as columns: a job that was stopped or resized has several. Seconds; `pool`: its number.

    `accelerators`: those of its own, none for a job that shares another's.
    """

    job: Ints
    pool: Ints
    start_s: Numbers
    end_s: Numbers
    accelerators: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """When each job first started and when it ended (seconds; NaN: it never did, being too large or refused).

    `shortest_s`, `least_area_s`: the least time and accelerator-seconds that each could take; else what it took.
    `spread`: mean nodes and racks of a gang of several nodes. `unplaced`: times that a gang found accelerators free,
    but no nodes. `restarts_s`: accelerator-seconds lost to stopping and resizing.
    """

    jobs: Jobs
    capacity: int
    start_s: Numbers
    end_s: Numbers
    runs: Runs
    waiting_max: int
    cycles: int
    pools: tuple[str, ...] = ("pool",)
    refused: int = 0
    preemptions: int = 0
    resizes: int = 0
    restarts_s: float = 0.0
    shortest_s: Numbers | None = None
    least_area_s: Numbers | None = None
    spread: tuple[float, float] | None = None
    unplaced: int = 0

    def event_hash(self) -> str:
        """SHA-256 of the event log: equal for equal decisions, on any machine."""
        digest = hashlib.sha256("\n".join(self.jobs.job_ids).encode() + b"\0" + self.start_s.astype("<f8").tobytes())
        if len(self.runs.job) != int((~np.isnan(self.start_s)).sum()):
            for column in (self.runs.job, self.runs.pool, self.runs.accelerators):
                digest.update(column.astype("<i8").tobytes())
            digest.update(self.runs.start_s.astype("<f8").tobytes() + self.runs.end_s.astype("<f8").tobytes())
        return digest.hexdigest()


def replay(
    jobs: Jobs, capacity: int, make_queue: MakeQueue, keys: Numbers | None = None, layout: Layout | None = None
) -> Played:
    """Play the trace on `capacity` accelerators. `keys`: the queue's order (default: as they come).

    At each instant the jobs that end leave first, then those that come join, then the queue admits. With a `layout`
    a gang that the queue admits by count still needs its nodes; one that has not goes back to its place in the queue,
    and so do those that were admitted behind it.
    """
    sizes, runs = jobs.size.tolist(), jobs.run_s.tolist()
    submits, estimates = jobs.submit_s.tolist(), jobs.estimate_s.tolist()
    order = submits if keys is None else keys.tolist()
    queue, running = make_queue(sizes, estimates), Running()
    starts = [float("nan")] * len(jobs)
    ends: list[tuple[float, int]] = []
    nodes = _OnNodes(layout) if layout else None
    free, waiting_max, at, count, cycles = capacity, 0, 0, len(jobs), 0
    while at < count or ends:
        now = submits[at] if at < count and (not ends or submits[at] < ends[0][0]) else ends[0][0]
        while ends and ends[0][0] <= now:
            job = heappop(ends)[1]
            free += sizes[job]
            running.finish(starts[job] + estimates[job], sizes[job])
            if nodes:
                nodes.leave(job)
        while at < count and submits[at] == now:
            if sizes[at] <= capacity:
                queue.submit(at, order[at])
            at += 1
        if not len(queue):
            continue
        cycles += 1
        started = queue.admit(now, free, running)
        if nodes:
            started = nodes.admit(started, sizes, order, queue)
        for job in started:
            free -= sizes[job]
            starts[job] = now
            heappush(ends, (now + runs[job], job))
            running.start(now + estimates[job], sizes[job])
        waiting_max = max(waiting_max, len(queue))
    return _played(jobs, capacity, np.array(starts), waiting_max, cycles, nodes)


class _OnNodes:
    """Which nodes each running job has."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._parts: dict[int, tuple[Part, ...]] = {}
        self.spread = np.zeros(3, dtype=np.int64)
        self.unplaced = 0

    def admit(self, started: list[int], sizes: list[int], order: list[float], queue: Queue) -> list[int]:
        """Those that have their nodes; the first that has not, and all behind it, wait again."""
        for number, job in enumerate(started):
            parts = self._layout.take(sizes[job])
            if parts is None:
                self.unplaced += 1
                for back in started[number:]:
                    queue.submit(back, order[back])
                return started[:number]
            self._parts[job] = parts
            if len(parts) > 1:
                nodes, racks, _ = self._layout.spread(parts)
                self.spread += (1, nodes, racks)
        return started

    def leave(self, job: int) -> None:
        self._layout.free(self._parts.pop(job))


def _played(jobs: Jobs, capacity: int, start: Numbers, waiting_max: int, cycles: int, nodes: _OnNodes | None) -> Played:
    """One run a job, from its start to its end."""
    started = np.flatnonzero(~np.isnan(start))
    end = start + jobs.run_s
    gangs, on_nodes, on_racks = nodes.spread.tolist() if nodes else (0, 0, 0)
    return Played(
        jobs=jobs,
        capacity=capacity,
        start_s=start,
        end_s=end,
        runs=Runs(
            job=started,
            pool=np.zeros(len(started), dtype=np.int64),
            start_s=start[started],
            end_s=end[started],
            accelerators=jobs.size[started],
        ),
        waiting_max=waiting_max,
        cycles=cycles,
        spread=(on_nodes / gangs, on_racks / gangs) if gangs else None,
        unplaced=nodes.unplaced if nodes else 0,
    )
