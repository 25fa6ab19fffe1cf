"""First fit: by creation, and whatever fits starts. Without reservations, so a large job may starve."""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.schedule.queues import FirstFit, Numbers, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class FirstFitInOrder:
    """What other simulators call EASY when a job has no estimate, or when they reserve no accelerators."""

    name: str = "first_fit"
    blocks: bool = False

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By creation, then id."""
        return sorted(due, key=lambda job: (job.since, job.job_id))

    def keys(self, submit_s: Numbers, estimate_s: Numbers) -> Numbers:  # noqa: ARG002
        """By submission."""
        return submit_s

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """Whatever fits."""
        return FirstFit(sizes, estimates)


POLICY = FirstFitInOrder()
