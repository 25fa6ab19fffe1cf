"""A site plan as a table (CSV, or the first sheet of a workbook): `field,value` and, where known, where it comes from.

    field,value,source,date,confidence
    id,campus
    accelerator.id,rtx-4090
    phases[0].accelerators,64
    capital[0].cost,26000 CNY/accelerator,quotation of the dealer,2027-01,official

A field is written as in the messages about plan files, without `plan.`; a list or mapping may stand in one cell, in the
brackets of YAML. A source belongs to the part that the field is of (`capital[0]`).
"""

import csv
import io
import re

from suanwang.errors import InvalidInput, Message, Problem, msg
from suanwang.schemas.quantities import show
from suanwang.schemas.section import API_VERSION
from suanwang.schemas.yaml_file import Document, Path, read_yaml, spell

COLUMNS = ("field", "value", "source", "date", "confidence", "note")
INDEX_MAX = 200
_STEP = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:\[\d{1,4}\])*)")


def read_plan_table(text: str, name: str) -> Document:
    """The rows as the document that the same plan in YAML would give; lines are those of the table.

    Raises InvalidInput with every row that cannot be read.
    """
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    columns = [column for column in reader.fieldnames or [] if column]
    problems = [
        Problem(f"{name}:1", msg("the column {column} is missing.", column=column), _columns())
        for column in COLUMNS[:2]
        if column not in columns
    ]
    problems += [
        Problem(f"{name}:1", msg("unknown column {column}.", column=show(column)), _columns())
        for column in columns
        if column not in COLUMNS
    ]
    if problems:
        raise InvalidInput(problems)
    table = _Table(name)
    for row in reader:
        table.take(reader.line_num, {key: str(cell or "").strip() for key, cell in row.items() if key})
    if table.problems:
        raise InvalidInput(table.problems)
    return Document(name, table.document(), table.lines)


def _columns() -> Message:
    return msg("The columns are: {names}.", names=", ".join(COLUMNS))


class _Table:
    """Fills a tree of mappings and lists, row by row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: dict[str, object] = {}
        self.lines: dict[Path, int] = {(): 1}
        self.problems: list[Problem] = []

    def document(self) -> dict[str, object]:
        return {"apiVersion": API_VERSION, "kind": "SitePlan", "plan": self.root}

    def take(self, line: int, row: dict[str, str]) -> None:
        field = row["field"]
        if not field or field.startswith("#"):
            return
        path = _path(field)
        if path is None:
            what = msg("{field} is not a field.", field=show(field))
            self._problem(line, what, msg("Write it as {example}.", example="capital[0].cost"))
            return
        self._put(line, path, self._value(line, row["value"]))
        if row.get("source"):
            source = {"text": row["source"]} | {key: row[key] for key in ("date", "confidence") if row.get(key)}
            self._put(line, (*path[:-1], "source"), source, again=True)

    def _problem(self, line: int, what: Message, remedy: Message) -> None:
        self.problems.append(Problem(f"{self.name}:{line}", what, remedy))

    def _value(self, line: int, cell: str) -> object:
        """A cell as YAML reads it: numbers, true and false, and lists or mappings in brackets."""
        if cell.startswith(("[", "{")) or re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?|true|false", cell):
            try:
                return read_yaml(cell, self.name).data
            except InvalidInput as error:
                self._problem(line, error.problems[0].message, error.problems[0].remedy)
                return None
        return cell

    def _put(self, line: int, path: Path, value: object, *, again: bool = False) -> None:
        """Put a value at its path, making what is around it. A path is given once; a source may be again."""
        node: object = self.root
        for number, (step, following) in enumerate(zip(path, (*path[1:], None), strict=True), start=1):
            fresh: object = value if following is None else [] if isinstance(following, int) else {}
            self.lines.setdefault(("plan", *path[:number]), line)
            if isinstance(node, list) and isinstance(step, int) and step <= min(len(node), INDEX_MAX):
                if step == len(node):
                    node.append(fresh)
                elif following is None and not again:
                    self._twice(line, path)
                node = node[step]
            elif isinstance(node, dict) and isinstance(step, str):
                if following is None and step in node and not again:
                    self._twice(line, path)
                node = node.setdefault(step, fresh)
            else:
                what = msg("{field} does not follow from the rows above.", field=spell(path))
                self._problem(line, what, msg("Count each list from 0, in order, and give a field one kind of value."))
                return

    def _twice(self, line: int, path: Path) -> None:
        first = self.lines[("plan", *path)]
        what = msg("{key} is given twice (first on line {line}).", key=str(path[-1])[:60], line=first)
        self._problem(line, what, msg("Keep one of them."))


def _path(field: str) -> Path | None:
    """ "capital[0].cost" as its steps; None where it is not written so."""
    steps: list[str | int] = []
    for part in field.removeprefix("plan.").split("."):
        match = _STEP.fullmatch(part.strip())
        if match is None:
            return None
        steps += [match[1], *(int(index) for index in re.findall(r"\d+", match[2]))]
    return tuple(steps)
