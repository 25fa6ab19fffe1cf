"""How a training scales: with cards, batch and network; goodput; the wires of collectives."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.workload import Training
from suanwang.errors import InvalidInput
from suanwang.estimate.communication import all_to_all_s, start_s
from suanwang.estimate.goodput import checkpoint_interval_s, lost_share, straggler_share
from suanwang.estimate.machine import Machine, machine
from suanwang.estimate.notional import Stated, notional_pool
from suanwang.estimate.scaling import scaling
from suanwang.interfaces.cli.main import cli
from suanwang.interfaces.cli.terminal import Terminal

CATALOG = load_catalog()
ROOT = Path(__file__).parents[2]
PRETRAIN = str(ROOT / "examples/workloads/pretrain-7b.yaml")


def seen(count: int, gigabits: float = 3200) -> Machine:
    stated = Stated(network_bytes_per_s=gigabits * 1e9 / 8)
    return machine(notional_pool(CATALOG.accelerator("h100-sxm5-80gb"), CATALOG, count, stated), "bf16", count)


LLAMA = Training(model=CATALOG.model("llama-3-70b"), tokens=1e12, sequence_length=8192, global_batch=1)


def test_linearity_falls_with_cards_and_rises_with_the_batch_and_the_network() -> None:
    counts = [256, 4096, 98304]
    wide = scaling(LLAMA, seen(98304), counts, [1024, 16384])
    narrow = scaling(LLAMA, seen(98304, 800), counts, [1024, 16384])
    for rows in (wide, narrow):
        for batch in (rows[:3], rows[3:]):
            assert batch[0].linearity == 1.0
            assert batch[0].linearity >= batch[1].linearity > batch[2].linearity > 0
            assert batch[0].goodput > batch[2].goodput
        assert rows[5].linearity > rows[2].linearity
    assert all(a.tokens_per_s >= b.tokens_per_s for a, b in zip(wide, narrow, strict=True))
    assert wide[2].tokens_per_s > 1.1 * narrow[2].tokens_per_s


def test_what_the_memory_cannot_hold_has_no_figures() -> None:
    rows = scaling(replace(LLAMA, model=CATALOG.model("llama-3.1-405b")), seen(8), [8], [8])
    assert [(r.plan, r.tokens_per_s) for r in rows] == [(None, 0.0)]


def test_the_published_loss_of_a_large_run() -> None:
    """Llama 3: an interruption in 50,700 card-hours, 30 s a checkpoint, 300 s to restart: 10 % of 16,384 cards."""
    assert lost_share(16384) == pytest.approx(0.10, abs=0.01)


@pytest.mark.parametrize("count", [1, 64, 4096, 100_000])
def test_no_interval_loses_less_than_the_best(count: int) -> None:
    best = lost_share(count)
    every = checkpoint_interval_s(count)
    assert all(lost_share(count, every * f) >= best - 1e-12 for f in (0.5, 0.9, 0.99, 1.01, 1.1, 2))


def test_stragglers_grow_with_nodes_from_what_the_steps_hold() -> None:
    assert straggler_share(1) == straggler_share(16) == 0.0
    assert 0 < straggler_share(128) < straggler_share(2048) < 0.05


def column(*values: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.array(values, dtype=np.float64)


def test_a_token_crosses_the_network_once_for_every_node_that_it_goes_to() -> None:
    """One expert: 7/8 of all copies leave for 8 nodes. Many: about one copy a node, so per copy far less."""
    cards = seen(64)
    size, spread, apart = column(1e9), column(64.0), column(1.0)
    one = all_to_all_s(cards, size, 1, spread, apart)[0]
    many = all_to_all_s(cards, size, 32, spread, apart)[0]
    assert one == pytest.approx(1e9 * 7 / 8 / (cards.network / 8), rel=0.01)
    assert many == pytest.approx(one / 32 * 8, rel=0.05)
    assert all_to_all_s(cards, size, 1, column(8.0), apart)[0] == pytest.approx(1e9 * 7 / 8 / cards.link, rel=0.01)


def test_a_ring_over_more_nodes_starts_later() -> None:
    cards = seen(64)
    near, one, two = start_s(cards, column(8.0, 16.0, 24.0))
    assert near < 1e-5
    assert two - one == pytest.approx(one - near)


def test_all_missing_figures_are_named_at_once() -> None:
    pool = notional_pool(CATALOG.accelerator("kunlun-p800"), CATALOG, 64)
    with pytest.raises(MissingFigure, match=r"memory bandwidth, link bandwidth, network bandwidth of a node"):
        machine(pool, "bf16", 64)


def run(*words: str) -> str:
    result = CliRunner().invoke(cli, ["estimate", *words], obj=Terminal("en"))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output


def test_the_command_has_a_row_for_every_network_batch_and_count() -> None:
    options = [
        "--accelerator",
        "h100-sxm5-80gb",
        "--cards",
        "64",
        "--cards",
        "512",
        "--batch",
        "512",
        "--batch",
        "1024",
    ]
    wires = ["--network", "800 Gbit/s", "--network", "3.2 Tbit/s"]
    rows = json.loads(run("scale", PRETRAIN, *options, *wires, "--json"))["rows"]
    assert [(r["network_bytes_per_s"], r["global_batch"], r["accelerators"]) for r in rows] == [
        (wire, batch, cards) for wire in (1e11, 4e11) for batch in (512, 1024) for cards in (64, 512)
    ]
    assert "linearity" in run("scale", PRETRAIN, *options)


def test_only_a_training_scales() -> None:
    serve = str(ROOT / "examples/workloads/serve-8b.yaml")
    with pytest.raises(InvalidInput):
        run("scale", serve, "--accelerator", "h100-sxm5-80gb", "--cards", "8")


def test_a_stated_network_takes_the_place_of_a_missing_one() -> None:
    words = [PRETRAIN, "--accelerator", "ascend-910b2", "--count", "64"]
    with pytest.raises(MissingFigure):
        run(*words)
    stated = ["--network", "1.6 Tbit/s", "--link", "392 GB/s", "--json"]
    assert json.loads(run(*words, *stated))["pareto"]
    assert "need --accelerator" in run(PRETRAIN, "--network", "1 Tbit/s")
