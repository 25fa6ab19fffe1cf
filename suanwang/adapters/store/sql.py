"""The store in a SQL database: SQLite by default, PostgreSQL where several hubs or much work need it.

Every transaction is serialised with every other. SQLite: BEGIN IMMEDIATE takes the one write lock at the start. On
PostgreSQL an advisory lock, held until the transaction ends, does the same; at READ COMMITTED each statement then sees
all that was committed before, so nothing has to be tried again, as SERIALIZABLE would ask. The price is one transaction
at a time, which is what SQLite gives, and what posting in large groups is made for.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, make_url, select
from sqlalchemy.exc import ArgumentError

from suanwang.adapters.store.books import SqlBooks
from suanwang.adapters.store.comparisons import SqlComparisons
from suanwang.adapters.store.dockets import SqlDockets
from suanwang.adapters.store.identity import SqlIdentity
from suanwang.adapters.store.jobs import SqlJobs
from suanwang.adapters.store.ledger import SqlLedger
from suanwang.adapters.store.operations import SqlOperations
from suanwang.adapters.store.refusals import adds, refusals
from suanwang.adapters.store.schema import migrate, revision_of
from suanwang.adapters.store.sites import SqlSites
from suanwang.adapters.store.usage import SqlUsage
from suanwang.adapters.store.webhooks import SqlWebhooks
from suanwang.errors import InvalidInput, Message, Problem, msg, why_not_read

BUSY_TIMEOUT_MS = 30_000
"""How long a transaction waits for the one before it."""
BUSY_PAUSE_S = 0.01
READING = {"suanwang_reading": True}
ADDING = {"suanwang_adding": True}
READ_COMMITTED, REPEATABLE_READ = 2, 3
"""PostgreSQL's levels, as psycopg counts them."""
LOCK_KEY = 0x7375616E77616E67
"""The advisory lock of this program on PostgreSQL ("suanwang" as bytes)."""


@dataclass(frozen=True, slots=True)
class SqlTransaction:
    """The ports on one connection."""

    jobs: SqlJobs
    usage: SqlUsage
    ledger: SqlLedger
    books: SqlBooks
    sites: SqlSites
    dockets: SqlDockets
    comparisons: SqlComparisons
    identity: SqlIdentity
    operations: SqlOperations
    webhooks: SqlWebhooks

    @classmethod
    def on(cls, connection: Connection) -> "SqlTransaction":
        return cls(
            jobs=SqlJobs(connection),
            usage=SqlUsage(connection),
            ledger=SqlLedger(connection),
            books=SqlBooks(connection),
            sites=SqlSites(connection),
            dockets=SqlDockets(connection),
            comparisons=SqlComparisons(connection),
            identity=SqlIdentity(connection),
            operations=SqlOperations(connection),
            webhooks=SqlWebhooks(connection),
        )


class SqlStore:
    """The ports `Store` and `HubStore`. `engine` is SQLAlchemy's, for whoever must watch or count statements."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._reader = engine.execution_options(**READING)
        self._adder = engine.execution_options(**ADDING)

    @contextmanager
    def transaction(self, tenant: str = "", *, alone: bool = True) -> Iterator[SqlTransaction]:
        with refusals(), (self.engine if alone else self._adder).begin() as connection:
            _wall(connection, tenant)
            yield SqlTransaction.on(connection)

    @contextmanager
    def reading(self, tenant: str = "") -> Iterator[SqlTransaction]:
        with refusals(), self._reader.begin() as connection:
            _wall(connection, tenant)
            yield SqlTransaction.on(connection)

    def schema(self) -> str:
        """The revision of the tables."""
        with refusals(), self._reader.begin() as connection:
            return revision_of(connection)

    def close(self) -> None:
        self.engine.dispose()


def open_store(url: str) -> SqlStore:
    """Open the database, creating or migrating its tables.

    Raises InvalidInput for an address that is none, NotNow(store-unavailable) when nobody answers there, and
    Never(store-refused) when a newer program made the database.
    """
    engine = _engine(address_of(url))
    try:
        with refusals(), engine.begin() as connection:
            migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return SqlStore(engine)


def address_of(url: str) -> URL:
    """The address of a database, with the driver that is used for it. Raises InvalidInput for what is none."""
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise _unusable(msg("it is not a database URL")) from error
    backend = address.get_backend_name()
    if backend == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise _unusable(msg("{backend} is not supported", backend=backend))
    if address.database in (None, "", ":memory:"):
        raise _unusable(msg("a database in memory would be lost at the end of each transaction"))
    return address


def _unusable(why: Message) -> InvalidInput:
    remedy = msg("Give sqlite:///path/to/file.db or postgresql://user@host/database.")
    return InvalidInput([Problem("SUANWANG_DATABASE_URL", msg("{why}.", why=why), remedy)])


def _engine(address: URL) -> Engine:
    if address.get_backend_name() == "sqlite":
        folder = Path(str(address.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = why_not_read(error)
            raise _unusable(msg("the folder {folder} cannot be made: {why}", folder=folder, why=why)) from error
        engine = create_engine(address)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        engine = create_engine(address, isolation_level="READ COMMITTED")
    except ModuleNotFoundError as error:
        raise _unusable(msg("the PostgreSQL driver is not installed (install suanwang[postgres])")) from error
    event.listen(engine, "connect", _prepare_postgresql)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    """Set up a new SQLite connection; the driver is told to leave transactions to us (it would begin them too late)."""
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "synchronous = FULL",
        "foreign_keys = ON",
        "recursive_triggers = ON",  # else INSERT OR REPLACE would delete rows past the append-only triggers
    ):
        connection.execute(f"PRAGMA {pragma}").close()
    _write_ahead(connection)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Change to write-ahead logging. While others open a new file too, SQLite refuses this at once, whatever the busy
    timeout is (it might wait for them as they wait for it), so it is asked again for as long."""
    deadline = monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(BUSY_PAUSE_S)
        else:
            return


def _prepare_postgresql(connection: Any, _record: object) -> None:
    connection.execute(f"SET lock_timeout = {BUSY_TIMEOUT_MS}").close()
    connection.commit()


def _reads(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("suanwang_reading"))


def _begin_sqlite(connection: Connection) -> None:
    """A reader sees the state of its first statement, and cannot write."""
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if _reads(connection) else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if _reads(connection) else "BEGIN IMMEDIATE")


def _begin_postgresql(connection: Connection) -> None:
    """A reader sees the state of its first statement, and cannot write: the driver says so with its BEGIN."""
    driver: Any = connection.connection.dbapi_connection
    reads = _reads(connection)
    if driver.read_only is not reads:
        driver.read_only, driver.isolation_level = reads, REPEATABLE_READ if reads else READ_COMMITTED
    if not reads and not adds(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK_KEY})")


def _wall(connection: Connection, tenant: str) -> None:
    """Tell PostgreSQL whose rows this transaction may see, until it ends."""
    if tenant and connection.dialect.name == "postgresql":
        connection.execute(select(func.set_config("suanwang.tenant", tenant, True)))
