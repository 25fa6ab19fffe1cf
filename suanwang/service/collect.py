"""Steps 2 and 3 of a tick: ask the engines what became of the orders, then meter, rate and move the jobs.

The engines are asked outside any transaction; what one order's news means is stored in one transaction, so that a
crash leaves either all of it or none, and the next tick hears the same news again.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.order import EndCause, Observation, Order, OrderState, Purpose
from suanwang.domain.price import Charge, PriceBook
from suanwang.domain.reason import Reason
from suanwang.domain.usage import UsageRecord
from suanwang.errors import Message, NotFound, NotNow, msg
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.service.preempt import times_stopped, was_stopped
from suanwang.service.rating import charges_for
from suanwang.service.staging import able, staged, take, wanted
from suanwang.settle import compute_rate, meter, rate_data


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """`unsent`: orders that the engine does not know and that were never seen there: they are to be submitted.
    `unreachable`: pools whose engine did not answer. `ended`: how many orders came to their end."""

    unsent: tuple[Order, ...]
    unreachable: frozenset[str]
    ended: int


def collect(hub: Hub) -> Seen:
    """Ask every engine for its open orders and store what changed."""
    with hub.store.transaction() as tx:
        waiting = tx.jobs.orders(open_only=True)
    by_pool: dict[str, list[tuple[Order, Observation | None]]] = defaultdict(list)
    for order, last in waiting:
        by_pool[order.pool_id].append((order, last))
    unsent: list[Order] = []
    unreachable: set[str] = set()
    ended = 0
    for pool_id, orders in by_pool.items():
        now = hub.clock.now()  # before asking: a run is never metered beyond what its engine has seen
        try:
            news = hub.engine(pool_id).observe([order.id for order, _ in orders])
        except (NotNow, NotFound):
            unreachable.add(pool_id)
            continue
        for (order, last), observation in zip(orders, news, strict=True):
            if observation.state is OrderState.UNKNOWN and last is None:
                unsent += _to_send(hub, order)
                continue
            ended += _record(hub, order, last, _lost_if_unknown(observation, last), now)
    return Seen(unsent=tuple(unsent), unreachable=frozenset(unreachable), ended=ended)


def _to_send(hub: Hub, order: Order) -> list[Order]:
    """The order, unless what it was to move is not waited for any more: it is closed then."""
    if order.purpose is Purpose.RUN:
        return [order]
    with hub.store.transaction() as tx:
        if wanted(tx, order):
            return [order]
        tx.jobs.close_order(order.id)
    return []


def _lost_if_unknown(observation: Observation, last: Observation | None) -> Observation:
    """An engine that has forgotten an order it knew has lost it: the order must not be sent a second time."""
    if observation.state is not OrderState.UNKNOWN or last is None:
        return observation
    return replace(last, state=OrderState.LOST, cause=EndCause.LOST)


def _record(hub: Hub, order: Order, last: Observation | None, observation: Observation, now: datetime) -> int:
    """Store one order's news with its usage, charges and the job's moves; 1 when the order has ended.

    Another hub may have closed the order since it was read; its job may be at its next attempt: no news then.
    """
    over = observation.state in (OrderState.ENDED, OrderState.LOST)
    keeps = over and able(hub, order.pool_id)
    with hub.store.transaction() as tx:
        if not _is_open(tx, order):
            return 0
        job = tx.jobs.get(order.job_id)
        changed = last is None or _news(last) != _news(observation)
        if changed:
            tx.jobs.observe(observation, now)
        if order.purpose is not Purpose.RUN:
            if over:
                staged(tx, job, order, observation, now)
            return int(over)
        if observation.started is not None and job.state is JobState.QUEUED:
            job = move(tx.jobs, job, JobState.RUNNING, now)
        _meter(hub, tx, job, order, observation, now if observation.seen is None else min(now, observation.seen))
        if over:
            if job.state in ACTIVE:
                stopped = times_stopped(tx, job.id) if job.attempt > 1 else 0
                after, reason, detail = _end(job, observation, stopped)
                job = move(tx.jobs, job, after, now, reason, detail)
                if keeps and after is JobState.SUCCEEDED:
                    take(hub, tx, job, now)
            tx.jobs.close_order(order.id)
    return int(over)


def _is_open(tx: Transaction, order: Order) -> bool:
    return any(found.id == order.id for found, _ in tx.jobs.orders(open_only=True, job_id=order.job_id))


def _news(observation: Observation) -> tuple[object, ...]:
    """What is worth a write: not the running counters."""
    return (observation.state, observation.started, observation.ended, observation.cause, observation.exit_code)


def _meter(hub: Hub, tx: Transaction, job: Job, order: Order, observation: Observation, now: datetime) -> None:
    if job.placement is None or observation.started is None:
        return
    pool = hub.grid.pool(order.pool_id)
    earlier = tx.usage.records(job.id)
    records = meter(
        order,
        observation,
        tenant=job.tenant,
        site=hub.grid.site(pool.site_id),
        pool=pool,
        estimate=job.placement.option.estimate,
        earlier=earlier,
        now=now,
        rate=compute_rate(pool.accelerator, job.workload.task.dtype, order.accelerators),
    )
    book = hub.grid.price_book_of(pool, job.placement.option.start)
    for record in records:
        first = not earlier and record is records[0]
        charges = charges_for(hub, tx, job, record, book)
        tx.usage.add(record, [*charges, *(_data(hub, job, record, book) if first else [])])


def _data(hub: Hub, job: Job, record: UsageRecord, book: PriceBook) -> list[Charge]:
    """What bringing the job's data to its site costs: charged once, with the first record of the job."""
    lines = [(data, hub.grid.link(data.at, record.site_id)) for data in job.workload.data]
    return [rate_data(record, data, link.price_per_gb, book) for data, link in lines if link and link.price_per_gb]


