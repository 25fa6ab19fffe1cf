"""Many rows in one call, which the ledger's speed rests on: SQLite takes them one by one in C, PostgreSQL as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, TableClause

Rows = Sequence[tuple[Any, ...]]
SUMS = ("debits_posted", "credits_posted", "debits_pending", "credits_pending")
COUNTED = {"preserve_rowcount": True}


def insert_rows(connection: Connection, into: TableClause, names: Sequence[str], rows: Rows) -> int:
    """Insert the rows that clash with no unique key; returns how many. The names are ours, never a user's text."""
    columns = ", ".join(names)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(names))
        statement = f"INSERT INTO {into.name} ({columns}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
        return connection.exec_driver_sql(statement, list(rows), execution_options=COUNTED).rowcount
    types = ["text" if into.c[name].type.python_type is str else "bigint" for name in names]
    source, value = _given(names, types, rows)
    statement = f"INSERT INTO {into.name} ({columns}) SELECT * FROM {source} ON CONFLICT DO NOTHING"  # noqa: S608
    return connection.exec_driver_sql(statement, value).rowcount


def update_sums(connection: Connection, rows: Rows) -> None:
    """Set the four sums of accounts; a row is (id, sums in the order of SUMS)."""
    if connection.dialect.name == "sqlite":
        changes = ", ".join(f"{name} = ?" for name in SUMS)
        statement = f"UPDATE accounts SET {changes} WHERE id = ?"  # noqa: S608
        connection.exec_driver_sql(statement, [(*sums, account) for account, *sums in rows])
        return
    source, value = _given(("id", *SUMS), ["text", *["bigint"] * len(SUMS)], rows)
    changes = ", ".join(f"{name} = given.{name}" for name in SUMS)
    statement = f"UPDATE accounts SET {changes} FROM {source} WHERE accounts.id = given.id"  # noqa: S608
    connection.exec_driver_sql(statement, value)


def _given(names: Sequence[str], types: Sequence[str], rows: Rows) -> tuple[str, tuple[str]]:
    """The rows as a table of PostgreSQL, and its one parameter: JSON is the quickest way in for the driver."""
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, types, strict=True))
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return f"json_to_recordset(%s::json) AS given({columns})", (json.dumps(records, ensure_ascii=False),)
