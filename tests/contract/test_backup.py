"""The drill: back up a database in use, lose it, restore the backup elsewhere, and find everything as it was."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from suanwang.adapters.store.backup import back_up, restore
from suanwang.adapters.store.sql import open_store
from suanwang.domain.money import Money
from suanwang.errors import Conflict, InvalidInput
from suanwang.service.tenants import pay_in
from tests.hub_world import HubWorld, open_hub


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    store = open_store(url)
    names = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if url.startswith("postgresql"):
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with store.engine.connect() as connection:
        tables = sorted(str(name) for name in connection.execute(text(names)).scalars())
        found = {t: sorted(map(tuple, connection.execute(text(f"SELECT * FROM {t}"))), key=repr) for t in tables}
    store.close()
    return found


def work(hub: HubWorld) -> None:
    assert hub.client("member").post("/v1/jobs", json=hub.workload()).status_code == 201
    pay_in(hub.house.hub, "me", Money.parse("12.34", "CNY"), "payment")


@pytest.fixture
def elsewhere(sql_url: str, tmp_path: Path) -> Iterator[str]:
    """The address of a second, empty database."""
    if not sql_url.startswith("postgresql"):
        yield f"sqlite:///{tmp_path / 'elsewhere' / 'new.db'}"
        return
    with psycopg.connect(sql_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE elsewhere")
    yield sql_url.replace("/empty", "/elsewhere")
    with psycopg.connect(sql_url, autocommit=True) as connection:
        connection.execute("DROP DATABASE elsewhere WITH (FORCE)")


def test_what_is_restored_is_what_was_there(sql_url: str, elsewhere: str, tmp_path: Path) -> None:
    saved = tmp_path / "saved.backup"
    (tmp_path / "hub").mkdir()
    with open_hub(tmp_path / "hub", sql_url) as hub:
        work(hub)
        assert back_up(sql_url, saved) > 1000
        before = contents(sql_url)
        work(hub)  # what comes after the backup is not in it
    restore(elsewhere, saved)
    assert contents(elsewhere) == before
    store = open_store(elsewhere)
    with store.reading() as tx:
        assert tx.ledger.check()["sum_micro:CNY"] == 0
        assert len(tx.jobs.find()) == 1
    store.close()


def test_nothing_is_written_over(sql_url: str, tmp_path: Path) -> None:
    open_store(sql_url).close()
    saved = tmp_path / "saved.backup"
    back_up(sql_url, saved)
    kept = saved.read_bytes()
    with pytest.raises(Conflict):
        back_up(sql_url, saved)
    assert saved.read_bytes() == kept
    with pytest.raises(Conflict):
        restore(sql_url, saved)
    assert sorted(tmp_path.glob(".*")) == []


def test_what_is_no_backup_is_refused(sql_url: str, tmp_path: Path) -> None:
    (tmp_path / "none").write_text("nothing")
    for name in ("none", "missing"):
        with pytest.raises(InvalidInput):
            restore(sql_url, tmp_path / name)
