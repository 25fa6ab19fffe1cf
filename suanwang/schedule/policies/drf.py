"""Dominant resource fairness: whose largest share of any pool is least goes first (Ghodsi et al., NSDI 2011)."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from suanwang.schedule.queues import Easy, FirstFit, Queue
from suanwang.schedule.snapshot import Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class DominantResourceFairness:
    """The resources are the pools: accelerators of different kinds are not the same good. Weights as in the tree."""

    backfill: bool = True
    name: str = "drf"
    blocks: bool = False

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:
        """Progressive filling: each time the oldest job of the tenant with the least dominant share, as if it ran."""
        capacity = {pool.pool_id: max(pool.accelerators, 1) for pool in snapshot.pools}
        used: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for active in snapshot.active:
            if active.job is not None:
                used[active.job.tenant][active.pool_id] += active.accelerators
        queues: dict[str, deque[Waiting]] = defaultdict(deque)
        for job in sorted(due, key=lambda job: (-job.priority, job.since, job.job_id)):
            queues[job.tenant].append(job)

        def share(tenant: str) -> float:
            parts = (n / capacity.get(pool, 1) for pool, n in used[tenant].items())
            return max(parts, default=0.0) / snapshot.entitlements.of(tenant).weight

        heap = [(share(tenant), jobs[0].since, tenant) for tenant, jobs in queues.items()]
        heapify(heap)
        ordered: list[Waiting] = []
        while heap:
            tenant = heappop(heap)[2]
            job = queues[tenant].popleft()
            ordered.append(job)
            used[tenant][job.pool_id] += job.accelerators
            if queues[tenant]:
                heappush(heap, (share(tenant), queues[tenant][0].since, tenant))
        return ordered

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """With a reservation for the first that waits, or whatever fits."""
        return Easy(sizes, estimates) if self.backfill else FirstFit(sizes, estimates)


POLICY = DominantResourceFairness()
