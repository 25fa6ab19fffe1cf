"""Accounting periods: months, quarters and years on the clock of the grid's zone, half-open; and closed ones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum

from suanwang.domain.signal import EPOCH, FAR_FUTURE
from suanwang.errors import InvalidInput, Problem, msg

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


class Span(StrEnum):
    """How long a period is; `total` is all time."""

    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """[start, end) in UTC, named "2026-11", "2026-Q4", "2026" or "total"."""

    id: str
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"period {self.id} is empty or ends before it starts")

    def holds(self, when: datetime) -> bool:
        return self.start <= when < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedPeriod:
    """A month that takes no transfer any more. `position` and `hash`: the last transfer in the ledger when it was
    closed; `balances`: what each account held then, in millionths. `ledger check` derives them again."""

    period: Period
    closed: datetime
    position: int
    hash: str
    balances: Mapping[str, int] = field(default_factory=dict)


def period_of(span: Span, when: datetime, zone: tzinfo) -> Period:
    """The period of a span that holds an instant, on the clock of `zone`."""
    local = when.astimezone(zone)
    match span:
        case Span.MONTH:
            return _months(local.year, local.month, 1, f"{local.year}-{local.month:02}", zone)
        case Span.QUARTER:
            quarter = (local.month - 1) // 3
            return _months(local.year, quarter * 3 + 1, 3, f"{local.year}-Q{quarter + 1}", zone)
        case Span.YEAR:
            return _months(local.year, 1, 12, str(local.year), zone)
        case Span.TOTAL:
            return Period(id="total", start=EPOCH, end=FAR_FUTURE)


def read_month(text: str, zone: tzinfo, place: str = "MONTH") -> Period:
    """The month of "2026-11". Raises InvalidInput."""
    match = _MONTH.fullmatch(text)
    if match is None or not 1970 < int(match[1]) < 9999:
        remedy = msg("Write a year and a month, such as {example}.", example="2026-11")
        raise InvalidInput([Problem(place, msg("{text!r} is not a month.", text=text[:20]), remedy)])
    return _months(int(match[1]), int(match[2]), 1, text, zone)


def _months(year: int, month: int, count: int, name: str, zone: tzinfo) -> Period:
    after = year * 12 + month - 1 + count
    start = datetime(year, month, 1, tzinfo=zone).astimezone(UTC)
    end = datetime(after // 12, after % 12 + 1, 1, tzinfo=zone).astimezone(UTC)
    return Period(id=name, start=start, end=end)
