"""A signal: a step function of time with a unit, such as a tariff in CNY/kWh, carbon in kg/kWh, or PUE.

Values are whole millionths and times are whole microseconds, so that integrals are exact and additive:
integral(a, c) = integral(a, b) + integral(b, c), to the last digit.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Self

from suanwang.errors import Never, msg
from suanwang.units import MICRO, SECONDS_PER_HOUR

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FAR_FUTURE = datetime(9999, 12, 31, tzinfo=UTC)


def require_aware(when: datetime) -> datetime:
    """The same instant in UTC. Raises ValueError for a time without a zone."""
    if when.tzinfo is None:
        raise ValueError(f"{when} has no time zone")
    return when.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Signal:
    """`micros[i]` millionths of `unit` hold in [edges[i], edges[i+1]), the last until `until`; edges rise, in UTC."""

    unit: str
    edges: tuple[datetime, ...]
    micros: tuple[int, ...]
    until: datetime = FAR_FUTURE

    def __post_init__(self) -> None:
        if not self.edges or len(self.edges) != len(self.micros):
            raise ValueError("a signal needs one value for each edge, and at least one")
        object.__setattr__(self, "edges", tuple(map(require_aware, self.edges)))
        object.__setattr__(self, "until", require_aware(self.until))
        if any(a >= b for a, b in pairwise((*self.edges, self.until))):
            raise ValueError("the edges of a signal must rise")
        if any(type(m) is not int for m in self.micros):
            raise TypeError("the values of a signal are whole millionths")

    @classmethod
    def of(cls, unit: str, steps: Iterable[tuple[datetime, str | int | Decimal]], until: datetime = FAR_FUTURE) -> Self:
        """From (start, decimal value) pairs in order; values finer than 10^-6 are refused (ValueError)."""
        edges, micros = [], []
        for start, value in steps:
            scaled = Fraction(Decimal(value)) * MICRO
            if scaled.denominator != 1:
                raise ValueError(f"{value} is finer than 10^-6")
            edges.append(require_aware(start))
            micros.append(int(scaled))
        return cls(unit, tuple(edges), tuple(micros), require_aware(until))

    @classmethod
    def constant(cls, unit: str, value: str | int | Decimal) -> Self:
        """The same value from the epoch to the far future."""
        return cls.of(unit, [(EPOCH, value)])

    def _index(self, when: datetime, *, closed: bool = False) -> int:
        """The piece that holds `when`; `closed` admits the end of the signal itself, as the end of an interval."""
        index = bisect_right(self.edges, when) - 1
        if index < 0 or when > self.until or (when == self.until and not closed):
            raise Never(
                "signal-out-of-range",
                msg("no value in {unit} at {when}", unit=self.unit, when=when.isoformat()),
                msg(
                    "The signal covers {start} to {end}; give one that covers more.",
                    start=self.edges[0].isoformat(),
                    end=self.until.isoformat(),
                ),
            )
        return index

    def at(self, when: datetime) -> float:
        """The value at an instant. Raises Never(signal-out-of-range)."""
        return self.micro_at(when) / MICRO

    def micro_at(self, when: datetime) -> int:
        """The value at an instant in millionths, exactly. Raises Never(signal-out-of-range)."""
        return self.micros[self._index(require_aware(when))]

    def pieces(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime, int]]:
        """The constant pieces (start, end, millionths) that make up [start, end), in order."""
        start, end = require_aware(start), require_aware(end)
        if end < start:
            raise ValueError("an interval ends before it starts")
        if end == start:
            return []
        first, last = self._index(start), self._index(end, closed=True)
        bounds = (*self.edges, self.until)
        cut = [(max(start, bounds[i]), min(end, bounds[i + 1]), self.micros[i]) for i in range(first, last + 1)]
        return [piece for piece in cut if piece[0] < piece[1]]

    def integral(self, start: datetime, end: datetime) -> Fraction:
        """Exact integral over [start, end), in unit-hours."""
        total = sum(micro * ((b - a) // MICROSECOND) for a, b, micro in self.pieces(start, end))
        return Fraction(total, MICRO * SECONDS_PER_HOUR * MICRO)

    def mean(self, start: datetime, end: datetime) -> float:
        """Time-weighted mean over [start, end); at an instant, the value there."""
        if start == end:
            return self.at(start)
        hours = Fraction((require_aware(end) - require_aware(start)) // MICROSECOND, SECONDS_PER_HOUR * MICRO)
        return float(self.integral(start, end) / hours)

    def product(self, other: "Signal", unit: str, start: datetime, end: datetime) -> "Signal":
        """The signal self x other over [start, end), rounded to millionths of `unit` (tariff x PUE, for instance)."""
        cuts = sorted({a for s in (self, other) for a, _, _ in s.pieces(start, end)})
        values = tuple(round(Fraction(self.micro_at(c) * other.micro_at(c), MICRO)) for c in cuts)
        return Signal(unit, tuple(cuts), values, require_aware(end))

    def under(self, top: "Signal") -> "Signal":
        """The signal that is `top` where that is known, and this one elsewhere; where they leave a gap, only the later
        of the two. Raises ValueError for another unit."""
        return overlaid([self, top])[-1]

    def between(self, start: datetime, end: datetime) -> "Signal | None":
        """What is known of [start, end); None where that is nothing."""
        start, end = max(require_aware(start), self.edges[0]), min(require_aware(end), self.until)
        if start >= end:
            return None
        edges, _, micros = zip(*self.pieces(start, end), strict=True)
        return Signal(self.unit, edges, micros, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalVersion:
    """What was heard of a site's signal (`power`, `pue`, `carbon`, `carbon_market`) at a time."""

    site_id: str
    field: str
    at: datetime
    signal: Signal


