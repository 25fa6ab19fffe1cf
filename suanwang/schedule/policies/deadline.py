"""Earliest deadline first with admission control (Liu, Layland, JACM 1973; Chronus, Gao et al., SoCC 2021)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from suanwang.domain.reason import Reason
from suanwang.errors import msg
from suanwang.schedule.decisions import Refused, Wait
from suanwang.schedule.profile import Profile
from suanwang.schedule.queues import Conservative, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting

DEPTH = 64
"""So many reservations are kept, as under conservative backfill."""


@dataclass(frozen=True, slots=True)
class EarliestDeadlineFirst:
    """Jobs with a deadline before those without; the first that wait have reservations that nobody behind them delays.

    A new job is admitted only if, by the estimates, it and all that were admitted before it keep their deadlines; else
    it is refused at once, when its tenant can still go elsewhere. `admission` False: late jobs run too.
    """

    admission: bool = True
    name: str = "deadline"
    blocks: bool = False

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By deadline, then creation, then id; without a deadline last."""
        return sorted(due, key=_by_deadline)

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """With a reservation for each of the first that wait."""
        return Conservative(sizes, estimates, DEPTH)

    def hold(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Wait | Refused]:
        """New jobs, oldest first, each against those that are in: what cannot be kept is not promised."""
        if not self.admission or all(job.considered or job.deadline is None for job in due):
            return ()
        refused: list[Wait | Refused] = []
        for pool in snapshot.pools:
            ours = [job for job in due if job.pool_id == pool.pool_id and job.deadline is not None]
            kept = [job for job in ours if job.considered]
            for job in sorted((j for j in ours if not j.considered), key=lambda j: (j.since, j.job_id)):
                if _all_in_time([*kept, job], snapshot, pool.pool_id):
                    kept.append(job)
                    continue
                detail = msg(
                    "With what is promised in pool {pool} it cannot end by {deadline}.",
                    pool=pool.pool_id,
                    deadline=job.deadline.isoformat() if job.deadline else "-",
                )
                refused.append(Refused(job_id=job.job_id, reason=Reason.MISSES_DEADLINE, detail=detail))
        return refused


def _by_deadline(job: Waiting) -> tuple[bool, float, datetime, str]:
    return job.deadline is None, job.deadline.timestamp() if job.deadline else 0.0, job.since, job.job_id


def _all_in_time(jobs: Sequence[Waiting], snapshot: Snapshot, pool_id: str) -> bool:
    """Whether reservations in the order of the deadlines keep those of the last of `jobs`, and of no other fewer.

    A job that was promised and is late by now is not held against the new one.
    """
    before = _late(jobs[:-1], snapshot, pool_id)
    return _late(jobs, snapshot, pool_id) <= before


def _late(jobs: Sequence[Waiting], snapshot: Snapshot, pool_id: str) -> set[str]:
    ends = [(a.seconds_left(snapshot.now), a.accelerators) for a in snapshot.active if a.pool_id == pool_id]
    profile = Profile(snapshot.free()[pool_id], ends)
    late = set()
    for job in sorted(jobs, key=_by_deadline):
        assert job.deadline is not None
        run_s = job.run_s_max * job.left
        start = profile.earliest(job.accelerators, run_s)
        if start + run_s > (job.deadline - snapshot.now).total_seconds():
            late.add(job.job_id)
            continue
        profile.reserve(start, run_s, job.accelerators)
    return late


POLICY = EarliestDeadlineFirst()
