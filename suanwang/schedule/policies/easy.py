"""EASY backfill: by creation; others pass the first that does not fit if they do not delay it (Lifka, JSSPP 1995)."""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.schedule.queues import Easy, Numbers, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class EasyBackfill:
    """Free of starvation while estimates are upper limits: nobody delays the reservation of the first that waits."""

    name: str = "easy"
    blocks: bool = False

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By creation, then id."""
        return sorted(due, key=lambda job: (job.since, job.job_id))

    def keys(self, submit_s: Numbers, estimate_s: Numbers) -> Numbers:  # noqa: ARG002
        """By submission."""
        return submit_s

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """With a reservation for the first that does not fit."""
        return Easy(sizes, estimates)


POLICY = EasyBackfill()
