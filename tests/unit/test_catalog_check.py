"""Bad overlay folders: each problem is named with its line, its column and what to do."""

from pathlib import Path

import pytest

from suanwang.adapters.catalog import check_catalog, load_catalog
from suanwang.errors import InvalidInput
from suanwang.schemas.catalog.tables import columns

FILLED = {
    "accelerators": {"id": "card-x", "vendor": "V", "name": "X", "kind": "gpu", "peak_bf16_tflops": "100"},
    "efficiencies": {
        "id": "card-x-bf16",
        "accelerator": "h100-sxm5-80gb",
        "dtype": "bf16",
        "ratio": "0.8",
        "method": "our own",
    },
    "systems": {"id": "node-x", "vendor": "V", "name": "N", "accelerator": "a30", "accelerators_per_node": "8"},
    "tariffs": {"id": "t-x", "name": "T", "region": "cn-nx", "currency": "CNY", "base": "flat"},
    "tariff_periods": {
        "tariff": "cn-nx-general-10kv",
        "period": "peak",
        "months": "1-12",
        "weekdays": "1-7",
        "hours_local": "7-9",
    },
    "carbon": {
        "id": "c-x",
        "scope": "province",
        "region": "cn-nx",
        "name": "N",
        "kg_per_kwh": "0.5",
        "basis": "location-average",
        "publisher": "P",
    },
    "prices": {
        "id": "p-x",
        "accelerator": "a30",
        "price": "3.5",
        "currency": "CNY",
        "unit": "card-hour",
        "count": "1",
        "provider": "P",
        "channel": "list",
        "term": "on-demand",
        "region": "China",
    },
    "models": {
        "id": "m-x",
        "name": "M",
        "layers": "2",
        "hidden": "64",
        "heads": "4",
        "ffn": "128",
        "vocab": "100",
        "gated": "true",
        "tied_embeddings": "false",
        "context_tokens": "128",
    },
    "token_prices": {
        "id": "x-input",
        "name": "X read",
        "value": "2",
        "unit": "CNY/Mtoken",
        "provider": "P",
        "model": "X",
        "side": "input",
    },
    "cooling": {"id": "c-x", "name": "C", "value": "1.2", "unit": "ratio", "item": "pue"},
}
SHARED = {"source": "my own bill", "date": "2026-05", "confidence": "official"}


