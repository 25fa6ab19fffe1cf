"""Shapes and runs of other programs: config.json of Hugging Face, arguments of Megatron-LM; layouts as text."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.estimate import Layout
from suanwang.domain.workload import Training
from suanwang.errors import InvalidInput
from suanwang.estimate.flops import parameters
from suanwang.interfaces.cli.layout_option import read_layout, written_layout
from suanwang.interfaces.cli.main import cli
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.schemas.imports.hugging_face import read_config
from suanwang.schemas.imports.megatron import read_arguments

CATALOG = load_catalog()
LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False,
    "hidden_act": "silu",
}
DEEPSEEK = {
    "model_type": "deepseek_v3",
    "num_hidden_layers": 61,
    "hidden_size": 7168,
    "num_attention_heads": 128,
    "num_key_value_heads": 128,
    "intermediate_size": 18432,
    "moe_intermediate_size": 2048,
    "n_routed_experts": 256,
    "n_shared_experts": 1,
    "num_experts_per_tok": 8,
    "first_k_dense_replace": 3,
    "kv_lora_rank": 512,
    "q_lora_rank": 1536,
    "qk_nope_head_dim": 128,
    "qk_rope_head_dim": 64,
    "v_head_dim": 128,
    "vocab_size": 129280,
    "tie_word_embeddings": False,
}
GPT2 = {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
MIXTRAL = LLAMA | {
    "model_type": "mixtral",
    "vocab_size": 32000,
    "num_local_experts": 8,
    "num_experts_per_tok": 2,
}
FALCON = {
    "model_type": "falcon",
    "num_hidden_layers": 32,
    "hidden_size": 4544,
    "num_attention_heads": 71,
    "multi_query": True,
    "new_decoder_architecture": False,
    "vocab_size": 65024,
}
VISION = {"model_type": "llava", "vision_config": {"hidden_size": 1024}, "text_config": LLAMA}


@pytest.mark.parametrize(
    ("config", "published"),
    [
        (LLAMA, 8_030_261_248),
        (DEEPSEEK, 671e9),
        (GPT2, 124_439_808),
        (MIXTRAL, 46_702_792_704),
        (FALCON, 6_921_720_704),
        (VISION, 8_030_261_248),
    ],
    ids=["llama-3-8b", "deepseek-v3", "gpt2", "mixtral-8x7b", "falcon-7b", "in a vision model"],
)
def test_a_config_comes_to_the_published_parameters(config: dict[str, Any], published: float) -> None:
    model = read_config(json.dumps(config), "config.json")
    assert parameters(model).total == pytest.approx(published, rel=0.01)


def test_a_window_that_is_switched_off_is_none() -> None:
    mistral = LLAMA | {"model_type": "mistral", "sliding_window": 4096}
    assert read_config(json.dumps(mistral), "c").sliding_window == 4096
    assert read_config(json.dumps(mistral | {"use_sliding_window": False}), "c").sliding_window == 0


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("{", 1),
        ("[]", 1),
        ("{}", 4),
        ('{"model_type": "mamba"}', 5),
        ('{"model_type": "t5", "vocab_size": "many"}', 5),
        (json.dumps(LLAMA | {"num_key_value_heads": 5}), 1),
    ],
)
def test_a_config_that_is_none_says_all_that_is_wrong(text: str, problems: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_config(text, "config.json")
    assert len(refused.value.problems) == problems
    assert all(p.place.startswith("config.json") and str(p.remedy) for p in refused.value.problems)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(sorted(DEEPSEEK)), st.sampled_from([None, 0, -1, 1, "7", 3.5, [], True, 10**12]))
)
def test_no_config_whatever_breaks_the_reader(change: dict[str, Any]) -> None:
    with suppress(InvalidInput):
        assert read_config(json.dumps(DEEPSEEK | change), "c").layers >= 1


SCRIPT = """#!/bin/bash
# --num-layers 1
export CUDA_DEVICE_MAX_CONNECTIONS=1
TP=8; PP=8
MODEL_ARGS=(
    --num-layers 96
    --hidden-size 12288
    --num-attention-heads 96
    --seq-length ${SEQ:-2048}
)
torchrun ${DISTRIBUTED_ARGS[@]} pretrain_gpt.py ${MODEL_ARGS[@]} \\
    --micro-batch-size 1 --global-batch-size=1536 --train-iters 1000 --bf16 --use-distributed-optimizer \\
    --tensor-model-parallel-size ${TP} --pipeline-model-parallel-size $PP \\
    --num-layers-per-virtual-pipeline-stage 2 --recompute-granularity full
