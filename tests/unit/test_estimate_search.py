"""The search of layouts: what it weighs, that nothing on its front is bettered, why the rest fail; its commands."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.estimate import Layout
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.workload import Training
from suanwang.estimate.finetuning import recipe
from suanwang.estimate.layout import SHARDING, candidates, columns, of
from suanwang.estimate.machine import Machine, machine
from suanwang.estimate.memory import training_memory
from suanwang.estimate.notional import notional_pool
from suanwang.estimate.search import pareto, search
from suanwang.estimate.training import TooLarge, best_plan, known_plan
from suanwang.interfaces.cli.main import cli
from suanwang.interfaces.cli.terminal import Terminal

ROOT = Path(__file__).parents[2]
CATALOG = load_catalog()


def seen(count: int, card: str = "h100-sxm5-80gb", dtype: str = "bf16") -> Machine:
    return machine(notional_pool(CATALOG.accelerator(card), CATALOG, count), dtype, count)


def task(name: str = "llama-3-8b", sequence_length: int = 4096, global_batch: int = 256) -> Training:
    return Training(model=CATALOG.model(name), tokens=1e12, sequence_length=sequence_length, global_batch=global_batch)


numbers = st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=40)


@settings(derandomize=True, max_examples=100)
@given(numbers)
def test_the_front_is_what_nothing_betters(rows: list[tuple[int, int, int]]) -> None:
    """Against the definition: a row stands unless another is no worse in all three and not equal."""
    table = np.array(rows, dtype=np.float64)
    found = {tuple(table[i]) for i in pareto(table[:, 0], table[:, 1], table[:, 2])}
    wanted = {
        a
        for a in map(tuple, table)
        if not any(b != a and all(x <= y for x, y in zip(b, a, strict=True)) for b in map(tuple, table))
    }
    assert found == wanted


def test_the_fastest_of_the_front_is_no_slower_than_the_quote() -> None:
    work, cards = task(), seen(64)
    quoted = best_plan(work, cards, 64, 1.0)
    found = search(work, cards, 64)
    assert not isinstance(quoted, TooLarge)
    assert found.front[0].seconds <= quoted.seconds * 1.0001
    assert found.weighed == found.fitting + sum(r.layouts for r in found.refused)
    for plan in found.front:
        assert sum(plan.memory.values()) <= cards.memory_bytes
        assert known_plan(work, cards, plan.layout).seconds == pytest.approx(plan.seconds)


def test_a_model_that_cannot_fit_says_what_is_too_large() -> None:
    found = search(task("llama-3.1-405b"), seen(8), 8)
    assert found.front == ()
    assert {r.part for r in found.refused} >= {"weights"}
    assert min(r.least_bytes for r in found.refused) > 80e9


def test_a_wide_search_has_every_degree() -> None:
    at = candidates(CATALOG.model("deepseek-v3"), 512, 512, 8, 8192, wide=True)
    for column, values in (
        (at.tp, {1, 2, 4, 8}),
        (at.sharding, set(range(4))),
        (at.recompute, {0, 1, 2}),
        (at.cp, {1, 2, 4, 8}),
    ):
        assert values <= set(column)
    assert {1, 8, 64, 256} <= set(at.ep)
    deep = candidates(CATALOG.model("gpt3-175b"), 512, 512, 8, 2048, wide=True)
    assert {1, 2, 3, 4, 6, 12} <= set(deep.interleave)
    assert (at.accelerators <= 512).all()


def test_a_million_tokens_are_spread_over_the_context() -> None:
    found = search(task(sequence_length=1 << 20, global_batch=64), seen(256), 256)
    assert found.front[0].layout.cp >= 16


@pytest.mark.parametrize(("less", "more"), [("none", "optimizer"), ("optimizer", "gradients"), ("gradients", "full")])
def test_sharding_more_needs_less_memory(less: str, more: str) -> None:
    model = CATALOG.model("llama-3-8b")
    sums = []
    for sharding in (less, more):
        at = of(Layout(dp=64, sharding=sharding, recompute="full"))
        memory = training_memory(model, recipe(task()), 4096, at, 0.0)
        sums.append(sum(float(part[0]) for part in memory.values()))
    assert sums[1] < sums[0]
    assert set(SHARDING) >= {less, more}


def test_one_row_is_read_as_written() -> None:
    layout = Layout(tp=2, pp=3, dp=5, cp=7, ep=5, micro_batch=4, interleave=2, recompute="full", sharding="gradients")
    assert of(layout).row(0) == layout
    assert len(columns([])) == 0


def test_a_missing_figure_is_named() -> None:
    with pytest.raises(MissingFigure, match="ascend-910b has no peak in bf16"):
        seen(8, "ascend-910b")


def test_domestic_cards_are_searched_alike() -> None:
    found = search(task(), seen(8, "ascend-910b3", "fp16"), 8)
    assert found.front
    with pytest.raises(MissingFigure, match="network bandwidth"):
        seen(64, "ascend-910b3", "fp16")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments, obj=Terminal("en"))


def test_bench_has_the_agreed_keys_and_is_fast_enough() -> None:
    """At least 100,000 layouts a CPU-second and under 500 MiB (measured: about 700,000 and 85 MiB)."""
    shown = json.loads(run("bench", "estimate", "--json").stdout)
    assert set(shown) == {"layouts", "cpu_seconds", "layouts_per_cpu_second", "peak_mib"}
    assert shown["layouts"] > 100_000
    assert shown["layouts_per_cpu_second"] > 100_000
    assert shown["layouts_per_cpu_second"] == pytest.approx(shown["layouts"] / shown["cpu_seconds"])


def test_help_imports_neither_numpy_nor_sqlalchemy() -> None:
    code = (
        "import sys\nfrom suanwang.interfaces.cli.main import main\nmain(['estimate', '--help'])\n"
        "sys.exit(any(m in sys.modules for m in ('numpy', 'sqlalchemy')))"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "check" in done.stdout


def test_estimate_on_an_accelerator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    file = str(ROOT / "examples/workloads/pretrain-7b.yaml")
    shown = json.loads(run("estimate", file, "--accelerator", "h100-sxm5-80gb", "--count", "64", "--json").stdout)
    times = [p["step_s"] for p in shown["pareto"]]
    assert times == sorted(times)
    assert shown["layouts_fitting"] + sum(r["layouts"] for r in shown["refused"]) == shown["layouts_weighed"]
    assert shown["fastest"]["time_s"]["low"] < shown["fastest"]["time_s"]["mid"] < shown["fastest"]["time_s"]["high"]
    assert shown["known_by"]["energy_kwh_it"] == "modelled"
    text = run("estimate", file, "--accelerator", "h100-sxm5-80gb", "--count", "64").stdout
    assert "layouts weighed" in text
    assert "do not fit" in text


def test_an_unknown_power_leaves_the_time_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path))
    file = str(ROOT / "examples/workloads/pretrain-7b.yaml")
    assert CATALOG.accelerator("h20-141gb").power_w is None
    words = ["estimate", file, "--accelerator", "h20-141gb", "--count", "8"]
    shown = json.loads(run(*words, "--json").stdout)
    assert shown["pareto"]
    assert shown["fastest"] is None
    assert "h20-141gb has no power" in shown["fastest_unknown"]
    assert "Power and energy are unknown" in run(*words).stdout
