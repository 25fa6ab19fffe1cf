"""Scoring tables of published runs: what a row is read as, what is skipped and why, and the command's exact keys."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.catalog import load_catalog
from suanwang.estimate.flops import parameters
from suanwang.estimate.published.check import by_source, check, score
from suanwang.estimate.published.machine import accelerator, network, pool
from suanwang.estimate.published.predict import memory_published, published
from suanwang.estimate.published.row import Row, Unscored
from suanwang.estimate.published.shape import model
from suanwang.interfaces.cli.main import cli
from suanwang.interfaces.cli.terminal import Terminal

CATALOG = load_catalog()
STEP = {
    "id": "a",
    "source": "somebody",
    "task": "pretrain",
    "model": "Llama 3 8B",
    "layers": "32",
    "hidden": "4096",
    "heads": "32",
    "kv_heads": "8",
    "ffn": "14336",
    "vocab": "128256",
    "params_B": "8.03",
    "seq_len": "8192",
    "global_batch": "128",
    "precision": "BF16",
    "accelerator": "NVIDIA H100 80GB HBM3",
    "n_accel": "8",
    "step_time_s": "16",
}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("A100-SXM4-40GB", "a100-sxm4-40gb"),
        ("A100", "a100-sxm4-80gb"),
        ("H100-SXM5-80GB (DGX-H100)", "h100-sxm5-80gb"),
        ("NVIDIA H100 80 GB HBM3", "h100-sxm5-80gb"),
        ("H100 PCIe", "h100-pcie-80gb"),
        ("GB200 (NVL72)", "gb200"),
        ("AMD Instinct MI300X", "mi300x"),
        ("V100-SXM2", "v100-sxm2-32gb"),
        ("Ascend 910B", "ascend-910b"),
    ],
)
def test_a_printed_name_finds_its_card(name: str, wanted: str) -> None:
    assert accelerator(name, CATALOG).id == wanted


@pytest.mark.parametrize("name", ["TPU v3", "Atlas", "Cerebras CS-9", "GPU", "?"])
def test_an_unknown_name_is_said_so(name: str) -> None:
    with pytest.raises(Unscored, match="no accelerator"):
        accelerator(name, CATALOG)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("8x200Gb/s HDR IB per node", 2e11),
        ("1600 Gb/s RoCE", 2e11),
        ("400 Gb/s per GPU", 4e11),
        ("", None),
        ("IB", None),
    ],
)
def test_network(text: str, wanted: float | None) -> None:
    assert network(Row({"network": text}), 8) == wanted


def test_the_server_of_a_card_is_the_catalogs() -> None:
    assert pool(Row({"accelerator": "GB200 (NVL72)"}), CATALOG, 144).accelerators_per_node == 72
    # no server of the catalog holds the H800; the ones of the card with the same peak do
    assert pool(Row({"accelerator": "H800"}), CATALOG, 16).node_network_bytes_per_s == 4e11


def test_what_is_not_printed_of_a_shape_follows_from_the_parameters() -> None:
    gpt = model(
        Row({"layers": "24", "hidden": "2304", "heads": "24", "ffn": "9216", "vocab": "51200", "params_B": "1.7"}),
        CATALOG,
    )
    assert (gpt.gated, gpt.tied_embeddings) == (False, True)
    nemotron = model(
        Row(
            {
                "layers": "96",
                "hidden": "18432",
                "heads": "96",
                "kv_heads": "8",
                "ffn": "73728",
                "vocab": "256000",
                "params_B": "340",
            }
        ),
        CATALOG,
    )
    assert not nemotron.gated
    kimi = {"layers": "61", "hidden": "7168", "heads": "64", "kv_heads": "64", "ffn": "18432", "vocab": "163840"}
    found = model(
        Row(
            kimi
            | {"moe_experts": "384", "moe_topk": "8", "moe_ffn": "2048", "params_B": "1026", "active_params_B": "32"}
        ),
        CATALOG,
    )
    assert parameters(found).total == pytest.approx(1026e9, rel=0.02)
    assert parameters(found).active == pytest.approx(32e9, rel=0.06)


def test_a_model_without_a_shape_is_found_by_its_name_or_size() -> None:
    assert model(Row({"model": "Llama-2 70B chat"}), CATALOG).id == "llama-2-70b"
    assert parameters(model(Row({"model": "Nobody's", "params_B": "50.6"}), CATALOG)).total == pytest.approx(
        50.6e9, rel=0.1
    )
    with pytest.raises(Unscored, match="no layers and hidden size"):
        model(Row({"model": "Nobody's MoE", "params_B": "50", "active_params_B": "5"}), CATALOG)


@pytest.mark.parametrize(
    ("cells", "wanted"),
    [
        ({"task": "pretrain", "step_time_s": "2", "global_batch": "8", "MFU": "0.4"}, ("step_time_s", 2.0)),
        ({"task": "pretrain", "tokens_per_s_per_accel": "1,000"}, ("tokens_per_s_per_accel", 1000.0)),
        ({"task": "pretrain", "MFU": "41.5"}, ("mfu", 0.415)),
        ({"task": "full_run", "step_time_s": "32", "global_batch": "8", "gpu_hours": "9"}, ("accelerator_hours", 9.0)),
        ({"task": "memory", "notes": "mem 76/80; x"}, ("memory_gb", 76.0)),
        ({"task": "energy", "gpu_hours": "9", "energy_kWh": "12"}, ("energy_kwh", 12.0)),
    ],
)
def test_the_quantity_is_what_the_row_publishes(cells: dict[str, str], wanted: tuple[str, float]) -> None:
    quantity, value = published(Row(cells))
    assert quantity == wanted[0]
    assert value == pytest.approx(wanted[1])


def test_memory_columns_of_any_name_are_read() -> None:
    assert memory_published(Row({"memory_GiB_per_accel": "10"})) == pytest.approx(10.737, rel=1e-3)
    assert memory_published(Row({"notes": "no figure"})) is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"accelerator": "TPU v3"}, "no accelerator 'TPU v3'"),
        ({"accelerator": ""}, "no accelerator"),
        ({"precision": "tokendrop"}, "names no number format"),
        ({"accelerator": "A100", "precision": "fp8"}, "no peak of a100-sxm4-80gb in fp8"),
        ({"step_time_s": ""}, "publishes no time"),
        ({"n_accel": ""}, "no number of accelerators"),
        ({"layers": "", "model": "Nobody's", "params_B": ""}, "no layers and hidden size"),
        ({"notes": "SUSPECT: two columns disagree"}, "contradicts itself"),
        ({"layers": "31", "kv_heads": "5"}, "cannot exist"),
    ],
)
def test_what_cannot_be_scored_says_why(change: dict[str, str], why: str) -> None:
    found = score(Row(STEP | change), 2, CATALOG)
    assert found.error is None
    assert why in str(found.skipped)


def test_quantities_of_one_step_agree() -> None:
    """A rate is the batch over the step, and its error the other way round."""
    step = score(Row(STEP), 2, CATALOG)
    rate = score(Row(STEP | {"step_time_s": "", "tokens_per_s": str(128 * 8192 / 16)}), 2, CATALOG)
    assert step.error is not None
    assert rate.error is not None
    assert (1 + step.error) * (1 + rate.error) == pytest.approx(1)
    assert abs(step.error) < 0.4


def test_by_source_counts_and_averages() -> None:
    rows = check([STEP, STEP | {"id": "b", "accelerator": "TPU v3"}, STEP | {"id": "c", "source": "other"}], CATALOG)
    first, second = by_source(rows)
    assert (first.source, second.source) == ("other", "somebody")
    assert (second.n, second.skipped) == (1, 1)
    assert second.mape == second.median_ape == abs(second.bias)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(sorted(STEP)), st.sampled_from(["", "0", "-1", "x", "1e400", "7", "nan", "3.5", "FP8"])
    )
)
def test_no_row_whatever_breaks_the_check(change: dict[str, str]) -> None:
    found = score(Row(STEP | change), 2, CATALOG)
    assert (found.error is None) == (found.skipped is not None)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """`suanwang estimate check` on a table with that text."""

    def on(table: str, *options: str) -> Result:
        (tmp_path / "runs.csv").write_text(table, encoding="utf-8")
        terminal = Terminal("en")
        return CliRunner().invoke(cli, ["estimate", "check", str(tmp_path / "runs.csv"), *options], obj=terminal)

    return on


def as_csv(*rows: dict[str, str]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, fieldnames=list(STEP))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def test_json_has_the_agreed_keys(run: Callable[..., Result]) -> None:
    shown = json.loads(run(as_csv(STEP, STEP | {"id": "b", "accelerator": "TPU v3"}), "--json").stdout)
    assert {"id", "predicted", "published", "error", "skipped"} <= set(shown["rows"][0])
    assert {"source", "task", "n", "mape", "median_ape", "bias"} <= set(shown["by_source"][0])
    assert shown["rows"][0]["published"] == 16
    assert shown["rows"][1]["predicted"] is None
    assert "TPU v3" in shown["rows"][1]["skipped"]


def test_the_table_for_people_says_what_was_left_out(run: Callable[..., Result]) -> None:
    text = run(as_csv(STEP, STEP | {"id": "b", "accelerator": "TPU v3"})).stdout
    assert "somebody" in text
    assert "Not scored: 1 of 2 rows." in text


@pytest.mark.parametrize("table", ["", "id,task\n"])
def test_a_table_without_rows_is_refused(run: Callable[..., Result], table: str) -> None:
    assert "no rows" in str(run(table).exception)
