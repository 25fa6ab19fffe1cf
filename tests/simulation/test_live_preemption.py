"""Preemption and resize, carried out by the hub: the attempt is asked to stop, the job waits, and goes on later."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import Course, SimulatedEngine
from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.entitlement import Entitlement, Entitlements
from suanwang.domain.job import Job, JobState
from suanwang.domain.order import Order
from suanwang.domain.reason import Reason
from suanwang.domain.site import Tenant
from suanwang.domain.tariff import Tariff
from suanwang.domain.workload import Batch, Checkpointing, Demand, Limits, Program, Workload, WorkloadKind
from suanwang.schedule.policies import find_policy
from suanwang.service.hub import Hub
from suanwang.service.settlement import invoice_of
from suanwang.service.submit import submit
from suanwang.service.tenants import open_accounts
from suanwang.service.tick import tick
from tests.small_grid import CARD, MONDAY, cny, grid, pool, site, tariff

FLAT = tariff({"flat": "0.5"}, {}, id="flat")


class Hall:
    """A hub with one pool of 8 accelerators."""

    def __init__(self, policy: str, *, quotas: Sequence[Entitlement] = (), power: Tariff = FLAT) -> None:
        self.clock = ManualClock(MONDAY)
        tenants = tuple(Tenant(id=name, name=name, credit_limit=cny("10000")) for name in ("me", "you"))
        plan = grid(
            [site("s", tariff=power)],
            [pool("p", "s", nodes=1)],
            tenants=tenants,
            entitlements=Entitlements(tuple(quotas)),
        )
        self.engine = SimulatedEngine({"p": 8}, self.clock, self._course)
        self.orders: list[Order] = []
        self.hub = Hub(
            store=MemoryStore(), clock=self.clock, grid=plan, engines={"p": self.engine}, accelerators={CARD.id: CARD}
        )
        self.policy = find_policy(policy)
        open_accounts(self.hub)

    def _course(self, order: Order) -> Course:
        """A program that has its checkpoints and that twice the accelerators make twice as fast."""
        seen = zip(self.orders, self.engine.observe([o.id for o in self.orders]), strict=True)
        done = sum(
            (was.ended - was.started).total_seconds() * o.accelerators
            for o, was in seen
            if o.job_id == order.job_id and was.started and was.ended
        )
        if order.id not in {o.id for o in self.orders}:
            self.orders.append(order)
        work = float(order.environment["SECONDS"]) * float(order.environment["ACCELERATORS"])
        return Course(duration_s=(work - done) / order.accelerators)

    def order(self, name: str, hours: float, count: int = 8, **changes: Any) -> str:
        tenant, least = changes.pop("tenant", "me"), changes.pop("least", None)
        workload = Workload(
            name=name,
            kind=WorkloadKind.BATCH,
            task=Batch(dtype="bf16", duration_s=hours * 3600, duration_accelerators=count),
            tenant=tenant,
            program=Program(command=("x",), environment={"SECONDS": str(hours * 3600), "ACCELERATORS": str(count)}),
            demand=Demand(count=count, least=least),
            preemptible=changes.pop("preemptible", True),
            checkpointing=changes.pop("checkpointing", Checkpointing(every_s=60, retries=0)),
            **changes,
        )
        return submit(self.hub, workload, name).id

    def run(self, minutes: int, step: int = 1) -> None:
        for _ in range(0, minutes, step):
            tick(self.hub, self.policy)
            tick(self.hub, self.policy)
            self.clock.advance(step * 60)

    def job(self, job_id: str) -> Job:
        with self.hub.store.transaction() as tx:
            return tx.jobs.get(job_id)

    def went(self, job_id: str) -> list[tuple[str, str | None]]:
        """The states that it came to, with their reasons."""
        with self.hub.store.transaction() as tx:
            return [(e.after.value, e.reason.value if e.reason else None) for e in tx.jobs.events(job_id)]


def test_a_job_that_has_had_much_makes_room_and_goes_on_later() -> None:
    hall = Hall("las(quantum=30min, first_h=1)")
    long = hall.order("long", 2)
    hall.run(40)
    assert hall.job(long).state is JobState.RUNNING
    short = hall.order("short", 0.25)
    hall.run(5)
    assert ("preempted", "Outranked") in hall.went(long)
    assert hall.job(short).state is JobState.RUNNING
    assert (hall.job(long).reason, hall.job(long).state) == (Reason.WAITING_FOR_CAPACITY, JobState.PREEMPTED)
    hall.run(300, step=5)
    states = [state for state, _ in hall.went(long)]
    assert states.count("preempted") == 1
    assert (hall.job(long).state, hall.job(long).outcome) == (JobState.SETTLED, JobState.SUCCEEDED)
    assert hall.job(short).outcome is JobState.SUCCEEDED
    assert hall.job(long).attempt == 2
    assert invoice_of(hall.hub, long).payable.micro > invoice_of(hall.hub, short).payable.micro


def test_a_job_that_may_not_be_stopped_is_left_alone() -> None:
    hall = Hall("las(quantum=30min, first_h=1)")
    long = hall.order("long", 2, preemptible=False)
    hall.run(40)
    short = hall.order("short", 0.25)
    hall.run(30)
    assert [state for state, _ in hall.went(long)][-1] == "running"
    assert hall.job(short).state is JobState.HELD


def test_an_owner_takes_back_what_was_borrowed() -> None:
    hall = Hall("quota", quotas=[Entitlement(id="me", quota=6), Entitlement(id="you", quota=2)])
    borrower = hall.order("borrows", 3, count=4, tenant="you")
    hall.run(10)
    assert hall.job(borrower).state is JobState.RUNNING
    owner = hall.order("owns", 1, count=6, tenant="me")
    hall.run(3)
    assert ("preempted", "Reclaimed") in hall.went(borrower)
    assert hall.job(owner).state is JobState.RUNNING
    hall.run(400, step=10)
    assert {hall.job(owner).outcome, hall.job(borrower).outcome} == {JobState.SUCCEEDED}


def test_a_job_shrinks_for_another_and_grows_again() -> None:
    hall = Hall("elastic(quantum=10min)")
    wide = hall.order("wide", 2, least=2)
    hall.run(20)
    other = hall.order("other", 1, count=4)
    hall.run(10)
    assert ("preempted", "Resized") in hall.went(wide)
    assert hall.job(other).state is JobState.RUNNING
    with hall.hub.store.transaction() as tx:
        sizes = [order.accelerators for order, _ in tx.jobs.orders(job_id=wide)]
    assert sizes == [8, 4]
    hall.run(500, step=10)
    with hall.hub.store.transaction() as tx:
        sizes = [order.accelerators for order, _ in tx.jobs.orders(job_id=wide)]
        assert tx.ledger.check()["holds_open"] == 0
    assert sizes[:3] == [8, 4, 8]
    assert {hall.job(wide).outcome, hall.job(other).outcome} == {JobState.SUCCEEDED}


def test_a_job_that_cannot_keep_its_deadline_is_refused_and_pays_nothing() -> None:
    hall = Hall("deadline")
    first = hall.order("first", 4)
    hall.run(5)
    late = hall.order("late", 1, limits=Limits(deadline=MONDAY + timedelta(hours=2)))
    hall.run(5)
    assert hall.job(first).state is JobState.RUNNING
    assert (hall.job(late).outcome, hall.job(late).reason) == (JobState.FAILED, Reason.MISSES_DEADLINE)
    assert invoice_of(hall.hub, late).payable.micro == 0


def test_stopping_is_asked_again_when_the_engine_did_not_hear() -> None:
    hall = Hall("las(quantum=30min, first_h=1)")
    long = hall.order("long", 2)
    hall.run(40)
    hall.order("short", 0.25)
    hall.engine.reachable = False
    hall.run(5)
    assert [state for state, _ in hall.went(long)][-1] == "running"
    hall.engine.reachable = True
    hall.run(5)
    assert ("preempted", "Outranked") in hall.went(long)


@pytest.mark.parametrize("policy", ["fair_share", "multifactor", "predicted_sjf", "drf", "conservative", "shift"])
def test_every_queueing_policy_admits_live(policy: str) -> None:
    hall = Hall(policy)
    names = [hall.order(f"job-{n}", 0.5, count=4, tenant=("me", "you")[n % 2]) for n in range(4)]
    hall.run(240, step=10)
    assert {hall.job(name).outcome for name in names} == {JobState.SUCCEEDED}


class Running(ManualClock):
    """A clock that goes on by a second whenever it is read, as a fast one does between two steps of a tick."""

    def now(self) -> datetime:
        self.advance(1)
        return super().now()


def test_no_move_is_dated_before_the_one_that_led_to_it() -> None:
    hall = Hall("easy")
    hall.hub = replace(hall.hub, clock=Running(MONDAY))
    long = hall.order("long", 0.2)
    for _ in range(400):
        tick(hall.hub, hall.policy)
        hall.clock.advance(max(0.0, (hall.hub.clock.now() - hall.clock.now()).total_seconds()))
    assert hall.job(long).state is JobState.SETTLED
    with hall.hub.store.transaction() as tx:
        dates = [event.at for event in tx.jobs.events(long)]
    assert dates == sorted(dates)
