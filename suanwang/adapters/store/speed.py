"""How fast the ledger posts, beside the bare database in the same run: what `bench ledger` measures.

The bare book ("raw") is the least that is a double-entry book at all, in the database's own language, with nothing of
ours around it: a row a transfer with a unique reference, two entries with the balance after each, two balances that may
not fall below 0, keys and references, groups in one transaction. On SQLite statement by statement, as the balance after
each entry needs; on PostgreSQL set-based, a few statements a group. "Rows alone" is the same without balances after
and without references, in bulk: no book, the limit of the disk and the driver. Ours does all that it always does:
limits, holds, units, repeats, triggers, hash chain, and the audit afterwards.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

import psycopg

from suanwang.adapters.store.sql import SqlStore, open_store
from suanwang.domain.ledger import Account, AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money

ACCOUNTS = 1000
AT = datetime(2026, 1, 1, tzinfo=UTC)
RICH_MICRO = 10**15
BARE = """
CREATE TABLE bare_account (id INTEGER PRIMARY KEY, balance BIGINT NOT NULL CHECK (balance >= 0));
CREATE TABLE bare_transfer (id BIGINT PRIMARY KEY, debit INTEGER NOT NULL REFERENCES bare_account,
  credit INTEGER NOT NULL REFERENCES bare_account, amount BIGINT NOT NULL CHECK (amount > 0), ref TEXT NOT NULL UNIQUE);
CREATE TABLE bare_entry (transfer_id BIGINT NOT NULL REFERENCES bare_transfer, account_id INTEGER NOT NULL
  REFERENCES bare_account, amount BIGINT NOT NULL, balance BIGINT NOT NULL, PRIMARY KEY (transfer_id, account_id));
