"""Heterogeneity-aware max-min fairness: shares of time on each kind of accelerator by a linear programme, in rounds.

Narayanan et al., "Heterogeneity-Aware Cluster Scheduling Policies for Deep Learning Workloads" (Gavel), OSDI 2020,
sections 4 and 5: maximise the least effective throughput of a job, relative to an equal share of the cluster.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np

from suanwang.schedule.decisions import Shares
from suanwang.schedule.linear_programme import Floats, maximise
from suanwang.schedule.sharing import Claim, Round
from suanwang.schedule.snapshot import Snapshot, Waiting

Speeds = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class MaxMin:
    """Each `round` jobs run that have had least of the share that the programme gives them. `aware` False: all kinds of
    accelerators count alike (least attained service). `makespan`: the last job is to end soonest, instead of fairness.
    `strict`: what comes free within a round stays so until the next, as in Gavel's own simulator.
    """

    round: timedelta = timedelta(seconds=360)
    aware: bool = True
    makespan: bool = False
    strict: bool = False
    name: str = "max_min"

    def __post_init__(self) -> None:
        if self.round <= timedelta(0):
            raise ValueError("round must be positive")

    def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
        """At the beginning of a round all jobs are weighed anew; within it, what is free goes to those that wait."""
        round_ = Round.of(snapshot, self.round)
        room = round_.room(snapshot)
        claims = sorted(room.claims(due), key=lambda claim: (claim.job.since, claim.job.job_id))
        pools = [pool.pool_id for pool in snapshot.pools]
        granted: set[str] = set()
        ranked = self._ranked(claims, pools, snapshot) if round_.begins else self._in_between(claims, pools)
        for claim, pool_id in ranked if round_.begins or not self.strict else ():
            if claim.job.job_id not in granted and room.grant(claim, pool_id, claim.job.accelerators):
                granted.add(claim.job.job_id)
        return Shares(grants=tuple(room.grants), again_at=round_.next if claims or snapshot.active else None)

    def _ranked(self, claims: Sequence[Claim], pools: Sequence[str], snapshot: Snapshot) -> list[tuple[Claim, str]]:
        """(job, pool) by falling (share / time had there); a pool where the job cannot run is left out."""
        if not claims:
            return []
        true = [tuple(claim.job.speed(pool) for pool in pools) for claim in claims]
        sizes = tuple(claim.job.accelerators for claim in claims)
        capacity = tuple(pool.accelerators for pool in snapshot.pools)
        if self.aware:
            work = [_work(claim, snapshot, max(row)) for claim, row in zip(claims, true, strict=True)]
            shares = shares_of(tuple(true), sizes, capacity, tuple(work) if self.makespan else None)
        else:
            shares = equal_shares(sizes, capacity) * (np.array(true) > 0)
        entries = []
        for row, claim in enumerate(claims):
            alive = max((snapshot.now - claim.job.since).total_seconds(), self.round.total_seconds())
            for column, pool in enumerate(pools):
                if true[row][column]:
                    had = (claim.had_s(pool, snapshot.now) + self.round.total_seconds() / 2) / alive
                    entries.append((-shares[row, column] / had, row, column, claim, pool))
        return [(claim, pool) for _, _, _, claim, pool in sorted(entries, key=lambda e: e[:3])]

    def _in_between(self, claims: Sequence[Claim], pools: Sequence[str]) -> list[tuple[Claim, str]]:
        """Within a round: who has had least, then the oldest; each where it is fastest, if that is to count."""
        entries = [
            (sum(claim.job.had_s.values()), row, -speed if self.aware else 0.0, column, claim, pool)
            for row, claim in enumerate(claims)
            for column, pool in enumerate(pools)
            if (speed := claim.job.speed(pool))
        ]
        return [(claim, pool) for *_, claim, pool in sorted(entries, key=lambda e: e[:4])]


def _work(claim: Claim, snapshot: Snapshot, fastest: float) -> float:
    """What is left of the job, in its own units of speed times seconds; its estimate is for the fastest pool."""
    if claim.active is not None and claim.active.end is not None:
        return claim.active.seconds_left(snapshot.now) * claim.job.speed(claim.active.pool_id)
    return claim.job.run_s_max * claim.job.left * fastest


@lru_cache(maxsize=256)
def shares_of(
    speeds: Speeds, sizes: tuple[int, ...], capacity: tuple[int, ...], work: tuple[float, ...] | None
) -> Floats:
    """The share of time (0 to 1) of each job (rows) on each kind of accelerator (columns).

    Maximise t, where for every job sum of speed x share >= t x yardstick; the shares of a job are at most 1, and those
    of a kind, times the jobs' accelerators, at most what there is. The yardstick is what an equal share of the cluster
    gives over the job's accelerators, or its remaining `work`: then 1/t is the least makespan.
    """
    fast, size, there = np.array(speeds), np.array(sizes, dtype=np.float64), np.array(capacity, dtype=np.float64)
    jobs, kinds = fast.shape
    equal = np.minimum(there / jobs, there / max(there.sum() / jobs, 1.0) / jobs)
    yard = fast @ equal / size if work is None else np.maximum(np.array(work), 1e-6)
    rate = np.where(yard[:, None] > 0, fast / np.maximum(yard[:, None], 1e-12), 0.0)
    width = jobs * kinds + 1
    rows = np.zeros((2 * jobs + kinds, width))
    for job in range(jobs):
        mine = slice(job * kinds, (job + 1) * kinds)
        rows[job, mine], rows[job, -1] = -rate[job], 1.0
        rows[jobs + job, mine] = 1.0
        for kind in range(kinds):
            rows[2 * jobs + kind, job * kinds + kind] = size[job]
    usable = (fast > 0).any(axis=1)
    rows[:jobs][~usable] = 0.0
    limits = np.concatenate((np.zeros(jobs), np.ones(jobs), there))
    gain = np.full(width, 1e-6)
    gain[:-1] *= (rate / max(rate.max(), 1e-12)).reshape(-1)
    gain[-1] = 1.0
    scale = np.ones(width)
    scale[-1] = max(rate.max(), 1e-12)
    x = maximise(gain * scale, rows * scale, limits)
    return x[:-1].reshape(jobs, kinds).clip(0.0, 1.0)


def equal_shares(sizes: tuple[int, ...], capacity: tuple[int, ...]) -> Floats:
    """The share of time of each job (rows) on each kind (columns) when every accelerator counts alike: as many
    accelerators for each job, but no more than it can use, and of each kind in proportion to what there is."""
    size, there = np.array(sizes, dtype=np.float64), np.array(capacity, dtype=np.float64)
    left, open_ = float(there.sum()), np.ones(len(size), dtype=np.bool_)
    given = np.zeros(len(size))
    while open_.any():
        level = left / open_.sum()
        full = open_ & (size <= level)
        if not full.any():
            given[open_] = level
            break
        given[full] = size[full]
        left -= float(size[full].sum())
        open_ &= ~full
    shares: Floats = (given / size)[:, None] * (there / there.sum())
    return shares


POLICY = MaxMin()
