"""Readings of another meter as a CSV table: `read_readings` gives all of them, or all problems with their lines.

Columns: job, start, end (ISO 8601 with an offset), and at least one of accelerator_hours, energy_kwh, tokens,
utilisation; meter (a name) and source (measured, engine_accounting, modelled) are optional.
"""

import csv
import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeVar

from suanwang.domain.usage import Source
from suanwang.errors import InvalidInput, Message, Problem, msg
from suanwang.schemas.times import read_instant
from suanwang.schemas.wrong import Wrong
from suanwang.settle.reconcile import Reading

FIGURES = ("accelerator_hours", "energy_kwh", "tokens", "utilisation")
COLUMNS = ("meter", "source", "job", "start", "end", *FIGURES)
READINGS_MAX = 1_000_000
Value = TypeVar("Value")


def read_readings(text: str, name: str, meter: str) -> list[Reading]:
    """The rows of the table; `meter` names the meter where a row does not. Raises InvalidInput with every problem."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    problems = list(_heading(rows.fieldnames or [], name))
    readings: list[Reading] = []
    if not problems:
        for row in rows:
            made = _reading(row, f"{name}:{rows.line_num}", meter, problems)
            if made is not None:
                readings.append(made)
    if not readings and not problems:
        problems.append(Problem(f"{name}:1", msg("the table has no rows"), msg("Give a heading and readings.")))
    if problems:
        raise InvalidInput(problems)
    return readings


def _heading(names: object, name: str) -> list[Problem]:
    given = set(names) if isinstance(names, list) else set()
    remedy = msg("Columns are: {columns}.", columns=", ".join(COLUMNS))
    missing = [column for column in ("job", "start", "end") if column not in given]
    problems = [Problem(f"{name}:1", msg("the column {column} is missing", column=c), remedy) for c in missing]
    problems += [
        Problem(f"{name}:1", msg("there is no column {column}", column=str(c)), remedy)
        for c in sorted(given - set(COLUMNS))
    ]
    if not given & set(FIGURES):
        problems.append(Problem(f"{name}:1", msg("no column has a figure"), remedy))
    return problems


def _reading(row: Mapping[str, str | None], place: str, meter: str, problems: list[Problem]) -> Reading | None:
    before = len(problems)
    reader = _Row(row, place, problems)
    start, end = reader.read("start", read_instant), reader.read("end", read_instant)
    figures = {column: reader.optional(column, _number) for column in FIGURES}
    source = reader.optional("source", _source)
    if not (row.get("job") or "").strip():
        problems.append(Problem(f"{place} job", msg("It is blank."), msg("Name the job.")))
    if all(figure is None for figure in figures.values()) and len(problems) == before:
        problems.append(Problem(place, msg("the row has no figure"), msg("Leave the row out.")))
    tokens, share = figures["tokens"], figures["utilisation"]
    if tokens is not None and tokens.denominator != 1:
        problems.append(Problem(f"{place} tokens", msg("tokens are whole"), msg("Give a whole number.")))
    if share is not None and share > 1:
        problems.append(Problem(f"{place} utilisation", msg("it is a share of 1"), msg("Give 0.85 for 85 %.")))
    if start is not None and end is not None and end <= start:
        problems.append(Problem(f"{place} end", msg("the end is not after the start"), msg("Correct one of them.")))
    if len(problems) > before or start is None or end is None:
        return None
    return Reading(
        meter=(row.get("meter") or "").strip() or meter,
        source=source or Source.MEASURED,
        job_id=(row["job"] or "").strip(),
        start=start,
        end=end,
        accelerator_hours=figures["accelerator_hours"],
        energy_kwh=figures["energy_kwh"],
        tokens=None if tokens is None else int(tokens),
        utilisation=share,
    )


class _Row:
    """Reads the cells of a row; what is wrong with one goes to the list."""

    def __init__(self, row: Mapping[str, str | None], place: str, problems: list[Problem]) -> None:
        self._row, self._place, self._problems = row, place, problems

    def read(self, column: str, reader: Callable[[object], Value]) -> Value | None:
        try:
            return reader((self._row.get(column) or "").strip())
        except Wrong as wrong:
            self._problems.append(Problem(f"{self._place} {column}", wrong.message, wrong.remedy))
            return None

    def optional(self, column: str, reader: Callable[[object], Value]) -> Value | None:
        return self.read(column, reader) if (self._row.get(column) or "").strip() else None


def _number(value: object) -> Fraction:
    """A decimal number that is not negative, exactly. Raises Wrong."""
    text = str(value)
    try:
        number = Fraction(text) if len(text) <= 40 and "/" not in text else None
    except ValueError:
        number = None
    if number is None or number < 0:
        what: Message = msg("{value} is not a number from 0 up.", value=text[:40])
        raise Wrong(what, msg("Write it as 12.5."))
    return number


def _source(value: object) -> Source:
    try:
        return Source(str(value))
    except ValueError as error:
        known = ", ".join(s.value for s in Source)
        raise Wrong(
            msg("{value} is not a source.", value=str(value)[:40]), msg("One of: {known}.", known=known)
        ) from error
