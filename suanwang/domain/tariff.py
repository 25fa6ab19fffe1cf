"""Time-of-use power tariffs: named periods by month, weekday and local minute of the day, each with a price."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from math import gcd

from suanwang.domain.provenance import MissingFigure, Provenance
from suanwang.domain.signal import Signal, require_aware
from suanwang.errors import Message, msg
from suanwang.units import MICRO

MINUTES_PER_DAY = 1440
ALL_MONTHS = frozenset(range(1, 13))
ALL_WEEKDAYS = frozenset(range(1, 8))

PERIODS = {
    "sharp": msg("sharp"),
    "peak": msg("peak"),
    "flat": msg("flat"),
    "valley": msg("valley"),
    "deep": msg("deep valley"),
}
"""The periods that most tariffs have, as they are told; a tariff may name its own."""


def period_name(period: str) -> Message | str:
    """A period as it is told; a name of a tariff's own stays as it is."""
    return PERIODS.get(period, period)


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffPeriod:
    """Local minutes of the day [from, to) in which `name` ("peak", "valley" …) holds, in its months and weekdays."""

    name: str
    minutes: tuple[tuple[int, int], ...]
    months: frozenset[int] = ALL_MONTHS
    weekdays: frozenset[int] = ALL_WEEKDAYS
    provenance: Provenance | None = None

    def holds(self, local: datetime) -> bool:
        return self.on(local) and self.covers(local.hour * 60 + local.minute)

    def on(self, day: date) -> bool:
        """Whether it may hold on a local day."""
        return day.month in self.months and day.isoweekday() in self.weekdays

    def covers(self, minute: int) -> bool:
        """Whether it may hold at a minute of the day."""
        return any(a <= minute < b for a, b in self.minutes)


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
            raise MissingFigure(msg("tariff {id}", id=self.id), msg("price for period {period!r}", period=period))
        return self.prices[period]

    def signal(self, zone: tzinfo, start: datetime, end: datetime) -> Signal:
        """The price over [start, end), in currency/kWh, with the periods read on the clock of `zone`.

        Only the prices of periods that occur in it are asked for. The signal may reach a little beyond `end`.
        """
        begin, stop = require_aware(start), require_aware(end)
        edges: list[datetime] = []
        micros: list[int] = []
        until = begin
        for left, right, period in segments(self.periods, self.base, zone, begin, stop):
            micro = self._micro(period)
            if not micros or micros[-1] != micro:
                edges.append(left)
                micros.append(micro)
            until = right
        return Signal(f"{self.currency}/kWh", tuple(edges), tuple(micros), until)

    def _micro(self, period: str) -> int:
        scaled = self.price(period) * MICRO
        if scaled != scaled.to_integral_value():
            raise ValueError(f"tariff {self.id}: the price of {period} is finer than 10^-6")
        return int(scaled)


def segments(
    periods: Sequence[TariffPeriod], base: str, zone: tzinfo, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, str]]:
    """The (start, end, name of the period) that touch [start, end), day by day on the local clock; at least one."""
    patterns: dict[tuple[int, ...], Pattern] = {}
    day = start.astimezone(zone).date()
    midnight = _midnight(day, zone)
    while midnight < end or midnight <= start:
        key = tuple(i for i, p in enumerate(periods) if p.on(day))
        if key not in patterns:
            patterns[key] = _pattern([periods[i] for i in key], base)
        following = _midnight(day + timedelta(days=1), zone)
        for left, right, period in _on_clock(patterns[key], midnight, following, zone):
            if right > start and (left < end or left <= start):
                yield left, right, period
        day, midnight = day + timedelta(days=1), following


def _pattern(periods: Sequence[TariffPeriod], base: str) -> "Pattern":
    """The local day on which these periods may hold."""
    bounds = sorted({0, MINUTES_PER_DAY, *(m for p in periods for pair in p.minutes for m in pair)})
    names = (next((p.name for p in periods if p.covers(a)), base) for a in bounds[:-1])
    return [(a, b, name) for (a, b), name in zip(pairwise(bounds), names, strict=True)]


Pattern = list[tuple[int, int, str]]
"""(from minute, to minute, period) that make up a local day, in order."""


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _on_clock(
    pattern: Pattern, midnight: datetime, following: datetime, zone: tzinfo
) -> Iterator[tuple[datetime, datetime, str]]:
    """A day's pattern as instants. On a day when the clock changes, it is read every quarter of an hour, the grid of
    all clock changes, or finer where a period begins or ends between."""
    if following - midnight == timedelta(days=1):
        for a, b, period in pattern:
            yield midnight + timedelta(minutes=a), midnight + timedelta(minutes=b), period
        return
    minutes = gcd(15, *(a for a, _, _ in pattern))
    when = midnight
    while when < following:
        local = when.astimezone(zone)
        minute = local.hour * 60 + local.minute
        step = min(when + timedelta(minutes=minutes), following)
        yield when, step, next(name for a, b, name in pattern if a <= minute < b)
        when = step
