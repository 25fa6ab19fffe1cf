"""A history of cases as CSV, one a row: what a programme is simulated on.

Columns: `id`, `at` (a day, or a time with its offset), `kind`; facts by their dotted name (`tenant.id`, …);
`cost.<line>` and `paid.<line>` (amounts in the programme's currency); `from_day`, `until_day`, `days`, `days_counted`;
`quantity.<unit>`; `subsidy.<programme>`. An empty cell is not known.
"""

from datetime import UTC, date, datetime
from fractions import Fraction

from suanwang.domain.case import Case, Cost
from suanwang.domain.programme import Programme
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.schemas.case import contract_facts, moment, read_moment
from suanwang.schemas.csv_rows import Row, once, rows_of
from suanwang.schemas.programme_fields import FACT_GROUPS, read_day, read_figure
from suanwang.schemas.wrong import Wrong

PLAIN = ("id", "at", "kind", "from_day", "until_day", "days", "days_counted")
PREFIXES = ("cost", "paid", "quantity", "subsidy", *FACT_GROUPS)
LISTED = ", ".join((*PLAIN, *(f"{prefix}.…" for prefix in PREFIXES)))
EPOCH: datetime | date = datetime(1970, 1, 1, tzinfo=UTC)


def read_cases(text: str, name: str, programme: Programme) -> list[Case]:
    """The cases of a CSV text. Raises InvalidInput with every problem, each with its line and column."""
    problems: list[Problem] = []
    rows = rows_of(text, name, _is_known, ("id", "at"), LISTED, problems)
    cases = [_case(row, programme) for row in rows]
    once(rows, "id", name, problems)
    if problems:
        raise InvalidInput(problems)
    return cases


def _is_known(column: str) -> bool:
    prefix, _, rest = column.partition(".")
    return column in PLAIN or (prefix in PREFIXES and rest != "")


def _case(row: Row, programme: Programme) -> Case:
    currency = programme.currency
    costs = [_cost(row, line, currency) for line in _under(row, "cost")]
    facts = {c: v for c, v in row.cells.items() if c.partition(".")[0] in FACT_GROUPS}
    return Case(
        id=row.needed("id", str, ""),
        at=moment(row.needed("at", read_moment, EPOCH), programme.zone),
        kind=row.cells.get("kind", ""),
        facts=contract_facts(facts, costs, currency),
        costs=tuple(costs),
        quantities={u: row.needed(f"quantity.{u}", read_figure, Fraction(0)) for u in _under(row, "quantity")},
        other_subsidies={p: row.money(f"subsidy.{p}", currency) for p in _under(row, "subsidy")},
    )


def _under(row: Row, prefix: str) -> list[str]:
    return [c.partition(".")[2] for c in row.cells if c.startswith(f"{prefix}.")]


def _cost(row: Row, line: str, currency: str) -> Cost:
    first, last = row.read("from_day", read_day), row.read("until_day", read_day)
    if first is not None and last is not None and last < first:
        row.problem("until_day", Wrong(msg("it ends before it begins."), msg("Exchange or correct the days.")))
        first = last = date(1970, 1, 1)
    paid = f"paid.{line}"
    return Cost(
        line=line,
        amount=row.money(f"cost.{line}", currency),
        paid=row.money(paid, currency) if paid in row.cells else None,
        from_day=first,
        until_day=last,
        days=row.count("days", 1),
        days_counted=row.count("days_counted", 0),
    )
