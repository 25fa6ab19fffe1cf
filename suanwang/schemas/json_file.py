"""JSON text to plain data, as strictly as YAML is read: bounded in size, depth and number of values, no key twice."""

import json
import math
import re
from collections.abc import Iterator

from suanwang.errors import InvalidInput, Message, Problem, msg
from suanwang.schemas.yaml_file import DEPTH_MAX, VALUES_MAX, Document

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class _Twice(ValueError):
    """A key is given twice."""


def read_json(text: str, name: str) -> Document:
    """One JSON value; `name` is what messages call it. Raises InvalidInput."""
    try:
        data = json.loads(text, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_once)
    except _Twice as error:
        raise _refuse(name, msg("{key} is given twice.", key=str(error)[:60]), msg("Keep one of them.")) from None
    except RecursionError:
        raise _too_deep(name) from None
    except ValueError as error:
        what = msg("not readable as JSON: {problem}.", problem=str(error)[:200])
        raise _refuse(name, what, msg("Send one JSON value in UTF-8, with finite numbers.")) from None
    if _SURROGATE.search(text) and _has_surrogate(data):
        what = msg("there is a character that a text file may not have.")
        raise _refuse(name, what, msg("Remove control characters and NUL bytes; save as UTF-8."))
    for count, depth in enumerate(_depths(data), start=1):
        if depth > DEPTH_MAX:
            raise _too_deep(name)
        if count > VALUES_MAX:
            what = msg("the file has more than {limit} values.", limit=VALUES_MAX)
            raise _refuse(name, what, msg("Split it, or leave out what is not needed."))
    return Document(name, data, {})


def _depths(data: object) -> Iterator[int]:
    """The depth of every value, without recursion."""
    waiting = [(data, 0)]
    while waiting:
        value, depth = waiting.pop()
        yield depth
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting += [(part, depth + 1) for part in inner]


def _has_surrogate(data: object) -> bool:
    """Half of a character: JSON can spell it, no text can hold it."""
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [key for key, _ in pairs]
        raise _Twice(next(key for key in names if names.count(key) > 1))
    return made


def _no_constant(text: str) -> object:
    raise ValueError(f"{text} is not a finite number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:40]} is not a finite number")
    return number


def _too_deep(name: str) -> InvalidInput:
    what = msg("the file is nested deeper than {limit} levels.", limit=DEPTH_MAX)
    return _refuse(name, what, msg("Flatten it; no field needs such depth."))


def _refuse(name: str, what: Message, remedy: Message) -> InvalidInput:
    return InvalidInput([Problem(name, what, remedy)])
