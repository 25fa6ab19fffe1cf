"""What pydantic found wrong with a value, in the words of a person who writes the file."""

from collections.abc import Iterable, Mapping
from typing import Any

from suanwang.errors import Message, msg
from suanwang.schemas.findings import nearest
from suanwang.schemas.quantities import show
from suanwang.schemas.wrong import Wrong

Words = tuple[Message, Message]

_KINDS: Mapping[str, tuple[Message, Message]] = {
    "string_type": (msg("must be text"), msg("Put it in quotes.")),
    "int_type": (msg("must be a whole number"), msg("Write digits only, without quotes or a unit.")),
    "float_type": (msg("must be a number"), msg("Write it without quotes or a unit.")),
    "bool_type": (msg("must be true or false"), msg("Write true or false, without quotes.")),
    "list_type": (msg("must be a list"), msg("Write [a, b] or one line for each, starting with a dash.")),
    "dict_type": (msg("must be a mapping"), msg("Write one line for each, as in name: value.")),
    "model_type": (msg("must be a mapping"), msg("Write one line for each field, as in name: value.")),
}
_SAME = {"model_attributes_type": "model_type", "int_from_float": "int_type", "int_parsing": "int_type"}
_BOUNDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}


def explain(error: Mapping[str, Any], fields: Iterable[str]) -> Words:
    """Message and remedy of one of pydantic's errors; `fields` are the names known at its place."""
    kind, context, value = error["type"], error.get("ctx", {}), show(error["input"])
    field = str(error["loc"][-1])[:60] if error["loc"] else ""
    cause = context.get("error")
    if isinstance(cause, Wrong):
        return cause.message, cause.remedy
    if kind == "missing":
        return msg("{field} is missing.", field=field), msg("Add it; docs/reference/files.md says what it means.")
    if kind == "extra_forbidden":
        return _unknown(field, list(fields))
    if (known := _KINDS.get(_SAME.get(kind, kind))) is not None:
        return msg("{value} {rule}.", value=value, rule=known[0]), known[1]
    if kind in ("enum", "literal_error"):
        return _choice(error["input"], str(context["expected"]))
    if kind in _BOUNDS:
        return _bound(kind, value, context[_BOUNDS[kind]])
    return _length(kind, value, context) or _pattern(kind, value, context) or _other(value, str(error["msg"]))


def _unknown(field: str, fields: list[str]) -> Words:
    near = nearest(field, fields)
    if near:
        return msg("unknown field {field}.", field=field), msg("Did you mean {near}?", near=near)
    known = ", ".join(fields) or "-"
    return msg("unknown field {field}.", field=field), msg("Remove it; known here: {known}.", known=known)


def _choice(given: object, expected: str) -> Words:
    choices = expected.replace(" or ", ", ").replace("'", "").split(", ")
    near = (nearest(given, choices) if isinstance(given, str) else "") or ", ".join(choices)
    return msg("{value} is not known here.", value=show(given)), msg("Write one of: {near}.", near=near)


def _bound(kind: str, value: str, limit: object) -> Words:
    remedy = msg("Give a number within the limit.")
    if kind == "greater_than":
        return msg("{value} must be greater than {limit}.", value=value, limit=limit), remedy
    if kind == "greater_than_equal":
        return msg("{value} must be at least {limit}.", value=value, limit=limit), remedy
    if kind == "less_than":
        return msg("{value} must be less than {limit}.", value=value, limit=limit), remedy
    return msg("{value} must be at most {limit}.", value=value, limit=limit), remedy


def _length(kind: str, value: str, context: Mapping[str, Any]) -> Words | None:
    least, most = context.get("min_length"), context.get("max_length")
    if kind in ("too_short", "string_too_short"):
        return msg("{value} is too short; at least {least}.", value=value, least=least), msg("Add what is missing.")
    if kind in ("too_long", "string_too_long"):
        return msg("{value} is too long; at most {most}.", value=value, most=most), msg("Shorten it.")
    return None


def _pattern(kind: str, value: str, context: Mapping[str, Any]) -> Words | None:
    if kind != "string_pattern_mismatch":
        return None
    what = msg("{value} is not written as it must be.", value=value)
    return what, msg("It must match {pattern}.", pattern=str(context["pattern"]))


def _other(value: str, text: str) -> Words:
    return msg("{value}: {problem}.", value=value, problem=text[:200]), msg("Correct the value.")