def write(folder: Path, table: str, *rows: dict[str, str]) -> None:
    """A table with every column, one line a row; rows fill in over a sound one."""
    names = columns(table)
    lines = [",".join(names)]
    for row in rows:
        cells = FILLED[table] | SHARED | row
        lines.append(",".join(f'"{cells.get(name, "")}"' for name in names))
    (folder / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def said(folder: Path) -> list[str]:
    return [f"{p.place}: {p.message} {p.remedy}".replace(f"{folder}/", "") for p in check_catalog(folder)]


@pytest.mark.parametrize("table", FILLED)
def test_sound_rows_have_no_problem(tmp_path: Path, table: str) -> None:
    write(tmp_path, table, {})
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("table", "change", "begins", "contains"),
    [
        ("accelerators", {"source": ""}, "accelerators.csv:2 source: source is blank", "cannot be checked"),
        ("accelerators", {"date": ""}, "accelerators.csv:2 date: date is blank", "undated"),
        ("accelerators", {"date": "2026-13"}, "accelerators.csv:2 date: '2026-13' is not a date", "2026-07"),
        ("accelerators", {"confidence": ""}, "accelerators.csv:2 confidence: confidence is blank", "datasheet"),
        ("accelerators", {"confidence": "sure"}, "accelerators.csv:2 confidence: 'sure'", "'measured'"),
        ("accelerators", {"kind": "tpu"}, "accelerators.csv:2 kind: 'tpu'", "'photonic'"),
        ("accelerators", {"id": "Card X"}, "accelerators.csv:2 id: 'Card X' is not an id", "h100-sxm5-80gb"),
        ("accelerators", {"power_w": "-1"}, "accelerators.csv:2 power_w: -1 is not within", "positive"),
        ("accelerators", {"power_w": "0"}, "accelerators.csv:2 power_w: 0 is not within", "leave it blank"),
        ("accelerators", {"power_w": "nan"}, "accelerators.csv:2 power_w: 'nan' is not a plain number", "finite"),
        ("accelerators", {"memory_gb": "inf"}, "accelerators.csv:2 memory_gb: 'inf' is not a plain", "finite"),
        ("accelerators", {"memory_gb": "80 GB"}, "accelerators.csv:2 memory_gb: '80 GB'", "without a unit"),
        ("accelerators", {"memory_gb": "1e999"}, "accelerators.csv:2 memory_gb: '1e999' is too large", "finite"),
        ("accelerators", {"note": "a\x00b"}, "accelerators.csv:2 note: the cell holds a control", "damaged"),
        (
            "accelerators",
            {"id": "a30", "peak_bf16_tflops": "330"},
            "accelerators.csv:2 peak_bf16_tflops: 330 is twice the known dense peak 165",
            "sparsity",
        ),
        (
            "accelerators",
            {"vendor": "nvidia", "name": "h100 80GB SXM5", "peak_bf16_tflops": "1978.9"},
            "accelerators.csv:2 peak_bf16_tflops: 1978.9 is twice the known dense peak 989",
            "989",
        ),
        (
            "efficiencies",
            {"accelerator": "h100-sxm"},
            "efficiencies.csv:2 accelerator: h100-sxm is not in table accelerators",
            "h100-sxm5-80gb",
        ),
        ("efficiencies", {"ratio": "80"}, "efficiencies.csv:2 ratio: 80 is not within 0 to 1", "unit"),
        (
            "efficiencies",
            {"ratio": "0.4", "measured_tflops": "794.5"},
            "efficiencies.csv:2 ratio: 794.5 measured over the peak 989 is 0.803, not 0.4",
            "dense",
        ),
        ("systems", {"accelerator": "a31"}, "systems.csv:2 accelerator: a31 is not in table accelerators", "a30"),
        ("systems", {"accelerators_per_node": "8.5"}, "systems.csv:2 accelerators_per_node: '8.5'", "digits"),
        ("tariffs", {"price_peak_per_kwh": "0.12345678"}, "tariffs.csv:2 price_peak_per_kwh", "millionths"),
        ("tariffs", {"price_peak_per_kwh": "-0.1"}, "tariffs.csv:2 price_peak_per_kwh", "millionths"),
        ("tariffs", {"currency": "RMB¥"}, "tariffs.csv:2 currency: 'RMB¥' is not a currency", "CNY"),
        ("tariff_periods", {"tariff": "nowhere"}, "tariff_periods.csv:2 tariff: nowhere is not in table tariffs", ""),
        ("tariff_periods", {"hours_local": "7-25"}, "tariff_periods.csv:2 hours_local: '7-25'", "23-7"),
        ("tariff_periods", {"hours_local": "rest"}, "tariff_periods.csv:2 hours_local: peak has the hours", "base"),
        ("tariff_periods", {"months": "0-3"}, "tariff_periods.csv:2 months: '0-3' is not a list of months", "1-5"),
        ("tariff_periods", {"period": "noon"}, "tariff_periods.csv:2 period: 'noon'", "'valley'"),
        ("carbon", {"basis": "green"}, "carbon.csv:2 basis: 'green'", "'market-residual'"),
        ("prices", {"unit": "card-month"}, "prices.csv:2 unit: 'card-month' is not a unit", "'node-month'"),
        ("prices", {"price": "free"}, "prices.csv:2 price: 'free' is not a plain number", "without a unit"),
        ("models", {"heads": "5"}, "models.csv:2: model m-x: hidden 64 is not a multiple of heads 5", "together"),
        ("models", {"gated": "yes"}, "models.csv:2 gated: 'yes' is neither true nor false", "true"),
        ("cooling", {"unit": "PUE"}, "cooling.csv:2 unit: 'PUE' is not a unit of this table", "'ratio'"),
        ("cooling", {"id": "pcie4-x16"}, "built-in/network.csv:21 id: id pcie4-x16 is also in table cooling", "Rename"),
    ],
)
def test_problem_is_named(tmp_path: Path, table: str, change: dict[str, str], begins: str, contains: str) -> None:
    write(tmp_path, table, change)
    problems = said(tmp_path)
    assert len(problems) == 1, problems
    assert problems[0].startswith(begins)
    assert contains in problems[0]


