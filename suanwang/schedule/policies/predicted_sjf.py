"""Shortest predicted job first: the mean of the user's last two run times (Tsafrir et al., IEEE TPDS 18(6), 2007)."""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.schedule.queues import Easy, InOrder, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class ShortestPredictedFirst:
    """Users ask for far too much time; what their jobs did last says more. `backfill`: the first that waits has a
    reservation by the time asked for, as under EASY; else nothing passes it."""

    backfill: bool = False
    name: str = "predicted_sjf"
    remembers: bool = True

    @property
    def blocks(self) -> bool:
        """Without backfill."""
        return not self.backfill

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:
        """By predicted time, then creation, then id."""
        predicted = snapshot.history.predicted_s
        return sorted(due, key=lambda job: (predicted(job.user, job.run_s_max), job.since, job.job_id))

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """In order, or with a reservation."""
        return Easy(sizes, estimates) if self.backfill else InOrder(sizes, estimates)


POLICY = ShortestPredictedFirst()
