"""Replay of a trace through `schedule.cycle` itself: any policy, several pools, jobs that are stopped and resized.

At each instant the jobs that end leave, those that come join, and the cycle is asked, again and again while its
decisions change something at once. What it decides is carried out as a hub would, only without delay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import heappop, heappush
from math import isnan, nan
from typing import cast

import numpy as np

from suanwang.domain.entitlement import Entitlements
from suanwang.replay.engine import Jobs, Played, Runs
from suanwang.schedule.cycle import cycle
from suanwang.schedule.decisions import Admitted, Decisions
from suanwang.schedule.history import History, Run
from suanwang.schedule.packing.layout import Part
from suanwang.schedule.policy import Policy
from suanwang.schedule.scaling import Scaling
from suanwang.schedule.snapshot import Active, PoolState, Snapshot, Waiting

NEVER_S = 1e10
"""An expected end that far off is none."""
PASSES_MAX = 50
"""Cycles at one instant; a policy that still changes its mind then does so for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a replay takes as given. `begin`: the time of second 0. `restart_s`: what a job that was stopped or resized
    needs before it works again. `every_s`: the cycle is asked at most so often (0: whenever something happens).
    `scaling`: what each job would be with other sizes, by (job number, accelerators asked for); None: it keeps its own.
    """

    begin: datetime
    restart_s: float = 0.0
    every_s: float = 0.0
    entitlements: Entitlements = Entitlements()
    scaling: Callable[[int, int], Scaling] | None = None


@dataclass(slots=True)
class _Job:
    """A job while it is played. `left_s`: work left, in seconds at the reference rate; `rate`: against that. `size`:
    accelerators that it holds. `beside`: whom it shares them with."""

    number: int
    waiting: Waiting
    left_s: float
    reference: float
    started: bool = False
    pool: int = 0
    size: int = 0
    begun: float = 0.0
    works_from: float = 0.0
    rate: float = 1.0
    attempt: int = 0
    ran_s: float = 0.0
    parts: tuple[Part, ...] = ()
    beside: "_Job | None" = None


def play(
    jobs: Jobs,
    pools: Sequence[PoolState],
    policy: Policy,
    terms: Terms,
    progress: Callable[[int], None] | None = None,
) -> Played:
    """Play the trace. `pools`: all free. `progress` hears of each job that has ended. Raises ValueError when the policy
    does not come to rest."""
    game = _Game(jobs, pools, policy, terms)
    submits, count = jobs.submit_s.tolist(), len(jobs)
    at, asked = 0, float("-inf")
    while True:
        times = [t for t in (submits[at] if at < count else None, game.next_end(), game.again) if t is not None]
        if not times:
            break
        now = min(times)
        for number in game.end_all(now):
            if progress:
                progress(number)
        while at < count and submits[at] <= now:
            game.join(at)
            at += 1
        if now < asked + terms.every_s:
            game.again = asked + terms.every_s
            continue
        asked = now
        game.decide(now)
    return game.played()


@dataclass(slots=True)
class _Log:
    """Columns of the runs, in the order they ended."""

    job: list[int] = field(default_factory=list)
    pool: list[int] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    end: list[float] = field(default_factory=list)
    size: list[int] = field(default_factory=list)


class _Game:
    """All that is in play at an instant."""

    def __init__(self, jobs: Jobs, pools: Sequence[PoolState], policy: Policy, terms: Terms) -> None:
        self.jobs, self.pools, self.policy, self.terms = jobs, list(pools), policy, terms
        self.number = {pool.pool_id: i for i, pool in enumerate(pools)}
        self.free = [pool.free for pool in pools]
        self.waiting: dict[str, _Job] = {}
        self.active: dict[str, tuple[_Job, Active]] = {}
        self.ends: list[tuple[float, int, int, str]] = []
        self.history = History()
        self.log = _Log()
        self.start = [nan] * len(jobs)
        self.end = [nan] * len(jobs)
        self.again: float | None = None
        self.before: datetime | None = None
        self.largest = max(pool.accelerators for pool in pools)
        self.waiting_max = self.cycles = self.refused = self.preemptions = self.resizes = 0
        self.restarts_s = 0.0
        self.shared = False
        self.shortest_s = jobs.run_s.copy()
        self.least_area_s = jobs.run_s * jobs.size
        self.spread = np.zeros(3, dtype=np.int64)

    def when(self, seconds: float) -> datetime:
        return self.terms.begin + timedelta(seconds=seconds)

    def seconds(self, when: datetime) -> float:
        return (when - self.terms.begin).total_seconds()

    def next_end(self) -> float | None:
        while self.ends and not self._current(self.ends[0]):
            heappop(self.ends)
        return self.ends[0][0] if self.ends else None

    def _current(self, entry: tuple[float, int, int, str]) -> bool:
        found = self.active.get(entry[3])
        return found is not None and found[0].attempt == entry[2]

    def join(self, number: int) -> None:
        """A job comes; one that is larger than every pool never starts."""
        jobs = self.jobs
        size = int(jobs.size[number])
        if size > self.largest:
            return
        since = self.when(float(jobs.submit_s[number]))
        speeds = jobs.speeds.get(jobs.kind[number], {}) if jobs.kind else {}
        deadline = float(jobs.deadline_s[number]) if jobs.deadline_s is not None else nan
        waiting = Waiting(
            job_id=jobs.job_ids[number],
            tenant=jobs.tenants[number],
            user=jobs.user[number],
            pool_id=max(speeds, key=lambda pool: speeds[pool]) if speeds else self.pools[0].pool_id,
            accelerators=size,
            since=since,
            start=since,
            priority=int(jobs.priority[number]) if jobs.priority is not None else 0,
            run_s_max=float(jobs.estimate_s[number]),
            deadline=None if isnan(deadline) else self.when(deadline),
            preemptible=True,
            speeds=speeds,
            scaling=self.terms.scaling(number, size) if self.terms.scaling else None,
            kind=jobs.kind[number] if jobs.kind else "",
        )
        if waiting.scaling is not None:
            scaling, run_s = waiting.scaling, float(jobs.run_s[number])
            self.shortest_s[number] = run_s / scaling.speed(scaling.most, size)
            self.least_area_s[number] = run_s / scaling.speed(scaling.least, size) * scaling.least
        self.waiting[waiting.job_id] = _Job(
            number, waiting, float(jobs.run_s[number]), max(speeds.values(), default=1.0)
        )

    def decide(self, now: float) -> None:
        """Ask the cycle until it has no more to change."""
        when = self.when(now)
        self.again = None
        for _ in range(PASSES_MAX):
            if not self.waiting and not self.active:
                return
            self.cycles += 1
            decisions = cycle(self._snapshot(when), self.policy)
            self._carry_out(decisions, now)
            if decisions.again_at is not None:
                self.again = self.seconds(decisions.again_at)
            if not (decisions.preempted or decisions.resized):
                break
        else:
            raise ValueError(f"policy {self.policy.name} does not come to rest")
        self.before = when
        self.waiting_max = max(self.waiting_max, len(self.waiting))

    def _snapshot(self, when: datetime) -> Snapshot:
        return Snapshot(
            now=when,
            pools=tuple(replace(pool, free=self.free[i]) for i, pool in enumerate(self.pools)),
            waiting=tuple([job.waiting for job in self.waiting.values()]),
            active=tuple([active for _, active in self.active.values()]),
            entitlements=self.terms.entitlements,
            history=self.history,
            together=self.jobs.together,
            before=self.before,
        )

    def _carry_out(self, decisions: Decisions, now: float) -> None:
        for stop in decisions.preempted:
            job, _ = self.active[stop.job_id]
            self._leave(stop.job_id, now)
            self.waiting[stop.job_id] = job
            self.preemptions += 1
        for resize in sorted(decisions.resized, key=lambda r: r.accelerators - self.active[r.job_id][0].size):
            job, active = self.active[resize.job_id]
            self._leave(resize.job_id, now)
            self._begin(job, active.pool_id, resize.accelerators, now)
            self.resizes += 1
        for admitted in decisions.admitted:
            self._admit(admitted, now)
        for refused in decisions.refused:
            del self.waiting[refused.job_id]
            self.refused += 1
        for wait in decisions.waiting:
            job = self.waiting[wait.job_id]
            if not job.waiting.considered:
                job.waiting = replace(job.waiting, considered=True)

    def _admit(self, admitted: Admitted, now: float) -> None:
        job = self.waiting.pop(admitted.job_id)
        if not job.started:
            job.started = True
            self.start[job.number] = now
        if admitted.beside:
            host, _ = self.active[admitted.beside]
            job.beside, host.beside = host, job
            self.shared = True
            self._retime(host, now)
            self._begin(job, admitted.pool_id, 0, now)
        else:
            self._begin(job, admitted.pool_id, admitted.accelerators or job.waiting.accelerators, now)

    def _rate(self, job: _Job, pool_id: str) -> float:
        """Against the reference rate."""
        waiting = job.waiting
        if job.beside is not None:
            return self.jobs.together[waiting.kind, job.beside.waiting.kind][pool_id] / job.reference
        rate = waiting.speeds.get(pool_id, job.reference) / job.reference
        return rate * waiting.scaling.speed(job.size, waiting.accelerators) if waiting.scaling is not None else rate

    def _retime(self, job: _Job, now: float) -> None:
        """It goes on as it is, at another rate: another job has come to share its accelerators, or has left them."""
        job.left_s = max(0.0, job.left_s - max(0.0, now - job.works_from) * job.rate)
        job.works_from = max(job.works_from, now)
        job_id = job.waiting.job_id
        _, active = self.active[job_id]
        self.active[job_id] = (job, replace(active, end=self._set_end(job, active.pool_id)))

    def _set_end(self, job: _Job, pool_id: str) -> datetime | None:
        """Note when it will end, having what is left from `works_from` on; what its estimate says of that."""
        job.rate = self._rate(job, pool_id)
        job.attempt += 1
        heappush(self.ends, (job.works_from + job.left_s / job.rate, job.number, job.attempt, job.waiting.job_id))
        run_s = float(self.jobs.run_s[job.number])
        left = job.left_s / run_s if run_s else job.waiting.left
        expected = job.works_from + job.waiting.run_s_max * left / job.rate
        return self.when(expected) if expected < NEVER_S else None

    def _alone(self, job: _Job, now: float) -> None:
        """The other half of a pair has left: what it held, if it did, is this job's now."""
        job.beside = None
        if job.size:
            self._retime(job, now)
            return
        pool_id = self.pools[job.pool].pool_id
        self._leave(job.waiting.job_id, now)
        self._begin(job, pool_id, job.waiting.accelerators, now, max(now, job.works_from))

    def _begin(self, job: _Job, pool_id: str, size: int, now: float, works_from: float | None = None) -> None:
        """`works_from` None: when it has restarted, if it was stopped."""
        waiting = job.waiting
        pool = self.pools[self.number[pool_id]]
        parts: tuple[Part, ...] = ()
        if pool.layout is not None and size:
            parts = cast(tuple[Part, ...], pool.layout.take(size))
            assert parts, "the cycle found nodes for it"
            if len(parts) > 1:
                nodes, racks, _ = pool.layout.spread(parts)
                self.spread += (1, nodes, racks)
        job.pool, job.size, job.begun, job.parts = self.number[pool_id], size, now, parts
        if works_from is None:
            overhead = self.terms.restart_s if job.attempt else 0.0
            self.restarts_s += overhead * size
            works_from = now + overhead
        job.works_from = works_from
        self.free[job.pool] -= size
        assert self.free[job.pool] >= 0, "a pool is never overfull"
        self.active[waiting.job_id] = (
            job,
            Active(
                job_id=waiting.job_id,
                pool_id=pool_id,
                accelerators=size or waiting.accelerators,
                running=True,
                end=self._set_end(job, pool_id),
                job=waiting,
                started=self.when(now),
                beside="" if size or job.beside is None else job.beside.waiting.job_id,
            ),
        )

    def _leave(self, job_id: str, now: float, *, ended: bool = False) -> None:
        """A run is over: its accelerators are free, what it did counts."""
        job, active = self.active.pop(job_id)
        pool = self.pools[job.pool]
        self.free[job.pool] += job.size
        if pool.layout is not None:
            pool.layout.free(job.parts)
        job.left_s = 0.0 if ended else max(0.0, job.left_s - max(0.0, now - job.works_from) * job.rate)
        job.ran_s += now - job.begun
        if now > job.begun:
            for column, value in zip(_columns(self.log), (job.number, job.pool, job.begun, now, job.size), strict=True):
                column.append(value)
            self.history.add(
                Run(
                    tenant=job.waiting.tenant,
                    user=job.waiting.user,
                    accelerators=job.size,
                    start=self.when(job.begun),
                    end=self.when(now),
                    complete=ended,
                    job_s=job.ran_s,
                )
            )
        if not ended:
            had = dict(job.waiting.had_s)
            had[active.pool_id] = had.get(active.pool_id, 0.0) + now - job.begun
            run_s = float(self.jobs.run_s[job.number])
            job.waiting = replace(
                job.waiting,
                had_s=had,
                attained_s=job.waiting.attained_s + (now - job.begun) * job.size,
                left=job.left_s / run_s if run_s else 0.0,
                considered=True,
            )
        other, job.beside = job.beside, None
        if other is not None:
            self._alone(other, now)

    def end_all(self, now: float) -> list[int]:
        """The jobs whose work is done by now leave; their numbers."""
        over: list[int] = []
        while self.ends and self.ends[0][0] <= now:
            entry = heappop(self.ends)
            if self._current(entry):
                self._leave(entry[3], entry[0], ended=True)
                self.end[entry[1]] = entry[0]
                over.append(entry[1])
        return over

    def played(self) -> Played:
        gangs, on_nodes, on_racks = self.spread.tolist()
        log = self.log
        return Played(
            jobs=self.jobs,
            capacity=sum(pool.accelerators for pool in self.pools),
            start_s=np.array(self.start),
            end_s=np.array(self.end),
            runs=Runs(
                job=np.array(log.job, dtype=np.int64),
                pool=np.array(log.pool, dtype=np.int64),
                start_s=np.array(log.start, dtype=np.float64),
                end_s=np.array(log.end, dtype=np.float64),
                accelerators=np.array(log.size, dtype=np.int64),
            ),
            waiting_max=self.waiting_max,
            cycles=self.cycles,
            pools=tuple(pool.pool_id for pool in self.pools),
            refused=self.refused,
            preemptions=self.preemptions,
            resizes=self.resizes,
            restarts_s=self.restarts_s,
            shortest_s=self.shortest_s,
            least_area_s=self.least_area_s / (self.jobs.most_together() if self.shared else 1.0),
            spread=(on_nodes / gangs, on_racks / gangs) if gangs else None,
        )


def _columns(log: _Log) -> tuple[list[float], ...]:
    return cast(tuple[list[float], ...], (log.job, log.pool, log.start, log.end, log.size))
