"""Rows of tariffs.csv and tariff_periods.csv, and the reading of months, weekdays and hours."""

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import PlainValidator

from suanwang.domain.tariff import MINUTES_PER_DAY, Tariff, TariffPeriod
from suanwang.errors import Message, msg
from suanwang.schemas.catalog.cells import Currency, Id, Price, Row
from suanwang.schemas.wrong import Wrong

RANK = ("sharp", "deep", "peak", "valley", "flat")
"""Names of periods, the one that wins first: sharp lies within peak and deep within valley in the notices."""

REST = "rest"
"""Hours that say: whatever no other period of the tariff holds."""

_TIME = re.compile(r"(\d{1,2})(?::([0-5]\d)|(\.\d{1,4}))?")


def read_hours(text: str) -> tuple[tuple[int, int], ...]:
    """ "23-7", "7:30-10:30,16-21" or "8.5-11.5" as minutes of the day [from, to); past midnight is cut in two.

    "rest" is (). Raises Wrong for anything else, and for a time that is not a whole minute.
    """
    if text == REST:
        return ()
    pieces: list[tuple[int, int]] = []
    for part in text.split(","):
        begin, dash, end = part.strip().partition("-")
        a, b = _minute(begin, part), _minute(end, part)
        if not dash or a in (b, MINUTES_PER_DAY):
            raise _wrong_hours(part)
        pieces += [(a, b)] if a < b else [(a, MINUTES_PER_DAY), *([(0, b)] if b else [])]
    return tuple(sorted(pieces))


def _minute(text: str, part: str) -> int:
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise _wrong_hours(part)
    hour, minute, fraction = match.groups()
    exact = int(hour) * 60 + int(minute or 0) + Decimal(fraction or 0) * 60
    if exact > MINUTES_PER_DAY or exact != int(exact):
        raise _wrong_hours(part)
    return int(exact)


def _wrong_hours(part: str) -> Wrong:
    return Wrong(
        msg("{value!r} are not hours of a day.", value=part[:40]),
        msg("Write local hours as in 23-7 or 7:30-10:30,16-21, on whole minutes from 0 to 24, or 'rest'."),
    )


def _numbers(text: str, high: int, what: Message) -> frozenset[int]:
    """ "1-5,9-12" or "11-2" (past the end) as a set of numbers from 1 to `high`."""
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,2})(?:-(\d{1,2}))?", part.strip())
        a, b = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not (1 <= a <= high and 1 <= b <= high):
            raise Wrong(
                msg("{value!r} is not a list of {what} from 1 to {high}.", value=text[:40], what=what, high=high),
                msg("Write it as in 1-5,7."),
            )
        found |= set(range(a, b + 1)) if a <= b else {*range(a, high + 1), *range(1, b + 1)}
    return frozenset(found)


Hours = Annotated[tuple[tuple[int, int], ...], PlainValidator(read_hours)]
Months = Annotated[frozenset[int], PlainValidator(lambda text: _numbers(text, 12, msg("months")))]
Weekdays = Annotated[frozenset[int], PlainValidator(lambda text: _numbers(text, 7, msg("weekdays (1 = Monday)")))]
PeriodName = Literal["sharp", "peak", "flat", "valley", "deep"]


class PeriodRow(Row):
    """The local hours in which a period of a tariff holds, in its months and weekdays (1 = Monday)."""

    tariff: Id
    period: PeriodName
    months: Months
    weekdays: Weekdays
    hours_local: Hours
    document: str = ""

    def build(self) -> TariffPeriod:
        """The period, with the notice that sets its hours before the source it was read in."""
        where = replace(self.provenance, source="; ".join(t for t in (self.document, self.source) if t))
        return TariffPeriod(
            name=self.period,
            minutes=self.hours_local,
            months=self.months,
            weekdays=self.weekdays,
            provenance=where,
        )

    def overlaps(self, other: "PeriodRow") -> bool:
        """Whether both hold at some time and neither is meant to lie within the other."""
        nested = {self.period, other.period}
        if nested != {self.period} and (nested & {"sharp", "deep"}) and not nested <= {"sharp", "deep"}:
            return False
        together = self.months & other.months and self.weekdays & other.weekdays
        return bool(together) and any(a < d and c < b for a, b in self.hours_local for c, d in other.hours_local)


class TariffRow(Row):
    """A time-of-use tariff of one area and voltage: a price for each period, blank where it is not published."""

    id: Id
    name: str
    name_zh: str = ""
    region: Id
    voltage: str = ""
    currency: Currency
    base: PeriodName
    price_sharp_per_kwh: Price | None = None
    price_peak_per_kwh: Price | None = None
    price_flat_per_kwh: Price | None = None
    price_valley_per_kwh: Price | None = None
    price_deep_per_kwh: Price | None = None

    @property
    def prices(self) -> dict[str, Decimal]:
        figures = {name: getattr(self, f"price_{name}_per_kwh") for name in RANK}
        return {name: price for name, price in figures.items() if price is not None}

    def build(self, periods: Iterable[PeriodRow]) -> Tariff:
        """Periods in the order in which they win; hours that none of them holds are `base`."""
        ranked = sorted((p for p in periods if p.hours_local), key=lambda p: RANK.index(p.period))
        return Tariff(
            id=self.id,
            name=self.name,
            name_zh=self.name_zh,
            currency=self.currency,
            prices=self.prices,
            periods=tuple(p.build() for p in ranked),
            base=self.base,
            region=self.region,
            voltage=self.voltage,
            note=self.note,
            provenance=self.provenance,
        )
