"""What must hold after every tick, whatever happened before it, and what must hold when all is over."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from suanwang.domain.job import ACTIVE, TRANSITIONS, Job, JobState
from suanwang.domain.ledger import AccountKind
from suanwang.domain.money import total
from suanwang.domain.order import Observation, Order, OrderState
from suanwang.domain.usage import UsageRecord
from suanwang.ports import Transaction
from suanwang.service.settlement import invoice_of
from suanwang.settle import tenant_id
from tests.simulation.seeded.world import POOLS, TENANTS, Platform

WAITING = (JobState.HELD, JobState.PREEMPTED)


def always(platform: Platform, *, ticked: bool) -> list[str]:
    """What is wrong. `ticked`: the last thing was a tick that came to its end."""
    with platform.store.transaction() as tx:
        jobs = tx.jobs.find(limit=1_000_000)
        wrong = [f"{unit} is {n}" for unit, n in tx.ledger.check().items() if unit.startswith("sum_micro") and n]
        for job in jobs:
            wrong += _history(tx, job)
            wrong += _usage(tx, platform, job)
            if ticked and job.state in WAITING and job.reason is None:
                wrong.append(f"{job.key} waits without a reason")
        keys = Counter(job.key for job in jobs)
        wrong += [f"{key} is there {keys[key]} times" for key in platform.ordered if keys[key] != 1]
        promised = Counter[str]()
        for job in jobs:
            if job.state in ACTIVE:
                order, _ = tx.jobs.orders(job_id=job.id)[-1]
                promised[order.pool_id] += order.accelerators
    wrong += [f"{pool} is promised {n} times over" for pool, n in promised.items() if n > POOLS[pool]]
    return wrong


def at_the_end(platform: Platform) -> list[str]:
    """What is wrong when every job is settled."""
    hub, wrong = platform.hub, []
    with platform.store.transaction() as tx:
        jobs = tx.jobs.find(limit=1_000_000)
        if tx.ledger.check()["holds_open"]:
            wrong.append("a hold is open")
        if tx.jobs.orders(open_only=True):
            wrong.append("an order is open")
        records = [r for job in jobs for r in tx.usage.records(job.id)]
        for job in jobs:
            wrong += [line for order, _ in tx.jobs.orders(job_id=job.id) for line in _metered(tx, platform, order)]
        wrong += _vouchers(tx, platform)
        paid_in = {
            tenant: total(
                [t.amount for t in tx.ledger.transfers(account_id=tenant_id(tenant, "CNY")) if not t.job_id], "CNY"
            )
            for tenant in TENANTS
        }
        has = {tenant: tx.ledger.balance(tenant_id(tenant, "CNY")).available for tenant in TENANTS}
    wrong += _oversubscribed(records)
    for tenant in TENANTS:
        bills = total([invoice_of(hub, job.id).payable for job in jobs if job.tenant == tenant], "CNY")
        if (paid_in[tenant] - bills).micro != has[tenant]:
            wrong.append(f"{tenant} did not pay what its invoices say")
    return wrong


def _history(tx: Transaction, job: Job) -> Iterator[str]:
    events = tx.jobs.events(job.id)
    if [e.sequence for e in events] != list(range(1, job.version + 1)):
        yield f"{job.key}: events have gaps"
    states = [JobState.SUBMITTED, *(e.after for e in events)]
    if any(b not in TRANSITIONS[a] for a, b in pairwise(states)) or states[-1] is not job.state:
        yield f"{job.key}: went {states} to {job.state}"
    if any(e.before is not a for e, a in zip(events, states, strict=False)):
        yield f"{job.key}: an event does not begin where the one before it ended"
    if job.state is JobState.SETTLED and tx.ledger.pending(job.id):
        yield f"{job.key}: settled with a hold"


def _usage(tx: Transaction, platform: Platform, job: Job) -> Iterator[str]:
    """The records of each attempt follow one another without a gap, none of them in the future."""
    records = tx.usage.records(job.id)
    for order in {r.order_id for r in records}:
        own = [r for r in records if r.order_id == order]
        if any(a.end != b.start for a, b in pairwise(own)) or own[-1].end > platform.clock.now():
            yield f"{order}: metered with a gap, twice, or in the future"


def _metered(tx: Transaction, platform: Platform, order: Order) -> Iterator[str]:
    """What the engine says of an order is what it was metered for."""
    (seen,) = platform.engine.observe([order.id])
    own = [r for r in tx.usage.records(order.job_id) if r.order_id == order.id]
    if not _ran(seen):
        if own:
            yield f"{order.id}: metered, and never ran"
        return
    if not own or (own[0].start, own[-1].end) != (seen.started, seen.ended):
        yield f"{order.id}: not metered from its start to its end"


def _ran(seen: Observation) -> bool:
    return seen.state is not OrderState.UNKNOWN and seen.started is not None and seen.started != seen.ended


def _oversubscribed(records: list[UsageRecord]) -> Iterator[str]:
    """At no instant did the programs of a pool have more accelerators than it has."""
    for pool, accelerators in POOLS.items():
        changes = sorted(
            change
            for r in records
            if r.pool_id == pool
            for change in ((r.end, -r.accelerators), (r.start, r.accelerators))
        )
        taken = 0
        for _, change in changes:
            taken += change
            if taken > accelerators:
                yield f"{pool} ran on {taken} of {accelerators}"


def _vouchers(tx: Transaction, platform: Platform) -> Iterator[str]:
    """Issued is what was redeemed and what is left; funds paid for what was redeemed."""
    for programme in platform.grid.programmes:
        left = sum(
            tx.ledger.balance(f"voucher:{v.id}").available for v in tx.ledger.vouchers(programme_id=programme.id)
        )
        issued = sum(v.face.micro for v in tx.ledger.vouchers(programme_id=programme.id))
        redeemed = tx.ledger.balance(f"redeemed:{programme.id}").posted
        paid = tx.ledger.balance(f"fund:{programme.id}:CNY").debits_posted
        assert tx.ledger.account(f"fund:{programme.id}:CNY").kind is AccountKind.FUND
        if issued != redeemed + left or paid != redeemed:
            yield f"{programme.id}: {issued} issued, {redeemed} redeemed, {left} left, {paid} paid"