"""


def test_a_script_gives_the_training_and_its_layout() -> None:
    found = read_arguments(SCRIPT, "train.sh", vocab=51200, accelerators=1024)
    assert parameters(found.task.model).total == pytest.approx(175e9, rel=0.01)
    assert (found.task.tokens, found.task.global_batch, found.task.dtype) == (1000 * 1536 * 2048, 1536, "bf16")
    assert found.layout == Layout(tp=8, pp=8, dp=16, interleave=6, recompute="full", sharding="optimizer")


def test_experts_latents_and_narrow_formats_are_read() -> None:
    words = (
        "--num-layers 61 --hidden-size 7168 --num-attention-heads 128 --seq-length 4096 --global-batch-size 4096 "
        "--micro-batch-size 1 --train-iters 10 --swiglu --untie-embeddings-and-output-weights --ffn-hidden-size 18432 "
        "--num-experts 256 --moe-router-topk 8 --moe-ffn-hidden-size 2048 --moe-shared-expert-intermediate-size 2048 "
        "--multi-latent-attention --q-lora-rank 1536 --kv-lora-rank 512 --qk-pos-emb-head-dim 64 --v-head-dim 128 "
        "--padded-vocab-size 129280 --expert-model-parallel-size 8 --pipeline-model-parallel-size 16 --fp8-format e4m3"
    )
    found = read_arguments(words, "args", accelerators=256)
    assert parameters(found.task.model).total == pytest.approx(700e9, rel=0.05)  # three dense layers are no argument
    assert (found.task.dtype, found.layout.ep, found.layout.dp) == ("fp8", 8, 16)


@pytest.mark.parametrize(
    ("change", "cards", "problems"),
    [
        (("--num-layers 96", ""), 1024, ["--num-layers"]),
        (("${TP}", "${NOWHERE}"), 1024, ["--tensor-model-parallel-size"]),
        (("--num-layers 96", "--num-layers many"), None, ["--num-layers", "--world-size"]),
        (("96\n", "96\n"), 100, ["--world-size"]),
    ],
)
def test_what_a_script_leaves_open_is_asked_for(
    change: tuple[str, str], cards: int | None, problems: list[str]
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_arguments(SCRIPT.replace(*change), "train.sh", vocab=51200, accelerators=cards)
    assert [p.place.removeprefix("train.sh ") for p in refused.value.problems] == problems


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.text(alphabet="-=${}()'\" \nabc019\\#;", max_size=200))
def test_no_script_whatever_breaks_the_reader(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_arguments(text, "x")


TASK = Training(model=CATALOG.model("llama-3-8b"), tokens=1e9, sequence_length=4096, global_batch=64)


@pytest.mark.parametrize(
    "layout",
    [
        Layout(dp=8),
        Layout(tp=2, pp=2, dp=2, micro_batch=4, recompute="full", sharding="optimizer", offload="optimizer"),
    ],
)
def test_a_layout_is_read_as_it_is_written(layout: Layout) -> None:
    assert read_layout(written_layout(layout), TASK, 8) == layout


def test_dp_follows_from_the_cards() -> None:
    assert read_layout("tp=2", TASK, 8).dp == 4


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("tp=x,foo=1,recompute=all", 3),
        ("tp=16", 1),
        ("pp=4,interleave=16", 1),
        ("micro_batch=32,dp=8", 1),
        ("ep=2", 1),
        ("tp=3,dp=1", 1),
        ("tp=0", 1),
    ],
)
def test_a_layout_that_cannot_be_says_why(text: str, problems: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_layout(text, TASK, 8)
    assert len(refused.value.problems) == problems


def test_the_commands_give_a_workload_that_can_be_estimated(tmp_path: Path) -> None:
    (tmp_path / "train.sh").write_text(SCRIPT)
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    run = CliRunner().invoke
    words = ["import", "megatron", str(tmp_path / "train.sh"), "--cards", "1024", "--vocab", "51200"]
    made = run(cli, words, obj=Terminal("en"))
    (tmp_path / "w.yaml").write_text(made.stdout)
    layout = made.stderr.strip().removeprefix("--layout ")
    asked = ["estimate", str(tmp_path / "w.yaml"), "--accelerator", "a100-sxm4-80gb", "--layout", layout, "--json"]
    shown = json.loads(run(cli, asked, obj=Terminal("en")).stdout)
    assert shown["fits"]
    assert 0.3 < shown["results"]["mfu"] < 0.6
    found = json.loads(run(cli, ["import", "hf", str(tmp_path / "config.json"), "--json"], obj=Terminal("en")).stdout)
    assert found["parameters"] == 8_030_261_248
    assert "layers: 32" in run(cli, ["import", "hf", str(tmp_path / "config.json")], obj=Terminal("en")).stdout
