"""`suanwang feasibility` as a user runs it: JSON and refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from suanwang.interfaces.cli.main import main

SITES = Path(__file__).parents[2] / "examples" / "sites"
TRACE = Path(__file__).parents[1] / "reference" / "queue_starts" / "busy.swf"
EAST = str(SITES / "east-100p.yaml")


def run(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["feasibility", *words]) == status
    return capsys.readouterr().out


def data(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in the JSON")

    return json.loads(run(capsys, *words, "--json"), parse_constant=refuse)


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_json_of_the_examples(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, str(path), "--monthly", "--montecarlo", "200")
    keys = ("npv", "irr", "payback_years", "discounted_payback_years", "lcoe_per_accelerator_hour", "cover_ratio_min")
    assert all(key in found for key in keys)
    assert len(found["cashflow"]) == found["years"] + 1
    assert len(found["cashflow_monthly"]) == found["years"] * 12 + 1
    for key in ("revenue", "tax", "to_owner"):
        months, years = (sum(row[key] for row in found[name]) for name in ("cashflow_monthly", "cashflow"))
        assert months == pytest.approx(years)
    assert found["montecarlo"]["draws"] == 200
    assert found["rests_on"][0]["name"]


def test_break_even_is_where_the_npv_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, EAST, "--breakeven", "price")
    assert found["planned"] == pytest.approx(11.3)
    again = data(capsys, EAST, "--set", f"price={found['value']}")
    assert abs(again["npv"]) < 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "prise=3"], "there is no variable"),
        (["--set", "pue=0.7"], "not possible for pue"),
        (["--breakeven", "prise"], "there is no variable"),
        (["--breakeven", "price", "--tornado"], "--breakeven has no such answer"),
        (["--breakeven", "price", "--pdf", "x.pdf"], "--breakeven has no such answer"),
        (["--replay", "/nowhere.swf"], "cannot be read"),
        (["--montecarlo", "-3"], "draws are not possible"),
        (["--html", "/nowhere/at/all.html"], "cannot be written"),
        (["--actual", "/nowhere.csv"], "cannot be read"),
        (["--ledger", "x", "--since", "yesterday"], "is not a time"),
        (["--ledger", "x"], "day of the decision is missing"),
        (["--montecarlo", "5", "--seed", "-1"], "not in the range"),
        (["--replay", str(TRACE), "--patience", "nan"], "not possible"),
        (["--replay", str(TRACE), "--patience", "1e9"], "from 0 to 8760"),
        (["--replay", str(TRACE.with_name("starts_s.csv"))], "format of the trace is not known"),
    ],
)
def test_bad_options_are_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feasibility", EAST, *words]) == 2
    assert message in capsys.readouterr().err


def test_every_view_that_is_asked_for_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feasibility", EAST, "--tornado", "--scenarios"]) == 0
    both = capsys.readouterr().out
    assert main(["feasibility", EAST, "--tornado"]) == main(["feasibility", EAST, "--scenarios"]) == 0
    assert both == capsys.readouterr().out


def test_a_break_even_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feasibility", EAST, "--breakeven", "tariff"]) == 1
    assert "makes the NPV 0" in capsys.readouterr().err


def test_a_series_must_reach_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "replay.csv"
    lines = [f"{m},{60_000 if m > 6 else 0},{600_000 if m > 6 else 0}" for m in range(1, 121)]
    path.write_text("month,accelerator_hours,revenue\n" + "\n".join(lines))
    found = data(capsys, EAST, "--series", str(path), "--monthly")
    assert found["cashflow_monthly"][7]["accelerator_hours"] == 60_000
    assert found["cashflow_monthly"][7]["revenue"] == 600_000
    path.write_text("month,accelerator_hours,revenue\n" + "\n".join(lines[:20]))
    assert main(["feasibility", EAST, "--series", str(path)]) == 2
    assert "ends after 20 of 120 months" in capsys.readouterr().err


def test_plan_against_actual(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "actual.csv"
    path.write_text("month,accelerator_hours,revenue\n" + "".join(f"{m},0,0\n" for m in range(1, 7)) + "7,9000,90000\n")
    found = data(capsys, EAST, "--actual", str(path))
    assert len(found["months"]) == 7
    seventh = found["months"][6]
    parts = ("volume", "failures", "mix", "price")
    assert sum(seventh[p] for p in parts) == pytest.approx(90_000 - seventh["revenue_planned"])
