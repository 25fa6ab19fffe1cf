"""Backups: the whole database in one file, written while hubs run, and read back into an empty place.

SQLite: its own online backup. PostgreSQL: `pg_dump` and `pg_restore`, in their custom format. After a restore the
ledger can be checked from its first transfer (`suanwang ledger check`).
"""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL

from suanwang.adapters.store.sql import address_of
from suanwang.errors import Conflict, InvalidInput, Message, NotNow, Problem, msg

SQLITE_HEAD = b"SQLite format 3\x00"
DUMP_HEAD = b"PGDMP"


def back_up(url: str, target: Path) -> int:
    """Write the database at an address to a new file; its size in bytes.

    Raises Conflict when the file is there, InvalidInput, NotNow(store-unavailable).
    """
    address = address_of(url)
    if target.exists():
        raise _taken(msg("the file {file} is there already", file=str(target)))
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if address.get_backend_name() == "sqlite":
            _copy_sqlite(_file_of(address), draft)
        else:
            _run("pg_dump", address, "--format=custom", "--no-owner", f"--file={draft}")
        draft.replace(target)  # whole, or not there at all
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size


def restore(url: str, source: Path) -> None:
    """Read a backup into the database at an address, which must be empty (SQLite: not there yet).

    Raises Conflict, InvalidInput, NotNow(store-unavailable).
    """
    address = address_of(url)
    sqlite = address.get_backend_name() == "sqlite"
    try:
        with source.open("rb") as file:
            head = file.read(16)
    except OSError as error:
        what = msg("The file {file} cannot be read.", file=str(source))
        raise InvalidInput([Problem("BACKUP", what, msg("Check the path and its rights."))]) from error
    if not head.startswith(SQLITE_HEAD if sqlite else DUMP_HEAD):
        what = msg("The file {file} is not a backup of such a database.", file=str(source))
        raise InvalidInput([Problem("BACKUP", what, msg("Name a file that `suanwang admin backup` wrote."))])
    if sqlite:
        target = _file_of(address)
        if target.exists():
            raise _taken(msg("the file {file} is there already", file=str(target)))
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            _copy_sqlite(source, draft)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return
    if _tables(address):
        raise _taken(msg("the database has tables already"))
    _run("pg_restore", address, "--no-owner", "--exit-on-error", "--single-transaction", str(source))


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.exists():
        what = msg("There is no database {file}.", file=str(source))
        raise InvalidInput([Problem("SUANWANG_DATABASE_URL", what, msg("Start a hub or run a job first."))])
    try:
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
            if new.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("the copy is not sound")
    except sqlite3.Error as error:
        raise _unavailable(str(error)) from error


def _file_of(address: URL) -> Path:
    return Path(str(address.database))


def _run(program: str, address: URL, *options: str) -> str:
    """A program of PostgreSQL on the database. The password goes by the environment, where no list of processes is."""
    found = shutil.which(program) or _installed(program)
    if found is None:
        what = msg("The program {program} is not installed.", program=program)
        raise InvalidInput([Problem("PATH", what, msg("Install the client programs of PostgreSQL."))])
    told = address.set(drivername="postgresql", password=None)
    environment = {**os.environ, "PGPASSWORD": address.password or ""}
    command = [found, f"--dbname={told.render_as_string()}", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise _unavailable(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else program)
    return done.stdout


def _installed(program: str) -> str | None:
    """Debian keeps the programs of each version in a folder that is not on the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda p: p.parts[-3])
    return str(found[-1]) if found else None


def _tables(address: URL) -> bool:
    query = "--command=SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    return _run("psql", address, "--tuples-only", "--no-align", query).strip() != "0"


def _taken(what: Message) -> Conflict:
    return Conflict("not-empty", what, msg("Name a place that is empty; nothing is written over."))


def _unavailable(what: str) -> NotNow:
    return NotNow(
        "store-unavailable",
        msg("the database did not answer: {what}", what=what),
        msg("Try again; if it stays so, see whether it runs and whether its disk is full."),
    )
