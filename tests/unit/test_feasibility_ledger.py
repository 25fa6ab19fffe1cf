"""What the ledger says of a site, by month since the decision."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import Job, JobState
from suanwang.domain.ledger import Account, AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.order import Order
from suanwang.domain.price import Basis, Charge
from suanwang.domain.usage import Source, UsageRecord
from suanwang.domain.workload import Batch, Workload, WorkloadKind
from suanwang.errors import InvalidInput
from suanwang.service.actuals import metered
from suanwang.service.moves import move
from tests.small_plan import small_plan

DECISION = datetime(2026, 1, 1, tzinfo=UTC)


def record(id_: str, start_h: float, hours: float) -> UsageRecord:
    return UsageRecord(
        id=id_,
        order_id="o1",
        job_id="j1",
        tenant="acme",
        site_id="lf",
        pool_id="p",
        accelerator_id="a",
        accelerators=8,
        start=DECISION + timedelta(hours=start_h),
        end=DECISION + timedelta(hours=start_h + hours),
        source=Source.ENGINE_ACCOUNTING,
        energy_kwh_it=Fraction(1),
        energy_kwh=Fraction(1),
        energy_source=Source.MODELLED,
        power_cost_micro=10_000_000,
        carbon_kg_location=0.1,
        carbon_kg_market=None,
        flops_delivered=1e19,
        flops_source=Source.MODELLED,
    )


def charge(usage_id: str, amount: int) -> Charge:
    return Charge(
        id=f"c-{usage_id}",
        job_id="j1",
        usage_id=usage_id,
        basis=Basis.ACCELERATOR_HOUR,
        quantity=Fraction(1),
        unit_price=Money(amount, "CNY"),
        amount=Money(amount, "CNY"),
        book_id="b",
        book_version=1,
    )


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    workload = Workload(name="w", kind=WorkloadKind.BATCH, task=Batch(flops=1.0), tenant="acme")
    new: dict[str, Any] = {"tenant": "acme", "workload": workload, "state": JobState.SUBMITTED, "version": 0}
    job = Job(id="j1", key="k", created=DECISION, updated=DECISION, **new)
    order = Order(
        id="o1",
        job_id="j1",
        attempt=1,
        fence=1,
        pool_id="p",
        queue="",
        accelerators=8,
        command=("true",),
        time_limit_s=60.0,
    )
    with made.transaction() as tx:
        tx.jobs.add(job)
        tx.jobs.add_order(order, DECISION)
        tx.usage.add(record("u1", 0, 100), [charge("u1", 5_000_000)])
        tx.usage.add(record("u2", 720, 20), [charge("u2", 8_000_000)])
        tx.usage.add(record("u3", 800, 2), [])
    return made


def test_usage_and_charges_become_months(store: MemoryStore) -> None:
    """A month is 730 h: the second record lies half in each, the third was not charged."""
    first, second = metered(store, "lf", DECISION, small_plan())
    assert (first.hours, first.revenue, first.failed_hours, first.power_cost) == pytest.approx((880, 9, 0, 15))
    assert (second.hours, second.revenue, second.failed_hours, second.power_cost) == pytest.approx((96, 4, 16, 15))


def test_a_site_without_usage_is_named(store: MemoryStore) -> None:
    with pytest.raises(InvalidInput, match="no usage of elsewhere"):
        metered(store, "elsewhere", DECISION, small_plan())


def test_segments_are_told_by_their_tenants(store: MemoryStore) -> None:
    plan = small_plan()
    mine = replace(plan.segments[0], name="mine", tenants=("acme",))
    first, _ = metered(store, "lf", DECISION, replace(plan, segments=(mine,)))
    assert list(first.segments) == ["mine"]
    assert first.segments["mine"] == pytest.approx((880, 9))


def test_a_settled_job_earned_what_was_posted(store: MemoryStore) -> None:
    """Charged were 13; the fund of a programme paid 4 and the tenant 6: 3 were waived."""
    accounts = (
        Account(id="fund:p:CNY", kind=AccountKind.FUND, owner="p", unit="CNY", credit_limit_micro=100_000_000),
        Account(
            id="tenant:acme:CNY", kind=AccountKind.TENANT, owner="acme", unit="CNY", credit_limit_micro=100_000_000
        ),
        Account(id="site:lf:CNY", kind=AccountKind.SITE, owner="lf", unit="CNY"),
    )
    with store.transaction() as tx:
        for account in accounts:
            tx.ledger.open(account)
        for debit, amount in (("fund:p:CNY", 4_000_000), ("tenant:acme:CNY", 6_000_000)):
            held = Transfer(
                id=f"hold:{debit}",
                kind=TransferKind.PENDING,
                debit=debit,
                credit="site:lf:CNY",
                amount=Money(amount + 1, "CNY"),
                at=DECISION,
                memo="hold",
                job_id="j1",
            )
            posted = replace(
                held, id=f"post:{debit}", kind=TransferKind.POST, amount=Money(amount, "CNY"), pending_id=held.id
            )
            tx.ledger.post([held])
            tx.ledger.post([posted])
        for state in (JobState.CANCELLED, JobState.SETTLED):
            move(tx.jobs, tx.jobs.get("j1"), state, DECISION)
    months = metered(store, "lf", DECISION, small_plan())
    assert sum(month.revenue for month in months) == pytest.approx(10)
    assert sum(month.voucher_revenue for month in months) == pytest.approx(4)
    assert sum(month.failed_hours for month in months) == pytest.approx(16)
