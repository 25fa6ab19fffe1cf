"""Parameters and operations against published figures of well-known models."""

import pytest

from suanwang.domain.estimate import Layout
from suanwang.domain.model import ModelSpec
from suanwang.domain.workload import FinetuneMethod, Training
from suanwang.estimate.finetuning import Recipe, recipe
from suanwang.estimate.flops import (
    attention_flops_per_token,
    parameters,
    serving_flops_per_request,
    training_flops_per_token,
    visible_tokens_mean,
)
from suanwang.estimate.layout import of
from suanwang.estimate.memory import activation_bytes_per_token, training_memory

GPT3 = ModelSpec(
    id="gpt-3", layers=96, hidden=12288, heads=96, ffn=49152, vocab=50257, gated=False, tied_embeddings=True
)
LLAMA2_7B = ModelSpec(id="llama-2-7b", layers=32, hidden=4096, heads=32, ffn=11008, vocab=32000)
LLAMA2_70B = ModelSpec(id="llama-2-70b", layers=80, hidden=8192, heads=64, kv_heads=8, ffn=28672, vocab=32000)
LLAMA3_8B = ModelSpec(id="llama-3-8b", layers=32, hidden=4096, heads=32, kv_heads=8, ffn=14336, vocab=128256)
LLAMA3_405B = ModelSpec(id="llama-3.1-405b", layers=126, hidden=16384, heads=128, kv_heads=8, ffn=53248, vocab=128256)
LLAMA32_1B = ModelSpec(
    id="llama-3.2-1b", layers=16, hidden=2048, heads=32, kv_heads=8, ffn=8192, vocab=128256, tied_embeddings=True
)
MIXTRAL = ModelSpec(
    id="mixtral-8x7b",
    layers=32,
    hidden=4096,
    heads=32,
    kv_heads=8,
    ffn=14336,
    vocab=32000,
    experts=8,
    experts_per_token=2,
)
DEEPSEEK_V3 = ModelSpec(
    id="deepseek-v3",
    layers=61,
    hidden=7168,
    heads=128,
    head_size=128,
    ffn=18432,
    vocab=129280,
    experts=256,
    experts_per_token=8,
    shared_experts=1,
    expert_ffn=2048,
    dense_layers=3,
    kv_latent=512,
    query_latent=1536,
    rope_size=64,
)


@pytest.mark.parametrize(
    ("model", "published"),
    [
        # counts of the released weights (model cards and safetensors indexes)
        (LLAMA2_7B, 6_738_415_616),
        (LLAMA2_70B, 68_976_648_192),
        (LLAMA3_8B, 8_030_261_248),
        (LLAMA3_405B, 405_853_388_800),
        (LLAMA32_1B, 1_235_814_400),
        (MIXTRAL, 46_702_792_704),
    ],
    ids=lambda value: value.id if isinstance(value, ModelSpec) else "",
)
def test_parameters_are_exact(model: ModelSpec, published: int) -> None:
    assert parameters(model).total == published


@pytest.mark.parametrize(
    ("found", "published", "tolerance"),
    [
        (parameters(GPT3).total, 174.6e9, 0.002),  # arXiv:2005.14165, table D.1 (with biases and positions)
        (parameters(DEEPSEEK_V3).total, 671e9, 0.001),  # arXiv:2412.19437, section 4.2
        (parameters(DEEPSEEK_V3).active, 37e9, 0.02),  # the same: 37B active
        (parameters(MIXTRAL).active, 12.9e9, 0.01),  # arXiv:2401.04088, section 2
    ],
)
def test_parameters_as_published(found: float, published: float, tolerance: float) -> None:
    assert found == pytest.approx(published, rel=tolerance)


def test_gpt3_takes_3640_petaflop_days() -> None:
    """arXiv:2005.14165, table D.1: 3.64E+03 PF-days, 6 N D without attention, 300 billion tokens."""
    attention = 3 * attention_flops_per_token(GPT3, visible_tokens_mean(2048))
    days = (training_flops_per_token(GPT3, 2048) - attention) * 300e9 / 1e15 / 86400
    assert days == pytest.approx(3640, rel=0.005)


def test_attention_adds_6_lhs_causal_and_12_full() -> None:
    matrices = 6 * (parameters(GPT3).layers + GPT3.vocab * GPT3.hidden)
    causal = training_flops_per_token(GPT3, 2048) - matrices
    assert causal == pytest.approx(6 * 96 * 12288 * 2048)
    assert training_flops_per_token(GPT3, 2048, causal=False) - matrices == pytest.approx(2 * causal)


def test_llama_405b_takes_3_8e25_flops() -> None:
    """arXiv:2407.21783, section 1: 3.8 x 10^25 FLOPs on 15.6T tokens (sequences of 8,192)."""
    assert training_flops_per_token(LLAMA3_405B, 8192) * 15.6e12 == pytest.approx(3.8e25, rel=0.05)


def test_a_served_token_costs_two_operations_a_parameter() -> None:
    """Kaplan et al. 2020, section 2.1: forward = 2 N a token; short contexts add little."""
    assert serving_flops_per_request(GPT3, 1, 1) == pytest.approx(4 * parameters(GPT3).layers, rel=0.01)


def test_scores_are_80_and_64_hidden_as_published() -> None:
    """Korthikanti et al. 2022, section 4.2: 5 a s / h is 80 for GPT-3, 64 for MT-NLG, against 34: 70 %, 65 % saved."""
    linear, scores = activation_bytes_per_token(GPT3, 2048)
    assert (linear / 12288, scores / 12288) == (34, 80)
    nlg = ModelSpec(id="mt-nlg", layers=105, hidden=20480, heads=128, ffn=81920, vocab=51200, gated=False)
    linear, scores = activation_bytes_per_token(nlg, 2048)
    assert (linear / 20480, scores / 20480) == (34, 64)
    assert scores / (linear + scores) == pytest.approx(0.65, abs=0.005)


@pytest.mark.parametrize(("sharding", "gigabytes"), [("none", 120), ("optimizer", 31.4), ("full", 1.9)])
def test_states_of_7_5_billion_parameters_on_64_cards(sharding: str, gigabytes: float) -> None:
    """ZeRO, arXiv:1910.02054, figure 1: 16 bytes a parameter, 64-way data parallel (P_os is sharding "optimizer")."""
    model = ModelSpec(id="7.5b", layers=360, hidden=1312, heads=16, ffn=5248, vocab=1, gated=False)
    assert parameters(model).total == pytest.approx(7.5e9, rel=0.01)
    plain = Recipe(
        weight_bytes=2,
        gradient_bytes=2,
        optimizer_bytes=12,
        input_bytes=2,
        backward_gemms=2,
        adapters=0,
        flops_per_token=0,
    )
    parts = training_memory(model, plain, 1, of(Layout(dp=64, sharding=sharding)), 0.0)
    states = sum(float(parts[name][0]) for name in ("weights", "gradients", "optimizer"))
    gathered = 2 * 2 * parameters(model).layers / 360 if sharding == "full" else 0
    assert (states - gathered) / 1e9 == pytest.approx(gigabytes, rel=0.03)


def test_qlora_keeps_a_weight_in_half_a_byte() -> None:
    """arXiv:2305.14314, section 3: double quantisation brings 4.5 bits down to 4.127 a parameter."""
    task = Training(
        model=LLAMA2_70B, tokens=1, sequence_length=512, global_batch=1, method=FinetuneMethod.QLORA, lora_rank=64
    )
    assert recipe(task).weight_bytes * 8 == pytest.approx(4.127)
