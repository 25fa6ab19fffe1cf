"""Planning of new jobs within a tick: estimate, place, hold; each move stored with what led to it.

A job that no pool can have, or that the tenant's account cannot hold, ends here with its reason; nothing was moved.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from suanwang.domain.job import Job, JobState
from suanwang.domain.placement import Occupancy, Refused
from suanwang.domain.reason import Reason
from suanwang.errors import Conflict, Never, SuanwangError
from suanwang.estimate.feedback import Learned
from suanwang.place.outlook import Outlooks
from suanwang.place.place import place
from suanwang.service.budgets import reserve_budgets
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.service.outages import grid_with_outages
from suanwang.service.planning import estimate_all, occupancy_of, promised
from suanwang.service.redemptions import redemptions_for
from suanwang.service.staging import able, bring
from suanwang.service.waits import Queues, queues_of
from suanwang.settle import hold, money_of, release

Step = Callable[[Job], None]
MOST_A_TICK = 100
"""Jobs that one tick takes a step further: a flood of orders keeps those that run waiting for seconds at most."""
HOLD_GRACE = timedelta(hours=24)
"""How long after its planned start a job may wait before its hold is given back."""


def plan_new(hub: Hub, now: datetime) -> int:
    """Take new jobs, `MOST_A_TICK` in the order they came, through estimated, placed and held; how many were moved."""
    moved, planner = 0, _Planner(hub, now)
    steps: dict[JobState, Step] = {
        JobState.SUBMITTED: planner.estimate,
        JobState.ESTIMATED: planner.place,
        JobState.PLACED: lambda job: _hold(hub, job, now),
    }
    for state, step in steps.items():
        with hub.store.transaction() as tx:
            jobs = tx.jobs.find(states=(state,), limit=MOST_A_TICK)
        for job in jobs:
            try:
                step(job)
            except Conflict:  # another hub, or a cancel, has moved it since it was read
                continue
            moved += 1
    _expire(hub, now)
    return moved


@dataclass(frozen=True, slots=True)
class _View:
    """What is promised, how long the queues are and what the pools have learned."""

    occupancy: Occupancy
    queues: Queues
    learned: Learned


class _Planner:
    """Plans new jobs on what the grid is like: read once, when a job needs it, and kept as jobs are given their places.

    Another hub that plans at the same time may promise the same hours: jobs then start as accelerators come free.
    """

    def __init__(self, hub: Hub, now: datetime) -> None:
        self._hub, self._now = hub, now
        self._outlooks = Outlooks(hub.grid)
        self._view: _View | None = None

    def _read(self) -> _View:
        if self._view is None:
            grid = grid_with_outages(self._hub, self._now)
            with self._hub.store.transaction() as tx:
                occupancy, queues = occupancy_of(tx, self._now, grid), queues_of(tx, self._now, self._hub.grid)
                self._view = _View(occupancy, queues, tx.comparisons.latest())
        return self._view

    def estimate(self, job: Job) -> None:
        estimates, rejections = estimate_all(self._hub, job.workload, to_run=True, learned=self._read().learned)
        with self._hub.store.transaction() as tx:
            move(tx.jobs, job, JobState.ESTIMATED, self._now, estimates=estimates, rejections=rejections)

    def place(self, job: Job) -> None:
        view = self._read()
        decision = place(
            job.workload,
            self._hub.grid,
            job.estimates,
            job.rejections,
            self._now,
            view.occupancy,
            outlooks=self._outlooks,
            waits=view.queues.wait,
        )
        with self._hub.store.transaction() as tx:
            if isinstance(decision, Refused):
                first = decision.rejections[0]
                move(
                    tx.jobs, job, JobState.FAILED, self._now, first.reason, first.detail, rejections=decision.rejections
                )
                return
            move(tx.jobs, job, JobState.PLACED, self._now, rejections=decision.rejections, placement=decision)
        self._view = replace(view, occupancy=promised(view.occupancy, job, decision.option, self._now))


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
            if job.placement is not None and now < job.placement.option.start + HOLD_GRACE:
                continue  # its hold is for longer than that
            pending = tx.ledger.pending(job.id)
            if any(t.expires is not None and t.expires <= now for t in pending):
                tx.ledger.post(release(pending, at=now))
                move(tx.jobs, job, JobState.CANCELLED, now, Reason.HOLD_EXPIRED)
