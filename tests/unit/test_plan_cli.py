"""`suanwang bench place` and `suanwang prices`: what they print, and that what they save can be checked by hand."""

import json
from pathlib import Path

import numpy as np
import pytest

from suanwang.interfaces.cli.main import main

SMALL = ["bench", "place", "--workloads", "60", "--pools", "8", "--hours", "72", "--load", "0.8", "--gang-max", "0.3"]


def test_the_saved_arrays_tell_feasibility_and_cost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--save", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"cost", "bound", "gap", "refused", "seconds", "cpu_seconds", "peak_mib"} <= set(told)
    problem, answer = np.load(tmp_path / "instance.npz"), np.load(tmp_path / "plan.npz")
    free, cost = problem["capacity"].copy(), 0.0
    per_hour = problem["rent"] + problem["power"] + problem["carbon"]
    for w, (o, s) in enumerate(zip(answer["option"], answer["start"], strict=True)):
        if o < 0:
            cost += problem["refusal"][w]
            continue
        assert problem["workload"][o] == w
        assert problem["first"][o] <= s <= problem["last"][o]
        hours = slice(s, s + problem["hours"][o])
        free[problem["rate_pool"][problem["rate"][o]], hours] -= problem["gang"][o]
        cost += problem["fixed"][o] + problem["gang"][o] * per_hour[problem["rate"][o], hours].sum()
    assert free.min() >= 0
    assert cost == pytest.approx(told["cost"], abs=0.01)
    assert told["bound"] <= told["cost"]
    assert told["gap"] == pytest.approx(told["cost"] / told["bound"] - 1, abs=1e-6)
    assert told["refused"] == (answer["option"] < 0).sum()


def test_the_bench_is_told_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SMALL, "--warm"]) == 0
    assert "gap" in capsys.readouterr().out


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main([*SMALL, "--save", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_prices_are_the_sum_of_their_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path))
    arguments = ["prices", "--grid", "examples/grids/three-hubs.yaml", "--hours", "24"]
    assert main([*arguments, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["hours"]) == 24
    for columns in told["pools"].values():
        parts = np.array([columns[name] for name in ("rent", "power", "congestion")])
        assert parts.sum(axis=0) == pytest.approx(columns["total"], abs=2e-6)
        assert (np.array(columns["congestion"]) == 0).all()  # nothing is promised
    assert main(arguments) == 0
    assert "zhongwei-h800" in capsys.readouterr().out
