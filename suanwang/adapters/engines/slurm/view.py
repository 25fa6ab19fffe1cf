"""One look at a cluster for all orders: how old it may be follows from what it costs."""

import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass

from suanwang.adapters.engines.slurm.cluster import Cluster, Row
from suanwang.adapters.engines.slurm.entries import Entry

AGE_MAX_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Slurm's list of jobs, asked for at `began` (monotonic s), which took `cost_s` of a processor."""

    began: float
    cost_s: float
    rows: Mapping[str, Row]

    def row(self, entry: Entry) -> Row | None:
        """That of the job that runs the order, or is to; a number that Slurm gave to another job is not it."""
        row = None if entry.slurm_id is None else self.rows.get(entry.slurm_id)
        return None if row is None or self.is_anothers(entry) else row

    def is_anothers(self, entry: Entry) -> bool:
        """Whether the number of its job is seen to be that of another job."""
        row = None if entry.slurm_id is None else self.rows.get(entry.slurm_id)
        return row is not None and row.name != entry.submission.name


class Views:
    """The latest view. It is asked for anew when it is older than its cost over `share` (of one processor)."""

    def __init__(self, cluster: Cluster, share: float) -> None:
        self._cluster = cluster
        self._share = share
        self._view: View | None = None

    def fresh(self) -> View:
        """Raises NotNow(engine-unreachable)."""
        view = self._view
        if view is None or time.monotonic() - view.began > self.age_max_s:
            view = self.ask()
        return view

    @property
    def age_max_s(self) -> float:
        """How old a view may become."""
        return 0.0 if self._view is None else min(self._view.cost_s / self._share, AGE_MAX_S)

    def ask(self) -> View:
        """A new one, however old the last one is."""
        began, spent = time.monotonic(), _spent()
        rows = self._cluster.jobs()
        self._view = View(began=began, cost_s=_spent() - spent, rows=rows)
        return self._view


def _spent() -> float:
    """Processor time of this thread and of the commands that ended, s."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.thread_time() + children.ru_utime + children.ru_stime
