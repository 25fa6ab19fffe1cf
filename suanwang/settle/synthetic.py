"""Usage records drawn from a seed, and how long their rating takes: for the benchmark and for tests."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from random import Random

from suanwang.domain.money import Money
from suanwang.domain.price import Basis, Price, PriceBook
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.usage import Source, UsageRecord
from suanwang.settle.rate import Rater

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH = 10_000


def book() -> PriceBook:
    """A price for accelerator-hours, and power passed through."""
    return PriceBook(
        id="bench",
        version=1,
        currency="CNY",
        effective=START,
        prices=(
            Price(basis=Basis.ACCELERATOR_HOUR, amount=Money.parse("12.34", "CNY")),
            Price(basis=Basis.KWH, amount=None),
        ),
        provenance=Provenance(source="drawn", confidence=Confidence.ESTIMATE),
    )


def usage(count: int, seed: int = 7) -> Iterator[UsageRecord]:
    """Records of up to an hour on up to 64 cards."""
    draw = Random(seed)  # noqa: S311 - drawn from a seed, no secret
    for number in range(count):
        start = START + timedelta(minutes=draw.randrange(500_000))
        cards, length_us = draw.randrange(1, 65), draw.randrange(1, 3_600_000_001)
        energy = Fraction(cards * length_us, 9_000_000_000)
        yield UsageRecord(
            id=f"o{number // 8}/{number}",
            order_id=f"o{number // 8}",
            job_id=f"j{number // 8}",
            tenant=f"t{number % 97}",
            site_id="s",
            pool_id="p",
            accelerator_id="a",
            accelerators=cards,
            start=start,
            end=start + timedelta(microseconds=length_us),
            source=Source.ENGINE_ACCOUNTING,
            energy_kwh_it=energy,
            energy_kwh=energy * Fraction(5, 4),
            energy_source=Source.MODELLED,
            power_cost_micro=draw.randrange(10**8),
            carbon_kg_location=0.0,
            carbon_kg_market=None,
            flops_delivered=0.0,
            flops_source=Source.MODELLED,
        )


def rated(count: int, wall: Callable[[], float], processor: Callable[[], float]) -> tuple[int, float, float]:
    """(charges, seconds of the wall, of the processor) of rating so many records, in batches; drawing them is not
    counted. The two arguments are clocks."""
    rater, lines, seconds, used = Rater(book()), 0, 0.0, 0.0
    source = usage(count)
    while batch := [record for _, record in zip(range(BATCH), source, strict=False)]:
        begin, busy = wall(), processor()
        lines += sum(len(rater.lines(record)) for record in batch)
        seconds += wall() - begin
        used += processor() - busy
    return lines, seconds, used
