"""The reference page names every table, column and unit that there is."""

from pathlib import Path
from typing import get_args

import pytest

from suanwang.schemas.catalog.tables import FACT_TABLES, TABLES, columns

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "catalog.md").read_text(encoding="utf-8")
SINGLE = PAGE[PAGE.index("## Tables of single figures") :]


@pytest.mark.parametrize("table", TABLES)
def test_table_and_columns_are_described(table: str) -> None:
    begin = SINGLE.index(f"| `{table}` |") if table in FACT_TABLES else PAGE.index(f"\n## {table}\n")
    part = SINGLE[begin:].splitlines()[0] if table in FACT_TABLES else PAGE[begin:].split("\n## ")[1]
    shared = PAGE[PAGE.index("## In every table") : PAGE.index("## accelerators")]
    single = SINGLE.partition("| table |")[0] if table in FACT_TABLES else ""
    missing = [name for name in columns(table) if f"`{name}`" not in part + shared + single]
    assert missing == []


@pytest.mark.parametrize("table", FACT_TABLES)
def test_units_are_named(table: str) -> None:
    units = get_args(FACT_TABLES[table].model_fields["unit"].annotation)
    line = next(line for line in SINGLE.splitlines() if line.startswith(f"| `{table}` |"))
    assert [unit for unit in units if unit not in line] == []
