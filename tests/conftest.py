"""Fixtures for every tier: stores on each engine, and a PostgreSQL server of our own."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from suanwang.adapters.store import tables
from suanwang.adapters.store.memory import MemoryStore
from suanwang.adapters.store.sql import SqlStore, open_store
from suanwang.ports import Store
from tests.ray_fixture import ray_url
from tests.slurm_fixture import slurm_clusters

__all__ = ["ray_url", "slurm_clusters"]

SQL_ENGINES = ["sqlite", pytest.param("postgres", marks=pytest.mark.integration)]
START_S = 30


def _programs() -> Path:
    """The folder of initdb and postgres: of the newest version installed, or of what the PATH finds."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    on_path = shutil.which("initdb")
    if installed:
        return installed[-1].parent
    if on_path:
        return Path(on_path).resolve().parent
    if os.environ.get("SUANWANG_REQUIRE_INTEGRATION") == "1":
        pytest.fail("PostgreSQL is not installed, and SUANWANG_REQUIRE_INTEGRATION=1 asks for it")
    pytest.skip("PostgreSQL is not installed")


def _someone_else() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: be `postgres` or `nobody` then."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A private server on a Unix socket; gives the folder of the socket. Its data does not outlive the tests."""
    programs, who = _programs(), _someone_else()
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    if who:
        os.chown(folder, who["user"], who["group"])
    data = str(folder / "data")
    initdb = [
        str(programs / "initdb"),
        "--pgdata",
        data,
        "--auth=trust",
        "--username=postgres",
        "--no-sync",
        "-E",
        "UTF8",
    ]
    subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
    options = {"listen_addresses": "", "unix_socket_directories": str(folder), "fsync": "off", "autovacuum": "off"}
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(programs / "postgres"), "-D", data, *arguments], stdout=log, stderr=log, cwd=folder, **who
        )
    try:
        _await(str(folder), server, folder / "log")
        yield str(folder)
    finally:
        server.terminate()
        server.wait(START_S)
        shutil.rmtree(folder)


def _await(socket: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(host=socket, user="postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"PostgreSQL did not start:\n{log.read_text()}")
            time.sleep(0.05)
        else:
            return


@contextmanager
def _database(server: str, name: str) -> Iterator[str]:
    """A database of the server, while it is needed; gives its address."""
    with psycopg.connect(host=server, user="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://postgres@/{name}?host={server}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """An empty PostgreSQL database for one test."""
    with _database(postgres_server, "empty") as url:
        yield url


@pytest.fixture(scope="session")
def _postgres_shared(postgres_server: str) -> Iterator[SqlStore]:
    with _database(postgres_server, "shared") as url:
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
