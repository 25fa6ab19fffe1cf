"""The list of what is wrong with one file, each with its line and path."""

import re
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import TypeVar

from suanwang.errors import InvalidInput, Message, Problem, SuanwangError, msg
from suanwang.schemas.quantities import show
from suanwang.schemas.yaml_file import Document, Path

SUGGESTIONS_MAX = 100
"""Problems of a file that get a suggestion; seeking near names is the slow part of a file full of errors."""

Row = TypeVar("Row")
Built = TypeVar("Built")


def nearest(wanted: str, known: Iterable[str]) -> str:
    """The nearest known names, best first, as text; "" where nothing is near."""
    return ", ".join(get_close_matches(wanted[:80], list(known), n=3, cutoff=0.5))


class Findings:
    """Problems of one document. What is said of a value that could not be read at all is dropped."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._problems: dict[Problem, None] = {fault: None for _, fault in document.faults}
        self._faulty = {path for path, _ in document.faults}
        self._unread = set(self._faulty)
        self._wrong: set[Path] = set()

    def __bool__(self) -> bool:
        return bool(self._problems)

    def unread(self, path: Path, message: Message, remedy: Message) -> None:
        """A value that could not be read. One that is faulty as YAML already has its problem."""
        if _inside(path, self._faulty):
            return
        self._unread.add(path)
        self._problems[Problem(self.document.place(path), message, remedy)] = None

    def add(self, path: Path, message: Message, remedy: Message, *others: Path) -> None:
        """Something that is wrong with a value that could be read, seen together with the values at `others`.

        It is dropped where one of `others` has a problem itself: it would only follow from that.
        """
        if _inside(path, self._unread) or any(_inside(p, self._unread) or _inside(p, self._wrong) for p in others):
            return
        self._wrong.add(path)
        self._problems[Problem(self.document.place(path), message, remedy)] = None

    def table(self, path: Path, rows: Iterable[tuple[str | None, Row]]) -> Mapping[str, Row] | None:
        """Rows of a list of the file by id; None where the list or an id could not be read."""
        rows = list(rows)
        whole = not _inside(path, self._unread) and all(name is not None for name, _ in rows)
        return {name: row for name, row in rows if name is not None} if whole else None

    def reference(self, path: Path, among: Message, wanted: str | None, table: Mapping[str, Row] | None) -> Row | None:
        """What `wanted` names; adds a problem with the nearest names where there is no such thing."""
        if wanted is None or table is None:
            return None
        if wanted in table:
            return table[wanted]
        near = nearest(wanted, table) if len(self._problems) < SUGGESTIONS_MAX else ""
        what = msg("{wanted} is not among the {among}.", wanted=show(wanted), among=among)
        if near:
            self.add(path, what, msg("Nearest: {near}.", near=near))
        elif table:
            some = ", ".join(sorted(table)[:8])
            self.add(path, what, msg("Known are, among others: {some}.", some=some))
        else:
            self.add(path, what, msg("None is defined."))
        return None

    def unique(self, path: Path, ids: Iterable[str | None], key: str = "") -> None:
        """Every id of a list is given once; None was not readable. `key` is the field that holds it."""
        seen: dict[str, int] = {}
        for index, name in enumerate(ids):
            if name is not None and seen.setdefault(name, index) != index:
                first = f"{self.document.name}:{self.document.line((*path, seen[name]))}"
                what = msg("{name} is given twice (first at {first}).", name=show(name), first=first)
                place = (*path, index, key) if key else (*path, index)
                self.add(place, what, msg("Keep one of them, or rename it."))

    def build(self, path: Path, make: Callable[[], Built], *others: Path) -> Built | None:
        """The domain object; None where a part of it or a value at `others` was not read, or, with a problem, where it
        refuses its figures."""
        if any(unread[: len(part)] == part for unread in self._unread for part in (path, *others)):
            return None
        try:
            return make()
        except SuanwangError as error:
            self.add(path, error.message, error.remedy)
        except (ValueError, TypeError) as error:
            self.add(path, msg("{problem}.", problem=str(error)[:200]), msg("Correct these figures together."))
        return None

    @property
    def problems(self) -> list[Problem]:
        """All of them, in the order of the file."""
        return sorted(self._problems, key=_line)

    def raise_any(self) -> None:
        """Raises InvalidInput with all of them."""
        if self._problems:
            raise InvalidInput(self.problems)


def _inside(path: Path, places: set[Path]) -> bool:
    """Whether a path or something around it is one of the places."""
    return any(path[:length] in places for length in range(len(path) + 1))


def _line(problem: Problem) -> int:
    """Of a place such as "grid.yaml:12 grid.pools[0]"; the name may have spaces and colons of its own."""
    found = re.search(r":(\d+)(?= |$)", problem.place)
    return int(found[1]) if found else 0
