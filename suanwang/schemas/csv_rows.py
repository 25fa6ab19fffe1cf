"""Tables as CSV: rows whose cells are read one by one; every problem is kept with its line and column."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from suanwang.domain.money import Money
from suanwang.errors import Problem, msg
from suanwang.schemas.quantities import show
from suanwang.schemas.wrong import Wrong

Read = TypeVar("Read")


class Row:
    """One line of the file; what cannot be read goes to the problems, and reading goes on with nothing in its place."""

    def __init__(self, place: str, row: Mapping[str | None, object], problems: list[Problem]) -> None:
        self.place = place
        self.problems = problems
        self.cells = {
            str(name): text.strip() for name, text in row.items() if name and isinstance(text, str) and text.strip()
        }
        if None in row:
            self.problem("", Wrong(msg("there are more cells than columns."), msg("Quote cells that have commas.")))

    def problem(self, column: str, wrong: Wrong) -> None:
        self.problems.append(Problem(f"{self.place} {column}".rstrip(), wrong.message, wrong.remedy))

    def read(self, column: str, reader: Callable[[object], Read]) -> Read | None:
        """The cell as `reader` takes it; None where it is empty or wrong."""
        if column not in self.cells:
            return None
        try:
            return reader(self.cells[column])
        except Wrong as wrong:
            self.problem(column, wrong)
            return None

    def needed(self, column: str, reader: Callable[[object], Read], otherwise: Read) -> Read:
        """As `read`, but an empty cell is a problem too; `otherwise` stands in for what is not there."""
        if column not in self.cells:
            self.problem(column, Wrong(msg("{column} is missing.", column=column), msg("Fill it in.")))
        found = self.read(column, reader)
        return otherwise if found is None else found

    def money(self, column: str, currency: str) -> Money:
        """An amount in the currency, which may be written after it; 0 where the cell is empty."""
        text = self.cells.get(column, "0").removesuffix(currency).strip()
        try:
            amount = Money.parse(text, currency)
        except ValueError:
            amount = Money(-1, currency)
        if amount.micro < 0:
            what = msg("{value} is not an amount in {currency}.", value=show(text), currency=currency)
            self.problem(column, Wrong(what, msg("Give a number from 0, such as 1234.50.")))
            return Money.zero(currency)
        return amount

    def number(self, column: str, *, most: float = 1e18) -> float:
        """A number from 0 to `most`; 0 where the cell is empty."""
        text = self.cells.get(column, "0")
        try:
            number = float(text)
        except ValueError:
            number = -1.0
        if not 0 <= number <= most:
            what = msg("{value} is not a number from 0 to {most}.", value=show(text), most=f"{most:g}")
            self.problem(column, Wrong(what, msg("Give such a number.")))
            return 0.0
        return number

    def count(self, column: str, least: int) -> int | None:
        """A whole number from `least`; None where the cell is empty."""
        text = self.cells.get(column, "")
        if not text or (text.isdecimal() and int(text) >= least):
            return int(text) if text else None
        what = msg("{value} is not a whole number from {least}.", value=show(text), least=least)
        self.problem(column, Wrong(what, msg("Give such a number.")))
        return None


def rows_of(
    text: str, name: str, known: Callable[[str], bool], needed: Iterable[str], listed: str, problems: list[Problem]
) -> Sequence[Row]:
    """The rows of a CSV text with its header; none where a column is unknown or missing (then that is the problem)."""
    reader = csv.DictReader(io.StringIO(text))
    columns = list(reader.fieldnames or [])
    wrong = [
        Problem(f"{name}:1 {c}", msg("this column is not known."), msg("Columns are: {list}.", list=listed))
        for c in columns
        if not known(c)
    ]
    wrong += [
        Problem(f"{name}:1", msg("the column {column} is missing.", column=c), msg("Add it."))
        for c in needed
        if c not in columns
    ]
    problems += wrong
    return [] if wrong else [Row(f"{name}:{i}", row, problems) for i, row in enumerate(reader, start=2)]


def once(rows: Sequence[Row], column: str, name: str, problems: list[Problem]) -> None:
    """Every value of a column is given once."""
    seen: dict[str, int] = {}
    for i, row in enumerate(rows, start=2):
        value = row.cells.get(column, "")
        if value and seen.setdefault(value, i) != i:
            what = msg("{name} is given twice (first at {first}).", name=show(value), first=f"{name}:{seen[value]}")
            problems.append(Problem(f"{row.place} {column}", what, msg("Keep one of them, or rename it.")))
