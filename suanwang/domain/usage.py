"""Usage records: what an attempt used in one half-open interval. Append-only; a correction is a new record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from suanwang.domain.signal import MICROSECOND


class Source(StrEnum):
    """How a figure is known."""

    MEASURED = "measured"
    ENGINE_ACCOUNTING = "engine_accounting"
    MODELLED = "modelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecord:
    """[start, end) of one attempt on `accelerators` cards. The records of an attempt do not overlap.

    `energy_kwh_it` at the IT equipment, `energy_kwh` at the site's meter (PUE applied), with `energy_source`.
    `flops_delivered`: operations that the interval is worth at the class's measured efficiency; `flops_theoretical`:
    at the cards' peak, None where no peak is published. `utilisation`: mean share of the cards' time that they were
    busy, and `tokens` served, where a meter counted them.
    """

    id: str
    order_id: str
    job_id: str
    tenant: str
    site_id: str
    pool_id: str
    accelerator_id: str
    accelerators: int
    start: datetime
    end: datetime
    source: Source
    energy_kwh_it: Fraction
    energy_kwh: Fraction
    energy_source: Source
    power_cost_micro: int
    carbon_kg_location: float
    carbon_kg_market: float | None
    flops_delivered: float
    flops_source: Source
    evidence: Mapping[str, str] = field(default_factory=dict)
    flops_theoretical: float | None = None
    utilisation: Fraction | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"usage record {self.id} is empty or ends before it starts")
        if self.accelerators < 1 or self.energy_kwh_it < 0 or self.flops_delivered < 0:
            raise ValueError(f"usage record {self.id} has a negative or empty figure")
        if self.utilisation is not None and not 0 <= self.utilisation <= 1:
            raise ValueError(f"usage record {self.id}: the utilisation is a share of 1")
        if self.tokens is not None and self.tokens < 0:
            raise ValueError(f"usage record {self.id}: tokens are not negative")

    @property
    def accelerator_hours(self) -> Fraction:
        return Fraction((self.end - self.start) // MICROSECOND, 3_600_000_000) * self.accelerators


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A record as it should have been; the first one stays as it was. `sequence` counts the corrections of a record
    from 1. `record` has the same id, order and interval as the one it corrects. `reason` and `evidence` (a hash of the
    meter's file, for instance) say why."""

    sequence: int
    at: datetime
    record: UsageRecord
    reason: str
    evidence: Mapping[str, str] = field(default_factory=dict)


def corrected(records: Sequence[UsageRecord], corrections: Sequence[Correction]) -> list[UsageRecord]:
    """The records as they count: each in its last correction."""
    last = {c.record.id: c.record for c in sorted(corrections, key=lambda c: c.sequence)}
    return [last.get(record.id, record) for record in records]
