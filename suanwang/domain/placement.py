"""Where and when a workload runs, what that costs by part, and why every other place does not have it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Pause:
    """A time in which a run is stopped, its state saved: [start, end), aware UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One pool and start that keeps every limit. Times aware UTC; [start, end) is the expected run, its `pauses`
    included: in order, apart from one another, within it.

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
    pauses: tuple[Pause, ...] = ()

    @property
    def spans(self) -> tuple[tuple[datetime, datetime], ...]:
        """When it runs, in order: the expected run without its pauses."""
        edges = [self.start, *(edge for pause in self.pauses for edge in (pause.start, pause.end)), self.end]
        return tuple(zip(edges[::2], edges[1::2], strict=True))

    def due(self, now: datetime) -> datetime:
        """When it may run: at the end of the pause that `now` lies in, else from its start on."""
        return next((pause.end for pause in self.pauses if pause.start <= now < pause.end), self.start)

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
class Piece:
    """A part of a run that is paused and moved: one pool over [start, end), aware UTC, and its cost by part."""

    pool_id: str
    site_id: str
    accelerators: int
    start: datetime
    end: datetime
    cost: Mapping[CostPart, Money]


@dataclass(frozen=True, slots=True, kw_only=True)
class Divided:
    """A run in pieces, in order, what it costs in all, and what it saves against the cheapest run without a break."""

    pieces: tuple[Piece, ...]
    total: Money
    saved: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a pool cannot have the workload: a named reason, and the figures that bind."""

    pool_id: str
    reason: Reason
    detail: Message


class Against(StrEnum):
    """What a placement is compared with. "At once" is as early as that place can start within the limits."""

    SAME_POOL_AT_ONCE = "the same pool, at once"
    CHEAPEST_AT_ONCE = "the cheapest place, at once"
    NEAREST_EAST_AT_ONCE = "the nearest eastern site, at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """What the chosen option saves against a named alternative, by part (negative = costs more)."""

    against: Against
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No pool can have the workload: why not, for every pool of the grid."""

    rejections: tuple[Rejection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """Accelerators of a pool that are taken in [start, end), aware UTC: a running job, or a placement that is held."""

    start: datetime
    end: datetime
    accelerators: int

    def __post_init__(self) -> None:
        if self.end <= self.start or self.accelerators < 1:
            raise ValueError("a promise is of at least one accelerator and ends after it starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """What is promised already, by pool id. A job that overruns needs a promise whose end is not yet past."""

    promises: Mapping[str, tuple[Promise, ...]] = field(default_factory=dict)

    def full(self, pool_id: str, capacity: int, wanted: int) -> list[tuple[datetime, datetime]]:
        """The longest intervals, in order, in which fewer than `wanted` of the pool's `capacity` are free."""
        changes: dict[datetime, int] = {}
        for promise in self.promises.get(pool_id, ()):
            changes[promise.start] = changes.get(promise.start, 0) + promise.accelerators
            changes[promise.end] = changes.get(promise.end, 0) - promise.accelerators
        intervals: list[tuple[datetime, datetime]] = []
        free, since = capacity, None
        for when in sorted(changes):
            free -= changes[when]
            if free < wanted and since is None:
                since = when
            elif free >= wanted and since is not None:
                intervals.append((since, when))
                since = None
        return intervals
