"""The second wall: with every check of the services taken away, PostgreSQL itself hides the other tenant's rows.

The hub's own user of the database must not be a superuser, for whom row-level security does not hold.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from suanwang.adapters.store.identity import SqlIdentity
from suanwang.adapters.store.jobs import SqlJobs
from suanwang.interfaces.api import books, identity
from suanwang.service import jobs
from tests.api.cells import MARKS, Cell, ask, furnish
from tests.api.test_isolation import declared
from tests.hub_world import HubWorld, open_hub

pytestmark = pytest.mark.integration
PAIRS = (("member", "poor"), ("admin", "poor"), ("billing", "poor"), ("stranger", "me"))


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory, postgres_server: str) -> Iterator[HubWorld]:
    """A hub on PostgreSQL, as a user that may create tables and nothing more."""
    with psycopg.connect(host=postgres_server, user="postgres", autocommit=True) as connection:
        connection.execute("CREATE ROLE plain_hub LOGIN")
        connection.execute("CREATE DATABASE walled OWNER plain_hub")
    url = f"postgresql://plain_hub@/walled?host={postgres_server}"
    with open_hub(tmp_path_factory.mktemp("walled"), url) as world:
        furnish(world)
        yield world
    with psycopg.connect(host=postgres_server, user="postgres", autocommit=True) as connection:
        connection.execute("DROP DATABASE walled WITH (FORCE)")
        connection.execute("DROP ROLE plain_hub")


@pytest.fixture
def first_wall_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is visible to everybody, and lists are of all tenants."""
    for module in (jobs, books, identity):
        monkeypatch.setattr(module, "visible", lambda *_: True)
    _forget_tenant(monkeypatch, SqlJobs, "find", 1)
    _forget_tenant(monkeypatch, SqlIdentity, "users", 0)
    _forget_tenant(monkeypatch, SqlIdentity, "projects", 0)


def _forget_tenant(monkeypatch: pytest.MonkeyPatch, port: type, name: str, position: int) -> None:
    """A list that is asked for one tenant's things gives everybody's."""
    true: Any = getattr(port, name)

    def of_all(self: Any, *arguments: Any, **named: Any) -> Any:
        given = list(arguments)
        if len(given) > position:
            given[position] = ""
        return true(self, *given, **{**named, **({"tenant": ""} if "tenant" in named else {})})

    monkeypatch.setattr(port, name, of_all)


def rows() -> list[tuple[str, str]]:
    """Operations on things of a tenant, and lists."""
    shared = ("{site_id}", "{pool_id}", "{programme_id}", "{table}")
    return [key for key in declared() if not any(part in key[1] for part in shared)]


@pytest.mark.parametrize("key", rows(), ids=" ".join)
def test_nothing_of_another_tenant_comes_through(walled: HubWorld, first_wall_off: None, key: tuple[str, str]) -> None:
    verb, path = key
    for caller, others in PAIRS:
        answer = ask(walled, Cell(verb, path, caller, "other" if "{" in path else ""))
        assert answer.status_code < 500, answer.text
        assert MARKS[others] not in answer.text, f"{key} {caller}"
        if verb != "get" and "{" in path:
            assert answer.status_code in (403, 404), f"{key} {caller}: {answer.text}"


def test_without_any_wall_it_would_show(
    walled: HubWorld, first_wall_off: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: with the second wall off too, the other tenant's things are there."""
    monkeypatch.setattr("suanwang.adapters.store.sql._wall", lambda *_: None)
    shown = ask(walled, Cell("get", "/v1/jobs/{job_id}", "member", "other"))
    assert shown.status_code == 200
    assert MARKS["poor"] in shown.text
    assert MARKS["poor"] in ask(walled, Cell("get", "/v1/users", "admin", "")).text
