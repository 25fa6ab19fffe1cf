"""Metering: pieces, energy, power cost, carbon and delivered operations against figures worked out by hand."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.estimate import Band, Estimate, Layout
from suanwang.domain.order import EndCause, Observation, Order, OrderState
from suanwang.domain.provenance import Confidence, MissingFigure, Provenance
from suanwang.domain.signal import Signal
from suanwang.domain.site import Pool, Site
from suanwang.domain.tariff import Tariff, TariffPeriod
from suanwang.domain.usage import Source, UsageRecord
from suanwang.settle.meter import integral_of_product, meter

TEST = Provenance(source="test", confidence=Confidence.ESTIMATE)
PEAK_8_TO_12 = TariffPeriod(name="peak", minutes=((8 * 60, 12 * 60),))
ORDER = Order(
    id="j1-1", job_id="j1", attempt=1, fence=1, pool_id="p", queue="", accelerators=8, command=("x",), time_limit_s=9e9
)
CARD = Accelerator(id="card", vendor="v", name="Card", kind=AcceleratorKind.NPU, provenance=TEST)
POOL = Pool(id="p", site_id="s", accelerator=CARD, nodes=1, accelerators_per_node=8, engine="e", price_book_id="b")
ESTIMATE = Estimate(
    pool_id="p",
    accelerator_id="card",
    accelerators=8,
    layout=Layout(dp=8),
    time_s=Band(3600, 7200, 14400),
    flops=7.2e18,
    memory_bytes={},
    power_w_it=Band(4000, 5000, 6000),
    energy_kwh_it=Band(1, 10, 30),
    breakdown_s={},
    assumptions=(),
)


def utc(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 5, day, hour, minute, second, tzinfo=UTC)


SITE = Site(
    id="s",
    name="S",
    zone=ZoneInfo("Asia/Shanghai"),
    latitude=0,
    longitude=0,
    tariff=Tariff(
        id="t",
        name="t",
        currency="CNY",
        prices={"peak": Decimal("1.0"), "flat": Decimal("0.4")},
        periods=(PEAK_8_TO_12,),
        provenance=TEST,
    ),
    pue=Signal.of("1", [(utc(1, 0), "1.25"), (utc(2, 0, 30), "1.5")]),
    carbon_location=Signal.constant("kg/kWh", "0.6"),
)
"""Peak 1.0, flat 0.4 CNY/kWh on the clock of Shanghai (UTC+8); PUE 1.25, from 00:30 UTC of the second day 1.5."""


def observed(
    started: datetime | None, ended: datetime | None = None, energy: float | None = None, lost: bool = False
) -> Observation:
    return Observation(
        order_id="j1-1",
        state=OrderState.LOST if lost else OrderState.ENDED if ended else OrderState.RUNNING,
        started=started,
        ended=ended,
        cause=EndCause.EXITED if ended else None,
        energy_kwh_it=energy,
        evidence={"slurm_job": "42"},
    )


def metered(
    observation: Observation,
    now: datetime,
    earlier: list[UsageRecord] | None = None,
    site: Site = SITE,
    order: Order = ORDER,
) -> list[UsageRecord]:
    return meter(
        order,
        observation,
        tenant="acme",
        site=site,
        pool=POOL,
        estimate=ESTIMATE,
        earlier=earlier or [],
        now=now,
    )


@pytest.mark.parametrize(
    ("observation", "now", "bounds"),
    [
        pytest.param(observed(None), utc(1, 9), [], id="never started"),
        pytest.param(observed(utc(1, 9, 10)), utc(1, 9, 59, 59), [], id="within the hour"),
        pytest.param(observed(utc(1, 9, 10)), utc(1, 10), [utc(1, 9, 10), utc(1, 10)], id="to the hour"),
        pytest.param(
            observed(utc(1, 9, 10)), utc(1, 11, 5), [utc(1, 9, 10), utc(1, 10), utc(1, 11)], id="two whole hours"
        ),
        pytest.param(
            observed(utc(1, 9, 10), utc(1, 9, 20)), utc(1, 9, 30), [utc(1, 9, 10), utc(1, 9, 20)], id="short run"
        ),
        pytest.param(
            observed(utc(1, 23, 30), utc(2, 0, 15)),
            utc(5, 0),
            [utc(1, 23, 30), utc(2, 0), utc(2, 0, 15)],
            id="over midnight",
        ),
        pytest.param(observed(utc(1, 9), utc(1, 9)), utc(1, 10), [], id="no time at all"),
        pytest.param(observed(utc(1, 9), lost=True), utc(1, 12), [], id="lost, end unknown"),
        pytest.param(
            observed(utc(1, 9), utc(1, 9, 30), lost=True), utc(1, 12), [utc(1, 9), utc(1, 9, 30)], id="lost, end known"
        ),
    ],
)
def test_pieces(observation: Observation, now: datetime, bounds: list[datetime]) -> None:
    assert [(r.start, r.end) for r in metered(observation, now)] == list(pairwise(bounds))


def test_continues_where_the_order_ended_and_repeats_its_ids() -> None:
    first = metered(observed(utc(1, 9, 10)), utc(1, 11))
    rest = metered(observed(utc(1, 9, 10), utc(1, 11, 30)), utc(1, 12), earlier=first)
    at_once = metered(observed(utc(1, 9, 10), utc(1, 11, 30)), utc(1, 12))
    assert [(r.start, r.end) for r in rest] == [(utc(1, 11), utc(1, 11, 30))]
    assert [r.id for r in first + rest] == [r.id for r in at_once]
    assert metered(observed(utc(1, 9, 10), utc(1, 11, 30)), utc(1, 13), earlier=first + rest) == []


def test_modelled_energy_cost_and_carbon_by_hand() -> None:
    # 5 kW at the IT equipment for 1 h from 00:00 UTC = 08:00 in Shanghai: peak, 1.0 CNY/kWh.
    # PUE 1.25 for the first half hour, 1.5 for the second: 5 x (0.5 x 1.25 + 0.5 x 1.5) = 6.875 kWh at the meter.
    [record] = metered(observed(utc(2, 0), utc(2, 1)), utc(2, 1))
    assert record.energy_kwh_it == 5
    assert record.energy_kwh == Fraction("6.875")
    assert record.power_cost_micro == 6_875_000
    assert record.carbon_kg_location == pytest.approx(4.125, abs=1e-12)
    assert record.carbon_kg_market is None
    assert (record.energy_source, record.source) == (Source.MODELLED, Source.ENGINE_ACCOUNTING)
    assert record.accelerator_hours == 8
    assert dict(record.evidence) == {"slurm_job": "42"}


def test_the_tariff_follows_the_clock_of_the_site() -> None:
    # 12:00 in Shanghai is 04:00 UTC: peak before, flat after. PUE is 1.5 by then.
    before, after = metered(observed(utc(2, 3, 30), utc(2, 4, 30)), utc(2, 5))
    assert before.power_cost_micro == 3_750_000  # 2.5 kWh x 1.5 x 1.0
    assert after.power_cost_micro == 1_500_000  # 2.5 kWh x 1.5 x 0.4


def test_market_based_carbon_where_a_contract_gives_it() -> None:
    green = replace(SITE, carbon_market=Signal.constant("kg/kWh", "0.1"))
    [record] = metered(observed(utc(1, 0), utc(1, 1)), utc(1, 1), site=green)
    assert record.carbon_kg_market == pytest.approx(0.625)  # 5 kWh x 1.25 x 0.1


def test_measured_energy_is_used_to_the_last_digit() -> None:
    running = metered(observed(utc(1, 9, 30), energy=4.0), utc(1, 10, 30))
    assert [r.energy_kwh_it for r in running] == [2]  # 4 kWh in the hour up to now, half of it before 10:00
    rest = metered(observed(utc(1, 9, 30), utc(1, 11, 30), energy=9.1), utc(1, 12), earlier=running)
    assert sum(r.energy_kwh_it for r in running + rest) == Fraction("9.1")
    assert {r.energy_source for r in running + rest} == {Source.MEASURED}


def test_a_sensor_below_what_was_metered_gives_no_negative_energy() -> None:
    modelled = metered(observed(utc(1, 9)), utc(1, 10))
    [record] = metered(observed(utc(1, 9), utc(1, 10, 30), energy=1.0), utc(1, 11), earlier=modelled)
    assert record.energy_kwh_it == 0


def test_delivered_operations_follow_the_estimate_and_stop_at_its_total() -> None:
    # 7.2e18 operations in 7200 s: 1e15 a second. The third hour delivers nothing beyond the whole workload.
    records = metered(observed(utc(1, 9), utc(1, 12)), utc(1, 12))
    assert [r.flops_delivered for r in records] == [3.6e18, 3.6e18, 0.0]
    assert {r.flops_source for r in records} == {Source.MODELLED}


def test_an_earlier_attempt_counts_for_delivered_operations_but_not_for_time() -> None:
    first = metered(observed(utc(1, 5), utc(1, 6)), utc(1, 6))
    second = replace(ORDER, id="j1-2", attempt=2, fence=2)
    again = metered(observed(utc(1, 5, 30), utc(1, 7, 30)), utc(1, 8), earlier=first, order=second)
    assert (again[0].start, again[-1].end) == (utc(1, 5, 30), utc(1, 7, 30))
    assert sum(r.flops_delivered for r in again) == 3.6e18
    assert {r.order_id for r in again} == {"j1-2"}


def test_a_missing_tariff_price_is_named_not_guessed() -> None:
    blank = replace(SITE, tariff=replace(SITE.tariff, prices={"flat": Decimal("0.4")}))
    with pytest.raises(MissingFigure, match="peak"):
        metered(observed(utc(2, 0), utc(2, 1)), utc(2, 1), site=blank)


def test_the_integral_of_a_product_is_exact_over_both_signals_steps() -> None:
    a = Signal.of("a", [(utc(1, 0), "1"), (utc(1, 0, 20), "3")])
    b = Signal.of("b", [(utc(1, 0), "2"), (utc(1, 0, 40), "0.5")])
    # 20 min of 1 x 2, 20 min of 3 x 2, 20 min of 3 x 0.5
    assert integral_of_product(a, b, utc(1, 0), utc(1, 1)) == Fraction(1, 3) * Fraction("9.5")
