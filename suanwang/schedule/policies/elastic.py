"""Elastic resize: accelerators that are left go where one more saves most time (Optimus, Peng et al., EuroSys 2018)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import heapify, heappop, heappush

from suanwang.schedule.decisions import Grant, Shares
from suanwang.schedule.sharing import Claim, Room
from suanwang.schedule.snapshot import Active, Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Elastic:
    """First everybody who can run has the least that it can do with, running jobs first, then the oldest; then one
    accelerator after another goes to the job whose remaining time it shortens most. A job is not resized again within
    a `quantum`, since each time costs a restart."""

    quantum: timedelta = timedelta(minutes=30)
    name: str = "elastic"

    def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
        """Jobs that do not scale have what they ask for, or wait."""
        room = Room(snapshot, self.quantum)
        claims = sorted(room.claims(due), key=lambda c: (c.active is None, c.job.since, c.job.job_id))
        sizes: dict[str, int] = {}
        chosen: list[tuple[Claim, str]] = []
        for claim in claims:
            least = claim.job.scaling.least if claim.job.scaling else claim.job.accelerators
            if claim.active is not None and claim.job.scaling is None:
                least = claim.active.accelerators
            pools = (claim.active.pool_id,) if claim.active else claim.job.pools
            for pool_id in pools:
                if room.grant(claim, pool_id, least):
                    sizes[claim.job.job_id] = least
                    chosen.append((claim, pool_id))
                    break
        self._grow(room, chosen, sizes, snapshot)
        fixed = [grant for grant in room.grants if grant.job_id not in sizes]
        grown = [Grant(job_id=c.job.job_id, pool_id=pool, accelerators=sizes[c.job.job_id]) for c, pool in chosen]
        again = room.next_end_of_quantum(snapshot)
        return Shares(grants=(*fixed, *grown), again_at=again)

    def _grow(self, room: Room, chosen: Sequence[tuple[Claim, str]], sizes: dict[str, int], snapshot: Snapshot) -> None:
        """One accelerator at a time, by the seconds that it saves."""
        heap = [
            (-_saves(claim, sizes[claim.job.job_id], snapshot), number, claim, pool_id)
            for number, (claim, pool_id) in enumerate(chosen)
            if claim.job.scaling is not None and sizes[claim.job.job_id] < claim.job.scaling.most
        ]
        heapify(heap)
        while heap:
            gain, number, claim, pool_id = heappop(heap)
            if not room.left[pool_id] or gain >= 0.0:
                continue
            job_id, scaling = claim.job.job_id, claim.job.scaling
            room.left[pool_id] -= 1
            sizes[job_id] += 1
            if scaling is not None and sizes[job_id] < scaling.most:
                heappush(heap, (-_saves(claim, sizes[job_id], snapshot), number, claim, pool_id))


def _saves(claim: Claim, size: int, snapshot: Snapshot) -> float:
    """Seconds of its remaining time that one more accelerator saves."""
    job = claim.job
    assert job.scaling is not None
    work_s = _work_left_s(claim.active, job, snapshot)
    asked = job.accelerators
    return work_s / job.scaling.speed(size, asked) - work_s / job.scaling.speed(size + 1, asked)


def _work_left_s(active: Active | None, job: Waiting, snapshot: Snapshot) -> float:
    """Seconds of what is left of it on as many accelerators as it asked for."""
    if active is None or job.scaling is None:
        return job.run_s_max * job.left
    return active.seconds_left(snapshot.now) * job.scaling.speed(active.accelerators, job.accelerators)


POLICY = Elastic()
