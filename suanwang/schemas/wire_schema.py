"""JSON Schema of the wire form, from the types of the nouns: what `wire.plain` writes, field by field.

So the API's description cannot drift from what it sends: both follow the dataclass.
"""

import types
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, datetime, tzinfo
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any, Union, get_args, get_origin, get_type_hints

from suanwang.domain.money import Money
from suanwang.errors import Message

Schema = dict[str, Any]
_LISTS = (tuple, list, Sequence, frozenset, set)
_PLAIN: Mapping[object, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    type(None): {"type": "null"},
    Any: {},
    Message: {"type": "string", "description": "Text in the reader's language."},
    datetime: {"type": "string", "format": "date-time"},
    date: {"type": "string", "format": "date"},
    Fraction: {"type": "string", "pattern": r"^-?\d+(\.\d+)?(e[+-]?\d+)?$"},
    Decimal: {"type": "string"},
    tzinfo: {"type": "string"},
    Money: {
        "type": "object",
        "properties": {
            "amount": {"type": "string", "pattern": r"^-?\d+\.\d{6}$"},
            "unit": {"type": "string"},
        },
        "required": ["amount", "unit"],
        "additionalProperties": False,
    },
}


def schema_of(kind: Any, components: dict[str, Schema]) -> Schema:
    """The schema of a type; the nouns in it go to `components`, by their class's name, and are referred to.

    Raises TypeError for a type that has no wire form, or for two nouns of one name.
    """
    if kind in _PLAIN:
        return dict(_PLAIN[kind])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"type": "string", "enum": [member.value for member in kind]}
    if isinstance(kind, type) and is_dataclass(kind):
        return _noun(kind, components)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return {"anyOf": [schema_of(part, components) for part in arguments]}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(arguments[1], components)}
    if origin in _LISTS:
        return _list(arguments, components)
    raise TypeError(f"{kind} has no wire form")


def _list(arguments: tuple[Any, ...], components: dict[str, Schema]) -> Schema:
    if len(arguments) == 1 or arguments[1:] == (Ellipsis,):
        return {"type": "array", "items": schema_of(arguments[0], components)}
    size = len(arguments)
    parts = [schema_of(part, components) for part in arguments]
    return {"type": "array", "prefixItems": parts, "minItems": size, "maxItems": size}


def _noun(kind: type, components: dict[str, Schema]) -> Schema:
    name = kind.__name__
    reference = {"$ref": f"#/components/schemas/{name}"}
    origin = f"{kind.__module__}.{kind.__qualname__}"
    if name in components:
        if components[name]["x-noun"] != origin:
            raise TypeError(f"{origin} and {components[name]['x-noun']} have one name")
        return reference
    components[name] = {"x-noun": origin}  # known before its fields are: a noun may hold itself
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    components[name] |= {
        "type": "object",
        "description": (kind.__doc__ or "").strip(),
        "properties": {field: schema_of(hints[field], components) for field in names},
        "required": names,
        "additionalProperties": False,
    }
    return reference
