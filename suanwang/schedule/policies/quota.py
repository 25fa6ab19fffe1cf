"""Quotas with borrowing and lending over a tree of accounts, and preemption both ways (Kueue; Volcano's capacity)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from suanwang.domain.reason import Reason
from suanwang.errors import msg
from suanwang.schedule.decisions import Grant, Preempted, Shares, Wait
from suanwang.schedule.sharing import Claim, Room
from suanwang.schedule.snapshot import Active, Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Quota:
    """Within its quota an account has what it asks for: if others have borrowed it, it is taken back (`reclaim`).
    Above it, an account borrows what others leave idle and are willing to lend, up to its own limit. In an account,
    a job of higher priority has the place of a running one of lower (`within`). Accounts without a quota borrow all.
    """

    reclaim: bool = True
    within: bool = True
    name: str = "quota"

    def share(self, due: Sequence[Waiting], snapshot: Snapshot) -> Shares:
        """Jobs by falling priority, then creation."""
        books = _Books(snapshot, self)
        for claim in sorted((Claim(job) for job in due), key=lambda c: (-c.job.priority, c.job.since, c.job.job_id)):
            books.consider(claim)
        return Shares(grants=tuple(books.grants()), stops=tuple(books.stops), waits=tuple(books.waits))


class _Books:
    """Who holds how much, by account and all above it, while the jobs are considered one by one."""

    def __init__(self, snapshot: Snapshot, policy: Quota) -> None:
        self.accounts, self.policy = snapshot.accounts, policy
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

    def consider(self, claim: Claim) -> None:
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
                "Account {account} has {held} accelerators; its quota and what it may borrow do not allow {wanted} more.",
                account=job.tenant,
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
        for account in self.accounts.path(tenant):
            self.held[account.id] += size

    def _own(self, tenant: str, size: int) -> bool:
        """Whether so many more are within the quotas of the account and of all above it, where there are any."""
        quotas = [(a.id, a.quota) for a in self.accounts.path(tenant) if a.quota is not None]
        return bool(quotas) and all(self.held[name] + size <= quota for name, quota in quotas)

    def _may_borrow(self, tenant: str, size: int) -> bool:
        """Within the limits of the account and all above it, and of what the other accounts lend of what they leave."""
        for account in self.accounts.path(tenant):
            over = self.held[account.id] + size - (account.quota or 0)
            if account.borrow is not None and over > account.borrow:
                return False
        lent, quotas = 0, 0
        for account in self.accounts.nodes:
            if account.quota is None or account.id in {a.id for a in self.accounts.path(tenant)}:
                continue
            idle = max(0, account.quota - self.held[account.id])
            kept = idle if account.lend is None else min(idle, account.lend)
            lent += idle - kept
            quotas += account.quota
        free = sum(self.room.left.values())
        return size <= free - lent

    def _victims(self, job: Waiting, *, own: bool) -> list[tuple[Active, Reason]] | None:
        """Whom to stop so that the job fits in its pool: borrowers of others where the job is within its quota, and
        jobs of its own account with lower priority. None: that is not enough, or is not allowed."""
        missing = job.accelerators - self.room.left.get(job.pool_id, 0)
        chosen: list[tuple[Active, Reason]] = []
        held = dict(self.held)
        for active in sorted(self.running, key=_least_wanted):
            if missing <= 0 and (own or self._fits_after(job, held)):
                break
            if active.pool_id != job.pool_id or active.job is None:
                continue
            reason = self._why(active, active.job, job, held, own=own)
            if reason is None:
                continue
            chosen.append((active, reason))
            missing -= active.accelerators
            for account in self.accounts.path(active.job.tenant):
                held[account.id] -= active.accelerators
        return chosen if chosen and missing <= 0 and (own or self._fits_after(job, held)) else None

    def _why(self, active: Active, victim: Waiting, job: Waiting, held: dict[str, int], *, own: bool) -> Reason | None:
        """The reason for which the job may have the place of the running one; None: it may not."""
        if victim.tenant == job.tenant:
            return Reason.OUTRANKED if self.policy.within and victim.priority < job.priority else None
        quota = self.accounts.of(victim.tenant).quota or 0
        borrowed = held.get(victim.tenant, 0) > quota
        return Reason.RECLAIMED if self.policy.reclaim and own and borrowed and active.accelerators else None

    def _fits_after(self, job: Waiting, held: dict[str, int]) -> bool:
        quotas = [(a.id, a.quota) for a in self.accounts.path(job.tenant) if a.quota is not None]
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
    began: datetime | None = active.started
    return active.job.priority if active.job else 0, -began.timestamp() if began else 0.0, active.job_id


POLICY = Quota()
