"""A file of months (CSV or JSON): accelerator-hours and revenue, replayed or metered; and CSV assumptions."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.feasibility.levers import LEVERS
from suanwang.feasibility.variance import Actual
from suanwang.schemas.findings import nearest
from suanwang.schemas.quantities import show

NEEDED = ("month", "accelerator_hours", "revenue")
COLUMNS = (*NEEDED, "failed_hours", "power_cost", "voucher_revenue", "segment")
ROWS_MAX = 20_000


def read_months(text: str, name: str) -> tuple[Actual, ...]:
    """Months in order; rows of one month and several segments are added. JSON: a list of objects with the same names.

    Raises InvalidInput with every problem.
    """
    rows, problems = _rows(text, name, COLUMNS, NEEDED)
    months: dict[int, list[dict[str, float | str]]] = {}
    for place, row in rows:
        values: dict[str, float | str] = {"segment": str(row.get("segment") or "")}
        for column in COLUMNS[:-1]:
            given = row.get(column)
            if given in (None, ""):
                if column in NEEDED:
                    what = msg("{column} is missing.", column=column)
                    problems.append(Problem(f"{place} {column}", what, msg("Give a number.")))
                continue
            number = _number(given)
            if number is None or number < 0 or (column == "month" and (number != int(number) or number < 1)):
                what = msg("{value} is not possible for {column}.", value=show(given), column=column)
                problems.append(Problem(f"{place} {column}", what, msg("Give a number from 0; a month from 1.")))
            else:
                values[column] = number
        if "month" in values:
            months.setdefault(int(values["month"]), []).append(values)
    if problems:
        raise InvalidInput(problems)
    return tuple(_month(number, months[number]) for number in sorted(months))


def _month(number: int, rows: Sequence[Mapping[str, float | str]]) -> Actual:
    def total(column: str) -> float:
        return sum(float(row.get(column, 0.0)) for row in rows)

    segments = {
        str(row["segment"]): (
            float(row["accelerator_hours"]) - float(row.get("failed_hours", 0)),
            float(row["revenue"]),
        )
        for row in rows
        if row["segment"]
    }
    return Actual(
        month=number,
        hours=total("accelerator_hours"),
        revenue=total("revenue"),
        failed_hours=total("failed_hours"),
        voucher_revenue=total("voucher_revenue"),
        power_cost=total("power_cost") if any("power_cost" in row for row in rows) else None,
        segments=segments,
    )


def read_assumptions(text: str, name: str) -> dict[str, float]:
    """Values of variables from a CSV of `variable,value` (other columns are left alone). Raises InvalidInput."""
    rows, problems = _rows(text, name, None, ("variable", "value"))
    values: dict[str, float] = {}
    for place, row in rows:
        variable = str(row.get("variable") or "").strip()
        try:
            values[variable] = check_value(place, variable, row.get("value"))
        except InvalidInput as error:
            problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return values


def check_variable(place: str, variable: str) -> str:
    """Its name. Raises InvalidInput where there is no such variable."""
    if variable not in LEVERS:
        near = nearest(variable, LEVERS) or ", ".join(LEVERS)
        what = msg("there is no variable {name}.", name=show(variable))
        raise InvalidInput([Problem(place, what, msg("Nearest: {near}.", near=near))])
    return variable


def check_value(place: str, variable: str, given: object) -> float:
    """The value of a variable. Raises InvalidInput where there is no such variable, or its value is not possible."""
    check_variable(place, variable)
    number = _number(given)
    if number is None or not LEVERS[variable].low <= number <= LEVERS[variable].high:
        what = msg("{value} is not possible for {column}.", value=show(given), column=variable)
        low, high = f"{LEVERS[variable].low:g}", f"{LEVERS[variable].high:g}"
        raise InvalidInput([Problem(place, what, msg("Give a value from {low} to {high}.", low=low, high=high))])
    return number


def _number(value: object) -> float | None:
    try:
        number = float(str(value)) if not isinstance(value, bool) else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _rows(
    text: str, name: str, known: Sequence[str] | None, needed: Sequence[str]
) -> tuple[list[tuple[str, Mapping[str, object]]], list[Problem]]:
    """(place, row) of each row, and the problems of the file as a whole."""
    rows: list[tuple[str, Mapping[str, object]]] = []
    if text.lstrip().startswith("["):
        try:
            data = json.loads(text)
        except ValueError as error:
            raise InvalidInput(
                [Problem(f"{name}:1", msg("not JSON: {why}.", why=str(error)), msg("Correct it."))]
            ) from error
        rows = [(f"{name} [{i}]", row) for i, row in enumerate(data) if isinstance(row, dict)]
        columns = list(dict.fromkeys(key for _, row in rows for key in row))
    else:
        reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
        columns = list(reader.fieldnames or [])
        rows = [(f"{name}:{reader.line_num}", row) for row in reader]
    problems = []
    for column in needed:
        if column not in columns:
            what = msg("the column {column} is missing.", column=column)
            problems.append(
                Problem(f"{name}:1", what, msg("The columns are: {names}.", names=", ".join(known or needed)))
            )
    for column in columns:
        if known is not None and column not in known:
            what = msg("unknown column {column}.", column=show(column))
            problems.append(Problem(f"{name}:1", what, msg("The columns are: {names}.", names=", ".join(known))))
    if len(rows) > ROWS_MAX:
        problems.append(Problem(f"{name}:1", msg("too many rows."), msg("Give one row a month and segment.")))
    if problems:
        raise InvalidInput(problems)
    return rows, []
