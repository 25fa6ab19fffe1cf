"""Fair share over a tree of entitlements: who has had least of its due goes first; what was used decays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from suanwang.schedule.fair_tree import ranks
from suanwang.schedule.queues import Easy, InOrder, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class FairShare:
    """Kay and Lauder, "A fair share scheduler", CACM 31(1), 1988; the tree as in Slurm's fair tree."""

    half_life: timedelta = timedelta(days=7)
    backfill: bool = True
    name: str = "fair_share"
    remembers: bool = True

    def __post_init__(self) -> None:
        if self.half_life <= timedelta(0):
            raise ValueError("half_life must be positive")

    @property
    def blocks(self) -> bool:
        """Without backfill."""
        return not self.backfill

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:
        """By the tenant's place in the tree, then falling priority, then creation, then id."""
        place = ranks(snapshot, self.half_life, {job.tenant for job in due})
        return sorted(due, key=lambda job: (place[job.tenant], -job.priority, job.since, job.job_id))

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """With a reservation for the first that waits, or in order."""
        return Easy(sizes, estimates) if self.backfill else InOrder(sizes, estimates)


POLICY = FairShare()
