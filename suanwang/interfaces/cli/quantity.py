"""Options whose value is a quantity with its unit, such as --network "3.2 Tbit/s"."""

from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import msg
from suanwang.units import DIMENSIONS, UnreadableQuantity, parse_quantity

if TYPE_CHECKING:
    Option = click.ParamType[float]
else:  # older versions of click have no type argument
    Option = click.ParamType


class Quantity(Option):
    """A positive number of the dimension's base unit, read from text with a unit."""

    name = "quantity"

    def __init__(self, dimension: str) -> None:
        self.dimension = dimension

    def get_metavar(self, *_: object, **__: object) -> str:
        return self.dimension.upper()

    def convert(self, value: Any, *_: object) -> float:
        from suanwang.schemas.quantities import unreadable  # it loads what help does not need

        if isinstance(value, float):
            return value
        try:
            number = parse_quantity(str(value), self.dimension)
        except UnreadableQuantity as error:
            units = ", ".join(unit for unit in DIMENSIONS[self.dimension] if unit)
            self.fail(
                f"{unreadable(str(value), error)} {msg('Write a number and a unit, one of: {units}.', units=units)}"
            )
        if number <= 0:
            self.fail(str(msg("{value} must be greater than 0.", value=repr(value))))
        return number
