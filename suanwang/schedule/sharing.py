"""What sharing policies have in common: the room in the pools, with what could be stopped, and who gets it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from suanwang.domain.signal import EPOCH
from suanwang.schedule.decisions import Grant
from suanwang.schedule.snapshot import Active, Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that could run: it waits, or it runs (`active`) and could be stopped."""

    job: Waiting
    active: Active | None = None

    def attained_s(self, now: datetime) -> float:
        """Accelerator-seconds that it has had."""
        return self.active.attained_s(now) if self.active else self.job.attained_s

    def had_s(self, pool_id: str, now: datetime) -> float:
        """Seconds that it has run in a pool."""
        had = self.job.had_s.get(pool_id, 0.0)
        if self.active is not None and self.active.pool_id == pool_id:
            had += self.active.seconds_run(now)
        return had


@dataclass(frozen=True, slots=True)
class Round:
    """Where a snapshot stands in rounds of one length. `begins`: one has begun since the cycle before; `next`: when the
    next does."""

    begins: bool
    next: datetime

    @classmethod
    def of(cls, snapshot: Snapshot, length: timedelta) -> Self:
        number = (snapshot.now - EPOCH) // length
        begins = snapshot.before is None or (snapshot.before - EPOCH) // length < number
        return cls(begins, EPOCH + (number + 1) * length)

    def room(self, snapshot: Snapshot) -> "Room":
        """At its beginning all that may be stopped could be; within it nothing is."""
        return Room(snapshot, timedelta(0) if self.begins else timedelta.max)


class Room:
    """Accelerators by pool that may be granted. Jobs that may not be stopped have theirs already, in `grants`."""

    def __init__(self, snapshot: Snapshot, quantum: timedelta = timedelta(0)) -> None:
        """A job that began to run less than a `quantum` ago is not stopped either, nor one that begins now."""
        self._now, self._quantum = snapshot.now, quantum
        self.left = snapshot.free()
        self.grants: list[Grant] = []
        self.stoppable: list[Active] = []
        for active in snapshot.active:
            if self._may_stop(active):
                self.stoppable.append(active)
                if active.pool_id in self.left and not active.beside:
                    self.left[active.pool_id] += active.accelerators
            else:
                self.grants.append(_as_it_is(active))
        open_pools = {p.pool_id for p in snapshot.pools if p.healthy and not p.drained}
        self._open = open_pools

    def _may_stop(self, active: Active) -> bool:
        if not active.running or active.job is None or not active.job.preemptible:
            return False
        if active.started is None:
            return True
        return active.started < self._now and self._now - active.started >= self._quantum

    def claims(self, due: Iterable[Waiting]) -> Iterator[Claim]:
        """Of all jobs that wait, and all that could be stopped."""
        for active in self.stoppable:
            assert active.job is not None
            yield Claim(active.job, active)
        for job in due:
            yield Claim(job)

    def grant(self, claim: Claim, pool_id: str, accelerators: int) -> bool:
        """Whether there is room; a drained pool keeps what runs there and takes nothing new."""
        here = claim.active is not None and claim.active.pool_id == pool_id
        if accelerators > self.left.get(pool_id, 0) or not (here or pool_id in self._open):
            return False
        self.left[pool_id] -= accelerators
        self.grants.append(Grant(job_id=claim.job.job_id, pool_id=pool_id, accelerators=accelerators))
        return True

    def grant_beside(self, claim: Claim, host: Claim, pool_id: str) -> None:
        """The same accelerators as its host's, which has been granted them."""
        size = host.job.accelerators
        self.grants.append(Grant(job_id=claim.job.job_id, pool_id=pool_id, accelerators=size, beside=host.job.job_id))

    def grant_as_asked(self, claim: Claim) -> bool:
        """Where it runs, else in the first of its pools that has room."""
        if claim.active is not None:
            return self.grant(claim, claim.active.pool_id, claim.active.accelerators)
        return any(self.grant(claim, pool_id, claim.job.accelerators) for pool_id in claim.job.pools)

    def next_end_of_quantum(self, snapshot: Snapshot) -> datetime | None:
        """When the first of the jobs that run could be stopped, of those that could not yet."""
        begun = [a.started for a in snapshot.active if a.started and a.job and a.job.preemptible]
        return min((at + self._quantum for at in begun if at + self._quantum > self._now), default=None)


def _as_it_is(active: Active) -> Grant:
    return Grant(job_id=active.job_id, pool_id=active.pool_id, accelerators=active.accelerators, beside=active.beside)
