"""Several meters of the same use: where they differ, and what the records are by the meter that is trusted more.

A reading is what another meter says of a job over an interval: the engine's accounting, a card's own counter, the
site's power meter. It is compared with the records of that time; what it has of an interval is spread evenly over it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from suanwang.domain.signal import MICROSECOND
from suanwang.domain.site import Site
from suanwang.domain.usage import Source, UsageRecord
from suanwang.settle.meter import integral_of_product
from suanwang.units import MICRO

TRUST = (Source.MODELLED, Source.ENGINE_ACCOUNTING, Source.MEASURED)
"""The least trusted first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures that a correction puts in place of a record's; None leaves them. Energy at the site's meter, in kWh."""

    energy_kwh: Fraction | None = None
    energy_source: Source = Source.MEASURED
    utilisation: Fraction | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a meter says of a job in [start, end). None: it does not count that."""

    meter: str
    source: Source
    job_id: str
    start: datetime
    end: datetime
    accelerator_hours: Fraction | None = None
    energy_kwh: Fraction | None = None
    tokens: int | None = None
    utilisation: Fraction | None = None

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a reading of job {self.job_id} is empty or ends before it starts")


class Verdict(StrEnum):
    """`agrees`: within the tolerance. `differs`: not. `unmetered`: no record has this time. `unread`: ours alone."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNMETERED = "unmetered"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One quantity of one reading beside the records of its time, in `unit`."""

    job_id: str
    meter: str
    start: datetime
    end: datetime
    quantity: str
    unit: str
    ours: Fraction
    theirs: Fraction
    verdict: Verdict

    @property
    def difference(self) -> Fraction | None:
        """Theirs over ours, less 1; None where ours is 0."""
        return self.theirs / self.ours - 1 if self.ours else None


def compare(records: Sequence[UsageRecord], reading: Reading, tolerance: Fraction) -> list[Comparison]:
    """Each quantity of a reading beside what the job's records have of its time; in the order of the fields."""
    inside = [(r, share(r, reading)) for r in records if r.job_id == reading.job_id and share(r, reading)]
    quantities = (
        ("accelerator_hours", "accelerator-hour", reading.accelerator_hours, [r.accelerator_hours for r, _ in inside]),
        ("energy_kwh", "kWh", reading.energy_kwh, [r.energy_kwh for r, _ in inside]),
        ("tokens", "token", reading.tokens, [Fraction(r.tokens or 0) for r, _ in inside]),
    )
    found: list[Comparison] = []
    for name, unit, theirs, parts in quantities:
        if theirs is None:
            continue
        ours = sum((part * weight for part, (_, weight) in zip(parts, inside, strict=True)), Fraction(0))
        away = abs(Fraction(theirs) - ours)
        verdict = Verdict.DIFFERS if away > tolerance * max(ours, Fraction(theirs)) else Verdict.AGREES
        found.append(
            Comparison(
                job_id=reading.job_id,
                meter=reading.meter,
                start=reading.start,
                end=reading.end,
                quantity=name,
                unit=unit,
                ours=ours,
                theirs=Fraction(theirs),
                verdict=verdict if inside else Verdict.UNMETERED,
            )
        )
    return found


def share(record: UsageRecord, reading: Reading) -> Fraction:
    """The share of a record's time that a reading covers."""
    overlap = min(record.end, reading.end) - max(record.start, reading.start)
    return max(Fraction(0), Fraction(overlap // MICROSECOND, (record.end - record.start) // MICROSECOND))


def figures_from(record: UsageRecord, reading: Reading) -> Figures | None:
    """What a reading makes of a record's figures: only those it counts and is trusted for at least as much.

    A record that is covered in part keeps its own figures for the rest. None where nothing changes.
    """
    covered = share(record, reading)
    if not covered:
        return None
    length = (reading.end - reading.start) // MICROSECOND
    of_reading = covered * Fraction((record.end - record.start) // MICROSECOND, length)
    figures = Figures(energy_source=reading.source)
    if reading.energy_kwh is not None and TRUST.index(reading.source) >= TRUST.index(record.energy_source):
        energy = reading.energy_kwh * of_reading + record.energy_kwh * (1 - covered)
        figures = replace(figures, energy_kwh=energy)
    if reading.tokens is not None:
        tokens = reading.tokens * of_reading + (record.tokens or 0) * (1 - covered)
        figures = replace(figures, tokens=round(tokens))
    if reading.utilisation is not None:
        own = record.utilisation if record.utilisation is not None else reading.utilisation
        figures = replace(figures, utilisation=reading.utilisation * covered + own * (1 - covered))
    return figures if with_figures(record, figures) != record else None


def mean_price(site: Site, start: datetime, end: datetime) -> Fraction:
    """Price of a kWh at the site's meter over [start, end), for a load that does not change."""
    cost = integral_of_product(site.power_price(start, end), site.pue, start, end)
    return cost / site.pue.integral(start, end)


def with_figures(record: UsageRecord, figures: Figures, price_per_kwh: Fraction | None = None) -> UsageRecord:
    """The record with the given figures in place of its own; cost and carbon of power follow its energy.

    `price_per_kwh`: the mean price of its time, see `mean_price`; without it the cost follows in proportion.
    """
    changed = record
    if figures.energy_kwh is not None and figures.energy_kwh != record.energy_kwh:
        factor = figures.energy_kwh / record.energy_kwh if record.energy_kwh else Fraction(0)
        market = record.carbon_kg_market
        changed = replace(
            changed,
            energy_kwh=figures.energy_kwh,
            energy_kwh_it=record.energy_kwh_it * factor,
            energy_source=figures.energy_source,
            power_cost_micro=round(record.power_cost_micro * factor)
            if price_per_kwh is None
            else round(price_per_kwh * figures.energy_kwh * MICRO),
            carbon_kg_location=record.carbon_kg_location * float(factor),
            carbon_kg_market=None if market is None else market * float(factor),
        )
    if figures.utilisation is not None:
        changed = replace(changed, utilisation=figures.utilisation)
    if figures.tokens is not None:
        changed = replace(changed, tokens=figures.tokens)
    return changed
