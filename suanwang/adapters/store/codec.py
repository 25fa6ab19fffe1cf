"""Domain objects to and from JSON text, exactly: what is read equals what was written.

Fraction and Decimal are kept as text, times as ISO 8601, infinities as the bare words that Python's json knows.
Field order is the order of the dataclass, so the text of an object is always the same: the ledger's hash chain uses it.
"""

import json
from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

from suanwang.domain.ledger import Transfer

Thing = TypeVar("Thing")


_adapter: Callable[[type], TypeAdapter[Any]] = cache(TypeAdapter)
"""Building one costs milliseconds, so each is built once, when it is first needed."""


def dump(thing: object) -> str:
    """JSON text of a frozen dataclass of the domain. A field that is not of its declared type raises (a bug)."""
    plain = _adapter(type(thing)).dump_python(thing, mode="json", warnings="error")
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def dump_transfer(transfer: Transfer) -> str:
    """The same text as `dump`, for what is written a thousand at a time."""
    return _transfers().dump_json(transfer, warnings="error").decode()


@cache
def _transfers() -> TypeAdapter[Transfer]:
    return TypeAdapter(Transfer)


def load(kind: type[Thing], text: str) -> Thing:
    """The object that `dump` wrote. Raises ValueError when the text is not one of `kind`."""
    thing: Thing = _adapter(kind).validate_json(text)
    return thing
