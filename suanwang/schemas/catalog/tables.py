"""The tables of the catalog, and the reading of one table's text: rows, or every problem with its line and column."""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from io import StringIO
from typing import Any

from pydantic import ValidationError

from suanwang.errors import Message, Problem, msg
from suanwang.schemas.catalog.cells import Row
from suanwang.schemas.catalog.facts import (
    CoolingRow,
    FactRow,
    ItemRow,
    LatencyRow,
    MeasuredRow,
    NetworkRow,
    PowerComponentRow,
    PowerSpecialRow,
    PriceRow,
    ProjectRow,
    PurchasePriceRow,
    TokenPriceRow,
)
from suanwang.schemas.catalog.hardware import AcceleratorRow, EfficiencyRow, ModelRow, SystemRow
from suanwang.schemas.catalog.places import CarbonRow, CityRow, HubRow
from suanwang.schemas.catalog.power import PeriodRow, TariffRow
from suanwang.schemas.wrong import Wrong

FACT_TABLES: Mapping[str, type[FactRow]] = {
    row.table: row
    for row in (
        MeasuredRow,
        ItemRow,
        CoolingRow,
        NetworkRow,
        LatencyRow,
        ProjectRow,
        PurchasePriceRow,
        TokenPriceRow,
        PowerSpecialRow,
        PowerComponentRow,
    )
}

TABLES: Mapping[str, type[Row]] = {
    "accelerators": AcceleratorRow,
    "efficiencies": EfficiencyRow,
    "systems": SystemRow,
    "hubs": HubRow,
    "cities": CityRow,
    "tariffs": TariffRow,
    "tariff_periods": PeriodRow,
    "carbon": CarbonRow,
    "prices": PriceRow,
    "models": ModelRow,
    **FACT_TABLES,
}
"""table -> its kind of row; the file of a table is its name with .csv."""


_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that could be read, where it stands ("my/accelerators.csv:3"), and in which layer (0 = built-in)."""

    table: str
    row: Any
    place: str
    layer: int

    @property
    def key(self) -> str:
        """What an overlay replaces by: the id; for periods the tariff, whose hours are replaced together."""
        return str(self.row.tariff if self.table == "tariff_periods" else self.row.id)


def columns(table: str) -> list[str]:
    """Names of a table's columns: its own first, then source, date, confidence, note."""
    fields = list(TABLES[table].model_fields)
    shared = list(Row.model_fields)
    return [f for f in fields if f not in shared] + shared


def read_table(table: str, text: str, file: str, layer: int) -> tuple[list[Entry], list[Problem]]:
    """The rows of a table's text. `file` is how its place is named. A row with a problem is left out."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    lines = _lines(text, file, problems)
    header_line, header = next(lines, (1, []))
    known = columns(table)
    problems += _check_header(header, known, TABLES[table], f"{file}:{header_line}")
    usable = set(known) & set(header)
    for line, cells in lines:
        place = f"{file}:{line}"
        if len(cells) != len(header):
            problems.append(_cell_count(place, len(cells), len(header)))
            continue
        values = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name in usable}
        values = {name: cell for name, cell in values.items() if cell}
        if controls := [name for name, cell in values.items() if _CONTROL.search(cell)]:
            problems += [_control(f"{place} {name}") for name in controls]
            continue
        try:
            entries.append(Entry(table, TABLES[table].model_validate(values), place, layer))
        except ValidationError as error:
            wrong = [e for e in error.errors(include_url=False) if e["loc"][0] in usable]
            problems += [_explain(place, e, table) for e in sorted(wrong, key=lambda e: known.index(str(e["loc"][0])))]
    return entries, problems


def _lines(text: str, file: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """(line where it starts, cells) of each row that is not blank."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        problems.append(
            Problem(
                f"{file}:{start}",
                msg("this is not CSV: {reason}.", reason=str(error)),
                msg("Separate cells by commas; put a cell with a comma or a line break in double quotes."),
            )
        )


def _check_header(header: Sequence[str], known: Sequence[str], kind: type[Row], place: str) -> Iterator[Problem]:
    if not header:
        yield Problem(
            place, msg("the file is empty."), msg("The first line names the columns: {known}.", known=",".join(known))
        )
        return
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            yield Problem(
                f"{place} {name}", msg("column {name!r} is given twice.", name=name[:60]), msg("Keep one of them.")
            )
        if name not in known:
            near = ", ".join(get_close_matches(name[:60], known, n=2, cutoff=0.5) or known)
            yield Problem(
                f"{place} {name[:60]}",
                msg("unknown column {name!r}.", name=name[:60]),
                msg("Rename or remove it (a column's name ends with its unit). Known: {near}.", near=near),
            )
    for name, field in kind.model_fields.items():
        if field.is_required() and name not in header:
            yield Problem(f"{place} {name}", msg("column {name!r} is missing.", name=name), _blank_remedy(name))


def _cell_count(place: str, got: int, wanted: int) -> Problem:
    return Problem(
        place,
        msg("the row has {got} cells, the header {wanted}.", got=got, wanted=wanted),
        msg("Give one cell for each column; put a cell that holds a comma in double quotes."),
    )


def _control(place: str) -> Problem:
    return Problem(
        place,
        msg("the cell holds a control character."),
        msg("Remove it; the file may be damaged, or saved in another encoding than UTF-8."),
    )


def _explain(place: str, error: Any, table: str) -> Problem:
    """One of pydantic's errors in the words of a person who writes tables."""
    column = str(error["loc"][0])
    where = f"{place} {column}"
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, Wrong):
        return Problem(where, cause.message, cause.remedy)
    if error["type"] == "missing":
        return Problem(where, msg("{column} is blank.", column=column), _blank_remedy(column))
    expected = str(error.get("ctx", {}).get("expected", "")).replace(" or ", ", ")
    value = str(error["input"])[:40]
    if column == "unit":
        return Problem(
            where,
            msg("{value!r} is not a unit of this table.", value=value),
            msg("Convert the figure to one of: {expected}.", expected=expected),
        )
    return Problem(
        where,
        msg("{value!r} is not a {column} of {table}.", value=value, column=column, table=table),
        msg("Use one of: {expected}.", expected=expected),
    )


_BLANK: Mapping[str, Callable[[], Message]] = {
    "source": lambda: msg("Say where the figure is from: a figure without a source cannot be checked."),
    "date": lambda: msg(
        "Give the date of the figure as 2026-07-15, 2026-07 or 2026; write 'undated' where it has none."
    ),
    "confidence": lambda: msg("Say how far it can be trusted: measured, official, datasheet, press or estimate."),
}


def _blank_remedy(column: str) -> Message:
    return _BLANK[column]() if column in _BLANK else msg("Fill it in; every row of this table needs it.")
