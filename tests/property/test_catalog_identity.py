"""Any part of the built-in tables, given again as an overlay, changes nothing; nor does any text crash the reader."""

import csv
import dataclasses
import io
import tempfile
from importlib import resources
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.catalog import check_catalog, load_catalog
from suanwang.schemas.catalog.tables import TABLES, columns, read_table

DATA = resources.files("suanwang") / "data"
ROWS = {t: list(csv.reader(io.StringIO((DATA / f"{t}.csv").read_text(encoding="utf-8"), newline=""))) for t in TABLES}
BUILT_IN = load_catalog()


@settings(derandomize=True, max_examples=25, deadline=None)
@given(st.data())
def test_overlay_of_exported_rows_is_identity(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for table in data.draw(st.sets(st.sampled_from(sorted(TABLES)), min_size=1, max_size=5)):
            header, *rows = ROWS[table]
            order = data.draw(st.permutations(range(len(header))))
            start = data.draw(st.integers(0, len(rows) - 1))
            part = rows[start:] if table != "tariff_periods" else rows
            with (Path(folder) / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([row[i] for i in order] for row in (header, *part))
        assert dataclasses.replace(load_catalog([Path(folder)]), origin={}) == dataclasses.replace(BUILT_IN, origin={})


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(TABLES)),
    st.lists(st.lists(st.text(max_size=8), max_size=6), max_size=4),
    st.text(max_size=30),
)
def test_any_text_gives_rows_or_problems(table: str, cells: list[list[str]], junk: str) -> None:
    header = ",".join(columns(table))
    for text in (junk, "\n".join([header, *(",".join(row) for row in cells)])):
        entries, problems = read_table(table, text, "f.csv", 1)
        assert not entries
        assert all(p.place.startswith("f.csv:") and str(p.message) and str(p.remedy) for p in problems)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(st.data())
def test_a_changed_cell_is_read_or_is_a_problem_of_its_line(data: st.DataObject) -> None:
    table = data.draw(st.sampled_from(sorted(set(TABLES) - {"tariff_periods", "latency"})))
    header, *rows = ROWS[table]
    row = list(data.draw(st.sampled_from(rows)))
    column = data.draw(st.sampled_from(sorted(set(header) - {"id", "name", "vendor", "note", "source"})))
    row[header.index(column)] = data.draw(st.sampled_from(["nan", "-1", "1e400", "x y", "0x10", "١٢", "🙂", "1_0"]))
    with tempfile.TemporaryDirectory() as folder:
        with (Path(folder) / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, row])
        for problem in check_catalog(Path(folder)):
            assert problem.place == f"{folder}/{table}.csv:2 {column}"
