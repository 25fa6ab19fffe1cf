"""First come, first served: by the time a job was created. Nothing passes a job that waits for capacity in its pool."""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.schedule.queues import FirstFit, InOrder, Numbers, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class FirstComeFirstServed:
    """Free of starvation: only finitely many jobs are older than a job, and none younger passes it in its pool."""

    name: str = "fcfs"
    blocks: bool = True

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By creation, then id."""
        return sorted(due, key=lambda job: (job.since, job.job_id))

    def keys(self, submit_s: Numbers, estimate_s: Numbers) -> Numbers:  # noqa: ARG002
        """By submission."""
        return submit_s

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """In order, or what fits where nothing is held back."""
        return InOrder(sizes, estimates) if self.blocks else FirstFit(sizes, estimates)


POLICY = FirstComeFirstServed()
