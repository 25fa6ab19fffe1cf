"""Amounts of a unit of account: integers at 10^-6, never floating point.

A unit is a currency ("CNY") or a voucher programme ("VCH:<programme>"). Amounts of different units do not mix.
"""

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Self

from suanwang.errors import Never, msg
from suanwang.units import MICRO

_AMOUNT = re.compile(r"[+-]?(\d+|\d{1,3}([,_]\d{3})+)(\.\d+)?([eE][+-]?\d{1,2})?", re.ASCII)
"""A decimal number; a comma only where it parts thousands, so that "1,5" is refused and not read as 15."""
_WIDE = Context(prec=4400)
"""More digits than a Python integer is read from, so that nothing is rounded away."""


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """`micro` millionths of `unit`. Raises TypeError for a float, and Never(unit-mismatch) when units are mixed."""

    micro: int
    unit: str

    def __post_init__(self) -> None:
        if type(self.micro) is not int:
            raise TypeError(f"money is counted in whole millionths, not {type(self.micro).__name__}")

    @classmethod
    def parse(cls, text: str, unit: str) -> Self:
        """Read a decimal number exactly. Raises ValueError when it is not one, or is finer than 10^-6."""
        number = text.strip()
        if not _AMOUNT.fullmatch(number):
            raise ValueError(f"{text[:40]!r} is not an amount")
        scaled = Fraction(re.sub("[,_]", "", number)) * MICRO
        if scaled.denominator != 1:
            raise ValueError(f"{text[:40]!r} is finer than 10^-6")
        return cls(int(scaled), unit)

    @classmethod
    def zero(cls, unit: str) -> Self:
        return cls(0, unit)

    def _same(self, other: "Money") -> None:
        if self.unit != other.unit:
            raise Never(
                "unit-mismatch",
                msg("{a} and {b} are different units of account", a=self.unit, b=other.unit),
                msg("Convert one of them by a transfer in each unit; amounts never mix."),
            )

    def __add__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.micro + other.micro, self.unit)

    def __sub__(self, other: "Money") -> "Money":
        self._same(other)
        return Money(self.micro - other.micro, self.unit)

    def __neg__(self) -> "Money":
        return Money(-self.micro, self.unit)

    def __bool__(self) -> bool:
        return self.micro != 0

    def times(self, quantity: Fraction | int) -> "Money":
        """Price x exact quantity, to the nearest millionth (half to even): the scale of the ledger."""
        if not isinstance(quantity, Fraction | int):
            raise TypeError("a price is multiplied by an exact quantity (Fraction or int), not a float")
        return Money(round(self.micro * Fraction(quantity)), self.unit)

    @property
    def decimal(self) -> Decimal:
        """The exact amount, for showing."""
        return _WIDE.divide(Decimal(self.micro), Decimal(MICRO))

    def __str__(self) -> str:
        return f"{self.decimal:,.2f} {self.unit}"


def total(amounts: "list[Money] | tuple[Money, ...]", unit: str) -> Money:
    """Sum of amounts that must all be of `unit`."""
    result = Money.zero(unit)
    for amount in amounts:
        result += amount
    return result
