"""Builders of small grids, workloads and estimates, for tests of placement and scheduling and for the benchmark."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.estimate import Band, Estimate, Layout
from suanwang.domain.geography import City
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money
from suanwang.domain.placement import Placement
from suanwang.domain.price import Basis, Price, PriceBook
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Pool, Site
from suanwang.domain.tariff import Tariff, TariffPeriod
from suanwang.domain.workload import Batch, Workload, WorkloadKind

INVENTED = Provenance(source="invented for a test", confidence=Confidence.ESTIMATE)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
"""00:00 UTC on a Monday; 08:00 in China."""


def cny(text: str) -> Money:
    return Money.parse(text, "CNY")


def tariff(prices: Mapping[str, str], hours: Mapping[str, Sequence[tuple[int, int]]], **changes: Any) -> Tariff:
    """Prices by period, and local hours of the day of each period but `flat`."""
    periods = [
        TariffPeriod(name=name, minutes=tuple((a * 60, b * 60) for a, b in spans)) for name, spans in hours.items()
    ]
    base = Tariff(
        id="t",
        name="t",
        currency="CNY",
        prices={name: Decimal(price) for name, price in prices.items()},
        periods=tuple(periods),
        provenance=INVENTED,
    )
    return replace(base, **changes)


NIGHT = tariff({"flat": "0.6", "valley": "0.3"}, {"valley": [(0, 8)]}, id="night")
"""Half price from 0 to 8 h, local."""


def site(site_id: str, **changes: Any) -> Site:
    base = Site(
        id=site_id,
        name=site_id.title(),
        zone=SHANGHAI,
        latitude=30.0,
        longitude=110.0,
        tariff=NIGHT,
        pue=Signal.constant("1", "1.2"),
        carbon_location=Signal.constant("kg/kWh", "0.5"),
    )
    return replace(base, **changes)


CARD = Accelerator(
    id="card-a",
    vendor="maker",
    name="Card A",
    kind=AcceleratorKind.NPU,
    provenance=INVENTED,
    peak_flops_per_s={"bf16": 3e14, "fp32": 1e14},
    power_w=400.0,
)


def pool(pool_id: str, site_id: str, **changes: Any) -> Pool:
    base = Pool(
        id=pool_id,
        site_id=site_id,
        accelerator=CARD,
        nodes=4,
        accelerators_per_node=8,
        engine="simulated",
        price_book_id="book",
    )
    return replace(base, **changes)


def book(book_id: str = "book", rent: str | None = "5", kwh: str | None = "tariff", **changes: Any) -> PriceBook:
    """`kwh`: an amount, "tariff" to pass it through, None not to bill power."""
    prices = []
    if rent is not None:
        prices.append(Price(basis=Basis.ACCELERATOR_HOUR, amount=cny(rent)))
    if kwh is not None:
        prices.append(Price(basis=Basis.KWH, amount=None if kwh == "tariff" else cny(kwh)))
    base = PriceBook(
        id=book_id,
        version=1,
        currency="CNY",
        effective=datetime(2026, 1, 1, tzinfo=UTC),
        prices=tuple(prices),
        provenance=INVENTED,
    )
    return replace(base, **changes)


SHANGHAI_CITY = City(id="shanghai", name="Shanghai", name_zh="上海", latitude=31.23, longitude=121.47)


def grid(sites: Sequence[Site], pools: Sequence[Pool], **changes: Any) -> Grid:
    base = Grid(
        id="g",
        currency="CNY",
        sites=tuple(sites),
        pools=tuple(pools),
        links=(),
        cities=(SHANGHAI_CITY,),
        price_books=(book(),),
    )
    return replace(base, **changes)


def workload(**changes: Any) -> Workload:
    base = Workload(name="w", kind=WorkloadKind.BATCH, task=Batch(dtype="bf16", flops=1e15), tenant="me")
    return replace(base, **changes)


def estimate(pool_id: str, hours: float = 2.0, kwh: float = 20.0, high: float = 1.25, count: int = 8) -> Estimate:
    """`high`: the high end of time and energy over the mid."""
    return Estimate(
        pool_id=pool_id,
        accelerator_id=CARD.id,
        accelerators=count,
        layout=Layout(dp=count),
        time_s=Band.around(hours * 3600, 1.0, high),
        flops=1e15,
        memory_bytes={"weights": 1e9},
        power_w_it=Band.around(kwh / hours * 1000, 1.0, 1.0),
        energy_kwh_it=Band.around(kwh, 1.0, high),
        breakdown_s={"compute": hours * 3600},
        assumptions=(),
    )


def job(job_id: str, placement: Placement, state: JobState = JobState.HELD, **changes: Any) -> Job:
    base = Job(
        id=job_id,
        tenant="me",
        key=job_id,
        workload=workload(),
        state=state,
        version=4,
        created=MONDAY,
        updated=MONDAY,
        placement=placement,
    )
    return replace(base, **changes)


def hour(number: float) -> datetime:
    """That many hours after MONDAY."""
    return MONDAY + timedelta(hours=number)
