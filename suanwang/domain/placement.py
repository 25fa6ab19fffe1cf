"""Where and when a workload runs, what that costs by part, and why every other place does not have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from suanwang.domain.estimate import Estimate
from suanwang.domain.money import Money
from suanwang.domain.reason import Reason
from suanwang.errors import Message


class CostPart(StrEnum):
    """Parts of a cost. `carbon` is a shadow price that decides but is not billed; the others are billed."""

    RENT = "rent"
    POWER = "power"
    DATA = "data"
    CARBON = "carbon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One pool and start that keeps every limit. Times aware UTC; [start, end) is the expected run.

    `cost` at the mid of the estimate; `billed_high` at its high end, without carbon: what is held before the run.
    Energy in kWh at the site's meter (PUE applied); carbon in kg, location-based and, where known, market-based.
    """

    pool_id: str
    site_id: str
    accelerators: int
    start: datetime
    end: datetime
    estimate: Estimate
    cost: Mapping[CostPart, Money]
    billed_high: Money
    energy_kwh: float
    carbon_kg_location: float
    carbon_kg_market: float | None
    round_trip_ms: float | None = None
    data_ready: datetime | None = None

    @property
    def total(self) -> Money:
        """Sum of all parts: what placement makes least."""
        amounts = list(self.cost.values())
        result = Money.zero(amounts[0].unit)
        for amount in amounts:
            result += amount
        return result

    @property
    def billed(self) -> Money:
        """Sum of the parts that are billed (all but carbon)."""
        carbon = self.cost.get(CostPart.CARBON)
        return self.total if carbon is None else self.total - carbon


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a pool cannot have the workload: a named reason, and the figures that bind."""

    pool_id: str
    reason: Reason
    detail: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What the chosen option saves against a named alternative, by part (negative = costs more)."""

    against: str
    alternative: Option
    parts: Mapping[CostPart, Money]

    @property
    def total(self) -> Money:
        """Sum of all parts."""
        amounts = list(self.parts.values())
        result = Money.zero(amounts[0].unit)
        for amount in amounts:
            result += amount
        return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The decision: the option taken, the next best ones, every refusal, and what waiting or moving saved."""

    option: Option
    alternatives: tuple[Option, ...]
    rejections: tuple[Rejection, ...]
    savings: tuple[Saving, ...]
    reasons: tuple[Message, ...]
