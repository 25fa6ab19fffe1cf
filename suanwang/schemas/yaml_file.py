"""YAML text to plain data, safely, with the line of every value.

The subset is YAML's core schema: `true`/`false` are booleans, plain decimal numbers are numbers, everything else is
text (so `NO`, `8:30` and `2026-08-01` stay what was typed). Anchors, aliases, tags and further documents are refused:
a file says what it says, once. The builder works on parser events without recursion, so depth and size are bounded
before anything is built.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from suanwang.errors import InvalidInput, Message, Problem, msg

SIZE_BYTES_MAX = 1 << 20
DEPTH_MAX = 64
VALUES_MAX = 50_000
NUMBER_CHARACTERS_MAX = 40

Path = tuple[str | int, ...]

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL = {"", "~", "null", "Null", "NULL"}
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Document:
    """The data of one file (dicts with text keys, lists, text, numbers, booleans, None) and the line of each path.

    `faults`: what is wrong with single values (a key twice, a number that is not finite), with their paths; the rest of
    the file can be read all the same, so that its problems are told together with these.
    """

    name: str
    data: object
    lines: dict[Path, int] = field(repr=False)
    faults: tuple[tuple[Path, Problem], ...] = ()

    def place(self, path: Path) -> str:
        """ "grid.yaml:12 grid.pools[0].site": the line (from 1) of a path, or of the nearest thing around it."""
        return f"{self.name}:{self.line(path)} {spell(path)[:200]}".rstrip()

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing around it."""
        known = path
        while known not in self.lines and known:
            known = known[:-1]
        return self.lines.get(known, 1)


def spell(path: Path) -> str:
    """A path as people write it: pools[0].price_book."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def decode(content: bytes, name: str) -> str:
    """The text of a file. Raises InvalidInput when it is too large or not UTF-8."""
    if len(content) > SIZE_BYTES_MAX:
        raise _refuse(name, 1, *_too_large(len(content)))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refuse(name, line, msg("the file is not UTF-8."), msg("Save it as UTF-8 text.")) from error


def read_yaml(text: str, name: str) -> Document:
    """One YAML document as plain data; `name` is the file's name in messages.

    Raises InvalidInput: too large, too deep, too many values, not YAML, an anchor, alias or tag, a second document.
    """
    size = len(text.encode("utf-8", "replace"))
    if size > SIZE_BYTES_MAX:
        raise _refuse(name, 1, *_too_large(size))
    builder = _Builder(name)
    try:
        for event in _events(text):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = msg("not readable as YAML: {problem}.", problem=error.problem or error.context or "syntax")
        raise _refuse(name, mark.line + 1 if mark else 1, what, msg("Check indentation, quotes and colons.")) from error
    except (yaml.YAMLError, UnicodeError) as error:
        what = msg("there is a character that a text file may not have.")
        raise _refuse(name, 1, what, msg("Remove control characters and NUL bytes; save as UTF-8.")) from error
    return Document(name, builder.root, builder.lines, tuple(builder.faults))


def _events(text: str) -> Iterator[Event]:
    yield from yaml.parse(text, Loader=_LOADER)


def _refuse(name: str, line: int, what: Message, remedy: Message) -> InvalidInput:
    return InvalidInput([Problem(f"{name}:{line}", what, remedy)])


def _too_large(size: int) -> tuple[Message, Message]:
    what = msg("the file has {size} bytes; at most {limit} are read.", size=size, limit=SIZE_BYTES_MAX)
    return what, msg("Split it, or leave out what is not needed.")


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being filled; `key` is the mapping's key that waits for its value."""

    path: Path
    node: dict[str, object] | list[object]
    key: str | None = None


