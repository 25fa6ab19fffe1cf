"""Curves of requests: a trace of single requests (Azure's LLM traces), or a table of rates; a Signal of requests/s out.

Trace: TIMESTAMP, ContextTokens, GeneratedTokens, one request a row, in UTC where no zone is given. Table: start,
requests_per_s, each rate until the next start; the last row only ends the one before.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isfinite
from pathlib import Path

import numpy as np

from suanwang.adapters.traces.text import Malformed, read_lines
from suanwang.domain.signal import Signal
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.units import MICRO

TRACE = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
TABLE = ("start", "requests_per_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Requests/s over [start, end); mean tokens of a request where the source has them."""

    demand: Signal
    start: datetime
    end: datetime
    input_tokens: int | None
    output_tokens: int | None
    malformed: Malformed


def read_curve(path: Path, every: timedelta) -> Curve:
    """The curve of a file; requests are counted in intervals of `every`. Raises NotFound, InvalidInput."""
    reader = csv.DictReader(read_lines(path))
    names = tuple(reader.fieldnames or ())
    malformed = Malformed(str(path))
    rows = ((reader.line_num, row) for row in reader)
    if set(TRACE) <= set(names):
        return _counted(_requests(rows, malformed), every, malformed)
    if set(TABLE) <= set(names):
        return _stepped(rows, malformed)
    raise InvalidInput(
        [
            Problem(
                f"{path}:1",
                msg("the table has neither {trace} nor {table}", trace=", ".join(TRACE), table=", ".join(TABLE)),
                msg("Name its columns so in the first line."),
            )
        ]
    )


def _moment(text: str) -> datetime:
    """ISO 8601, with up to nine digits of a second; UTC where no zone is given. Raises ValueError."""
    head, dot, rest = text.strip().partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    when = datetime.fromisoformat(head + (dot + rest[: min(digits, 6)] if dot else "") + rest[digits:])
    return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)


def _requests(rows: Iterable[tuple[int, dict[str, str]]], malformed: Malformed) -> list[tuple[datetime, int, int]]:
    found = []
    for line, row in rows:
        try:
            found.append((_moment(row["TIMESTAMP"]), int(row["ContextTokens"]), int(row["GeneratedTokens"])))
        except (ValueError, TypeError):
            malformed.add(line, msg("not a time and two numbers of tokens"))
    return sorted(found)


def _counted(requests: list[tuple[datetime, int, int]], every: timedelta, malformed: Malformed) -> Curve:
    if not requests:
        raise _empty(malformed)
    start = requests[0][0]
    places = np.array([(when - start) / every for when, _, _ in requests]).astype(int)
    counts = np.bincount(places)
    edges = tuple(start + i * every for i in range(len(counts)))
    end = start + len(counts) * every
    micros = tuple(round(int(n) * MICRO / every.total_seconds()) for n in counts)
    return Curve(
        demand=Signal("requests/s", edges, micros, end),
        start=start,
        end=end,
        input_tokens=max(1, round(float(np.mean([a for _, a, _ in requests])))),
        output_tokens=max(1, round(float(np.mean([b for _, _, b in requests])))),
        malformed=malformed,
    )


def _stepped(rows: Iterable[tuple[int, dict[str, str]]], malformed: Malformed) -> Curve:
    steps: dict[datetime, int] = {}
    for line, row in rows:
        try:
            rate = float(row["requests_per_s"])
            if not 0 <= rate < 1e9 or not isfinite(rate):
                raise ValueError
            steps[_moment(row["start"])] = round(rate * MICRO)
        except (ValueError, TypeError):
            malformed.add(line, msg("not a time and a rate of requests per second"))
    edges = sorted(steps)
    if len(edges) < 2:
        raise _empty(malformed)
    demand = Signal("requests/s", tuple(edges[:-1]), tuple(steps[e] for e in edges[:-1]), edges[-1])
    return Curve(
        demand=demand, start=edges[0], end=edges[-1], input_tokens=None, output_tokens=None, malformed=malformed
    )


def _empty(malformed: Malformed) -> InvalidInput:
    what = msg("the table has no interval of a demand")
    return InvalidInput([Problem(malformed.path, what, msg("Give at least two readable rows.")), *malformed.first])
