"""Points: the times and values of a signal, read from CSV, JSON or the answer of Prometheus."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

from suanwang.domain.signal import require_aware
from suanwang.errors import msg
from suanwang.schemas.signal_fields import SignalSection, Steps
from suanwang.schemas.wrong import Wrong

POINTS_MAX = 200_000
SHOWN = 60


def read_points(text: str, section: SignalSection) -> Steps:
    """A text of CSV with a header, or JSON: a list of objects, alone or under `data`, or Prometheus' answer.

    The last value holds as long as the one before it did, an only value for an hour. Raises Wrong.
    """
    rows = _json_rows(text, section) if text.lstrip()[:1] in ("{", "[") else _csv_rows(text, section)
    points = [(_time(when), _value(value)) for when, value in rows]
    if not points:
        raise Wrong(msg("there is no value in it."), msg("Check the file or query, and the names of its columns."))
    if len(points) > POINTS_MAX:
        raise Wrong(msg("it has more than {most} values.", most=POINTS_MAX), msg("Give fewer, or a longer step."))
    for (before, _), (after, _) in pairwise(points):
        if after <= before:
            what = msg("{after} is not later than the time before it.", after=after.isoformat())
            raise Wrong(what, msg("Put the values in the order of their times, each time once."))
    last = points[-1][0]
    hold = last - points[-2][0] if len(points) > 1 else HOUR
    return points, last + hold


HOUR = datetime(1970, 1, 1, 1, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)


def _csv_rows(text: str, section: SignalSection) -> Iterable[tuple[Any, Any]]:
    reader = csv.DictReader(io.StringIO(text))
    lacking = [name for name in (section.time, section.value) if name not in (reader.fieldnames or ())]
    if lacking:
        raise _no_column(lacking[0], reader.fieldnames or ())
    return [(row[section.time], row[section.value]) for row in reader]


def _json_rows(text: str, section: SignalSection) -> Iterable[tuple[Any, Any]]:
    try:
        content = json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise Wrong(
            msg("it is not JSON: {why}", why=str(error)[:SHOWN]), msg("Check what the address gives.")
        ) from None
    if isinstance(content, dict):
        content = content.get("data", content)
    if isinstance(content, dict) and "result" in content:
        return _one_series(content["result"])
    if not isinstance(content, list) or not all(isinstance(row, dict) for row in content):
        raise Wrong(msg("it is not a list of objects."), msg("Give a list of objects, alone or under data."))
    rows: list[Mapping[str, Any]] = content
    for name in (section.time, section.value):
        if not all(name in row for row in rows):
            raise _no_column(name, rows[0] if rows else ())
    return [(row[section.time], row[section.value]) for row in rows]


def _one_series(result: Any) -> Iterable[tuple[Any, Any]]:
    """The values of Prometheus' only series."""
    if not isinstance(result, list) or len(result) != 1:
        count = len(result) if isinstance(result, list) else 0
        what = msg("the query gives {count} series.", count=count)
        raise Wrong(what, msg("Write one that gives exactly one, such as avg(...)."))
    return [(pair[0], pair[1]) for pair in result[0].get("values", ())]


def _no_column(name: str, there: Iterable[str]) -> Wrong:
    known = ", ".join(list(there)[:8])
    return Wrong(
        msg("it has no column {name}.", name=name), msg("It has: {known}. Name them in time and value.", known=known)
    )


def _time(given: Any) -> datetime:
    """ISO 8601 with an offset, or seconds since 1970."""
    try:
        if isinstance(given, int | Decimal):
            return datetime.fromtimestamp(float(given), UTC)
        return require_aware(datetime.fromisoformat(str(given)))
    except (ValueError, OverflowError, OSError):
        remedy = msg("Write ISO 8601 with an offset from UTC, or seconds since 1970.")
        raise Wrong(msg("{value} is not a time with an offset.", value=str(given)[:SHOWN]), remedy) from None


def _value(given: Any) -> Decimal:
    try:
        value = Decimal(str(given))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) > 10**9:
        raise Wrong(
            msg("{value} is not a number.", value=str(given)[:SHOWN]), msg("A missing value is never 0: leave it out.")
        )
    return value
