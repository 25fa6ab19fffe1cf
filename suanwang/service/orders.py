"""Planning of new jobs within a tick: estimate, place, hold; each move stored with what led to it.

A job that no pool can have, or that the tenant's account cannot hold, ends here with its reason; nothing was moved.
"""

from datetime import datetime, timedelta

from suanwang.domain.job import Job, JobState
from suanwang.domain.placement import Refused
from suanwang.domain.reason import Reason
from suanwang.errors import Conflict, Never, SuanwangError
from suanwang.place.place import place
from suanwang.service.budgets import reserve_budgets
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.service.outages import grid_with_outages
from suanwang.service.planning import estimate_all, occupancy_of
from suanwang.service.redemptions import redemptions_for
from suanwang.service.staging import able, bring
from suanwang.service.waits import queues_of
from suanwang.settle import hold, money_of, release

HOLD_GRACE = timedelta(hours=24)
"""How long after its planned start a job may wait before its hold is given back."""


def plan_new(hub: Hub, now: datetime) -> int:
    """Take every new job through estimated, placed and held; how many were moved."""
    planned = 0
    steps = {JobState.SUBMITTED: _estimate, JobState.ESTIMATED: _place, JobState.PLACED: _hold}
    for state, step in steps.items():
        with hub.store.transaction() as tx:
            jobs = tx.jobs.find(states=(state,), limit=1_000_000)
        for job in jobs:
            try:
                step(hub, job, now)
            except Conflict:  # another hub, or a cancel, has moved it since it was read
                continue
            planned += 1
    _expire(hub, now)
    return planned


def _estimate(hub: Hub, job: Job, now: datetime) -> None:
    estimates, rejections = estimate_all(hub, job.workload, to_run=True)
    with hub.store.transaction() as tx:
        move(tx.jobs, job, JobState.ESTIMATED, now, estimates=estimates, rejections=rejections)


def _place(hub: Hub, job: Job, now: datetime) -> None:
    grid = grid_with_outages(hub, now)
    with hub.store.transaction() as tx:
        occupancy, queues = occupancy_of(tx, now, grid), queues_of(tx, now, hub.grid)
        decision = place(job.workload, hub.grid, job.estimates, job.rejections, now, occupancy, waits=queues.wait)
        if isinstance(decision, Refused):
            first = decision.rejections[0]
            move(tx.jobs, job, JobState.FAILED, now, first.reason, first.detail, rejections=decision.rejections)
            return
        move(tx.jobs, job, JobState.PLACED, now, rejections=decision.rejections, placement=decision)


def _hold(hub: Hub, job: Job, now: datetime) -> None:
    """Pending transfers for the high end of the quote: vouchers first, then money. All of them, or the job fails."""
    assert job.placement is not None
    option = job.placement.option
    brings = able(hub, option.pool_id)
    try:
        with hub.store.transaction() as tx:
            redemptions = redemptions_for(hub, tx, job, option, now)
            tx.usage.seal(hub.grid.price_book_of(hub.grid.pool(option.pool_id), option.start))
            expires = max(option.start, now) + HOLD_GRACE
            held = hold(job, redemptions, at=now, expires=expires)
            tx.ledger.post(held)
            reserve_budgets(hub, tx, job, option, money_of(held, option.billed_high.unit), expires)
            job = move(tx.jobs, job, JobState.HELD, now, redemptions=redemptions)
            if brings:
                bring(hub, tx, job, now)
    except (Conflict, Never) as refusal:
        if refusal.code in ("lost-race", "period-closed"):
            raise
        with hub.store.transaction() as tx:
            move(tx.jobs, job, JobState.FAILED, now, _reason(refusal), refusal.message)


def _reason(refusal: SuanwangError) -> Reason:
    match refusal.code:
        case "insufficient-balance":
            return Reason.INSUFFICIENT_BALANCE
        case "budget-exhausted":
            return Reason.BUDGET_EXHAUSTED
        case "quota-exhausted":
            return Reason.QUOTA_EXHAUSTED
        case "missing-figure":
            return Reason.MISSING_FIGURE
        case _:
            return Reason.HOLD_REFUSED


def _expire(hub: Hub, now: datetime) -> None:
    """Give back the holds of jobs that did not start in time."""
    with hub.store.transaction() as tx:
        for job in tx.jobs.find(states=(JobState.HELD,), limit=1_000_000):
            pending = tx.ledger.pending(job.id)
            if any(t.expires is not None and t.expires <= now for t in pending):
                tx.ledger.post(release(pending, at=now))
                move(tx.jobs, job, JobState.CANCELLED, now, Reason.HOLD_EXPIRED)
