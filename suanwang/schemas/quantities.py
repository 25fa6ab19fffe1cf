"""The types of figures in the files: quantities with their unit, amounts of money, shares.

Each type reads text at the border once and gives the base unit of the domain; its JSON Schema has the pattern of the
text. A figure without its unit is refused, because it would be a guess.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from suanwang.domain.money import Money
from suanwang.errors import Message, msg
from suanwang.schemas.wrong import Wrong
from suanwang.units import DIMENSIONS, UnreadableQuantity, parse_quantity

_NUMBER = r"\d[\d_]*(\.\d+)?([eE][+-]?\d+)?"
_AMOUNT = re.compile(r"\s*(-?\d[\d_,]*(?:\.\d+)?)\s*([A-Z]{3})\s*(?:/\s*([A-Za-z]+))?\s*")
_AMOUNT_DIGITS_MAX = 24
_DECIMAL = re.compile(r"-?\d{1,12}(\.\d{1,12})?")


def show(value: object) -> str:
    """A value as a message quotes it."""
    return repr(value)[:60]


def _quantity(dimension: str, *, zero: bool = False) -> Callable[[object], float]:
    units = ", ".join(unit for unit in DIMENSIONS[dimension] if unit)

    def read(value: object) -> float:
        if dimension == "count" and isinstance(value, int | float) and not isinstance(value, bool):
            number = float(value) if abs(value) < 1e300 else float("inf")
            if number == float("inf"):
                raise Wrong(msg("{value} is too large.", value=show(value)), msg("Give a number below 1e300."))
        elif isinstance(value, str):
            try:
                number = parse_quantity(value, dimension)
            except UnreadableQuantity as error:
                raise Wrong(unreadable(value, error), _with_unit(units)) from error
        else:
            raise Wrong(msg("{value} has no unit.", value=show(value)), _with_unit(units))
        if number < 0 or (number == 0 and not zero):
            least = msg("not negative") if zero else msg("greater than 0")
            raise Wrong(msg("{value} must be {least}.", value=show(value), least=least), _with_unit(units))
        return number

    return read


def unreadable(value: str, error: UnreadableQuantity) -> Message:
    """What is wrong with a quantity, in words that can be translated."""
    match error.fault:
        case "unit":
            return msg("{value} has the unknown unit {unit!r}.", value=show(value), unit=error.unit)
        case "no unit":
            return msg("{value} has no unit.", value=show(value))
        case "size":
            return msg("{value} is too large.", value=show(value))
    return msg("{value} is not a number with a unit.", value=show(value))


def _with_unit(units: str) -> Message:
    return msg("Write a number and a unit, one of: {units}.", units=units)


def _quantity_schema(dimension: str, example: str) -> WithJsonSchema:
    units = "|".join(re.escape(unit) for unit in DIMENSIONS[dimension] if unit)
    text = {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*({units}){'?' if dimension == 'count' else ''}\s*$"}
    if dimension == "count":
        return WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, text], "examples": [example]})
    return WithJsonSchema({**text, "examples": [example]})


Duration = Annotated[float, BeforeValidator(_quantity("duration")), _quantity_schema("duration", "2 h")]
"""Seconds, from "2 h"; more than 0."""
DurationOrZero = Annotated[
    float, BeforeValidator(_quantity("duration", zero=True)), _quantity_schema("duration", "1 ms")
]
Bytes = Annotated[float, BeforeValidator(_quantity("bytes", zero=True)), _quantity_schema("bytes", "80 GB")]
"""Bytes, from "80 GB" or "64 GiB"."""
Bandwidth = Annotated[float, BeforeValidator(_quantity("bandwidth")), _quantity_schema("bandwidth", "100 Gbit/s")]
"""Bytes/s, from "100 Gbit/s"; more than 0."""
Operations = Annotated[float, BeforeValidator(_quantity("flops")), _quantity_schema("flops", "500 TFLOP")]
"""Floating-point operations, from "500 TFLOP"; more than 0."""
Power = Annotated[float, BeforeValidator(_quantity("power", zero=True)), _quantity_schema("power", "1.2 kW")]
"""Watts, from "1.2 kW"."""
Count = Annotated[float, BeforeValidator(_quantity("count")), _quantity_schema("count", "15 T")]
"""A number, from 2000000000, "2 B" or "15 T"; more than 0."""


def read_amount(value: object, per: str = "") -> Money:
    """Money from "12.5 CNY", or "0.6 CNY/kWh" where it is `per` kWh. Raises Wrong; a price is never negative."""
    example = f"12.5 CNY/{per}" if per else "5000 CNY"
    remedy = msg("Write an amount and its currency, such as {example}.", example=example)
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None or len(match[1]) > _AMOUNT_DIGITS_MAX:
        raise Wrong(msg("{value} is not an amount with a currency.", value=show(value)), remedy)
    if (match[3] or "") != per:
        shown = match[3] or msg("nothing")
        raise Wrong(
            msg("{value} is per {given}, not per {per}.", value=show(value), given=shown, per=per or "1"), remedy
        )
    try:
        money = Money.parse(match[1], match[2])
    except ValueError as error:
        raise Wrong(msg("{value} is finer than a millionth.", value=show(value)), remedy) from error
    if money.micro < 0:
        raise Wrong(msg("{value} must not be negative.", value=show(value)), remedy)
    return money


def amount_schema(per: str = "") -> WithJsonSchema:
    """JSON Schema of what `read_amount` reads."""
    end = rf"\s*/\s*{per}" if per else ""
    return WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^\s*\d[\d_,]*(\.\d+)?\s*[A-Z]{{3}}{end}\s*$",
            "examples": [f"12.5 CNY/{per}" if per else "12.5 CNY"],
        }
    )


Amount = Annotated[Money, PlainValidator(read_amount), amount_schema()]
"""Money, from "5000 CNY"."""
AmountPerGB = Annotated[Money, PlainValidator(partial(read_amount, per="GB")), amount_schema("GB")]
AmountPerKwh = Annotated[Money, PlainValidator(partial(read_amount, per="kWh")), amount_schema("kWh")]
AmountPerTonne = Annotated[Money, PlainValidator(partial(read_amount, per="t")), amount_schema("t")]


def read_decimal(value: object, low: str, high: str) -> Decimal:
    """A number from 1.25 or "1.25", exactly as written, within [low, high] and not finer than 10^-6. Raises Wrong."""
    remedy = msg("Give a number from {low} to {high} with at most 6 decimals.", low=low, high=high)
    plain = isinstance(value, int | float | str) and not isinstance(value, bool)
    if not plain or not _DECIMAL.fullmatch(str(value)):
        raise Wrong(msg("{value} is not a number.", value=show(value)), remedy)
    number = Decimal(str(value))
    if not Decimal(low) <= number <= Decimal(high):
        raise Wrong(msg("{value} is out of range.", value=show(value)), remedy)
    if number != round(number, 6):
        raise Wrong(msg("{value} is finer than a millionth.", value=show(value)), remedy)
    return number


_RATIO_SCHEMA = {
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$"},
    ],
    "examples": ["30 %"],
}


def read_ratio(value: object) -> Fraction:
    """A share within (0, 1], from "30 %" or 0.3. Raises Wrong."""
    percent = isinstance(value, str) and value.strip().endswith("%")
    text = str(value).strip().rstrip("%").strip() if percent else value
    if isinstance(value, str) and not percent:
        raise Wrong(msg("{value} is not a share.", value=show(value)), msg('Write it as "30 %" or 0.3.'))
    number = Fraction(read_decimal(text, "0", "100" if percent else "1")) / (100 if percent else 1)
    if not number:
        raise Wrong(msg("a share must be more than 0."), msg("Leave the rate out when nothing is paid."))
    return number


Ratio = Annotated[Fraction, PlainValidator(read_ratio), WithJsonSchema(_RATIO_SCHEMA)]
"""A share within (0, 1], from "30 %" or 0.3, exactly."""
Pue = Annotated[
    Decimal,
    PlainValidator(partial(read_decimal, low="1", high="5")),
    WithJsonSchema({"type": "number", "minimum": 1, "maximum": 5, "examples": [1.25]}),
]
"""Power usage effectiveness: energy of the site over energy of its IT equipment, at least 1."""

_CARBON = re.compile(r"\s*(\d{1,6}(?:\.\d{1,9})?)\s*(kg|g)/kWh\s*")


def is_carbon_figure(text: str) -> bool:
    """Whether a text is meant as a figure, not as an id of the catalog."""
    return "/" in text


def read_carbon(value: object) -> Decimal:
    """kg CO2 per kWh, from "0.6 kg/kWh" or "600 g/kWh". Raises Wrong."""
    match = _CARBON.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        what = msg("{value} is not an amount of CO2 per kWh.", value=show(value))
        raise Wrong(what, msg('Write it as "0.6 kg/kWh" or "600 g/kWh".'))
    return round(Decimal(match[1]) / (1000 if match[2] == "g" else 1), 6)


Carbon = Annotated[
    Decimal,
    PlainValidator(read_carbon),
    WithJsonSchema({"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*k?g/kWh\s*$", "examples": ["0.6 kg/kWh"]}),
]


def read_currency(value: object) -> str:
    """Three capital letters. Raises Wrong."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{3}", value):
        what = msg("{value} is not a currency.", value=show(value))
        raise Wrong(what, msg("Write its ISO 4217 code, such as {example}.", example="CNY"))
    return value


Currency = Annotated[
    str,
    PlainValidator(read_currency),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "examples": ["CNY"]}),
]
