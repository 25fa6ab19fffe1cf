"""Units: the scales that figures are kept in, and the one reader of quantities such as "80 GB" or "2 h".

Inside the house a figure is in the base unit that its name ends with (`_s`, `_bytes`, `_kwh`, `_flops`); text with a
unit is read here, at the border, once.
"""

import re
from decimal import Decimal

MICRO = 1_000_000
"""Scale of the ledger and of signals: an integer counts millionths of its unit."""

SECONDS_PER_HOUR = 3600
HOURS_PER_YEAR = 8760
JOULES_PER_KWH = 3_600_000
PFLOP_HOUR = 10**15 * SECONDS_PER_HOUR
"""Operations in a PFLOP-hour, the unit of delivered compute."""

DIMENSIONS: dict[str, dict[str, Decimal]] = {
    "duration": {
        "ms": Decimal("0.001"),
        "s": Decimal(1),
        "min": Decimal(60),
        "h": Decimal(3600),
        "d": Decimal(86400),
        "w": Decimal(604800),
    },
    "bytes": {
        "B": Decimal(1),
        **{f"{p}B": Decimal(10) ** (3 * (i + 1)) for i, p in enumerate("kMGTP")},
        **{f"{p}iB": Decimal(2) ** (10 * (i + 1)) for i, p in enumerate("KMGTP")},
    },
    "bandwidth": {
        "bit/s": Decimal(1) / 8,
        **{f"{p}bit/s": Decimal(10) ** (3 * (i + 1)) / 8 for i, p in enumerate("kMGT")},
        **{f"{p}B/s": Decimal(10) ** (3 * (i + 1)) for i, p in enumerate("kMGT")},
    },
    "flops": {
        "FLOP": Decimal(1),
        **{f"{p}FLOP": Decimal(10) ** (3 * (i + 1)) for i, p in enumerate("kMGTPEZY")},
    },
    "power": {"W": Decimal(1), "kW": Decimal(1000), "MW": Decimal(1_000_000)},
    "count": {
        "": Decimal(1),
        "k": Decimal(1000),
        "M": Decimal(10) ** 6,
        "B": Decimal(10) ** 9,
        "T": Decimal(10) ** 12,
    },
}
"""dimension -> unit -> factor to the base unit (seconds, bytes, bytes/s, operations, watts, ones)."""

_QUANTITY = re.compile(r"\s*([+-]?\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*([A-Za-z/]*)\s*")


class UnreadableQuantity(ValueError):
    """A text that is not a number with a unit of the asked dimension; the text says which units are.

    `fault` is what is wrong: "form", "unit" (then `unit` is what was given), "no unit" or "size".
    """

    def __init__(self, text: str, fault: str, unit: str = "") -> None:
        super().__init__(text)
        self.fault = fault
        self.unit = unit


def parse_quantity(text: str, dimension: str) -> float:
    """Read "80 GB" as a number of the dimension's base unit.

    A bare number is refused unless the dimension is `count`: a figure without its unit is a guess.
    Raises UnreadableQuantity, naming the units that the dimension knows.
    """
    units = DIMENSIONS[dimension]
    known = ", ".join(unit for unit in units if unit)
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise UnreadableQuantity(f"{text[:40]!r} is not a number with a unit ({known})", "form")
    number, unit = match.groups()
    if unit not in units:
        wrong = f"unknown unit {unit!r}" if unit else "no unit"
        raise UnreadableQuantity(
            f"{text.strip()[:40]!r} has {wrong}; units of {dimension}: {known}", "unit" if unit else "no unit", unit
        )
    try:
        value = float(Decimal(number.replace("_", "")) * units[unit])
    except ArithmeticError:
        value = float("inf")
    if value in (float("inf"), float("-inf")):
        raise UnreadableQuantity(f"{text[:40]!r} is too large", "size")
    return value
