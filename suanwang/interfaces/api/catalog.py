"""The catalog over HTTP: every fact with its source, read only."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from suanwang.domain.catalog import TABLES, Catalog
from suanwang.domain.identity import Permission
from suanwang.errors import NotFound, msg
from suanwang.interfaces.api.operations import Id, operation
from suanwang.interfaces.serving.caller import Caller, needs

router = APIRouter(prefix="/v1/catalog", tags=["catalog"])
Reader = Annotated[Caller, Depends(needs(Permission.GRID_READ))]
_COUNTS = {"type": "object", "additionalProperties": {"type": "integer"}}
_ROW = {"type": "object"}
_ROWS = {"type": "object", "properties": {"rows": {"type": "array", "items": _ROW}}, "required": ["rows"]}


@router.get("", **operation(Permission.GRID_READ, _COUNTS))
def list_tables(caller: Reader) -> Any:
    """The tables, with how many rows each has."""
    return {name: len(getattr(caller.house.catalog, name)) for name in TABLES}


@router.get("/{table}", **operation(Permission.GRID_READ, _ROWS, refuses=(404,)))
def list_rows(caller: Reader, table: Id) -> Any:
    """The rows of a table, each with its source, date and confidence."""
    return caller.answer({"rows": list(_table(caller.house.catalog, table).values())})


@router.get("/{table}/{row}", **operation(Permission.GRID_READ, _ROW, refuses=(404,)))
def show_row(caller: Reader, table: Id, row: Id) -> Any:
    """One row of a table."""
    rows = _table(caller.house.catalog, table)
    if row not in rows:
        raise NotFound(
            "not-found", msg("there is no {noun} {key}", noun=msg("row of the catalog"), key=row), msg("Check the id.")
        )
    return caller.answer(rows[row])


def _table(catalog: Catalog, table: str) -> dict[str, object]:
    if table not in TABLES:
        raise NotFound(
            "not-found",
            msg("the catalog has no table {table!r}", table=table),
            msg("It has: {names}.", names=", ".join(TABLES)),
        )
    return dict(getattr(catalog, table))
