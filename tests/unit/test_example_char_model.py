"""The demo's training run: its gradient, its learning, and its restarts."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
TRAIN = EXAMPLES / "char_model" / "train.py"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
SMALL = ["--hidden", "32", "--context", "32", "--batch", "8", "--report-every", "10", "--checkpoint-every", "7"]


@pytest.fixture
def transformer(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(TRAIN.parent)
    return importlib.import_module("transformer")


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(TRAIN.parent)
    return importlib.import_module("train")


def start(script: Path, *arguments: str | Path) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SUANWANG_")}
    command = [sys.executable, str(script), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment | ONE_THREAD)


def finish(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    output, _ = process.communicate(timeout=60)
    return [json.loads(line) for line in output.splitlines()]


def reports(script: Path, *arguments: str | Path) -> list[dict[str, Any]]:
    process = start(script, *arguments)
    lines = finish(process)
    assert process.returncode == 0
    return lines


def pick(lines: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return next(line for line in lines if key in line)


def test_the_gradient_is_that_of_finite_differences(transformer: Any) -> None:
    rng = np.random.default_rng(1)
    shape = transformer.Shape(vocabulary=7, layers=2, hidden=8, heads=2, context=6)
    parameters = transformer.initial_parameters(shape, rng, np.float64)
    parameters += 0.1 * rng.standard_normal(parameters.shape)
    inputs, targets = rng.integers(0, 7, (2, 3, 6))
    _, gradient = transformer.loss_and_gradient(parameters, shape, inputs, targets)
    for values in transformer.views(np.arange(parameters.size), shape).values():
        for index in rng.choice(values.ravel(), size=8):
            step = np.zeros_like(parameters)
            step[index] = 1e-5
            up, _ = transformer.loss_and_gradient(parameters + step, shape, inputs, targets)
            down, _ = transformer.loss_and_gradient(parameters - step, shape, inputs, targets)
            assert gradient[index] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-9)


def test_no_token_sees_a_later_one(transformer: Any) -> None:
    rng = np.random.default_rng(2)
    shape = transformer.Shape(vocabulary=7, layers=2, hidden=8, heads=2, context=6)
    parameters = transformer.initial_parameters(shape, rng, np.float64)
    tokens = rng.integers(0, 7, (1, 6))
    changed = tokens.copy()
    changed[0, 4] = (changed[0, 4] + 1) % 7
    before, after = (transformer.forward(parameters, parameters * 0, shape, t)[0] for t in (tokens, changed))
    assert np.array_equal(before[:4], after[:4])
    assert not np.allclose(before[4], after[4])


def test_the_work_of_a_step_is_counted_from_the_matrix_products(transformer: Any) -> None:
    shape = transformer.Shape(vocabulary=10, layers=2, hidden=8, heads=2, context=6)
    weights = 10 * 8 + 2 * (3 + 1 + 4 + 4) * 8 * 8
    assert shape.size() == weights + 6 * 8 + 5 * 8
    assert shape.flops(100) == (6 * weights + 12 * 2 * 8 * 6) * 100


def test_the_loss_falls(train: Any) -> None:
    corpus = train.Corpus.read(TRAIN.with_name("text.txt"))
    shape = train.Shape(len(corpus.vocabulary), layers=2, hidden=64, heads=4, context=64)
    state = train.State.new(shape, corpus.vocabulary, seed=0)
    for _ in range(60):
        state.train(corpus.train, 16, 5e-3)
    assert state.loss_first == pytest.approx(np.log(len(corpus.vocabulary)), rel=0.05)
    assert state.loss < 2.9
    assert train.held_out_loss(state, corpus.held_out) < 2.9


def test_a_killed_run_ends_as_one_never_killed(tmp_path: Path) -> None:
    whole = reports(TRAIN, *SMALL, "--steps", "200")
    arguments = [*SMALL, "--steps", "200", "--checkpoint-dir", str(tmp_path)]
    process = start(TRAIN, *arguments)
    assert process.stdout is not None
    for text in process.stdout:
        if json.loads(text).get("checkpoint_step", 0) >= 21:
            process.kill()
            break
    finish(process)
    assert process.returncode == -signal.SIGKILL
    resumed = reports(TRAIN, *arguments)
    assert 21 <= pick(resumed, "resumed_from")["resumed_from"] < 200
    assert pick(resumed, "done") == pick(whole, "done")
    assert pick(resumed, "sample") == pick(whole, "sample")


def test_sigterm_saves_a_checkpoint_and_ends_with_143(tmp_path: Path) -> None:
    process = start(TRAIN, *SMALL, "--steps", "100000", "--checkpoint-dir", tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    stopped = pick(finish(process), "terminated_at_step")["terminated_at_step"]
    assert process.returncode == 143
    resumed = reports(TRAIN, *SMALL, "--steps", str(stopped + 3), "--checkpoint-dir", tmp_path)
    assert pick(resumed, "resumed_from") == {"resumed_from": stopped}
    assert pick(resumed, "done")["step"] == stopped + 3


def test_a_run_out_of_time_says_it_is_not_done(tmp_path: Path) -> None:
    limits = ("--steps", "100000", "--stop-after-seconds", "0.2")
    lines = reports(TRAIN, *SMALL, *limits, "--checkpoint-dir", tmp_path)
    assert pick(lines, "done")["done"] is False
    assert pick(lines, "done")["step"] > 0
    assert (tmp_path / "checkpoint.npz").exists()


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    reports(TRAIN, *SMALL, "--steps", "1", "--checkpoint-dir", tmp_path)
    other = start(TRAIN, *SMALL, "--layers", "1", "--checkpoint-dir", tmp_path)
    finish(other)
    assert other.returncode == 1


def test_evaluate_measures_the_checkpoint_or_the_baseline(tmp_path: Path) -> None:
    evaluate = EXAMPLES / "batch" / "evaluate.py"
    baseline = pick(reports(evaluate, "--draws", "100"), "done")
    assert baseline["model"] == "bigram"
    assert 3 < baseline["bits_per_character"] < 4
    reports(TRAIN, *SMALL, "--steps", "20", "--checkpoint-dir", tmp_path)
    trained = pick(reports(evaluate, "--draws", "100", "--checkpoint-dir", tmp_path), "done")
    assert trained["model"] == "char_model"
    assert 3 < trained["bits_per_character"] < 6
    low, high = trained["interval_95"]
    assert low < trained["bits_per_character"] < high


def test_embed_finds_the_paragraph_that_shares_words(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text(
        "red rose in the garden\n\nthree ships at sea\n\na red rose\n\nships far out at sea\n", encoding="utf-8"
    )
    lines = reports(EXAMPLES / "batch" / "embed.py", "--text", text, "--out", tmp_path / "out", "--repeat", "3")
    assert lines[-1]["done"] is True
    written = (tmp_path / "out" / "neighbours.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["nearest"][0]["paragraph"] for line in written] == [2, 3, 0, 1]
    assert np.load(tmp_path / "out" / "embeddings.npy").shape == (4, 512)
