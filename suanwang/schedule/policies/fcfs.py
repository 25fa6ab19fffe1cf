"""First come, first served: by the time a job was created. Nothing passes a job that waits for capacity in its pool."""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class FirstComeFirstServed:
    """Free of starvation: only finitely many jobs are older than a job, and none younger passes it in its pool."""

    name: str = "fcfs"
    blocks: bool = True

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By creation, then id."""
        return sorted(due, key=lambda job: (job.since, job.job_id))


POLICY = FirstComeFirstServed()
