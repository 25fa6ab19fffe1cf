"""Fixtures for every tier: stores on each engine, and a PostgreSQL server of our own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from suanwang.adapters.store import tables
from suanwang.adapters.store.memory import MemoryStore
from suanwang.adapters.store.sql import SqlStore, open_store
from suanwang.ports import Store
from tests.postgres_server import PostgresServer, database
from tests.ray_fixture import ray_url
from tests.slurm_fixture import slurm_clusters

__all__ = ["ray_url", "slurm_clusters"]

SQL_ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.integration)]


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A private server on a Unix socket; gives the folder of the socket. Its data does not outlive the tests."""
    server = PostgresServer()
    yield server.folder
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database for one test."""
    with database(postgres_server, "empty") as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_shared(postgres_server: str) -> Iterator[SqlStore]:
    with database(postgres_server, "shared") as url:
        store = open_store(url)
        yield store
        store.close()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'suanwang.db'}"


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator[SqlStore]:
    """An empty store in a SQLite file."""
    store = open_store(sqlite_url)
    yield store
    store.close()


@pytest.fixture
def postgres_store(_postgres_shared: SqlStore) -> SqlStore:
    """An empty store in PostgreSQL, emptied for each test: making a database takes half a second.

    A test that changes the tables themselves, or listens to the engine, opens its own at `postgres_url`.
    """
    names = ", ".join(t.name for t in tables.ALL if t not in (tables.meta, tables.transitions))
    with _postgres_shared.engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # the guards do not fire
        connection.exec_driver_sql(f"TRUNCATE {names}")
    return _postgres_shared


@pytest.fixture(params=SQL_ENGINES)
def sql_url(request: pytest.FixtureRequest) -> str:
    """The address of an empty database, on each engine in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=SQL_ENGINES)
def sql_store(request: pytest.FixtureRequest) -> SqlStore:
    """An empty SQL store, on each engine in turn."""
    store: SqlStore = request.getfixturevalue(f"{request.param}_store")
    return store


@pytest.fixture(params=["memory", *SQL_ENGINES])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store, of each kind in turn."""
    if request.param == "memory":
        return MemoryStore()
    made: Store = request.getfixturevalue(f"{request.param}_store")
    return made
