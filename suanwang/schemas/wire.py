"""The wire form of domain objects: plain JSON values, the same for `--json`, the API and webhooks.

Money is {"amount": "12.340000", "unit": "CNY"}; times are ISO 8601 in UTC; fractions are decimal text; messages are
text in the reader's language. Keys are the field names of the nouns.
"""

from collections.abc import Callable, Mapping
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
    kind = type(value)
    form = _known.get(kind)
    if form is None:
        form = _known[kind] = _form(kind)
    return form(value, translate)


Form = Callable[[Any, Any], Any]
_known: dict[type, Form] = {}
"""How values of a type are written, found once for each type: lists have thousands of them."""


def _form(kind: type) -> Form:
    for base, form in _FORMS:
        if issubclass(kind, base):
            return form
    if is_dataclass(kind):
        names = tuple(field.name for field in fields(kind))
        return lambda value, translate: {name: plain(getattr(value, name), translate) for name in names}
    raise TypeError(f"{kind.__name__} has no wire form")


_FORMS: tuple[tuple[type | tuple[type, ...], Form], ...] = (
    ((type(None), bool, int, float), lambda value, _: value),
    (Enum, lambda value, _: value.value),
    (str, lambda value, _: value),
    (Money, lambda value, _: {"amount": f"{value.decimal:.6f}", "unit": value.unit}),
    (Message, lambda value, translate: value.render(translate)),
    (datetime, lambda value, _: value.astimezone(UTC).isoformat().replace("+00:00", "Z")),
    (Fraction, lambda value, _: f"{float(value):.9f}"),
    ((Decimal, date, tzinfo), lambda value, _: str(value)),
    (Mapping, lambda value, translate: {str(plain(k)): plain(v, translate) for k, v in value.items()}),
    ((tuple, list), lambda value, translate: [plain(each, translate) for each in value]),
    ((frozenset, set), lambda value, translate: [plain(each, translate) for each in sorted(value)]),
)
"""The first that fits, as in the order of a match."""
