"""Fair share over a tree of entitlements: what each has used, decayed by a half-life, against what is due to it.

Kay and Lauder, CACM 31(1) 1988; the walk over the tree is Slurm's fair tree (priority/multifactor, FAIR_TREE).
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from math import inf

from suanwang.domain.entitlement import Entitlement
from suanwang.schedule.history import decayed_s
from suanwang.schedule.snapshot import Snapshot


def used_by_entitlement(snapshot: Snapshot, half_life: timedelta) -> dict[str, float]:
    """Decayed accelerator-seconds of each entitlement with all that is below it; the jobs that run count."""
    used: dict[str, float] = defaultdict(float)
    leaves = dict(snapshot.history.used_s(snapshot.now, half_life))
    for active in snapshot.active:
        if active.job is not None and active.started is not None and active.started < snapshot.now:
            worth = decayed_s(snapshot.now, active.started, snapshot.now, half_life) * active.accelerators
            leaves[active.job.tenant] = leaves.get(active.job.tenant, 0.0) + worth
    for tenant, value in leaves.items():
        for entitlement in snapshot.entitlements.path(tenant):
            used[entitlement.id] += value
    return used


def ranks(snapshot: Snapshot, half_life: timedelta, tenants: Iterable[str]) -> dict[str, int]:
    """The place of each tenant: siblings by falling due share over used share, each with all below it, from the root.

    So a tenant never comes before one of another branch whose branch has had less of its due.
    """
    used = used_by_entitlement(snapshot, half_life)
    children: dict[str, dict[str, Entitlement]] = defaultdict(dict)
    for tenant in tenants:
        for entitlement in snapshot.entitlements.path(tenant):
            children[entitlement.parent][entitlement.id] = entitlement
    place: dict[str, int] = {}

    def walk(parent: str) -> None:
        siblings = children[parent].values()
        weights, total = sum(a.weight for a in siblings), sum(used.get(a.id, 0.0) for a in siblings)

        def had(entitlement: Entitlement) -> tuple[float, str]:
            share = used.get(entitlement.id, 0.0) / total if total else 0.0
            return share / (entitlement.weight / weights), entitlement.id

        for entitlement in sorted(siblings, key=had):
            place[entitlement.id] = len(place)
            if entitlement.id in children:
                walk(entitlement.id)

    walk("")
    return place


def used_shares(snapshot: Snapshot, half_life: timedelta, tenants: Iterable[str]) -> dict[str, float]:
    """By tenant: its share of all that was used, over the share that is due to it; 0 where nothing was used."""
    used = used_by_entitlement(snapshot, half_life)
    wanted = set(tenants)
    known = {entitlement.id for entitlement in snapshot.entitlements.nodes} | wanted | set(used)
    siblings: dict[str, float] = defaultdict(float)
    for name in known:
        siblings[snapshot.entitlements.of(name).parent] += snapshot.entitlements.of(name).weight
    total = sum(used.get(name, 0.0) for name in known if not snapshot.entitlements.of(name).parent)
    shares = {}
    for tenant in wanted:
        due = 1.0
        for entitlement in snapshot.entitlements.path(tenant):
            due *= entitlement.weight / siblings[entitlement.parent]
        shares[tenant] = used.get(tenant, 0.0) / total / due if total and due else (0.0 if due else inf)
    return shares
