"""Failpoints: every point at which the walk touches the database or an engine, numbered as they are passed.

They are hung on from outside (SQLAlchemy's events, a wrapper around the engine), so the program has no code for them.
A point lies before each statement, before and after each commit, and before and after each call of an engine. The point
after a statement is the one before the next. A *place* is a point in the code: functions passed through, and what is
about to happen there; the same place is passed many times.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine as Database
from sqlalchemy import Pool, event

from suanwang.domain.order import Capacity, Lacks, Observation, Order
from suanwang.ports import Engine

INSIDE = ("SAVEPOINT", "RELEASE", "ROLLBACK")
"""Statements that neither read nor write: no points."""
TOLD = ("suanwang/service", "suanwang/adapters/store", "suanwang/agent", "tests/simulation/crash/walk")
"""Whose functions name a place."""


OnPoint = Callable[[int, str], object]
"""What is told of each point: its number, from 1 in its process, and what is about to happen. It may never return."""


_listening: "list[Failpoints]" = []


def passed(what: str) -> None:
    """A point in what is neither a database of the hub nor an engine that it calls itself."""
    for points in _listening:
        points.passed(what)


class Failpoints:
    """Counts points and tells of each."""

    def __init__(self, on_point: OnPoint) -> None:
        self._on_point = on_point
        self._count = 0

    def passed(self, what: str) -> None:
        self._count += 1
        self._on_point(self._count, what)

    def listen(self) -> None:
        """To every database and agent of this process from now on: for processes that are to end."""
        _listening.append(self)
        event.listen(Database, "before_cursor_execute", self._statement)
        event.listen(Database, "commit", lambda _: self.passed("before commit"))
        event.listen(Pool, "checkin", lambda *_: self.passed("after commit"))

    def listen_to(self, database: Database) -> None:
        """To one database from now on."""
        event.listen(database, "before_cursor_execute", self._statement)
        event.listen(database, "commit", lambda _: self.passed("before commit"))

    def _statement(self, _c: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.startswith(INSIDE):
            self.passed(" ".join(statement.split()[:12]))

    def around(self, engines: Mapping[str, Engine]) -> dict[str, Engine]:
        """The engines, with a point before and after each call."""
        watched = {id(engine): Watched(engine, self.passed) for engine in engines.values()}
        return {pool: watched[id(engine)] for pool, engine in engines.items()}


class Watched:
    """`Engine`: another one, with `passed` called before and after each of its calls that matter to the hub."""

    def __init__(self, engine: Engine, passed: Callable[[str], None]) -> None:
        self._engine = engine
        self._passed = passed

    @contextmanager
    def _points(self, call: str) -> Iterator[None]:
        self._passed(f"before {call}")
        yield
        self._passed(f"after {call}")

    def lacks(self) -> Lacks:
        return self._engine.lacks()

    def capacity(self, pool_id: str) -> Capacity:
        with self._points("capacity"):
            return self._engine.capacity(pool_id)

    def submit(self, order: Order) -> None:
        with self._points("submit"):
            self._engine.submit(order)

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        with self._points("observe"):
            return self._engine.observe(order_ids)

    def cancel(self, order_id: str) -> None:
        with self._points("cancel"):
            self._engine.cancel(order_id)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        return self._engine.logs(order_id, offset, limit)


def place(what: str) -> str:
    """For `OnPoint`: what is about to happen, and the functions that led to it."""
    frame: Any = sys._getframe(1)
    through = [what]
    while frame is not None:
        if any(part in frame.f_code.co_filename for part in TOLD):
            through.append(frame.f_code.co_name)
        frame = frame.f_back
    return " < ".join(through)
