"""The wire form of domain objects: plain JSON values, the same for `--json`, the API and webhooks.

Money is {"amount": "12.340000", "unit": "CNY"}; times are ISO 8601 in UTC; fractions are decimal text; messages are
text in the reader's language. Keys are the field names of the nouns.
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

from suanwang.domain.money import Money
from suanwang.errors import Message


def plain(value: object, translate: Any = str) -> Any:
    """A domain object as JSON values. Raises TypeError for a type that has no wire form."""
    match value:
        case None | bool() | int() | float():
            return value
        case Enum():
            return value.value
        case str():
            return value
        case Money():
            return {"amount": f"{value.decimal:.6f}", "unit": value.unit}
        case Message():
            return value.render(translate)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Fraction():
            return f"{float(value):.9f}"
        case Decimal() | date() | tzinfo():
            return str(value)
        case Mapping():
            return {str(plain(k)): plain(v, translate) for k, v in value.items()}
        case tuple() | list() | frozenset() | set():
            return [plain(v, translate) for v in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if is_dataclass(value):
        return {f.name: plain(getattr(value, f.name), translate) for f in fields(value)}
    raise TypeError(f"{type(value).__name__} has no wire form")
