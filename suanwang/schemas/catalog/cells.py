"""The kinds of cell that a table has, and what every row has: source, date, confidence, note.

A cell reader gets stripped text that is not blank (a blank cell is a figure that is not known, and is left out before).
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, PlainValidator

from suanwang.domain.provenance import Confidence, Provenance
from suanwang.errors import Message, msg
from suanwang.schemas.wrong import Wrong

UNDATED = "undated"
"""What the date column says where the source has no date: a blank date is refused, so that it is never forgotten."""

_NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,3})?")
_ID = re.compile(r"[a-z0-9][a-z0-9.]*(-[a-z0-9.]+)*")
_DAY = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def read_decimal(text: str) -> Decimal:
    """A plain decimal number, exactly. Raises Wrong for a unit, "nan", "inf", a grouping comma and the like."""
    if _NUMBER.fullmatch(text) is None:
        raise Wrong(
            msg("{value!r} is not a plain number.", value=text[:40]),
            msg("Give the finite number alone, without a unit (the unit belongs to the column); leave unknown blank."),
        )
    return Decimal(text)


def _number(text: str) -> float:
    value = float(read_decimal(text))
    if not math.isfinite(value):
        raise Wrong(msg("{value!r} is too large.", value=text[:40]), msg("Give a finite number."))
    return value


def bounded(low: float, high: float, *, low_open: bool = False) -> Callable[[str], float]:
    """A reader of numbers within [low, high], or (low, high]."""

    def read(text: str) -> float:
        value = _number(text)
        if not low <= value <= high or (low_open and value == low):
            raise Wrong(
                msg("{value} is not within {low} to {high}.", value=text[:40], low=f"{low:g}", high=f"{high:g}"),
                msg("Give a positive figure in the unit of the column; leave it blank where it is not known.")
                if low_open
                else msg("Give a figure within these limits, in the unit of the column."),
            )
        return value

    return read


def _whole(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,18}", text) or not low <= int(text) <= high:
            raise Wrong(
                msg("{value!r} is not a whole number from {low} to {high}.", value=text[:40], low=low, high=high),
                msg("Write digits only."),
            )
        return int(text)

    return read


def _pattern(pattern: re.Pattern[str], what: Message, example: Message | str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise Wrong(
                msg("{value!r} is not {what}.", value=text[:60], what=what),
                msg("Write it as in {example}.", example=example),
            )
        return text

    return read


def _price(text: str) -> Decimal:
    value = read_decimal(text)
    if not 0 <= value <= 10**12 or value != round(value, 6):
        raise Wrong(
            msg("{value} is not a price from 0 to 10^12 with at most six decimals.", value=text[:40]),
            msg("Give the price in whole millionths of the currency; leave it blank where it is not known."),
        )
    return value


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise Wrong(msg("{value!r} is neither true nor false.", value=text[:40]), msg("Write true or false."))
    return text == "true"


Number = Annotated[float, PlainValidator(_number)]
Positive = Annotated[float, PlainValidator(bounded(0, 1e24, low_open=True))]
Percent = Annotated[float, PlainValidator(bounded(0, 100))]
Latitude = Annotated[float, PlainValidator(bounded(-90, 90))]
Longitude = Annotated[float, PlainValidator(bounded(-180, 180))]
Count = Annotated[int, PlainValidator(_whole(1, 10**15))]
Whole = Annotated[int, PlainValidator(_whole(0, 10**15))]
Year = Annotated[int, PlainValidator(_whole(1900, 2200))]
Price = Annotated[Decimal, PlainValidator(_price)]
Flag = Annotated[bool, PlainValidator(_flag)]
Id = Annotated[
    str, PlainValidator(_pattern(_ID, msg("an id"), msg("h100-sxm5-80gb (small letters, digits, hyphens, dots)")))
]
Currency = Annotated[str, PlainValidator(_pattern(_CURRENCY, msg("a currency"), "CNY"))]
Day = Annotated[
    str,
    PlainValidator(
        lambda text: (
            text
            if text == UNDATED
            else _pattern(_DAY, msg("a date"), msg("2026-07-15, 2026-07, 2026 or undated"))(text)
        )
    ),
]


class Row(BaseModel):
    """What every row of every table has. `date` is that of the figure, as far as its source says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str
    date: Day
    confidence: Confidence
    note: str = ""

    @property
    def provenance(self) -> Provenance:
        return Provenance(
            source=self.source, date="" if self.date == UNDATED else self.date, confidence=self.confidence
        )
