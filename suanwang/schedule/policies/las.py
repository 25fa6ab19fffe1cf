"""Least attained service: who has had fewest accelerator-seconds runs, others are stopped (Tiresias, NSDI 2019)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import floor, log

from suanwang.schedule.decisions import Shares
from suanwang.schedule.sharing import Claim, Room
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class LeastAttainedService:
    """Discretised: service counts in levels, of which the first ends at `first_h` accelerator-hours and each is `base`
    times the one before; in a level jobs that run go on, then the oldest first. So a job of unknown length is short
    until shown otherwise. The cost of stopping is bounded: none is stopped that began to run within a `quantum`.
    """

    quantum: timedelta = timedelta(hours=1)
    first_h: float = 1.0
    base: float = 4.0
    name: str = "las"

    def __post_init__(self) -> None:
        if self.quantum < timedelta(0) or self.first_h <= 0 or self.base <= 1:
            raise ValueError("las needs a quantum of 0 or more, first_h above 0 and base above 1")

    def level(self, attained_s: float) -> int:
        """0 for a job that has had less than the first level's hours."""
        ratio = attained_s / 3600.0 / self.first_h
        return 0 if ratio < 1.0 else 1 + floor(log(ratio, self.base) + 1e-9)

    def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
        """Walk the ranks; what does not fit is passed."""
        now, room = snapshot.now, Room(snapshot, self.quantum)

        def rank(claim: Claim) -> tuple[int, bool, datetime, str]:
            return self.level(claim.attained_s(now)), claim.active is None, claim.job.since, claim.job.job_id

        for claim in sorted(room.claims(due), key=rank):
            room.grant_as_asked(claim)
        again = [room.next_end_of_quantum(snapshot), self._next_level(snapshot)] if due else []
        return Shares(grants=tuple(room.grants), again_at=min((t for t in again if t), default=None))

    def _next_level(self, snapshot: Snapshot) -> datetime | None:
        """When the first of the jobs that run comes to the end of its level."""
        times = []
        for active in snapshot.active:
            attained = active.attained_s(snapshot.now)
            ends_s = 3600.0 * self.first_h * self.base ** self.level(attained)
            times.append(snapshot.now + timedelta(seconds=max(1.0, (ends_s - attained) / active.accelerators)))
        return min(times, default=None)


POLICY = LeastAttainedService()