def test_all_problems_at_once(tmp_path: Path) -> None:
    write(tmp_path, "accelerators", {"power_w": "x", "date": ""}, {"kind": "?"}, {"id": "a-b"})
    write(tmp_path, "systems", {"accelerator": "none"})
    with pytest.raises(InvalidInput) as refused:
        load_catalog([tmp_path])
    places = [p.place.replace(f"{tmp_path}/", "") for p in refused.value.problems]
    assert places == [
        "accelerators.csv:2 power_w",
        "accelerators.csv:2 date",
        "accelerators.csv:3 kind",
        "systems.csv:2 accelerator",
    ]


def test_ids_given_twice(tmp_path: Path) -> None:
    write(tmp_path, "accelerators", {}, {"name": "Y"})
    assert said(tmp_path) == [
        "accelerators.csv:3 id: id card-x is given twice (first at accelerators.csv:2). "
        "Keep one of the rows, or rename one."
    ]


def test_overlapping_periods(tmp_path: Path) -> None:
    peak, valley, sharp = {"hours_local": "7-12"}, {"period": "valley", "hours_local": "23-8"}, {"period": "sharp"}
    write(tmp_path, "tariff_periods", peak, valley, sharp | {"hours_local": "8-9"})
    (problem,) = said(tmp_path)
    assert problem.startswith("tariff_periods.csv:3 hours_local: valley overlaps peak")
    write(tmp_path, "tariff_periods", peak, valley | {"months": "7"}, peak | {"months": "8", "period": "flat"})
    assert len(said(tmp_path)) == 2
    write(tmp_path, "tariff_periods", peak | {"months": "1-6"}, valley | {"months": "7-12"})
    assert said(tmp_path) == []
    write(tmp_path, "tariff_periods", peak | {"weekdays": "1-5"}, valley | {"weekdays": "6-7"})
    assert said(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "content", "begins"),
    [
        (
            "accelerator.csv",
            b"id\n",
            "accelerator.csv: there is no table 'accelerator'. Name the file after a table: acc",
        ),
        ("accelerators.csv", b"", "accelerators.csv:1: the file is empty"),
        ("accelerators.csv", b"\xff\xfe", "accelerators.csv: the file cannot be read"),
        ("readme.txt", b"hello", ": the folder has no table"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, name: str, content: bytes, begins: str) -> None:
    (tmp_path / name).write_bytes(content)
    problems = [p.removeprefix(str(tmp_path)) for p in said(tmp_path)]
    assert problems[0].startswith(begins)


def test_header(tmp_path: Path) -> None:
    (tmp_path / "hubs.csv").write_text("id,id,names\n")
    problems = said(tmp_path)
    assert "hubs.csv:1 id: column 'id' is given twice. Keep one of them." in problems
    assert any(p.startswith("hubs.csv:1 names: unknown column 'names'") and "name" in p for p in problems)
    assert any(p.startswith("hubs.csv:1 source: column 'source' is missing") for p in problems)


def test_broken_rows(tmp_path: Path) -> None:
    write(tmp_path, "accelerators", {})
    file = tmp_path / "accelerators.csv"
    file.write_text(file.read_text() + '\na,b\n"open')
    problems = said(tmp_path)
    assert problems[0].startswith("accelerators.csv:4: the row has 2 cells, the header 24")
    assert problems[1].startswith("accelerators.csv:5: this is not CSV")


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    (problem,) = said(tmp_path / "none")
    assert "cannot be read: No such file or directory" in problem


def test_lines_count_through_cells_with_line_breaks_and_a_byte_order_mark(tmp_path: Path) -> None:
    write(tmp_path, "accelerators", {"note": "two\nlines"}, {"id": "y", "power_w": "x"})
    file = tmp_path / "accelerators.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\r\n"))
    assert [p.partition(": ")[0] for p in said(tmp_path)] == ["accelerators.csv:4 power_w"]
