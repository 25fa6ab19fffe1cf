"""What must hold when a walk is over, however often it was interrupted: nothing lost or doubled, books that balance."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import pairwise

from sqlalchemy import Connection, text

from suanwang.adapters.store.sql import SqlStore
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money, total
from suanwang.domain.order import Observation, Order, Purpose
from suanwang.domain.price import Basis
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.settlement import invoice_of
from suanwang.service.tenants import check_ledger
from tests.simulation.crash.walk import FUNDED, PAID_IN
from tests.simulation.crash.world import FACE, Wish

CNY = "CNY"
Keys = Mapping[str, tuple[str, tuple[str, ...]]]
"""Name of a key -> its table and columns."""


def violations(hub: Hub, store: SqlStore, wanted: Mapping[str, Wish], starts: Counter[str], keys: Keys) -> list[str]:
    """Everything that is wrong. `starts`: how often the program of each order id really started."""
    with store.transaction() as tx:
        jobs = tx.jobs.find(limit=1_000_000)
        found = [*_jobs(jobs, wanted), *(line for job in jobs for line in _job(tx, hub, job, wanted, starts))]
        found += _vouchers(tx)
        known = {order.id for job in jobs for order, _ in tx.jobs.orders(job_id=job.id) if order.accelerators == 0}
    known |= {f"{job.id}.{n}" for job in jobs for n in range(1, job.attempt + 1)}
    found += [f"{order} started {times} times" for order, times in starts.items() if times > 1]
    found += [f"{order} started, and nobody ordered it" for order in starts if order not in known]
    found += _money(hub, jobs)
    with store.engine.connect() as connection:
        found += _database(connection, keys)
    return found


def _jobs(jobs: list[Job], wanted: Mapping[str, Wish]) -> Iterator[str]:
    count = Counter(job.key for job in jobs)
    for key in wanted:
        if count[key] != 1:
            yield f"{key} is there {count[key]} times"


def _job(tx: Transaction, hub: Hub, job: Job, wanted: Mapping[str, Wish], starts: Counter[str]) -> Iterator[str]:
    wish = wanted[job.key]
    if (job.state, job.outcome, job.reason) != (JobState.SETTLED, wish.outcome, wish.reason):
        yield f"{job.key}: {job.state}, {job.outcome} because of {job.reason}"
    events = tx.jobs.events(job.id)
    ends = [e.after for e in events[-1:]]
    if [e.sequence for e in events] != list(range(1, job.version + 1)) or ends != [job.state]:
        yield f"{job.key}: its events have gaps or repeats"
    if any(a.after is not b.before for a, b in pairwise(events)):
        yield f"{job.key}: an event does not begin where the one before it ended"
    if tx.ledger.pending(job.id):
        yield f"{job.key}: a hold is neither posted nor voided"
    found = tx.jobs.orders(job_id=job.id)
    orders = [(order, seen) for order, seen in found if order.purpose is Purpose.RUN]
    if len(orders) != wish.attempts or job.attempt != wish.attempts:
        yield f"{job.key}: {len(orders)} orders, attempt {job.attempt}"
    began = [starts[order.id] for order, _ in orders]
    if sum(began) != wish.starts or max(began, default=0) > 1:
        yield f"{job.key}: its orders started {began} times"
    if {o.id for o, _ in tx.jobs.orders(open_only=True)} & {o.id for o, _ in found}:
        yield f"{job.key}: an order is still open"
    for order, _ in orders:
        (seen,) = hub.engine(order.pool_id).observe([order.id])
        yield from usage(tx, job, order, seen)
    yield from _charges(tx, hub, job)


def usage(tx: Transaction, job: Job, order: Order, seen: Observation) -> Iterator[str]:
    """The records of an order tile what the engine says of it: no gap, no overlap, nothing before or after."""
    records = [r for r in tx.usage.records(job.id) if r.order_id == order.id]
    if seen.started is None or seen.started == seen.ended:
        if records:
            yield f"{order.id} is metered, and never ran"
        return
    edges = [edge for r in records for edge in (r.start, r.end)]
    if seen.ended is None and not edges:
        return  # lost before anybody had seen it run
    if not edges or (edges[0], edges[-1]) != (seen.started, seen.ended or edges[-1]):
        yield f"{order.id} is not metered from its start to its end"
    if any(a.end != b.start for a, b in pairwise(records)):
        yield f"{order.id} is metered with gaps or twice"


def _charges(tx: Transaction, hub: Hub, job: Job) -> Iterator[str]:
    """Each record is charged once for each price of the book, the job once for each data set that moves."""
    made = Counter((c.usage_id, c.basis) for c in tx.usage.charges(job.id) if c.basis is not Basis.DATA_GB)
    due = Counter((r.id, b) for r in tx.usage.records(job.id) for b in (Basis.ACCELERATOR_HOUR, Basis.KWH))
    if made != due:
        yield f"{job.key}: charged {sum(made.values())} times for {sum(due.values())} uses"
    data = sum(c.basis is Basis.DATA_GB for c in tx.usage.charges(job.id))
    moved = [each for each in job.workload.data if job.placement and each.at != job.placement.option.site_id]
    if data != (len(moved) if due else 0):
        yield f"{job.key}: its data is charged {data} times"


def _vouchers(tx: Transaction) -> Iterator[str]:
    left = [tx.ledger.balance(f"voucher:{v.id}") for v in tx.ledger.vouchers()]
    if len(left) != 1:
        yield f"{len(left)} vouchers instead of one"
    issued, used = -tx.ledger.balance("issued:help").posted, tx.ledger.balance("redeemed:help").posted
    if issued != FACE.micro or issued != used + sum(b.available for b in left):
        yield f"vouchers: {issued} issued, {used} redeemed, {sum(b.available for b in left)} left"


def _money(hub: Hub, jobs: list[Job]) -> Iterator[str]:
    """The books balance, and what each party has is what the invoices say."""
    report = check_ledger(hub)
    yield from (f"{unit} sums to {n}" for unit, n in report.counts.items() if unit.startswith("sum_micro") and n)
    if report.counts["holds_open"]:
        yield f"{report.counts['holds_open']} holds are open"
    has = {b.account_id: Money(b.available, b.unit) for b in report.balances}
    bills = [invoice_of(hub, job.id) for job in jobs]
    paid, by_voucher = total([b.payable for b in bills], CNY), total([b.by_voucher for b in bills], CNY)
    sites = total([b.by_money + b.by_voucher for b in bills], CNY)
    for account, expected in {
        f"tenant:me:{CNY}": PAID_IN - paid,
        f"fund:help:{CNY}": FUNDED - by_voucher,
        "redeemed:help": Money(by_voucher.micro, "VCH:help"),
    }.items():
        if has[account] != expected:
            yield f"{account} has {has[account]}, the invoices say {expected}"
    if total([m for a, m in has.items() if a.startswith("site:")], CNY) != sites:
        yield f"the sites do not have {sites}"


def _database(connection: Connection, keys: Keys) -> Iterator[str]:
    if connection.dialect.name == "sqlite":
        for check in ("integrity_check", "foreign_key_check"):
            rows = connection.execute(text(f"PRAGMA {check}")).scalars().all()
            if rows not in (["ok"], []):
                yield f"{check}: {rows}"
    for name, (table, columns) in keys.items():
        these = ", ".join(columns)
        not_null = " AND ".join(f"{column} IS NOT NULL" for column in columns)
        doubles = f"SELECT count(*) FROM {table} WHERE {not_null} GROUP BY {these} HAVING count(*) > 1"
        if connection.execute(text(doubles)).first() is not None:
            yield f"two rows of {table} have the same {these} ({name})"
