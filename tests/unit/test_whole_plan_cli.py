"""`suanwang plan`: several files in, one plan out; every problem of all of them at once."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from suanwang.interfaces.cli.main import main

GRID = ["--grid", "examples/grids/three-hubs.yaml"]
TRAIN = "examples/workloads/pretrain-7b.yaml"
SERVE = "examples/workloads/serve-8b.yaml"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path / "home"))


def batch(folder: Path, name: str, extra: str = "") -> str:
    path = folder / f"{name}.yaml"
    path.write_text(
        "apiVersion: suanwang/v1\nkind: Workload\nworkload:\n"
        f"  name: {name}\n  kind: batch\n  tenant: me\n  dtype: bf16\n"
        "  batch: {flops: 50 EFLOP, memory: 20 GB}\n  accelerators: {count: 8}\n" + extra
    )
    return str(path)


def test_the_whole_is_the_sum_of_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", TRAIN, SERVE, *GRID, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    total = float(told["total"]["amount"])
    assert total == pytest.approx(sum(float(part["amount"]) for part in told["cost"].values()))
    assert told["bound"] <= total + 1e-6
    assert told["gap"] == pytest.approx(total / told["bound"] - 1, abs=1e-9)
    saved = told["saved_against_east"]
    assert saved["compared"] == 2
    assert float(saved["total"]["amount"]) == pytest.approx(sum(float(p["amount"]) for p in saved["parts"].values()))
    option = told["workloads"]["pretrain-7b"]["placement"]
    pools = {option["option"]["pool_id"], *(a["pool_id"] for a in option["alternatives"])}
    assert pools | {r["pool_id"] for r in option["rejections"]} == {"guian-910b3", "zhongwei-h800", "qingpu-a800"}


def test_it_is_told_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", SERVE, *GRID, "--why"]) == 0
    assert "no plan of them costs less" in capsys.readouterr().out
    assert main(["--lang", "zh-CN", "plan", SERVE, *GRID]) == 0
    assert "无论怎样" in capsys.readouterr().out


def test_linked_files_are_placed_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = batch(tmp_path, "first")
    then = batch(tmp_path, "then", "  after: [{workload: first, data: 2 TB}]\n  near: first\n")
    assert main(["plan", then, first, *GRID, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["workloads"]
    one, two = (told[name]["placement"]["option"] for name in ("first", "then"))
    assert one["site_id"] == two["site_id"]
    assert one["end"] <= two["start"]


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = batch(tmp_path, "broken", "  near: broken\n  deadline: yesterday\n")
    other = batch(tmp_path, "other", "  near: x\n  apart: x\n")
    assert main(["plan", broken, other, *GRID]) == 2
    told = capsys.readouterr().err
    assert all(text in told for text in ("is the workload itself", "yesterday", "near and apart contradict"))
    lost = batch(tmp_path, "lost", "  after: [{workload: nobody}]\n")
    again = [batch(tmp_path, "a", "  after: [{workload: b}]\n"), batch(tmp_path, "b", "  after: [{workload: a}]\n")]
    assert main(["plan", lost, *GRID]) == 2
    assert "no workload of the plan is named nobody" in capsys.readouterr().err
    assert main(["plan", *again, *GRID]) == 2
    assert "in a circle" in capsys.readouterr().err
    assert main(["plan", SERVE, SERVE, *GRID]) == 2
    assert "2 workloads have this name" in capsys.readouterr().err


def test_a_linked_workload_is_not_a_job(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    then = batch(tmp_path, "then", "  after: [{workload: first}]\n  command: [date]\n")
    assert main(["submit", then, *GRID]) == 2
    assert "suanwang plan" in capsys.readouterr().err


def test_a_closed_pool_takes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = Path("examples/grids/three-hubs.yaml").read_text()
    grid = tmp_path / "grid.yaml"
    shut = "      closures: [{from: 2020-01-01T00:00Z, to: 2099-01-01T00:00Z, why: moved}]\n"
    grid.write_text(text.replace("      queue: gpu\n", "      queue: gpu\n" + shut))
    assert main(["plan", SERVE, "--grid", str(grid)]) == 1
    assert "qingpu-a800 is full" in capsys.readouterr().out
    grid.write_text(text.replace("      queue: gpu\n", "      queue: gpu\n" + shut.replace("2099", "2019")))
    assert main(["plan", SERVE, "--grid", str(grid)]) == 2
    assert "ends before it starts" in capsys.readouterr().err


def test_a_pool_without_its_figures_is_refused_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A price book that is not yet in force, a PUE known from later on: the others are planned all the same."""
    text, grid = Path("examples/grids/three-hubs.yaml").read_text(), tmp_path / "grid.yaml"
    at = text.index("- id: a800-provider")
    grid.write_text(text[:at] + text[at:].replace("2026-07-15T00:00+08:00", "2099-01-01T00:00Z", 1))
    assert main(["plan", TRAIN, SERVE, "--grid", str(grid)]) == 1
    assert "qingpu-a800: MissingFigure. price book a800-provider has no version in force" in capsys.readouterr().out
    assert main(["prices", "--grid", str(grid)]) == 1
    assert "a800-provider" in capsys.readouterr().err
    soon = (datetime.now(UTC) + timedelta(days=2)).isoformat(timespec="minutes")
    grid.write_text(text.replace("pue: 1.25", f"pue: [{{since: {soon}, value: 1.25}}]"))
    assert main(["plan", TRAIN, SERVE, "--grid", str(grid)]) == 0
    assert main(["prices", "--grid", str(grid)]) == 1
    assert "pool qingpu-a800" in capsys.readouterr().err
