"""Equal time for all, two to an accelerator where they gain by it: Gandiva (Xiao et al., OSDI 2018), in rounds.

As "Heterogeneity-Aware Cluster Scheduling Policies for Deep Learning Workloads" (Gavel, OSDI 2020) compares with it:
jobs are paired at random, and a pair stays only while both together do no less than each would alone in half the time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from suanwang.schedule.decisions import Grant, Shares
from suanwang.schedule.sharing import Claim, Round
from suanwang.schedule.snapshot import Snapshot, Together, Waiting

Turn = tuple[Claim, ...]
"""One job, or two that share accelerators; the first holds them."""


@dataclass(frozen=True, slots=True)
class Gandiva:
    """Each `round`, in each pool, those run that have had least of it; the pool that is fastest for most picks first.

    Jobs share accelerators only while more are asked for than there are, and only with one that asks for as many. Who
    is tried with whom is drawn by `seed` and the job's id alone, so that a pair stays one from round to round.
    `strict`: what comes free within a round stays so until the next, as in Gavel's own simulator.
    """

    round: timedelta = timedelta(seconds=360)
    seed: int = 0
    strict: bool = False
    name: str = "gandiva"

    def __post_init__(self) -> None:
        if self.round <= timedelta(0):
            raise ValueError("round must be positive")

    def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
        """At the beginning of a round all are weighed anew; within it, what is free goes to those that wait. Those that
        are to stop do so before others begin."""
        round_ = Round.of(snapshot, self.round)
        room = round_.room(snapshot)
        again = round_.next if due or snapshot.active else None
        if self.strict and not round_.begins:
            return Shares(grants=tuple(room.grants), again_at=again)
        claims = sorted(room.claims(due), key=lambda claim: self._draw(claim.job))
        turns = list(_turns(claims, snapshot))
        granted: set[str] = set()
        for pool_id in _pools(claims, snapshot):
            for turn in sorted(turns, key=lambda turn: _had(turn, pool_id, snapshot)):
                first, *others = turn
                if first.job.job_id in granted or not all(claim.job.speed(pool_id) for claim in turn):
                    continue
                if room.grant(first, pool_id, first.job.accelerators):
                    granted.add(first.job.job_id)
                    for other in others:
                        room.grant_beside(other, first, pool_id)
        return Shares(grants=_stops_first(room.grants, snapshot), again_at=again)

    def _draw(self, job: Waiting) -> bytes:
        return sha256(f"{self.seed} {job.job_id}".encode()).digest()


def _turns(claims: Sequence[Claim], snapshot: Snapshot) -> Iterator[Turn]:
    """All claims, in pairs where that gains, while there is too little for all."""
    asked = sum(job.accelerators for job in snapshot.waiting) + sum(job.accelerators for job in snapshot.active)
    crowded = bool(snapshot.together) and asked > sum(pool.accelerators for pool in snapshot.pools)
    left = dict.fromkeys(range(len(claims)))
    while left:
        first = next(iter(left))
        del left[first]
        mine = claims[first].job
        others = (n for n in left if crowded and _gains(mine, claims[n].job, snapshot.together))
        second = next(others, None)
        if second is None:
            yield (claims[first],)
        else:
            del left[second]
            yield claims[first], claims[second]


def _gains(one: Waiting, other: Waiting, together: Together) -> bool:
    """Whether the two, on the same accelerators, do on average of the pools what one alone does, or more."""
    mine, theirs = together.get((one.kind, other.kind)), together.get((other.kind, one.kind))
    pools = [pool for pool in one.speeds if one.speeds[pool] and other.speeds.get(pool)]
    if one.accelerators != other.accelerators or mine is None or theirs is None or not pools:
        return False
    if not all(mine.get(pool) and theirs.get(pool) for pool in pools):
        return False
    both = sum(mine[pool] / one.speeds[pool] + theirs[pool] / other.speeds[pool] for pool in pools)
    return both >= len(pools)


def _pools(claims: Sequence[Claim], snapshot: Snapshot) -> list[str]:
    """The pool first in which the jobs are fastest, each against its own best."""

    def quickness(pool_id: str) -> float:
        return sum(c.job.speeds.get(pool_id, 0.0) / max(c.job.speeds.values()) for c in claims if c.job.speeds)

    return sorted((pool.pool_id for pool in snapshot.pools), key=quickness, reverse=True)


def _had(turn: Turn, pool_id: str, snapshot: Snapshot) -> float:
    """Accelerator-seconds that the jobs of a turn have had in a pool, on average."""
    return sum(claim.had_s(pool_id, snapshot.now) * claim.job.accelerators for claim in turn) / len(turn)


def _stops_first(grants: Sequence[Grant], snapshot: Snapshot) -> tuple[Grant, ...]:
    """Only those that go on as they are, when some do not: the next cycle, at the same time, lets the others begin."""
    as_they_are = {active.job_id: (active.pool_id, active.beside) for active in snapshot.active}
    staying = tuple(grant for grant in grants if as_they_are.get(grant.job_id) == (grant.pool_id, grant.beside))
    return tuple(grants) if len(staying) == len(as_they_are) else staying


POLICY = Gandiva()
