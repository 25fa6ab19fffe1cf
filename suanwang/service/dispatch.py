"""Steps 4 to 6 of a tick: the snapshot, the cycle's decisions, and the orders that go out.

The intent to dispatch is stored with the job's move before the engine hears of it; the order's id is the name that
the engine knows it by. So a crash at any point ends in one start: the next tick finds the open order, and asks.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.order import Capacity, Order, Purpose
from suanwang.domain.reason import Reason
from suanwang.errors import Never, NotFound, NotNow
from suanwang.ports import Transaction
from suanwang.schedule.decisions import Admitted, Decisions
from suanwang.schedule.history import History, Run
from suanwang.schedule.policy import Policy, Remembers, Sharing
from suanwang.schedule.snapshot import NOTHING, Active, Had, PoolState, Snapshot, Waiting, scaling_of
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.service.staging import give_up

WAITING = (JobState.HELD, JobState.PREEMPTED)
REMEMBERED = timedelta(days=28)
"""How far back fair share and predictions look: four of the usual half-lives, after which a sixteenth is left."""


def snapshot(hub: Hub, now: datetime, unreachable: frozenset[str], policy: Policy, before: datetime | None) -> Snapshot:
    """What the cycle decides on: each pool as its engine says it is, the jobs that wait, the jobs that are active.

    What earlier attempts have had is looked up for a policy that shares, and what has ended for one that remembers.
    """
    with hub.store.transaction() as tx:
        waiting = tx.jobs.find(states=WAITING, limit=1_000_000)
        active = tx.jobs.find(states=tuple(ACTIVE), limit=1_000_000)
        again = [job for job in (*waiting, *active) if job.attempt > (0 if job.state in WAITING else 1)]
        had = {job.id: _had(tx, job) for job in again} if isinstance(policy, Sharing) else {}
        open_orders = [order for order, _ in tx.jobs.orders(open_only=True)]
        history = _history(tx, now) if isinstance(policy, Remembers) else History()
    sizes = {o.job_id: o.accelerators for o in open_orders if o.purpose is Purpose.RUN}
    without_data = {o.job_id for o in open_orders if o.purpose is Purpose.BRING}
    pools = []
    for pool in hub.grid.pools:
        capacity = _capacity(hub, pool.id, pool.id in unreachable)
        pools.append(PoolState.of(pool, hub.grid.site(pool.site_id), capacity))
    return Snapshot(
        now=now,
        pools=tuple(pools),
        waiting=tuple(
            Waiting.of(job, had.get(job.id, NOTHING), data_there=job.id not in without_data, now=now) for job in waiting
        ),
        active=tuple(Active.of(job, had.get(job.id, NOTHING), sizes.get(job.id), now=now) for job in active),
        entitlements=hub.grid.entitlements,
        history=history,
        before=before,
    )


def _had(tx: Transaction, job: Job) -> Had:
    """What the attempts before the present one have had, as metered."""
    present = f"{job.id}.{job.attempt}" if job.state in ACTIVE else ""
    scaling, quoted = scaling_of(job), job.placement.option.accelerators if job.placement else 1
    seconds = accelerator_s = done_s = 0.0
    for record in tx.usage.records(job.id):
        if record.order_id != present:
            ran_s = (record.end - record.start).total_seconds()
            seconds += ran_s
            accelerator_s += ran_s * record.accelerators
            done_s += ran_s * (scaling.speed(record.accelerators, quoted) if scaling else 1.0)
    return Had(seconds=seconds, accelerator_s=accelerator_s, done_s=done_s)


def _history(tx: Transaction, now: datetime) -> History:
    """The metered use of the last weeks; a job's run time is known when nothing of it is active."""
    active = {job.id for job in tx.jobs.find(states=tuple(ACTIVE), limit=1_000_000)}
    records = sorted(tx.usage.between(now - REMEMBERED, now), key=lambda r: (r.end, r.id))
    records = [r for r in records if r.job_id not in active]
    last = {record.job_id: record.id for record in records}
    ran: dict[str, float] = {}
    runs = []
    for record in records:
        ran[record.job_id] = ran.get(record.job_id, 0.0) + (record.end - record.start).total_seconds()
        runs.append(
            Run(
                tenant=record.tenant,
                user=record.tenant,
                accelerators=record.accelerators,
                start=record.start,
                end=record.end,
                complete=last[record.job_id] == record.id,
                job_s=ran[record.job_id],
            )
        )
    return History(runs)


def _capacity(hub: Hub, pool_id: str, unreachable: bool) -> Capacity:
    """What the engine says it has; a pool that does not answer, or that this hub does not drive, has nothing."""
    if pool_id in hub.engines and not unreachable:
        try:
            return hub.engine(pool_id).capacity(pool_id)
        except NotNow:
            pass
    return Capacity(pool_id=pool_id, accelerators=0, free=0, healthy=False)


def admit(hub: Hub, state: Snapshot, decisions: Decisions, now: datetime) -> list[Order]:
    """Store what was decided on the snapshot: an admitted job goes to queued with its order, a waiting one keeps its
    reason."""
    orders: list[Order] = []
    for admitted in decisions.admitted:
        with hub.store.transaction() as tx:
            job = tx.jobs.get(admitted.job_id)
            if job.state in WAITING:
                orders.append(_admit(hub, tx, job, now, admitted))
    noted = {job.job_id: job.noted for job in state.waiting}
    for waiting in decisions.waiting:
        if noted[waiting.job_id] == (waiting.reason, waiting.detail):
            continue
        with hub.store.transaction() as tx:
            job = tx.jobs.get(waiting.job_id)
            if job.state in WAITING and (job.reason, job.detail) != (waiting.reason, waiting.detail):
                tx.jobs.note(replace(job, reason=waiting.reason, detail=waiting.detail))
    return orders


def _admit(hub: Hub, tx: Transaction, job: Job, now: datetime, admitted: Admitted) -> Order:
    assert job.placement is not None
    assert job.workload.program is not None
    option = job.placement.option
    scaling, size = scaling_of(job), admitted.accelerators or option.accelerators
    speed = scaling.speed(size, option.accelerators) if scaling else 1.0
    attempt = job.attempt + 1
    order = Order(
        id=f"{job.id}.{attempt}",
        job_id=job.id,
        attempt=attempt,
        fence=attempt,
        pool_id=option.pool_id,
        queue=hub.grid.pool(option.pool_id).queue,
        accelerators=size,
        command=job.workload.program.command,
        time_limit_s=max((option.estimate.time_s.high - _had(tx, job).done_s) / speed, 1.0),
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
                if order.purpose is not Purpose.RUN:
                    give_up(tx, job, order, refusal.message, now)
                elif job.state in ACTIVE:
                    move(tx.jobs, job, JobState.FAILED, now, Reason.ENGINE_REFUSED, refusal.message)
                tx.jobs.close_order(order.id)
            continue
        taken += 1
    return taken
