"""Shortest job first: by the time a job is expected to run (Conway, Maxwell, Miller, Theory of Scheduling, 1967)."""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.schedule.queues import InOrder, Numbers, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class ShortestJobFirst:
    """Least mean wait on one machine; a long job may starve. Nothing passes the shortest that does not fit."""

    name: str = "sjf"
    blocks: bool = True

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By expected time, then creation, then id."""
        return sorted(due, key=lambda job: (job.run_s_max, job.since, job.job_id))

    def keys(self, submit_s: Numbers, estimate_s: Numbers) -> Numbers:  # noqa: ARG002
        """By expected time."""
        return estimate_s

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """In order."""
        return InOrder(sizes, estimates)


POLICY = ShortestJobFirst()
