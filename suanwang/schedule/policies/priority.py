"""Priority with ageing: the higher priority first, and waiting raises it, so that low priorities are served too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from suanwang.schedule.queues import FirstFit, InOrder, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Priority:
    """One step of priority is worth `ageing` of waiting: a job passes only those at most that much older for each step.

    Free of starvation while priorities are bounded and `blocks` holds.
    """

    ageing: timedelta = timedelta(hours=6)
    blocks: bool = True
    name: str = "priority"

    def __post_init__(self) -> None:
        if self.ageing <= timedelta(0):
            raise ValueError("ageing must be positive: without it a low priority may never be served")

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:
        """By priority + time waited / ageing, falling; then creation, then id. Computed in whole microseconds."""

        def rank(job: Waiting) -> tuple[timedelta, datetime, str]:
            return -(snapshot.now - job.since + job.priority * self.ageing), job.since, job.job_id

        return sorted(due, key=rank)

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """In order, or what fits where nothing is held back."""
        return InOrder(sizes, estimates) if self.blocks else FirstFit(sizes, estimates)


POLICY = Priority()
