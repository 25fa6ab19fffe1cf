"""Re-planning of what waits: a held job is moved to a better place or hour only where that pays.

What runs stays. Each waiting job is placed again by the code that placed it first, given where all others are, until
none gets cheaper by more than `GAIN` of its cost, or begins by `SOONER` earlier at no more cost: each move lowers the
cost of all, or leaves it and lowers the starts, and made again it moves nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money
from suanwang.domain.placement import Occupancy, Option, Placement
from suanwang.errors import Conflict, Never, msg
from suanwang.place.board import Board, promises_of
from suanwang.place.offer import Request, offers
from suanwang.place.outlook import Outlooks, to_us
from suanwang.place.paused import again
from suanwang.place.place import place
from suanwang.place.rolling import GAIN
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.moves import move
from suanwang.service.orders import HOLD_GRACE
from suanwang.service.outages import grid_with_outages
from suanwang.service.planning import estimate_all, learned_of, occupancy_of
from suanwang.service.redemptions import redemptions_for
from suanwang.settle import hold, release

ROUNDS_MAX = 10
HORIZON = timedelta(hours=168)
HOUR = timedelta(hours=1)
SOONER = timedelta(minutes=10)
"""By how much a start must be earlier for a move that saves nothing: a node is back, or others ended early."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A waiting job that another place or hour suits better: what staying costs now, what it would, and the option."""

    job_id: str
    workload: str
    stays: Option
    placement: Placement

    @property
    def saved(self) -> Money:
        return self.stays.total - self.placement.option.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A move as a reader has it: from which option to which, what that saves, and whether it was `made`."""

    job_id: str
    workload: str
    stays: Option
    goes: Option
    saved: Money
    made: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveList:
    """The moves that pay, in the order they were found."""

    moves: tuple[Told, ...]


def replan(hub: Hub, *, make: bool) -> MoveList:
    """Find the moves that pay, and `make` them where that is asked for."""
    return MoveList(
        moves=tuple(
            Told(
                job_id=found.job_id,
                workload=found.workload,
                stays=found.stays,
                goes=found.placement.option,
                saved=found.saved,
                made=make and apply(hub, found),
            )
            for found in replan_waiting(hub)
        )
    )


def replan_waiting(hub: Hub) -> list[Move]:
    """The moves that pay, of all jobs that wait for a start that is still to come. Nothing is changed."""
    now = hub.clock.now()
    grid = grid_with_outages(hub, now)
    with hub.store.transaction() as tx:
        found = tx.jobs.find(states=(JobState.HELD,), limit=1_000_000)
        held = [job for job in found if not job.workload.brought]  # data that is on its way stays where it goes
        taken = occupancy_of(tx, now, grid, without=frozenset(job.id for job in held))
    jobs = {job.id: job for job in held if job.placement is not None}
    return _Replan(hub, jobs, taken, now).moves()


class _Replan:
    def __init__(self, hub: Hub, jobs: Mapping[str, Job], taken: Occupancy, now: datetime) -> None:
        self.hub, self.now, self.outlooks = hub, now, Outlooks(hub.grid)
        self.jobs = list(jobs.values())
        self.board = Board(taken)
        self.stays: list[Option] = []
        self.found: dict[int, Placement] = {}
        learned = learned_of(hub)
        self.estimated = [estimate_all(hub, job.workload, to_run=True, learned=learned) for job in self.jobs]
        for number, job in enumerate(self.jobs):
            assert job.placement is not None
            option = job.placement.option
            self.board.place(number, option.pool_id, promises_of(option))
            self.stays.append(self._as_it_costs_now(job, option))

    def moves(self) -> list[Move]:
        waiting = [i for i, option in enumerate(self.stays) if option.start > self.now]
        for _ in range(ROUNDS_MAX):
            if not sum(self._move(number) for number in waiting):
                break
        return [
            Move(job_id=job.id, workload=job.workload.name, stays=self.stays[i], placement=self.found[i])
            for i, job in enumerate(self.jobs)
            if i in self.found
        ]

    def _as_it_costs_now(self, job: Job, option: Option) -> Option:
        """The option where and when it stands, at the prices that are known now."""
        request = Request(
            workload=job.workload, grid=self.hub.grid, now=self.now, horizon=HORIZON, occupancy=Occupancy()
        )
        made = offers(request, [option.estimate], self.outlooks)[0] if option.start > self.now else []
        inside = [o for o in made if o.outlook.edges[0] <= to_us(option.start) <= o.last_us]
        if option.pauses and made:
            return again(made[0], option) or option
        return inside[0].option(to_us(option.start)) if inside else option

    def _move(self, number: int) -> bool:
        """Place a job anew; whether that saves enough to be worth it."""
        job = self.jobs[number]
        before = self.found[number].option if number in self.found else self.stays[number]
        self.board.take_back(number)
        estimates, rejections = self.estimated[number]
        decision = place(
            job.workload,
            self.hub.grid,
            estimates,
            rejections,
            self.now,
            self.board.occupancy,
            outlooks=self.outlooks,
        )
        better = isinstance(decision, Placement) and worth_moving(before, decision.option)
        if isinstance(decision, Placement) and better:
            self.found[number] = decision
            before = decision.option
        self.board.place(number, before.pool_id, promises_of(before))
        return better


def worth_moving(stays: Option, other: Option) -> bool:
    """Whether an option saves enough of what staying costs, or costs no more and begins enough sooner."""
    if other.billed_high > stays.billed_high:
        return False
    sooner = other.total <= stays.total and other.start <= stays.start - SOONER
    return sooner or other.total < stays.total.times(1 - Fraction(str(GAIN)))


def apply(hub: Hub, found: Move) -> bool:
    """Make a move: what was held is released and held anew, in one step. False where the job has moved on meanwhile,
    or a voucher pays for it and the move would leave the site that the voucher was found good for."""
    now = hub.clock.now()
    try:
        with hub.store.transaction() as tx:
            job = tx.jobs.get(found.job_id)
            if job.state is not JobState.HELD or job.cancel_requested or not _as_found(job, found):
                return False
            _hold_again(hub, tx, job, found, now)
    except (Conflict, Never):
        return False
    return True


def _as_found(job: Job, found: Move) -> bool:
    """Whether the job still stands where it stood when the move was found, and its vouchers allow the move."""
    if job.placement is None:
        return False
    stood = job.placement.option
    same_place = (stood.pool_id, stood.start) == (found.stays.pool_id, found.stays.start)
    same_site = stood.site_id == found.placement.option.site_id
    return same_place and (same_site or not any(r.amount for r in job.redemptions))


def _hold_again(hub: Hub, tx: Transaction, job: Job, found: Move, now: datetime) -> None:
    option = found.placement.option
    where = {"pool": option.pool_id, "start": option.start.isoformat()}
    if found.saved.micro:
        detail = msg("Re-planned: {pool} from {start} saves {amount}.", **where, amount=str(found.saved))
    else:
        sooner = f"{(found.stays.start - option.start) / HOUR:.1f}"
        detail = msg("Re-planned: {pool} from {start}, {hours} h sooner.", **where, hours=sooner)
    tx.usage.seal(hub.grid.price_book_of(hub.grid.pool(option.pool_id), option.start))
    tx.ledger.post(release(tx.ledger.pending(job.id), at=now))
    changes = {"placement": found.placement, "rejections": found.placement.rejections}
    placed = move(tx.jobs, job, JobState.PLACED, now, None, detail, replanned=job.replanned + 1, **changes)
    redemptions = redemptions_for(hub, tx, placed, option, now)
    tx.ledger.post(hold(placed, redemptions, at=now, expires=max(option.start, now) + HOLD_GRACE))
    move(tx.jobs, placed, JobState.HELD, now, redemptions=redemptions)
