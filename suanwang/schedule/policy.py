"""What a policy is: it orders a queue, or says who of all jobs should run now; and it may hold jobs back."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from suanwang.schedule.decisions import Refused, Shares, Wait
from suanwang.schedule.queues import Numbers, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@runtime_checkable
class Queueing(Protocol):
    """In which order due jobs are considered, and which of them a pool's queue lets start. Running jobs are left be."""

    @property
    def name(self) -> str:
        """What a grid file calls it."""

    @property
    def blocks(self) -> bool:
        """True: in its pool, nothing is admitted past a job that does not fit yet, so that it cannot starve."""

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:
        """All of `due`, each once, first first."""

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """Who of those in order starts: the one decision, live and in replay."""


@runtime_checkable
class Sharing(Protocol):
    """Who of the waiting and the running jobs should run now; those that should not are stopped or resized."""

    @property
    def name(self) -> str:
        """What a grid file calls it."""

    def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
        """A grant for each job that should run, within the pools; jobs that may not be stopped keep what they have."""


Policy = Queueing | Sharing


@runtime_checkable
class Holding(Protocol):
    """A policy that keeps jobs out of the queue: until a better hour, for their quota, or for good."""

    def hold(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Wait | Refused]:
        """For each job that is kept out, why."""


@runtime_checkable
class Keyed(Queueing, Protocol):
    """A queueing policy whose order never changes while jobs wait, so that a queue can be kept from event to event."""

    def keys(self, submit_s: Numbers, estimate_s: Numbers) -> Numbers:
        """The same order for a trace: jobs go by rising key, then as they come. Seconds."""


@runtime_checkable
class Remembers(Protocol):
    """A policy that looks at the snapshot's history."""

    @property
    def remembers(self) -> bool:
        """True."""