def _end(job: Job, observation: Observation, stopped: int) -> tuple[JobState, Reason | None, Message | None]:
    """What the end of an attempt means for its job, of which a policy has `stopped` so many attempts before."""
    code = observation.exit_code
    if was_stopped(job, observation):
        return JobState.PREEMPTED, job.reason, job.detail
    match observation.cause:
        case EndCause.EXITED if code == 0:
            return JobState.SUCCEEDED, None, None
        case EndCause.EXITED:
            return JobState.FAILED, Reason.EXIT_NONZERO, msg("The program ended with exit code {code}.", code=code)
        case EndCause.TIME_LIMIT:
            return JobState.FAILED, Reason.TIME_LIMIT, msg("The program was ended at its time limit.")
        case EndCause.REFUSED:
            return JobState.FAILED, Reason.ENGINE_REFUSED, observation.detail
        case EndCause.CANCELLED if job.cancel_requested:
            return JobState.CANCELLED, Reason.CANCELLED_BY_TENANT, None
        case EndCause.SIGNALLED:
            reason, detail = Reason.KILLED, msg("The program was ended by signal {signal}.", signal=_signal(code))
        case _:
            reason, detail = Reason.ENGINE_LOST, msg("The engine lost attempt {attempt}.", attempt=job.attempt)
    if job.cancel_requested:
        return JobState.CANCELLED, Reason.CANCELLED_BY_TENANT, detail
    resumable = job.workload.checkpointing is not None and job.attempt - stopped <= job.workload.checkpointing.retries
    return (JobState.PREEMPTED if resumable else JobState.FAILED), reason, detail


def _signal(exit_code: int | None) -> str:
    """The signal's number; engines report 128 + it, as shells do."""
    return "unknown" if exit_code is None else str(exit_code - 128 if exit_code > 128 else exit_code)


def cancel_asked(hub: Hub, now: datetime) -> None:
    """Act on the tenants' wishes: a job that has no order ends at once, one that has is ended at its engine."""
    with hub.store.transaction() as tx:
        asked = [j for j in tx.jobs.find(states=_CANCELLABLE, limit=1_000_000) if j.cancel_requested]
        for job in asked:
            if job.state not in ACTIVE:
                move(tx.jobs, job, JobState.CANCELLED, now, Reason.CANCELLED_BY_TENANT)
        orders = [o for j in asked for o, _ in tx.jobs.orders(open_only=True, job_id=j.id)]
    for order in orders:
        _cancel_order(hub, order, now)


def _cancel_order(hub: Hub, order: Order, now: datetime) -> None:
    try:
        engine = hub.engine(order.pool_id)
        engine.cancel(order.id)
        (observation,) = engine.observe([order.id])
    except (NotNow, NotFound):
        return
    if observation.state is not OrderState.UNKNOWN:
        return
    with hub.store.transaction() as tx:  # cancelled before it was sent: the engine will never start it
        if not _is_open(tx, order):
            return
        job = tx.jobs.get(order.job_id)
        if job.state in ACTIVE:
            move(tx.jobs, job, JobState.CANCELLED, now, Reason.CANCELLED_BY_TENANT)
        tx.jobs.close_order(order.id)


_CANCELLABLE: Sequence[JobState] = (
    JobState.SUBMITTED,
    JobState.ESTIMATED,
    JobState.PLACED,
    JobState.HELD,
    JobState.PREEMPTED,
    JobState.QUEUED,
    JobState.RUNNING,
)
