"""Steps 4 to 6 of a tick: the snapshot, the cycle's decisions, and the orders that go out.

The intent to dispatch is stored with the job's move before the engine hears of it; the order's id is the name that
the engine knows it by. So a crash at any point ends in one start: the next tick finds the open order, and asks.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.order import Capacity, Order
from suanwang.domain.reason import Reason
from suanwang.errors import Never, NotFound, NotNow
from suanwang.ports import Transaction
from suanwang.schedule.cycle import Decisions
from suanwang.schedule.snapshot import Active, PoolState, Snapshot, Waiting
from suanwang.service.hub import Hub
from suanwang.service.moves import move

WAITING = (JobState.HELD, JobState.PREEMPTED)


def snapshot(hub: Hub, now: datetime, unreachable: frozenset[str]) -> Snapshot:
    """What the cycle decides on: each pool as its engine says it is, the jobs that wait, the jobs that are active."""
    with hub.store.transaction() as tx:
        waiting = tx.jobs.find(states=WAITING, limit=1_000_000)
        active = tx.jobs.find(states=tuple(ACTIVE), limit=1_000_000)
    pools = []
    for pool in hub.grid.pools:
        capacity = _capacity(hub, pool.id, pool.id in unreachable)
        pools.append(PoolState.of(pool, hub.grid.site(pool.site_id), capacity))
    return Snapshot(
        now=now,
        pools=tuple(pools),
        waiting=tuple(Waiting.of(job) for job in waiting),
        active=tuple(Active.of(job) for job in active),
    )


def _capacity(hub: Hub, pool_id: str, unreachable: bool) -> Capacity:
    """What the engine says it has; a pool that does not answer, or that this hub does not drive, has nothing."""
    if pool_id in hub.engines and not unreachable:
        try:
            return hub.engine(pool_id).capacity(pool_id)
        except NotNow:
            pass
    return Capacity(pool_id=pool_id, accelerators=0, free=0, healthy=False)


def admit(hub: Hub, decisions: Decisions, now: datetime) -> list[Order]:
    """Store the decisions: an admitted job goes to queued with its order, a waiting one keeps its reason."""
    orders: list[Order] = []
    for admitted in decisions.admitted:
        with hub.store.transaction() as tx:
            job = tx.jobs.get(admitted.job_id)
            if job.state in WAITING:
                orders.append(_admit(hub, tx, job, now))
    for waiting in decisions.waiting:
        with hub.store.transaction() as tx:
            job = tx.jobs.get(waiting.job_id)
            if job.state in WAITING and (job.reason, job.detail) != (waiting.reason, waiting.detail):
                tx.jobs.note(replace(job, reason=waiting.reason, detail=waiting.detail))
    return orders


def _admit(hub: Hub, tx: Transaction, job: Job, now: datetime) -> Order:
    assert job.placement is not None
    assert job.workload.program is not None
    option = job.placement.option
    used_s = sum((r.end - r.start).total_seconds() for r in tx.usage.records(job.id))
    attempt = job.attempt + 1
    order = Order(
        id=f"{job.id}.{attempt}",
        job_id=job.id,
        attempt=attempt,
        fence=attempt,
        pool_id=option.pool_id,
        queue=hub.grid.pool(option.pool_id).queue,
        accelerators=option.accelerators,
        command=job.workload.program.command,
        time_limit_s=max(option.estimate.time_s.high - used_s, 1.0),
        directory=job.workload.program.directory,
        environment=job.workload.program.environment,
        state_key=job.id,
    )
    move(tx.jobs, job, JobState.QUEUED, now, attempt=attempt)
    tx.jobs.add_order(order, now)
    return order


def dispatch(hub: Hub, orders: Iterable[Order], now: datetime) -> int:
    """Send orders to their engines; how many were taken. One that cannot be reached is sent again by the next tick."""
    taken = 0
    for order in orders:
        try:
            hub.engine(order.pool_id).submit(order)
        except (NotNow, NotFound):
            continue
        except Never as refusal:
            with hub.store.transaction() as tx:
                job = tx.jobs.get(order.job_id)
                if job.state in ACTIVE:
                    move(tx.jobs, job, JobState.FAILED, now, Reason.ENGINE_REFUSED, refusal.message)
                tx.jobs.close_order(order.id)
            continue
        taken += 1
    return taken
