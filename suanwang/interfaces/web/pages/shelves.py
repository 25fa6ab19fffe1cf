"""Catalog: every fact that estimates rest on, with its source, date and confidence."""

from dataclasses import fields, is_dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from suanwang.domain.catalog import TABLES
from suanwang.domain.identity import Permission
from suanwang.errors import NotFound, msg
from suanwang.interfaces.web.page import Visitor, render
from suanwang.schemas.wire import plain

router = APIRouter(include_in_schema=False, prefix="/catalog")
ROWS_MAX = 2000


@router.get("")
def tables_page(request: Request, who: Visitor) -> Response:
    """The tables and how many rows each has."""
    who.principal.require(Permission.GRID_READ)
    counts = {name: len(getattr(who.house.catalog, name)) for name in TABLES}
    return render(request, "catalog.html", who, counts=counts, table="", columns=[], rows=[])


@router.get("/{table}")
def table_page(request: Request, who: Visitor, table: str) -> Response:
    """One table with its plain columns. Raises NotFound."""
    who.principal.require(Permission.GRID_READ)
    if table not in TABLES:
        raise NotFound(
            "not-found",
            msg("the catalog has no table {table!r}", table=table),
            msg("It has: {names}.", names=", ".join(TABLES)),
        )
    found = list(getattr(who.house.catalog, table).items())[:ROWS_MAX]
    columns = list(dict.fromkeys(name for _, row in found for name in _plain(row)))
    rows = [(key, [_plain(row).get(name, "") for name in columns]) for key, row in found]
    counts = {name: len(getattr(who.house.catalog, name)) for name in TABLES}
    return render(request, "catalog.html", who, counts=counts, table=table, columns=columns, rows=rows)


def _plain(row: Any) -> dict[str, str]:
    """Fields that are one figure or text, and the provenance in words."""
    if not is_dataclass(row):
        return {"value": str(row)}
    shown = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if field.name == "provenance":
            shown["source"] = f"{value.source} ({value.date}, {value.confidence.value})"
        elif isinstance(value, str | int | float | bool) and value != "":
            shown[field.name] = f"{value:g}" if isinstance(value, float) else str(value)
        elif value is not None and not isinstance(value, str) and not is_dataclass(value):
            text = plain(value)
            if isinstance(text, dict) and text and all(not isinstance(v, dict | list) for v in text.values()):
                shown[field.name] = ", ".join(f"{k} {v}" for k, v in text.items())
    return shown