class _Builder:
    """Takes parser events one by one; keeps the data, the lines, and what is wrong."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: object = None
        self.lines: dict[Path, int] = {}
        self.faults: list[tuple[Path, Problem]] = []
        self.documents = 0
        self.values = 0
        self.open: list[_Open] = []

    def take(self, event: Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                what = msg("a second document starts here; a file holds one.")
                raise _refuse(self.name, line, what, msg("Put it into a file of its own."))
        elif isinstance(event, AliasEvent):
            what = msg("aliases (*{anchor}) are not read.", anchor=str(event.anchor)[:40])
            raise _refuse(self.name, line, what, msg("Write the value out."))
        elif isinstance(event, MappingEndEvent | SequenceEndEvent):
            self.open.pop()
        elif isinstance(event, ScalarEvent | MappingStartEvent | SequenceStartEvent):
            self._value(event, line)

    def _value(self, event: ScalarEvent | MappingStartEvent | SequenceStartEvent, line: int) -> None:
        self.values += 1
        if self.values > VALUES_MAX:
            what = msg("the file has more than {limit} values.", limit=VALUES_MAX)
            raise _refuse(self.name, line, what, msg("Split it, or leave out what is not needed."))
        if event.anchor is not None:
            what = msg("anchors (&{anchor}) are not read.", anchor=str(event.anchor)[:40])
            raise _refuse(self.name, line, what, msg("Remove the anchor and write repeated values out."))
        if event.tag not in (None, "!", _TEXT_TAG):
            what = msg("tags ({tag}) are not read.", tag=str(event.tag)[:60])
            raise _refuse(self.name, line, what, msg("Remove the tag; put text in quotes."))
        parent = self.open[-1] if self.open else None
        if parent is not None and isinstance(parent.node, dict) and parent.key is None:
            self._key(parent, event, line)
            return
        path = self._attach_path(parent)
        self.lines.setdefault(path, line)
        if isinstance(event, ScalarEvent):
            self._attach(parent, self._scalar(event, path, line))
            return
        if len(self.open) >= DEPTH_MAX:
            what = msg("the file is nested deeper than {limit} levels.", limit=DEPTH_MAX)
            raise _refuse(self.name, line, what, msg("Flatten it; no field needs such depth."))
        node: dict[str, object] | list[object] = {} if isinstance(event, MappingStartEvent) else []
        self._attach(parent, node)
        self.open.append(_Open(path, node))

    def _key(self, parent: _Open, event: Event, line: int) -> None:
        if not isinstance(event, ScalarEvent):
            raise _refuse(self.name, line, msg("a key is a list or a mapping."), msg("Use plain text as the key."))
        key = str(event.value)
        path = (*parent.path, key)
        if key in parent.node:
            what = msg("{key} is given twice (first on line {line}).", key=key[:60], line=self.lines[path])
            self._fault(path, line, what, msg("Keep one of them."))
        self.lines.setdefault(path, line)
        parent.key = key

    @staticmethod
    def _attach_path(parent: _Open | None) -> Path:
        if parent is None:
            return ()
        return (*parent.path, len(parent.node) if isinstance(parent.node, list) else str(parent.key))

    def _attach(self, parent: _Open | None, value: object) -> None:
        if parent is None:
            self.root = value
        elif isinstance(parent.node, list):
            parent.node.append(value)
        else:
            parent.node[str(parent.key)] = value
            parent.key = None

    def _scalar(self, event: ScalarEvent, path: Path, line: int) -> object:
        """Text, number, boolean or nothing, by the core schema; what was quoted is text."""
        text = str(event.value)
        if event.tag is not None or not event.implicit[0]:
            return text
        if text in _NULL:
            return None
        if text in _BOOLEAN:
            return _BOOLEAN[text]
        if len(text) <= NUMBER_CHARACTERS_MAX and _INTEGER.fullmatch(text):
            return int(text)
        if _NOT_FINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not math.isfinite(float(text))):
            what = msg("{text} is not a finite number.", text=text[:40])
            self._fault(path, line, what, msg("Give a finite number, or leave the field out."))
            return None
        if len(text) <= NUMBER_CHARACTERS_MAX and _FLOAT.fullmatch(text):
            return float(text)
        return text

    def _fault(self, path: Path, line: int, what: Message, remedy: Message) -> None:
        place = f"{self.name}:{line} {spell(path)[:200]}".rstrip()
        self.faults.append((path, Problem(place, what, remedy)))
