"""Time-of-use power tariffs: named periods by month, weekday and local minute of the day, each with a price."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal

from suanwang.domain.provenance import MissingFigure, Provenance
from suanwang.domain.signal import Signal, require_aware

MINUTES_PER_DAY = 1440
ALL_MONTHS = frozenset(range(1, 13))
ALL_WEEKDAYS = frozenset(range(1, 8))


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffPeriod:
    """Local minutes of the day [from, to) in which `name` ("peak", "valley" …) holds, in its months and weekdays."""

    name: str
    minutes: tuple[tuple[int, int], ...]
    months: frozenset[int] = ALL_MONTHS
    weekdays: frozenset[int] = ALL_WEEKDAYS
    provenance: Provenance | None = None

    def holds(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        in_day = any(a <= minute < b for a, b in self.minutes)
        return in_day and local.month in self.months and local.isoweekday() in self.weekdays


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """Price in `currency`/kWh by period; the first period that holds applies, else `base`. Hours are local to the site.

    `voltage` is the class of connection that the prices are for: prices of two classes are never added.
    `local_signal` raises MissingFigure when a period that occurs has no price.
    """

    id: str
    name: str
    currency: str
    prices: Mapping[str, Decimal]
    periods: tuple[TariffPeriod, ...]
    provenance: Provenance
    base: str = "flat"
    name_zh: str = ""
    note: str = ""
    region: str = ""
    voltage: str = ""

    def __post_init__(self) -> None:
        for period in self.periods:
            if any(not 0 <= a < b <= MINUTES_PER_DAY for a, b in period.minutes):
                raise ValueError(f"tariff {self.id}: minutes of {period.name} must rise within one day")
        if any(not price.is_finite() for price in self.prices.values()):
            raise ValueError(f"tariff {self.id}: prices must be finite")

    def period_at(self, local: datetime) -> str:
        """Name of the period that holds at a local time."""
        return next((p.name for p in self.periods if p.holds(local)), self.base)

    def price(self, period: str) -> Decimal:
        if period not in self.prices:
            raise MissingFigure(f"tariff {self.id}", f"price for period {period!r}")
        return self.prices[period]

    def signal(self, zone: tzinfo, start: datetime, end: datetime) -> Signal:
        """The price over [start, end), in currency/kWh, with the periods read on the clock of `zone`.

        Edges are sought at every quarter of an hour of UTC, so that daylight changes fall where the zone has them.
        """
        step = timedelta(minutes=15)
        begin = require_aware(start).replace(minute=0, second=0, microsecond=0)
        stop = require_aware(end)
        steps: list[tuple[datetime, Decimal]] = []
        when = begin
        while when < stop or not steps:
            price = self.price(self.period_at(when.astimezone(zone)))
            if not steps or steps[-1][1] != price:
                steps.append((when.astimezone(UTC), price))
            when += step
        return Signal.of(f"{self.currency}/kWh", steps, when)
