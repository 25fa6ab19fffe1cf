"""What the Slurm engine remembers of its orders, played from its journal."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from suanwang.adapters.engines.slurm.cluster import Row
from suanwang.adapters.engines.slurm.marks import REVOKED, Claim
from suanwang.adapters.engines.slurm.script import Launch, Task
from suanwang.adapters.engines.taken import observation
from suanwang.domain.order import Observation


@dataclass(slots=True, kw_only=True)
class Submission:
    """One call of sbatch, for one order or an array of them. `job`: Slurm's id, None until it is known.

    `since`: when this process heard of it (monotonic s): only a later look at Slurm can miss it.
    """

    name: str
    pool_id: str
    options: dict[str, str]
    launch: Launch
    tasks: Sequence[Task]
    since: float
    job: str | None = None

    @property
    def array(self) -> int:
        """How many tasks it has as an array; 0 where it is none."""
        return len(self.tasks) if len(self.tasks) > 1 else 0


@dataclass(slots=True, kw_only=True)
class Entry:
    """An order that was taken. `claim`, `row` and `seen` are what was last found out and said of it. `missing`: since
    when it has begun and Slurm does not know it (monotonic s)."""

    order_id: str
    job_id: str
    fence: int
    submission: Submission
    index: int
    cancelled: str = ""
    ended: Observation | None = None
    claim: Claim | None = None
    row: Row | None = None
    seen: Observation | None = None
    missing: float | None = None

    @property
    def slurm_id(self) -> str | None:
        """12, or 12_3 for a task of an array: the job that claimed the order, else the one that is to."""
        if self.claim is not None and self.claim.job != REVOKED:
            return self.claim.job
        job = self.submission.job
        return job if job is None or not self.submission.array else f"{job}_{self.index}"


@dataclass(slots=True)
class Entries:
    """Every order, with what follows from all of them: the highest fence of a job, accelerators in use by pool."""

    orders: dict[str, Entry] = field(default_factory=dict)
    submissions: dict[str, Submission] = field(default_factory=dict)
    of_job: dict[str, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    fences: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cancelled: dict[str, str] = field(default_factory=dict)

    def play(self, line: list[Any], now: float) -> None:
        """One line of the journal."""
        match line:
            case ["submit", name, pool_id, options, launch, tasks]:
                made = Submission(
                    name=name, pool_id=pool_id, options=options, launch=Launch(**launch), tasks=tasks, since=now
                )
                self.submissions[name] = made
                for index, (order_id, job_id, _, fence, _) in enumerate(tasks):
                    self._add(Entry(order_id=order_id, job_id=job_id, fence=fence, submission=made, index=index))
            case ["job", name, job]:
                self.submissions[name].job = job
                self.submissions[name].since = now
            case ["refused", name]:
                for entry in [e for e in self.orders.values() if e.submission.name == name]:
                    self._drop(entry)
                del self.submissions[name]
            case ["cancel", order_id, why]:
                self.cancelled.setdefault(order_id, why)
                if order_id in self.orders:
                    self.orders[order_id].cancelled = self.orders[order_id].cancelled or why
            case ["end", order_id, text]:
                self._end(self.orders[order_id], observation(text))

    def _add(self, entry: Entry) -> None:
        entry.cancelled = self.cancelled.get(entry.order_id, "")
        self.orders[entry.order_id] = entry
        self.of_job[entry.job_id].append(entry)
        self.fences[entry.job_id] = max(entry.fence, self.fences.get(entry.job_id, entry.fence))
        self.used[entry.submission.pool_id] += entry.submission.launch.accelerators

    def _drop(self, entry: Entry) -> None:
        self.used[entry.submission.pool_id] -= entry.submission.launch.accelerators
        self.of_job[entry.job_id].remove(entry)
        del self.orders[entry.order_id]
        if not self.of_job[entry.job_id]:
            del self.of_job[entry.job_id], self.fences[entry.job_id]

    def _end(self, entry: Entry, observation: Observation) -> None:
        if entry.ended is None:
            self.used[entry.submission.pool_id] -= entry.submission.launch.accelerators
            entry.ended, entry.row, entry.seen = observation, None, None
