"""Quotas over a tree of entitlements, with borrowing, lending and two directions of preemption (Kueue)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.domain.reason import Reason
from suanwang.errors import msg
from suanwang.schedule.decisions import Grant, Preempted, Shares, Wait
from suanwang.schedule.sharing import Claim, Room
from suanwang.schedule.snapshot import Active, Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Quota:
    """Within its quota a tenant has what it asks for: if others have borrowed it, it is taken back (`reclaim`). Above
    it, a tenant borrows what others leave idle and are willing to lend, up to its own limit. Of one tenant, a job of
    higher priority has the place of a running one of lower (`within`). Who has no quota borrows all.
    """

    reclaim: bool = True
    within: bool = True
    name: str = "quota"

    def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
        """Jobs by falling priority, then creation; first those within their quota, then those that would borrow."""
        books = _Books(snapshot, self)
        claims = sorted((Claim(job) for job in due), key=lambda c: (-c.job.priority, c.job.since, c.job.job_id))
        borrowing = [claim for claim in claims if not books.consider_own(claim)]
        for claim in borrowing:
            books.consider(claim)
        return Shares(grants=tuple(books.grants()), stops=tuple(books.stops), waits=tuple(books.waits))


class _Books:
    """Who holds how much, by entitlement and all above it, while the jobs are considered one by one."""

    def __init__(self, snapshot: Snapshot, policy: Quota) -> None:
        self.entitlements, self.policy = snapshot.entitlements, policy
        self.pools = {p.pool_id: p for p in snapshot.pools}
        self.room = Room(snapshot)
        self.running = list(self.room.stoppable)
        for active in self.running:  # they keep theirs unless somebody with a better claim asks
            if active.pool_id in self.room.left:
                self.room.left[active.pool_id] -= active.accelerators
        self.held: dict[str, int] = defaultdict(int)
        for active in snapshot.active:
            self._count(active.job.tenant if active.job else "", active.accelerators)
        self.stops: list[Preempted] = []
        self.waits: list[Wait] = []

    def grants(self) -> list[Grant]:
        """Those that run on, and the new ones."""
        kept = [Grant(job_id=a.job_id, pool_id=a.pool_id, accelerators=a.accelerators) for a in self.running]
        return [*self.room.grants, *kept]

    def consider_own(self, claim: Claim) -> bool:
        """Whether the job is within its quota; it is then granted, if need be at the cost of those who borrow."""
        if not self._own(claim.job.tenant, claim.job.accelerators):
            return False
        self.consider(claim)
        return True

    def consider(self, claim: Claim) -> None:
        """Grant the job what it asks for, if it may have it; note why not."""
        job = claim.job
        own, allowed = self._own(job.tenant, job.accelerators), self._may_borrow(job.tenant, job.accelerators)
        if (own or allowed) and self._start(claim, job.accelerators):
            return
        victims = self._victims(job, own=own)
        if victims is not None:
            for active, reason in victims:
                self._take_back(active, reason, job)
            self._start(claim, job.accelerators)
            return
        if not (own or allowed):
            detail = msg(
                "{tenant} has {held} accelerators; its quota and what it may borrow do not allow {wanted} more.",
                tenant=job.tenant,
                held=self.held[job.tenant],
                wanted=job.accelerators,
            )
            self.waits.append(Wait(job_id=job.job_id, reason=Reason.QUOTA_EXHAUSTED, detail=detail))

    def _start(self, claim: Claim, size: int) -> bool:
        if not self.room.grant(claim, claim.job.pool_id, size):
            return False
        self._count(claim.job.tenant, size)
        return True

    def _count(self, tenant: str, size: int) -> None:
        for entitlement in self.entitlements.path(tenant):
            self.held[entitlement.id] += size

    def _own(self, tenant: str, size: int) -> bool:
        """Whether so many more are within the quotas of the entitlement and of all above it, where there are any."""
        quotas = [(a.id, a.quota) for a in self.entitlements.path(tenant) if a.quota is not None]
        return bool(quotas) and all(self.held[name] + size <= quota for name, quota in quotas)

    def _may_borrow(self, tenant: str, size: int) -> bool:
        """Within the limits of the tenant and all above it, and of what the others lend of what they leave idle."""
        for entitlement in self.entitlements.path(tenant):
            over = self.held[entitlement.id] + size - (entitlement.quota or 0)
            if entitlement.borrow is not None and over > entitlement.borrow:
                return False
        kept_back, path = 0, {entitlement.id for entitlement in self.entitlements.path(tenant)}
        for entitlement in self.entitlements.nodes:
            if entitlement.quota is None or entitlement.id in path:
                continue
            idle = max(0, entitlement.quota - self.held[entitlement.id])
            kept_back += idle - (idle if entitlement.lend is None else min(idle, entitlement.lend))
        return size <= sum(self.room.left.values()) - kept_back

    def _victims(self, job: Waiting, *, own: bool) -> list[tuple[Active, Reason]] | None:
        """Whom to stop so that the job fits in its pool: borrowers of others where the job is within its quota, and
        jobs of its own entitlement with lower priority. None: that is not enough, or is not allowed."""
        missing = job.accelerators - self.room.left.get(job.pool_id, 0)
        chosen: list[tuple[Active, Reason]] = []
        held = dict(self.held)
        for active in sorted(self.running, key=_least_wanted):
            if missing <= 0 and (own or self._fits_after(job, held)):
                break
            if active.pool_id != job.pool_id or active.job is None:
                continue
            reason = self._why(active.job, job, held, own=own)
            if reason is None:
                continue
            chosen.append((active, reason))
            missing -= active.accelerators
            for entitlement in self.entitlements.path(active.job.tenant):
                held[entitlement.id] -= active.accelerators
        return chosen if chosen and missing <= 0 and (own or self._fits_after(job, held)) else None

    def _why(self, victim: Waiting, job: Waiting, held: dict[str, int], *, own: bool) -> Reason | None:
        """The reason for which the job may have the place of the running one; None: it may not."""
        if victim.tenant == job.tenant:
            return Reason.OUTRANKED if self.policy.within and victim.priority < job.priority else None
        quota = self.entitlements.of(victim.tenant).quota or 0
        borrowed = held.get(victim.tenant, 0) > quota
        return Reason.RECLAIMED if self.policy.reclaim and own and borrowed else None

    def _fits_after(self, job: Waiting, held: dict[str, int]) -> bool:
        quotas = [(a.id, a.quota) for a in self.entitlements.path(job.tenant) if a.quota is not None]
        return all(held.get(name, 0) + job.accelerators <= quota for name, quota in quotas)

    def _take_back(self, active: Active, reason: Reason, job: Waiting) -> None:
        assert active.job is not None
        detail = msg("Its accelerators in pool {pool} go to job {job}.", pool=active.pool_id, job=job.job_id)
        self.stops.append(Preempted(job_id=active.job_id, reason=reason, detail=detail))
        self.running.remove(active)
        self.room.left[active.pool_id] += active.accelerators
        self._count(active.job.tenant, -active.accelerators)


def _least_wanted(active: Active) -> tuple[int, float, str]:
    """Lowest priority first, then the one that began last, so that least work is thrown away."""
    began = active.started.timestamp() if active.started else 0.0
    return active.job.priority if active.job else 0, -began, active.job_id


POLICY = Quota()
