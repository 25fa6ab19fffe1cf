"""The catalog commands: what they print, as JSON too, and their exit status."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from suanwang.errors import InvalidInput, NotFound
from suanwang.interfaces.cli.catalog import catalog
from suanwang.interfaces.cli.terminal import Terminal

HEAD = "id,vendor,name,kind,power_w,source,date,confidence\n"


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(catalog, arguments, env=environment, obj=Terminal("en"))


def data(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "accelerators.csv").write_text(HEAD + "mine-1,Us,Mine,asic,55,our bench,2026-05,measured\n")
    return tmp_path


def test_list_counts_the_tables() -> None:
    counts = data("list")
    assert counts["hubs"] == 10
    assert counts["latency"] == 210
    assert {"accelerators", "tariffs", "carbon", "prices", "models", "projects"} <= set(counts)
    assert all(counts.values())
    assert f"hubs\t{counts['hubs']}\t" in run("list").stdout


def test_list_a_table() -> None:
    lines = run("list", "carbon").stdout.splitlines()
    assert lines[0].split("\t") == ["id", "carbon", "basis", "year", "date", "confidence"]
    assert "cn-nm-2023\t0.6479 kg/kWh\tlocation-average\t2023\t2025-12-31\tofficial" in lines
    assert len(data("list", "carbon")) == len(lines) - 1
    unknown = next(line for line in run("list", "accelerators").stdout.splitlines() if line.startswith("cpu-core"))
    assert unknown.split("\t")[3:7] == ["?", "?", "?", "?"]


@pytest.mark.parametrize("table", data("list"))
def test_every_row_of_every_table_can_be_shown(table: str) -> None:
    lines = run("list", table).stdout.splitlines()
    shown = run("show", lines[1].split("\t")[0])
    assert shown.exit_code == 0
    assert f"({table}, built-in/" in shown.stdout
    assert "\n[1] " in shown.stdout


def test_show_gives_every_figure_with_unit_source_date_and_confidence() -> None:
    text = run("show", "h100-sxm5-80gb").stdout
    assert "dense peak, bf16\t989\tTFLOPS\t2026-07-19\tdatasheet\t[1]" in text
    assert "dense peak, fp4\tunknown (not published)\t" in text
    assert "measured / peak, bf16 (max achievable matmul (MAMF), best shape)\t0.803\tratio\t" in text
    assert "[2] repo stas00/ml-engineering" in text
    (shown,) = data("show", "h100-sxm5-80gb")
    assert shown["row"]["peak_flops_per_s"]["bf16"] == 9.89e14
    assert shown["table"] == "accelerators"
    power = next(f for f in shown["figures"] if f["name"] == "power of the card")
    assert (power["value"], power["unit"], power["provenance"]["confidence"]) == ("700", "W", "datasheet")
    assert next(f for f in shown["figures"] if f["name"] == "dense peak, fp4")["value"] is None


def test_show_a_tariff_with_its_hours() -> None:
    text = run("show", "cn-nx-general-10kv").stdout
    assert "hours, valley\t09:00-17:00\tlocal time\t2023\tofficial\t" in text
    assert "price, valley\t0.16\tCNY/kWh\t2026-01\testimate\t" in text
    assert "price, sharp\tunknown (not published)" in run("show", "cn-gd-general-10kv").stdout


def test_what_is_not_there() -> None:
    for arguments in (("show", "h100-sxm5-80g"), ("list", "accelerator")):
        result = run(*arguments)
        assert isinstance(result.exception, NotFound)
        assert "accelerators" in str(result.exception.remedy) or "h100-sxm5-80gb" in str(result.exception.remedy)


def test_overlays_from_the_option_and_the_setting(folder: Path) -> None:
    assert "power of the card\t55\tW\t" in run("show", "mine-1", "--catalog", str(folder)).stdout
    assert "power of the card\t55\tW\t" in run("show", "mine-1", SUANWANG_CATALOG=str(folder)).stdout
    assert isinstance(run("show", "mine-1").exception, NotFound)


def test_check(folder: Path) -> None:
    sound = run("check", str(folder))
    assert (sound.exit_code, sound.stdout) == (0, f"{folder}: no problem found\n")
    assert data("check", str(folder)) == []
    (folder / "accelerators.csv").write_text(HEAD + "mine-1,Us,Mine,asic,55 W,our bench,,measured\n")
    bad = run("check", str(folder))
    assert bad.exit_code == 2
    assert f"{folder}/accelerators.csv:2 power_w: '55 W' is not a plain number." in bad.stdout
    assert f"{folder}/accelerators.csv:2 date: date is blank." in bad.stdout
    assert bad.stdout.endswith(f"{folder}: 2 problem(s)\n")
    assert run("check", str(folder), "--json").exit_code == 2
    assert [p["place"].rpartition(" ")[2] for p in data("check", str(folder))] == ["power_w", "date"]
    assert isinstance(run("list", "--catalog", str(folder)).exception, InvalidInput)


def test_help_has_examples() -> None:
    for arguments in ((), ("list",), ("show",), ("check",)):
        assert "suanwang catalog" in run(*arguments, "--help").stdout.partition("Examples:")[2]


def test_importing_the_group_needs_little() -> None:
    program = (
        "import sys, suanwang.interfaces.cli.catalog\n"
        "print([m for m in ('pydantic', 'rich', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
