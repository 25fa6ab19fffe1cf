"""Multifactor priority: a weighted sum of age, priority, size and fair share (Slurm, priority/multifactor plugin)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from suanwang.schedule.fair_tree import used_shares
from suanwang.schedule.queues import Easy, InOrder, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Multifactor:
    """Each factor is 0 to 1 before its weight: age up to `age_max`, priority of -1000 to 1000, size as a share of the
    pool (larger first), and 2 ** -(used share / due share) of the tenant by `half_life`."""

    weight_age: float = 1000.0
    age_max: timedelta = timedelta(days=7)
    weight_priority: float = 2000.0
    weight_size: float = 0.0
    weight_share: float = 1000.0
    half_life: timedelta = timedelta(days=7)
    backfill: bool = True
    name: str = "multifactor"
    remembers: bool = True

    def __post_init__(self) -> None:
        if min(self.age_max, self.half_life) <= timedelta(0):
            raise ValueError("age_max and half_life must be positive")

    @property
    def blocks(self) -> bool:
        """Without backfill."""
        return not self.backfill

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:
        """By falling sum, then creation, then id."""
        used = used_shares(snapshot, self.half_life, {job.tenant for job in due})
        capacity = {pool.pool_id: pool.accelerators for pool in snapshot.pools}

        def rank(job: Waiting) -> tuple[float, float, str]:
            age = min((snapshot.now - job.since) / self.age_max, 1.0)
            size = job.accelerators / max(capacity.get(job.pool_id, 0), 1)
            fair = 2.0 ** -min(used[job.tenant], 1000.0)
            value = self.weight_age * age + self.weight_priority * (job.priority + 1000) / 2000
            return -(value + self.weight_size * size + self.weight_share * fair), job.since.timestamp(), job.job_id

        return sorted(due, key=rank)

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """With a reservation for the first that waits, or in order."""
        return Easy(sizes, estimates) if self.backfill else InOrder(sizes, estimates)


POLICY = Multifactor()
