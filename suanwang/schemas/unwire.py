"""The wire form back to the nouns: what `wire.plain` wrote, read by the types of the dataclass.

Texts come back as they were shown, in one language; fractions at nine decimals. Everything else comes back exactly.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from suanwang.domain.money import Money
from suanwang.errors import Message

Thing = TypeVar("Thing")
_LISTS = {tuple: tuple, list: list, Sequence: tuple, frozenset: frozenset, set: set}


def read_plain(kind: type[Thing], value: object) -> Thing:
    """The noun. Raises ValueError when the value is not the wire form of one (an answer of another version)."""
    try:
        thing: Thing = _read(kind, value)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not the wire form of {kind}: {error}") from error
    return thing


def _read(kind: Any, value: Any) -> Any:
    if kind is Any or kind in (bool, int, str, type(None)):
        if kind is not Any and type(value) is not kind:
            raise TypeError(f"{value!r} is not {kind.__name__}")
        return value
    if kind is float:
        return float(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    if kind in _SPECIAL:
        return _SPECIAL[kind](value)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{f.name: _read(hints[f.name], value[f.name]) for f in fields(kind) if f.name in value})
    return _read_generic(kind, value)


def _read_generic(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _first(arguments, value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {_read(arguments[0], k): _read(arguments[1], v) for k, v in value.items()}
    if origin in _LISTS:
        if len(arguments) == 1 or arguments[1:] == (Ellipsis,):
            return _LISTS[origin](_read(arguments[0], item) for item in value)
        return tuple(_read(part, item) for part, item in zip(arguments, value, strict=True))
    raise TypeError(f"{kind} has no wire form")


def _first(kinds: tuple[Any, ...], value: Any) -> Any:
    """The first of the kinds that the value is; a noun only with all its own fields."""
    if value is None and type(None) in kinds:
        return None
    for kind in kinds:
        noun = isinstance(kind, type) and is_dataclass(kind) and kind not in _SPECIAL and isinstance(value, Mapping)
        if noun and set(value) != {f.name for f in fields(kind)}:
            continue
        try:
            return _read(kind, value)
        except (TypeError, ValueError, KeyError, AttributeError):
            continue
    raise TypeError(f"{value!r} is none of {kinds}")


def _money(value: Any) -> Money:
    return Money.parse(value["amount"], value["unit"])


def _message(value: Any) -> Message:
    return Message("{text}", (("text", str(value)),))


_SPECIAL: Mapping[Any, Any] = {
    Money: _money,
    Message: _message,
    datetime: datetime.fromisoformat,
    date: date.fromisoformat,
    Fraction: Fraction,
    Decimal: Decimal,
    tzinfo: ZoneInfo,
}
