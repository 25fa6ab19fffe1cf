"""Usage records: what an attempt used in one half-open interval. Append-only; a correction is a new record."""

from collections.abc import Mapping
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
    `flops_delivered`: operations that the interval is worth at the class's measured efficiency.
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

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"usage record {self.id} is empty or ends before it starts")
        if self.accelerators < 1 or self.energy_kwh_it < 0 or self.flops_delivered < 0:
            raise ValueError(f"usage record {self.id} has a negative or empty figure")

    @property
    def accelerator_hours(self) -> Fraction:
        return Fraction((self.end - self.start) // MICROSECOND, 3_600_000_000) * self.accelerators
