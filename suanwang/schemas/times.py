"""The types of times in the files: instants with an offset, times from now, and hours of the day."""

import re
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import PlainValidator, WithJsonSchema

from suanwang.domain.signal import require_aware
from suanwang.domain.tariff import MINUTES_PER_DAY
from suanwang.errors import msg
from suanwang.schemas.quantities import show, unreadable
from suanwang.schemas.wrong import Wrong
from suanwang.units import UnreadableQuantity, parse_quantity

RELATIVE_DAYS_MAX = 3660
_INSTANT = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})"
_RELATIVE = r"\+\s*\d[\d_]*(\.\d+)?\s*(ms|s|min|h|d|w)"
_INSTANT_EXAMPLE = "2026-08-01T08:00+08:00"


def read_instant(value: object) -> datetime:
    """An aware UTC time from ISO 8601 with an offset. Raises Wrong; a time without an offset is a guess."""
    remedy = msg("Write ISO 8601 with an offset, such as {example}.", example=_INSTANT_EXAMPLE)
    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        when = None
    if when is None:
        raise Wrong(msg("{value} is not a time.", value=show(value)), remedy)
    if when.tzinfo is None:
        raise Wrong(msg("{value} has no offset from UTC.", value=show(value)), remedy)
    try:
        return require_aware(when)
    except OverflowError as error:
        raise Wrong(msg("{value} is out of range.", value=show(value)), remedy) from error


def read_when(value: object) -> datetime | timedelta:
    """An instant, or a time from now such as "+6 h". Raises Wrong."""
    if not (isinstance(value, str) and value.strip().startswith("+")):
        return read_instant(value)
    remedy = msg("Write a time from now such as {example}, at most ten years.", example="+6 h")
    try:
        ahead_s = parse_quantity(value.strip()[1:], "duration")
    except UnreadableQuantity as error:
        raise Wrong(unreadable(value, error), remedy) from error
    if not 0 <= ahead_s <= RELATIVE_DAYS_MAX * 86400:
        raise Wrong(msg("{value} is out of range.", value=show(value)), remedy)
    return timedelta(seconds=ahead_s)


def instant(when: datetime | timedelta | None, now: datetime) -> datetime | None:
    """The time itself, where it may be given as a time from `now`."""
    return now + when if isinstance(when, timedelta) else when


def read_zone(value: object) -> ZoneInfo:
    """A time zone by its name in the IANA database. Raises Wrong."""
    remedy = msg("Give a name of the IANA database, such as {example}.", example="Asia/Shanghai")
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_+\-/]{0,60}", value):
        raise Wrong(msg("{value} is not a time zone.", value=show(value)), remedy)
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Wrong(msg("{value} is not a time zone.", value=show(value)), remedy) from error


def read_hours(value: object) -> tuple[tuple[int, int], ...]:
    """Minutes of the day [from, to) from "8-11, 18:30-23"; "23-7" runs over midnight. Raises Wrong."""
    remedy = msg("Write local hours such as {example}.", example="8-11, 18:30-23")
    wrong = Wrong(msg("{value} is not a list of hours.", value=show(value)), remedy)
    spans: list[tuple[int, int]] = []
    for part in value.split(",") if isinstance(value, str) and len(value) <= 200 else [""]:
        match = re.fullmatch(r"\s*(\d{1,2})(?::(\d{2}))?\s*-\s*(\d{1,2})(?::(\d{2}))?\s*", part)
        if match is None:
            raise wrong
        start, end = (int(match[i]) * 60 + int(match[i + 1] or 0) for i in (1, 3))
        if max(start, end) > MINUTES_PER_DAY or start == end or any(int(match[i] or 0) > 59 for i in (2, 4)):
            raise wrong
        spans += [(start, end)] if start < end else [(start, MINUTES_PER_DAY), (0, end)]
    return tuple(span for span in spans if span[0] < span[1])


Instant = Annotated[
    datetime,
    PlainValidator(read_instant),
    WithJsonSchema({"type": "string", "pattern": f"^{_INSTANT}$", "examples": [_INSTANT_EXAMPLE]}),
]
"""Aware UTC, from ISO 8601 with an offset."""
When = Annotated[
    datetime | timedelta,
    PlainValidator(read_when),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^({_INSTANT}|\s*{_RELATIVE}\s*)$", "examples": [_INSTANT_EXAMPLE, "+6 h"]}
    ),
]
"""An instant, or a time from now."""
Zone = Annotated[ZoneInfo, PlainValidator(read_zone), WithJsonSchema({"type": "string", "examples": ["Asia/Shanghai"]})]
Hours = Annotated[
    tuple[tuple[int, int], ...],
    PlainValidator(read_hours),
    WithJsonSchema({"type": "string", "pattern": r"^[\d:,\s-]+$", "examples": ["8-11, 18:30-23"]}),
]
"""Local minutes of the day [from, to)."""
