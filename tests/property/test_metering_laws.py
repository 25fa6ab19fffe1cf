"""Laws of metering: whatever the ticks, the pieces tile the run, repeat their ids, and add up."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.estimate import Band, Estimate, Layout
from suanwang.domain.order import EndCause, Observation, Order, OrderState
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.signal import Signal
from suanwang.domain.site import Pool, Site
from suanwang.domain.tariff import Tariff, TariffPeriod
from suanwang.domain.usage import Source, UsageRecord
from suanwang.settle.meter import meter

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
DAY_START = datetime(2026, 5, 1, tzinfo=UTC)
TEST = Provenance(source="test", confidence=Confidence.ESTIMATE)
ORDER = Order(
    id="o", job_id="j", attempt=1, fence=1, pool_id="p", queue="", accelerators=4, command=("x",), time_limit_s=1e9
)
SITE = Site(
    id="s",
    name="S",
    zone=ZoneInfo("Asia/Kolkata"),  # half an hour off the whole hours of UTC
    latitude=0,
    longitude=0,
    tariff=Tariff(
        id="t",
        name="t",
        currency="CNY",
        prices={"valley": Decimal("0.3"), "flat": Decimal("0.7")},
        periods=(TariffPeriod(name="valley", minutes=((0, 480),)),),
        provenance=TEST,
    ),
    pue=Signal.of("1", [(DAY_START, "1.3"), (DAY_START + timedelta(hours=7, minutes=13), "1.17")]),
    carbon_location=Signal.constant("kg/kWh", "0.55"),
)
POOL = Pool(
    id="p",
    site_id="s",
    accelerator=Accelerator(id="card", vendor="v", name="C", kind=AcceleratorKind.GPU, provenance=TEST),
    nodes=1,
    accelerators_per_node=4,
    engine="e",
    price_book_id="b",
)
ESTIMATE = Estimate(
    pool_id="p",
    accelerator_id="card",
    accelerators=4,
    layout=Layout(dp=4),
    time_s=Band(3600, 30000, 90000),
    flops=1e19,
    memory_bytes={},
    power_w_it=Band(1000, 2345.6, 3000),
    energy_kwh_it=Band(1, 10, 99),
    breakdown_s={},
    assumptions=(),
)
MICROSECONDS = st.integers(0, 12 * 3_600_000_000)


def at(microseconds: int) -> datetime:
    return DAY_START + timedelta(microseconds=microseconds)


def tick(observation: Observation, earlier: list[UsageRecord], now: datetime) -> list[UsageRecord]:
    return meter(ORDER, observation, tenant="acme", site=SITE, pool=POOL, estimate=ESTIMATE, earlier=earlier, now=now)


def run(start: int, length: int, ticks: list[int], energy: bool = False) -> list[UsageRecord]:
    """What ticks at those times record of a run, each seeing what an engine would report then; twice each."""
    started, ended = at(start), at(start + length)
    records: list[UsageRecord] = []
    for now in sorted(at(t) for t in (*ticks, start + length)):
        over = now >= ended
        so_far = max(0.0, (min(now, ended) - started) / timedelta(hours=1)) * 3.0
        observation = Observation(
            order_id="o",
            state=OrderState.ENDED if over else OrderState.RUNNING if now >= started else OrderState.PENDING,
            started=started if now >= started else None,
            ended=ended if over else None,
            cause=EndCause.EXITED if over else None,
            energy_kwh_it=so_far if energy and now >= started else None,
        )
        found = tick(observation, records, now)
        assert tick(observation, records, now) == found
        records += found
        assert tick(observation, records, now) == []
    return records


@QUICK
@given(MICROSECONDS, MICROSECONDS, st.lists(st.integers(0, 24 * 3_600_000_000), max_size=6))
def test_pieces_tile_the_run_whatever_the_ticks(start: int, length: int, ticks: list[int]) -> None:
    records = run(start, length, ticks)
    assert sum((r.end - r.start for r in records), timedelta()) == timedelta(microseconds=length)
    assert all(a.end == b.start for a, b in pairwise(records))
    if records:
        assert (records[0].start, records[-1].end) == (at(start), at(start + length))
    assert all(r.end - r.start <= timedelta(hours=1) for r in records)
    assert len({r.id for r in records}) == len(records)


@QUICK
@given(MICROSECONDS, MICROSECONDS, st.lists(st.integers(0, 24 * 3_600_000_000), max_size=6))
def test_every_sequence_of_ticks_makes_the_same_records(start: int, length: int, ticks: list[int]) -> None:
    assert run(start, length, ticks) == run(start, length, [])


@QUICK
@given(MICROSECONDS, st.integers(1, 12 * 3_600_000_000))
def test_records_add_up_to_the_run(start: int, length: int) -> None:
    records = run(start, length, [])
    hours = Fraction(length, 3_600_000_000)
    power_kw = Fraction("2.3456")
    assert sum(r.accelerator_hours for r in records) == 4 * hours
    assert sum(r.energy_kwh_it for r in records) == power_kw * hours
    assert sum(r.energy_kwh for r in records) == power_kw * SITE.pue.integral(at(start), at(start + length))
    assert all(type(r.power_cost_micro) is int and r.power_cost_micro >= 0 for r in records)
    assert sum(r.flops_delivered for r in records) <= ESTIMATE.flops * (1 + 1e-12)


@QUICK
@given(MICROSECONDS, st.integers(1, 12 * 3_600_000_000), st.lists(st.integers(0, 24 * 3_600_000_000), max_size=6))
def test_measured_energy_is_kept_whatever_the_ticks(start: int, length: int, ticks: list[int]) -> None:
    records = run(start, length, ticks, energy=True)
    total = Fraction(str(timedelta(microseconds=length) / timedelta(hours=1) * 3.0))
    assert abs(sum(r.energy_kwh_it for r in records) - total) < Fraction(1, 10**9)
    assert {r.energy_source for r in records} == {Source.MEASURED}
