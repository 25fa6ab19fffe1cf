"""The database without one of its rules: what must make the crash test fail."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from suanwang.adapters.store.sql import open_store

RULE = re.compile(r"^\s*CONSTRAINT (\w+) (PRIMARY KEY|UNIQUE|FOREIGN KEY|CHECK)\b(.*?),?\s*$")
KEYS = ("PRIMARY KEY", "UNIQUE")


def rules(database: Path) -> list[str]:
    """Names of every primary key, unique key and trigger."""
    return [
        name
        for kind, trigger, sql in _objects(database)
        for name in ([trigger] if kind == "trigger" else [n for n, what, _ in _constraints(sql) if what in KEYS])
    ]


def without(database: Path, *dropped: str) -> None:
    """Make a new, empty database of this program's schema, and drop the rules from it.

    A foreign key that rests on a key that is dropped goes with it: SQLite would refuse every write otherwise, and what
    the key itself is good for would not be seen.
    """
    whole = database.with_suffix(".whole")
    open_store(f"sqlite:///{whole}").close()
    objects = list(_objects(whole))
    gone = {*dropped, *_resting_on(dropped, [sql for kind, _, sql in objects if kind == "table"])}
    with closing(sqlite3.connect(database)) as mutant:
        mutant.execute("ATTACH ? AS whole", (str(whole),))
        for kind, name, sql in objects:
            if name not in gone:
                mutant.execute(_less(sql, gone) if kind == "table" else sql)
        for table in ("meta", "transitions", "suanwang_schema"):
            mutant.execute(f"INSERT INTO {table} SELECT * FROM whole.{table}")
        mutant.commit()


def _objects(database: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, name and SQL of tables first, then indexes and triggers."""
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'table' DESC, rowid"
        yield from connection.execute(query).fetchall()


def _constraints(sql: str) -> Iterator[tuple[str, str, str]]:
    for line in sql.splitlines():
        if rule := RULE.match(line):
            yield rule[1], rule[2], rule[3]


def _resting_on(dropped: tuple[str, ...], tables: list[str]) -> Iterator[str]:
    """Names of the foreign keys that refer to a dropped key."""
    keys = set()
    for sql in tables:
        table = sql.split()[2]
        keys |= {
            f"REFERENCES {table}{columns}"
            for name, what, columns in _constraints(sql)
            if name in dropped and what in KEYS
        }
    for sql in tables:
        yield from (n for n, what, rest in _constraints(sql) if what == "FOREIGN KEY" and rest.endswith(tuple(keys)))


def _less(sql: str, gone: set[str]) -> str:
    """A CREATE TABLE without the lines of some constraints."""
    kept = [line for line in sql.splitlines() if not ((rule := RULE.match(line)) and rule[1] in gone)]
    return re.sub(r",(\s*\n\))", r"\1", "\n".join(kept))
