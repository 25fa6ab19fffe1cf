"""Conservative backfill: every waiting job has a reservation that nobody behind it delays (Mu'alem, Feitelson 2001)."""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.schedule.queues import Conservative, Numbers, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class ConservativeBackfill:
    """While estimates are upper limits no job starts later than when it came it was expected to.

    The first `depth` that wait have reservations; those behind pass if they delay none of them.
    """

    depth: int = 64
    name: str = "conservative"
    blocks: bool = False

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise ValueError("depth must be 1 or more")

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By creation, then id."""
        return sorted(due, key=lambda job: (job.since, job.job_id))

    def keys(self, submit_s: Numbers, estimate_s: Numbers) -> Numbers:  # noqa: ARG002
        """By submission."""
        return submit_s

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """With reservations."""
        return Conservative(sizes, estimates, self.depth)


POLICY = ConservativeBackfill()
