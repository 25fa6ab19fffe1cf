"""What the ledger says of a site, by month since the decision."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money
from suanwang.domain.order import Order
from suanwang.domain.price import Basis, Charge
from suanwang.domain.usage import Source, UsageRecord
from suanwang.domain.workload import Batch, Workload, WorkloadKind
from suanwang.errors import InvalidInput
from suanwang.service.studies import metered
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
    new = {"tenant": "acme", "workload": workload, "state": JobState.SUBMITTED, "version": 0}
    job = Job(id="j1", key="k", created=DECISION, updated=DECISION, **new)  # type: ignore[arg-type]
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
