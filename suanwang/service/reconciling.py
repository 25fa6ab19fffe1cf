"""Readings of other meters against the records: what differs, and, when asked, corrections and late usage from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from suanwang.domain.usage import UsageRecord, corrected
from suanwang.errors import NotFound
from suanwang.ports import Transaction
from suanwang.service.corrections import Adjustment, add_late, correct
from suanwang.service.hub import Hub
from suanwang.settle.meter import hours
from suanwang.settle.reconcile import Comparison, Reading, Verdict, compare, figures_from, mean_price, share
from suanwang.units import MICRO


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Every comparison; jobs that readings name and the grid does not have; what was adjusted for it."""

    comparisons: tuple[Comparison, ...]
    unknown: tuple[str, ...]
    adjustments: tuple[Adjustment, ...] = ()

    @property
    def differing(self) -> list[Comparison]:
        return [c for c in self.comparisons if c.verdict is not Verdict.AGREES]


def reconcile(hub: Hub, readings: Sequence[Reading], tolerance: Fraction) -> Reconciliation:
    """Compare only; nothing is stored."""
    comparisons: list[Comparison] = []
    unknown: dict[str, None] = {}
    with hub.store.transaction() as tx:
        for reading in readings:
            records = _records(tx, reading.job_id)
            if records is None:
                unknown[reading.job_id] = None
            else:
                comparisons += compare(records, reading, tolerance)
    return Reconciliation(comparisons=tuple(comparisons), unknown=tuple(unknown))


def apply_readings(
    hub: Hub, readings: Sequence[Reading], tolerance: Fraction, evidence: Mapping[str, str]
) -> Reconciliation:
    """Compare, then correct what differs by the readings that are trusted enough, and add time that no record has.

    Each job's change is one transaction; a repeat of the same table changes nothing more.
    """
    found = reconcile(hub, readings, tolerance)
    made: list[Adjustment] = []
    for reading in readings:
        if reading.job_id in found.unknown:
            continue
        with hub.store.transaction() as tx:
            records = _records(tx, reading.job_id) or []
        if not any(share(r, reading) for r in records):
            made += [add_late(hub, r) for r in _late(hub, records, reading)]
            continue
        if (
            all(c.verdict is Verdict.AGREES for c in compare(records, reading, tolerance))
            and reading.utilisation is None
        ):
            continue
        for record in records:
            figures = figures_from(record, reading)
            if figures is not None:
                reason = f"reading of {reading.meter}"
                made.append(correct(hub, record.id, record.job_id, figures, reason, evidence))
    changed = tuple(a for a in made if a.generation)
    return Reconciliation(comparisons=found.comparisons, unknown=found.unknown, adjustments=changed)


def _records(tx: Transaction, job_id: str) -> list[UsageRecord] | None:
    try:
        tx.jobs.get(job_id)
    except NotFound:
        return None
    return corrected(tx.usage.records(job_id), tx.usage.corrections(job_id))


def _late(hub: Hub, records: Sequence[UsageRecord], reading: Reading) -> list[UsageRecord]:
    """Records for a time that none has, cut at whole hours, like the job's last one but for the reading's figures."""
    if not records:
        return []
    like = records[-1]
    whole = Fraction((reading.end - reading.start).total_seconds())
    found: list[UsageRecord] = []
    for start, end in hours(reading.start, reading.end):
        part = Fraction((end - start).total_seconds()) / whole
        energy = (reading.energy_kwh or Fraction(0)) * part
        price = mean_price(hub.grid.site(like.site_id), start, end)
        scale = float((end - start) / (like.end - like.start))
        found.append(
            replace(
                like,
                id=f"{like.order_id}/late/{start:%Y%m%dT%H%M%S}",
                start=start,
                end=end,
                source=reading.source,
                energy_kwh=energy,
                energy_kwh_it=energy * like.energy_kwh_it / like.energy_kwh if like.energy_kwh else energy,
                energy_source=reading.source,
                power_cost_micro=round(price * energy * MICRO),
                carbon_kg_location=like.carbon_kg_location * scale,
                carbon_kg_market=None if like.carbon_kg_market is None else like.carbon_kg_market * scale,
                flops_delivered=like.flops_delivered * scale,
                flops_theoretical=None if like.flops_theoretical is None else like.flops_theoretical * scale,
                utilisation=reading.utilisation,
                tokens=None if reading.tokens is None else round(reading.tokens * part),
                evidence={"meter": reading.meter},
            )
        )
    return found
