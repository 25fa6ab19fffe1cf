"""A history of cases as CSV, one a row: what a programme is simulated on.

Columns: `id`, `at` (a day, or a time with its offset), `kind`; facts by their dotted name (`tenant.id`, …);
`cost.<line>` and `paid.<line>` (amounts in the programme's currency); `from_day`, `until_day`, `days`, `days_counted`;
`quantity.<unit>`; `subsidy.<programme>`. An empty cell is not known.
"""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import TypeVar

from suanwang.domain.case import Case, Cost
from suanwang.domain.money import Money
from suanwang.domain.programme import Programme
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.schemas.case import contract_facts, moment, read_moment
from suanwang.schemas.programme_fields import FACT_GROUPS, read_day, read_figure
from suanwang.schemas.quantities import show
from suanwang.schemas.wrong import Wrong

PLAIN = ("id", "at", "kind", "from_day", "until_day", "days", "days_counted")
PREFIXES = ("cost", "paid", "quantity", "subsidy", *FACT_GROUPS)
ROWS_MAX = 1_000_000

Read = TypeVar("Read")


def read_cases(text: str, name: str, programme: Programme) -> list[Case]:
    """The cases of a CSV text. Raises InvalidInput with every problem, each with its line and column."""
    reader = csv.DictReader(io.StringIO(text))
    columns = list(reader.fieldnames or [])
    problems = [
        Problem(f"{name}:1 {c}", msg("this column is not known."), msg("Columns begin with: {list}.", list=_known()))
        for c in columns
        if c not in PLAIN and not (c.partition(".")[0] in PREFIXES and c.partition(".")[2])
    ]
    problems += [
        Problem(f"{name}:1", msg("the column {column} is missing.", column=c), msg("Add it."))
        for c in ("id", "at")
        if c not in columns
    ]
    if problems:
        raise InvalidInput(problems)
    rows = [_Row(f"{name}:{i}", row, problems).case(programme) for i, row in enumerate(reader, start=2)]
    seen: dict[str, int] = {}
    for i, case in enumerate(rows, start=2):
        if seen.setdefault(case.id, i) != i:
            what = msg("{name} is given twice (first at {first}).", name=show(case.id), first=f"{name}:{seen[case.id]}")
            problems.append(Problem(f"{name}:{i} id", what, msg("Keep one of them, or rename it.")))
    if problems:
        raise InvalidInput(problems)
    return rows


def _known() -> str:
    return ", ".join((*PLAIN, *(f"{p}." for p in PREFIXES)))


class _Row:
    """One line of the file; what cannot be read goes to the problems, and a stand-in is read on with."""

    def __init__(self, place: str, row: Mapping[str, object], problems: list[Problem]) -> None:
        self.place = place
        self.cells = {k: v.strip() for k, v in row.items() if isinstance(k, str) and isinstance(v, str) and v.strip()}
        self.problems = problems
        if None in row:
            self._problem("", Wrong(msg("there are more cells than columns."), msg("Quote cells that have commas.")))

    def _problem(self, column: str, wrong: Wrong) -> None:
        self.problems.append(Problem(f"{self.place} {column}".rstrip(), wrong.message, wrong.remedy))

    def read(self, column: str, reader: Callable[[object], Read]) -> Read | None:
        if column not in self.cells:
            return None
        try:
            return reader(self.cells[column])
        except Wrong as wrong:
            self._problem(column, wrong)
            return None

    def under(self, prefix: str) -> list[str]:
        return [c.partition(".")[2] for c in self.cells if c.startswith(f"{prefix}.")]

    def case(self, programme: Programme) -> Case:
        for needed in ("id", "at"):
            if needed not in self.cells:
                self._problem(needed, Wrong(msg("{column} is missing.", column=needed), msg("Fill it in.")))
        when = self.read("at", read_moment) or datetime(1970, 1, 1, tzinfo=UTC)
        costs = [self._cost(line, programme.currency) for line in self.under("cost")]
        facts = {c: v for c, v in self.cells.items() if c.partition(".")[0] in FACT_GROUPS}
        return Case(
            id=self.cells.get("id", ""),
            at=moment(when, programme.zone),
            kind=self.cells.get("kind", ""),
            facts=contract_facts(facts, costs, programme.currency),
            costs=tuple(costs),
            quantities={u: self.read(f"quantity.{u}", read_figure) or Fraction(0) for u in self.under("quantity")},
            other_subsidies={p: self._money(f"subsidy.{p}", programme.currency) for p in self.under("subsidy")},
        )

    def _cost(self, line: str, currency: str) -> Cost:
        first, last = self.read("from_day", read_day), self.read("until_day", read_day)
        if first is not None and last is not None and last < first:
            self._problem("until_day", Wrong(msg("it ends before it begins."), msg("Exchange or correct the days.")))
            first = last = date(1970, 1, 1)
        paid = f"paid.{line}"
        return Cost(
            line=line,
            amount=self._money(f"cost.{line}", currency),
            paid=self._money(paid, currency) if paid in self.cells else None,
            from_day=first,
            until_day=last,
            days=self._count("days", 1),
            days_counted=self._count("days_counted", 0),
        )

    def _count(self, column: str, least: int) -> int | None:
        text = self.cells.get(column, "")
        if not text or (text.isdecimal() and int(text) >= least):
            return int(text) if text else None
        what = msg("{value} is not a whole number from {least}.", value=show(text), least=least)
        self._problem(column, Wrong(what, msg("Count the days.")))
        return None

    def _money(self, column: str, currency: str) -> Money:
        text = self.cells.get(column, "0").removesuffix(currency).strip()
        try:
            amount = Money.parse(text, currency)
        except ValueError:
            amount = Money(-1, currency)
        if amount.micro < 0:
            what = msg("{value} is not an amount in {currency}.", value=show(text), currency=currency)
            self._problem(column, Wrong(what, msg("Give a number from 0, such as 1234.50.")))
            return Money.zero(currency)
        return amount
