"""A store that knows which service opened each transaction, and can leave one of them out: the mutation of a program.

Without its transaction, each statement of a service is committed by itself, and nothing is ever taken back.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy import Connection, Engine

from suanwang.adapters.store.refusals import refusals
from suanwang.adapters.store.sql import SqlStore, SqlTransaction


class SitedStore(SqlStore):
    """`Store`. `site`: function and line of the service whose transaction is open, or ""; at `unsafe` none is begun.

    `serial` counts the transactions.
    """

    def __init__(self, engine: Engine, unsafe: str = "") -> None:
        super().__init__(engine)
        self.site = ""
        self.serial = 0
        self._unsafe = unsafe

    @contextmanager
    def transaction(self, tenant: str = "", *, alone: bool = True) -> Iterator[SqlTransaction]:
        site = _caller()
        try:
            with super().transaction(tenant, alone=alone) if site != self._unsafe else self._each_by_itself() as tx:
                self.site, self.serial = site, self.serial + 1
                yield tx
                self.site = ""
        finally:
            self.site = ""

    @contextmanager
    def _each_by_itself(self) -> Iterator[SqlTransaction]:
        with refusals(), self.engine.connect() as connection:
            connection.begin()
            driver: Any = connection.connection.driver_connection
            driver.execute("COMMIT")
            loose = cast("Connection", Loose(connection))
            yield SqlTransaction.on(loose)


class Loose:
    """A connection whose savepoints are none."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def begin_nested(self) -> "NoSavepoint":
        return NoSavepoint()


class NoSavepoint:
    """What `begin_nested` gives: nothing that could be taken back."""

    def __enter__(self) -> "NoSavepoint":
        return self

    def __exit__(self, *_: object) -> None:
        """What was written stays."""

    def commit(self) -> None:
        """It is committed already."""

    def rollback(self) -> None:
        """It stays."""


def _caller() -> str:
    """The service that opened the transaction, as module.function:line."""
    frame: Any = sys._getframe(1)
    while frame is not None and "suanwang/service" not in frame.f_code.co_filename:
        frame = frame.f_back
    if frame is None:
        return ""
    return f"{frame.f_globals['__name__'].rpartition('.')[2]}.{frame.f_code.co_name}:{frame.f_lineno}"
