"""A policy and a packing in one line: `fair_share(half_life=7d) + topology`."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar, cast

from suanwang.errors import InvalidInput, Problem, msg

Thing = TypeVar("Thing")

_CALL = re.compile(r"^\s*(?P<name>[\w-]+)\s*(?:\((?P<options>[^()]*)\))?\s*$")
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)\s*(s|min|h|d)$")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_WORDS = {"yes": True, "no": False, "true": True, "false": False}


def split_scheme(text: str) -> tuple[str, str]:
    """The policy and the packing of `policy + packing`; the packing is empty where none is named."""
    policy, _, packing = text.partition("+")
    return policy.strip(), packing.strip()


def split_options(text: str) -> tuple[str, Mapping[str, str]]:
    """`name(option=value, …)` taken apart. Raises InvalidInput."""
    found = _CALL.match(text)
    pairs = [pair.partition("=") for pair in (found["options"] or "").split(",") if pair.strip()] if found else []
    if not found or any(not equals for _, equals, _ in pairs):
        remedy = msg("Write it as name, or as name(option=value, option=value).")
        raise InvalidInput([Problem(text, msg("the policy cannot be read"), remedy)])
    return found["name"], {name.strip(): value.strip() for name, _, value in pairs}


def with_options(thing: Thing, options: Mapping[str, str], place: str) -> Thing:
    """The same with other values of its fields. Raises InvalidInput with every problem."""
    if not options:
        return thing
    known = {f.name: getattr(thing, f.name) for f in fields(thing) if f.name != "name"} if is_dataclass(thing) else {}
    problems, values = [], {}
    for name, value in options.items():
        if name not in known:
            remedy = msg("Known: {known}.", known=", ".join(known) or "-")
            problems.append(Problem(place, msg("there is no option {name!r}", name=name), remedy))
            continue
        try:
            values[name] = _like(known[name], value)
        except (ValueError, KeyError):
            remedy = msg("Write it like {example}.", example=_shown(known[name]))
            problems.append(
                Problem(place, msg("option {name}: {value!r} cannot be read", name=name, value=value), remedy)
            )
    if problems:
        raise InvalidInput(problems)
    try:
        return cast(Thing, replace(cast(Any, thing), **values))
    except ValueError as error:
        raise InvalidInput(
            [Problem(place, msg("{problem}", problem=str(error)), msg("Choose another value."))]
        ) from error


def _like(example: Any, text: str) -> Any:
    """The value that a text stands for, of the kind of the example. Raises ValueError, KeyError."""
    if isinstance(example, bool):
        return _WORDS[text.lower()]
    if isinstance(example, timedelta):
        found = _DURATION.match(text)
        if not found:
            raise ValueError(text)
        return timedelta(seconds=float(found[1]) * _SECONDS[found[2]])
    return type(example)(text)


def _shown(value: Any) -> str:
    if isinstance(value, timedelta):
        return f"{value.total_seconds() / 3600:g}h"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
