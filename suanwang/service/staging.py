"""Bringing a job's data to its site before it starts, and taking its outputs away when it has succeeded.

Either is an order like any other, of no accelerators, to the engine of the job's pool: its program is `suanwang data`
in the job's own folder there. So it starts once, survives crashes of hub, agent and engine, and costs no compute. Data
is sent for when the job is paid for, to be there by its planned start; until it is, the job waits. An order that fails
is repeated (it takes up where it was); when the last one has failed the job fails, or keeps its outputs at the site.
"""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from suanwang.domain.job import Job, JobState
from suanwang.domain.order import Ability, EndCause, Observation, Order, Purpose
from suanwang.domain.reason import Reason
from suanwang.errors import Message, NotFound, msg
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.moves import move

TRIES = 3
"""Orders for the same files; each repeats a transfer that breaks off by itself."""
LIMIT = timedelta(hours=24)
"""Grid time of one order."""
PROGRAM = ("suanwang", "data")


def able(hub: Hub, pool_id: str) -> bool:
    """Whether the pool's engine keeps a folder of the job's that data can be brought to."""
    try:
        lacks = hub.engine(pool_id).lacks()
    except NotFound:
        return False
    return Ability.DATA not in lacks and Ability.PROGRAMS not in lacks


def bring(hub: Hub, tx: Transaction, job: Job, now: datetime) -> None:
    """Write the order for the data that the grid is told where from, if there is any; the next tick sends it."""
    files = [("--file", data.name, data.uri, data.sha256) for data in job.workload.brought]
    if files:
        _add(hub, tx, job, Purpose.BRING, [word for file in files for word in file], now)


def take(hub: Hub, tx: Transaction, job: Job, now: datetime) -> None:
    """Write the order for the outputs of a job that has succeeded, if there are any."""
    files = [("--file", output.path, output.uri) for output in job.workload.outputs]
    if files:
        _add(hub, tx, job, Purpose.TAKE, [word for file in files for word in file], now)


def taking(tx: Transaction, job: Job) -> bool:
    """Whether outputs of the job are still on their way."""
    return bool(job.workload.outputs) and any(
        order.purpose is Purpose.TAKE for order, _ in tx.jobs.orders(open_only=True, job_id=job.id)
    )


def staged(tx: Transaction, job: Job, order: Order, observation: Observation, now: datetime) -> None:
    """What the end of such an order means: closed, and where it failed repeated, or the job told."""
    tx.jobs.close_order(order.id)
    failed = observation.cause is not EndCause.EXITED or observation.exit_code != 0
    if not failed or observation.cause is EndCause.CANCELLED or not _wanted(job, order.purpose):
        return
    before = [o for o, _ in tx.jobs.orders(job_id=job.id) if (o.purpose, o.pool_id) == (order.purpose, order.pool_id)]
    if observation.cause is not EndCause.REFUSED and len(before) < TRIES:
        tx.jobs.add_order(_again(tx, order), now)
        return
    give_up(tx, job, order, _why(observation), now)


def give_up(tx: Transaction, job: Job, order: Order, why: Message, now: datetime) -> None:
    """Without its data a job fails; without its place an output stays where it is, and the job is told."""
    if not _wanted(job, order.purpose):
        return
    if order.purpose is Purpose.BRING:
        move(tx.jobs, job, JobState.FAILED, now, Reason.DATA_NOT_BROUGHT, why)
    else:
        tx.jobs.note(replace(job, reason=Reason.OUTPUT_NOT_TAKEN, detail=why))


def wanted(tx: Transaction, order: Order) -> bool:
    """Whether the job still waits for what the order is to move."""
    return _wanted(tx.jobs.get(order.job_id), order.purpose)


def _wanted(job: Job, purpose: Purpose) -> bool:
    waits = (JobState.HELD, JobState.PREEMPTED) if purpose is Purpose.BRING else (JobState.SUCCEEDED,)
    return job.state in waits and not job.cancel_requested


def _add(hub: Hub, tx: Transaction, job: Job, purpose: Purpose, files: list[str], now: datetime) -> None:
    assert job.placement is not None
    program, pool = job.workload.program, hub.grid.pool(job.placement.option.pool_id)
    number = _next(tx, job.id)
    order = Order(
        id=f"{job.id}.{purpose.value}{number}",
        job_id=job.id,
        attempt=-number,
        fence=job.attempt,
        pool_id=pool.id,
        queue=pool.queue,
        accelerators=0,
        command=(*PROGRAM, purpose.value, "--json", *files),
        time_limit_s=LIMIT.total_seconds(),
        environment=program.environment if program else {},
        state_key=job.id,
        purpose=purpose,
    )
    tx.jobs.add_order(order, now)


def _again(tx: Transaction, order: Order) -> Order:
    number = _next(tx, order.job_id)
    return replace(order, id=f"{order.job_id}.{order.purpose.value}{number}", attempt=-number)


def _next(tx: Transaction, job_id: str) -> int:
    return 1 + sum(order.purpose is not Purpose.RUN for order, _ in tx.jobs.orders(job_id=job_id))


def _why(observation: Observation) -> Message:
    """In the program's own words, which are the last line of its log; else the engine's."""
    with suppress(ValueError, TypeError, KeyError):
        return msg("{why}", why=str(json.loads(observation.progress)["error"]))
    if observation.detail is not None:
        return observation.detail
    if observation.exit_code is not None:
        return msg("`suanwang data` ended with exit code {code} at the site.", code=observation.exit_code)
    return msg("The engine lost the order {order}.", order=observation.order_id)
