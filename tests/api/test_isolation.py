"""Who may do what to whose things: every operation of the API x nine callers x own, other's, missing object.

The operations are those of the OpenAPI document, what each cell answers is declared in `isolation.txt`; an operation or
a cell that is not declared fails. Beyond the status: what is another's answers word for word like what is missing, and
no answer contains anything of the other tenant.
"""

from pathlib import Path

import httpx
import pytest

from tests.api.cells import CALLERS, MARKS, OBJECTS, Cell, ask, furnish
from tests.hub_world import HubWorld

TABLE = Path(__file__).with_name("isolation.txt")
OPEN = ("site-operator", "auditor", "grid-operator")
"""Callers who are of no tenant."""


def declared() -> dict[tuple[str, str], list[list[str]]]:
    """(verb, path) -> a cell for each caller -> a status for each object."""
    rows = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            verb, path, *cells = line.split()
            rows[verb, path] = [cell.split("/") for cell in cells]
    return rows


def operations(hub: HubWorld) -> list[tuple[str, str]]:
    paths = hub.client().get("/v1/openapi.json").json()["paths"]
    return [(verb, path) for path, verbs in paths.items() for verb in verbs if path.startswith("/v1/")]


def cells_of(verb: str, path: str) -> list[list[Cell]]:
    which = OBJECTS if "{" in path else ("",)
    return [[Cell(verb, path, caller, one) for one in which] for caller in CALLERS]


def test_every_cell_is_declared_and_no_other(hub: HubWorld) -> None:
    rows = declared()
    assert sorted(rows) == sorted(operations(hub))
    wrong = [key for key, cells in rows.items() if [len(c) for c in cells] != [len(c) for c in cells_of(*key)]]
    assert wrong == []


@pytest.fixture(scope="module")
def furnished(hub: HubWorld) -> HubWorld:
    furnish(hub)
    return hub


@pytest.mark.parametrize("key", declared(), ids=" ".join)
def test_row(furnished: HubWorld, key: tuple[str, str]) -> None:
    for cells, statuses in zip(cells_of(*key), declared()[key], strict=True):
        answers = {cell.which: (cell, ask(furnished, cell)) for cell in cells}
        got = [str(answer.status_code) for _, answer in answers.values()]
        caller = cells[0].caller
        assert got == statuses, f"{key} {caller}: {[a.text[:200] for _, a in answers.values()]}"
        if caller not in OPEN and caller not in ("anonymous", "expired"):
            foreign = MARKS["me" if caller == "stranger" else "poor"]
            shown = [cell for cell, answer in answers.values() if answer.is_success and foreign in answer.text]
            assert shown == []
        if statuses[1:] == ["404", "404"]:
            assert_alike(answers["other"][1], answers["missing"][1])


def assert_alike(other: httpx.Response, missing: httpx.Response) -> None:
    """The same words, but for the id that was asked for."""
    assert words(other) == words(missing)


def words(answer: httpx.Response) -> tuple[str, str, str]:
    error = answer.json()["error"]
    message = str(error["message"])
    for part in answer.request.url.path.split("/")[3:]:
        message = message.replace(part, "*")
    return error["code"], message, error["remedy"]
