"""The types of figures in a site plan: shares and changes a year, costs by what they are for, prices of an hour."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from suanwang.errors import msg
from suanwang.schemas.quantities import read_amount, show
from suanwang.schemas.wrong import Wrong

_COST = re.compile(r"\s*([\d_,.]+)\s*([A-Z]{3})\s*(?:/\s*(accelerator|kW))?\s*")
_HOURLY = re.compile(r"\s*([\d_,.]+)\s*([A-Z]{3})\s*/\s*accelerator-hour\s*")
_MONTHLY = re.compile(r"\s*([\d_,.]+)\s*([A-Z]{3})\s*/\s*accelerator-month\s*")


def read_part(value: object, low: float, high: float) -> float:
    """A share or change from "30 %", "-8 %" or 0.3, within [low, high]. Raises Wrong."""
    remedy = msg(
        "Write a share from {low} to {high}, such as {example}.", low=f"{low:.0%}", high=f"{high:.0%}", example="5 %"
    )
    percent = isinstance(value, str) and value.strip().endswith("%")
    text = str(value).strip().removesuffix("%").strip()
    plain = percent or (isinstance(value, int | float) and not isinstance(value, bool))
    if not plain or not re.fullmatch(r"[+-]?\d{1,6}(\.\d{1,12})?(e-\d{1,2})?", text):
        raise Wrong(msg("{value} is not a share.", value=show(value)), remedy)
    number = float(text) / 100 if percent else float(text)
    if not low <= number <= high:
        raise Wrong(msg("{value} is out of range.", value=show(value)), remedy)
    return number


def _schema(low: float, high: float) -> WithJsonSchema:
    number = {"type": "number", "minimum": low, "maximum": high}
    return WithJsonSchema(
        {"anyOf": [number, {"type": "string", "pattern": r"^\s*[+-]?\d+(\.\d+)?\s*%\s*$"}], "examples": ["5 %"]}
    )


Share = Annotated[float, PlainValidator(partial(read_part, low=0.0, high=1.0)), _schema(0, 1)]
"""A share within [0, 1], from "30 %" or 0.3."""
Change = Annotated[float, PlainValidator(partial(read_part, low=-0.9, high=1.0)), _schema(-0.9, 1)]
"""A change a year, from "-8 %" or -0.08; at least -90 %."""
Rate = Annotated[float, PlainValidator(partial(read_part, low=0.0, high=2.0)), _schema(0, 2)]
"""A rate a year that is not negative."""


@dataclass(frozen=True, slots=True)
class CostFigure:
    """An amount of a currency for the site (`per` = ""), for each accelerator, or for each kW of IT power; or, without
    a currency, a share of the capital cost."""

    amount: float
    currency: str
    per: str


def _read(pattern: re.Pattern[str], example: str) -> Callable[[object], CostFigure]:
    def read(value: object) -> CostFigure:
        match = pattern.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            remedy = msg("Write it as {example}.", example=example)
            raise Wrong(msg("{value} is not an amount with its unit.", value=show(value)), remedy)
        money = read_amount(f"{match[1]} {match[2]}")
        return CostFigure(float(money.decimal), money.unit, match[3] or "" if pattern.groups > 2 else "")

    return read


def _read_running(value: object) -> CostFigure:
    if isinstance(value, str) and value.strip().endswith("%"):
        return CostFigure(read_part(value, 0.0, 1.0), "", "capital")
    return _read(_COST, "5000000 CNY, 9000 CNY/accelerator or 3 %")(value)


def _text(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


_AMOUNT = r"^\s*\d[\d_,]*(\.\d+)?\s*[A-Z]{3}"
CapitalCost = Annotated[
    CostFigure,
    PlainValidator(_read(_COST, "280000 CNY/accelerator, 9000 CNY/kW or 5000000 CNY")),
    _text(rf"{_AMOUNT}(\s*/\s*(accelerator|kW))?\s*$", "280000 CNY/accelerator"),
]
"""Of the site, of each accelerator, or of each kW of IT power."""
RunningCost = Annotated[
    CostFigure,
    PlainValidator(_read_running),
    _text(rf"({_AMOUNT}(\s*/\s*(accelerator|kW))?\s*$|^\s*\d+(\.\d+)?\s*%\s*$)", "9000 CNY/accelerator"),
]
"""A year: the same, or a share of the capital cost."""
HourPrice = Annotated[
    CostFigure,
    PlainValidator(_read(_HOURLY, "12 CNY/accelerator-hour")),
    _text(rf"{_AMOUNT}\s*/\s*accelerator-hour\s*$", "12 CNY/accelerator-hour"),
]
MonthRent = Annotated[
    CostFigure,
    PlainValidator(_read(_MONTHLY, "9500 CNY/accelerator-month")),
    _text(rf"{_AMOUNT}\s*/\s*accelerator-month\s*$", "9500 CNY/accelerator-month"),
]