CREATE TABLE row_transfer (id BIGINT PRIMARY KEY, debit INTEGER, credit INTEGER, amount BIGINT, ref TEXT UNIQUE);
CREATE TABLE row_entry (transfer_id BIGINT, account_id INTEGER, amount BIGINT, PRIMARY KEY (transfer_id, account_id))
"""
Move = tuple[int, int, int]
"""Debit, credit, millionths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Transfers a second: of the whole ledger, of the bare book, and of rows alone."""

    engine: str
    transfers: int
    group: int
    per_s: float
    raw_per_s: float
    rows_alone_per_s: float

    @property
    def ratio(self) -> float:
        return self.per_s / self.raw_per_s


def moves(count: int, seed: int = 7) -> list[Move]:
    """Random amounts between random accounts; the same for a seed."""
    draw = Random(seed)  # noqa: S311 - a benchmark, no secret
    found = []
    for _ in range(count):
        debit, credit = draw.sample(range(ACCOUNTS), 2)
        found.append((debit, credit, draw.randrange(1, 10**9)))
    return found


def transfers_of(plan: Sequence[Move], first: int = 0) -> Iterator[Transfer]:
    """The same as transfers of the ledger."""
    for number, (debit, credit, micro) in enumerate(plan, first):
        yield Transfer(
            id=f"bench:{number}",
            kind=TransferKind.SINGLE,
            debit=f"a{debit}",
            credit=f"a{credit}",
            amount=Money(micro, "CNY"),
            at=AT,
            memo="bench",
            job_id=f"job-{number}",
        )


def open_rich(store: SqlStore) -> None:
    """The accounts, each with money enough."""
    with store.transaction() as tx:
        outside = Account(id="outside", kind=AccountKind.EXTERNAL, owner="", unit="CNY", credit_limit_micro=None)
        tx.ledger.open(outside)
        for number in range(ACCOUNTS):
            account = Account(
                id=f"a{number}", kind=AccountKind.TENANT, owner="", unit="CNY", credit_limit_micro=RICH_MICRO
            )
            tx.ledger.open(account)


def groups(plan: Sequence[Move], size: int) -> Iterator[tuple[int, Sequence[Move]]]:
    return ((first, plan[first : first + size]) for first in range(0, len(plan), size))


def post_all(store: SqlStore, plan: Sequence[Move], group: int) -> float:
    """Seconds to post the plan in groups, each its own transaction."""
    made = [list(transfers_of(part, first)) for first, part in groups(plan, group)]
    start = perf_counter()
    for batch in made:
        with store.transaction() as tx:
            tx.ledger.post(batch)
    return perf_counter() - start


def sqlite_speed(folder: Path, count: int, group: int) -> Speed:
    """SQLite, WAL, synchronous FULL, both in the same run on the same disk."""
    plan = moves(count)
    store = open_store(f"sqlite:///{folder / 'ledger.db'}")
    try:
        open_rich(store)
        ours = post_all(store, plan, group)
    finally:
        store.close()
    with closing(sqlite3.connect(folder / "bare.db", isolation_level=None)) as bare:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            bare.execute(f"PRAGMA {pragma}")
        bare.executescript(BARE)
        bare.executemany("INSERT INTO bare_account VALUES (?, ?)", [(i, RICH_MICRO) for i in range(ACCOUNTS)])
        raw = _timed(_sqlite_book, bare, plan, group)
        alone = _timed(_sqlite_rows, bare, plan, group)
    return Speed(
        engine="sqlite",
        transfers=count,
        group=group,
        per_s=count / ours,
        raw_per_s=count / raw,
        rows_alone_per_s=count / alone,
    )


def _timed(
    write: Callable[[Any, int, Sequence[Move]], None], database: object, plan: Sequence[Move], group: int
) -> float:
    start = perf_counter()
    for first, part in groups(plan, group):
        write(database, first, part)
    return perf_counter() - start


def _sqlite_book(bare: sqlite3.Connection, first: int, part: Sequence[Move]) -> None:
    change = "UPDATE bare_account SET balance = balance + ? WHERE id = ? RETURNING balance"
    bare.execute("BEGIN IMMEDIATE")
    for number, (debit, credit, micro) in enumerate(part, first):
        row = (number, debit, credit, micro, f"bench:{number}")
        bare.execute("INSERT INTO bare_transfer VALUES (?, ?, ?, ?, ?)", row)
        for account, amount in ((debit, -micro), (credit, micro)):
            (balance,) = bare.execute(change, (amount, account)).fetchone()
            bare.execute("INSERT INTO bare_entry VALUES (?, ?, ?, ?)", (number, account, amount, balance))
    bare.execute("COMMIT")


def _sqlite_rows(bare: sqlite3.Connection, first: int, part: Sequence[Move]) -> None:
    transfers, entries = _rows(first, part)
    bare.execute("BEGIN IMMEDIATE")
    bare.executemany("INSERT INTO row_transfer VALUES (?, ?, ?, ?, ?)", transfers)
    bare.executemany("INSERT INTO row_entry VALUES (?, ?, ?)", entries)
    bare.execute("COMMIT")


def _rows(first: int, part: Sequence[Move]) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    numbered = list(enumerate(part, first))
    transfers: list[tuple[object, ...]] = [(n, *move, f"bench:{n}") for n, move in numbered]
    entries: list[tuple[object, ...]] = []
    for n, (debit, credit, micro) in numbered:
        entries += [(n, debit, -micro), (n, credit, micro)]
    return transfers, entries


def postgres_speed(url: str, count: int, group: int) -> Speed:
    """PostgreSQL, set-based. The database at `url` must be an empty one of its own; it is filled."""
    plan = moves(count)
    store = open_store(url)
    try:
        open_rich(store)
        ours = post_all(store, plan, group)
        address = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    finally:
        store.close()
    with psycopg.connect(address, autocommit=True) as bare:
        bare.execute(BARE.encode())
        bare.execute(
            "INSERT INTO bare_account SELECT n, %s FROM generate_series(0, %s) AS n", (RICH_MICRO, ACCOUNTS - 1)
        )
        bare.execute(
            "CREATE TEMPORARY TABLE moved (id bigint, debit int, credit int, amount bigint, ref text);"
            " ANALYZE bare_account"
        )
        raw = _timed(_postgres_book, bare, plan, group)
        alone = _timed(_postgres_rows, bare, plan, group)
    return Speed(
        engine="postgresql",
        transfers=count,
        group=group,
        per_s=count / ours,
        raw_per_s=count / raw,
        rows_alone_per_s=count / alone,
    )


ENTRIES = "SELECT id, debit AS account, -amount AS x FROM moved UNION ALL SELECT id, credit, amount FROM moved"
POSTGRES_BOOK = (
    "INSERT INTO bare_transfer SELECT * FROM moved",
    f"INSERT INTO bare_entry SELECT e.id, e.account, e.x,"  # noqa: S608
    f" a.balance + SUM(e.x) OVER (PARTITION BY e.account ORDER BY e.id)"
    f" FROM ({ENTRIES}) e JOIN bare_account a ON a.id = e.account",
    f"UPDATE bare_account a SET balance = a.balance + s.x FROM"  # noqa: S608
    f" (SELECT account, SUM(x) AS x FROM ({ENTRIES}) e GROUP BY account) s WHERE a.id = s.account",
)


def _postgres_book(bare: psycopg.Connection[Any], first: int, part: Sequence[Move]) -> None:
    with bare.transaction():
        bare.execute("TRUNCATE moved")
        _copy(bare, "moved", _rows(first, part)[0])
        for statement in POSTGRES_BOOK:
            bare.execute(statement.encode())


def _postgres_rows(bare: psycopg.Connection[Any], first: int, part: Sequence[Move]) -> None:
    with bare.transaction():
        for table, rows in zip(("row_transfer", "row_entry"), _rows(first, part), strict=True):
            _copy(bare, table, rows)


def _copy(bare: psycopg.Connection[Any], table: str, rows: Sequence[tuple[object, ...]]) -> None:
    with bare.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
        for row in rows:
            copy.write_row(row)


def audited(folder: Path, count: int) -> tuple[int, float, float]:
    """Transfers of a SQLite ledger; seconds of the wall and the processor in which all balances were derived anew."""
    store = open_store(f"sqlite:///{folder / 'audit.db'}")
    try:
        open_rich(store)
        for first, part in groups(moves(count), 10_000):
            with store.transaction() as tx:
                tx.ledger.post(list(transfers_of(part, first)))
        start, used = perf_counter(), process_time()
        with store.transaction() as tx:
            found = tx.ledger.check()["transfers"]
        return found, perf_counter() - start, process_time() - used
    finally:
        store.close()