def overlaid(signals: Sequence[Signal]) -> list[Signal]:
    """What holds where each goes over those before it: one signal for every stretch without a gap, in order of time."""
    edges = _edges(signals)
    return _stretches(edges, _painted(edges, signals), signals)


def news(known: Sequence[Signal], heard: Signal) -> list[Signal]:
    """The parts of `heard` that differ from what `known` comes to, stretch by stretch, in order of time."""
    signals = [*known, heard]
    edges = _edges(signals)
    before, after = _painted(edges, known), _painted(edges, signals)
    return _stretches(edges, [b if a != b else None for a, b in zip(before, after, strict=True)], signals)


def _edges(signals: Sequence[Signal]) -> list[datetime]:
    return sorted({edge for signal in signals for edge in (*signal.edges, signal.until)})


def _painted(edges: Sequence[datetime], signals: Sequence[Signal]) -> list[int | None]:
    """The value from each edge to the next, None where there is none."""
    at = {edge: i for i, edge in enumerate(edges)}
    values: list[int | None] = [None] * len(edges)
    for signal in signals:
        for (a, b), micro in zip(pairwise((*signal.edges, signal.until)), signal.micros, strict=True):
            values[at[a] : at[b]] = [micro] * (at[b] - at[a])
    return values


def _stretches(edges: Sequence[datetime], values: Sequence[int | None], of: Sequence[Signal]) -> list[Signal]:
    """`values` from edge to edge as signals without gaps. Raises ValueError where `of` are in several units."""
    units = sorted({signal.unit for signal in of})
    if len(units) > 1:
        raise ValueError(f"{' and '.join(units)} cannot be one signal")
    found: list[Signal] = []
    begun: list[datetime] = []
    micros: list[int] = []
    for edge, value in zip(edges, values, strict=True):
        if value is None and begun:
            found.append(Signal(units[0], tuple(begun), tuple(micros), edge))
            begun, micros = [], []
        elif value is not None and (not begun or value != micros[-1]):
            begun.append(edge)
            micros.append(value)
    return found
