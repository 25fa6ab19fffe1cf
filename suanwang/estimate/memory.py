"""Memory of training by part on the fullest card, for columns of layouts.

Sources: activations Korthikanti et al. 2022 (arXiv:2205.05198, equations 1-6, table 2) with the shapes of grouped-query
attention and gated feed-forward put in; states ZeRO (arXiv:1910.02054, section 3); pipeline 1F1B, interleaved
(arXiv:2104.04473, section 2.2).
"""

import numpy as np

from suanwang.domain.model import ModelSpec
from suanwang.estimate.finetuning import Recipe
from suanwang.estimate.flops import expert_width, moe_layers, parameters
from suanwang.estimate.layout import (
    ACTIVATIONS_OFF,
    FULL,
    GRADIENTS,
    NONE,
    ON_CARD,
    OPTIMIZER,
    SHARDED,
    Column,
    Layouts,
)
from suanwang.estimate.priors import LOGITS_BYTES


def activation_bytes_per_token(model: ModelSpec, sequence_length: int, input_bytes: float = 2.0) -> tuple[float, float]:
    """(linear part, scores part) of a layer's stored activations for one token, before tensor parallelism.

    For heads x head size = hidden, plain feed-forward of 4 hidden, 16 bits: 34 h and 5 a s, as published. The scores
    part is what selective recomputation (and fused attention) does not keep. `input_bytes`: 1 where the inputs of the
    matrix products are kept in 8 bits. Models with a gated feed-forward part have no dropout masks.
    """
    h = model.hidden
    queries = model.heads * model.head_size
    mask = 0 if model.gated else h
    spared = 2.0 - input_bytes
    keys = model.kv_latent + model.rope_size if model.kv_latent else 2 * model.kv_heads * model.head_size
    attention = input_bytes * (h + queries) + 2 * queries + 2 * keys + mask
    stored = (6 if model.gated else 4) - spared
    dense = input_bytes * h + stored * model.ffn + mask
    active = model.experts_per_token + model.shared_experts
    expert = active * (input_bytes * h + stored * expert_width(model)) + mask
    with_experts = moe_layers(model) / model.layers
    linear = attention + 4 * h + dense * (1 - with_experts) + expert * with_experts
    return float(linear), 5.0 * model.heads * sequence_length


def parameters_of_stage(model: ModelSpec, at: Layouts) -> tuple[Column, Column, Column]:
    """(first stage, last stage, share of experts in a layer's parameters) of one card, after tp, pp and ep."""
    counts = parameters(model)
    in_stage = np.ceil(model.layers / at.pp) / model.layers
    layers = in_stage * (counts.always_active / at.tp + counts.routed_experts / (at.tp * at.ep))
    embedding = counts.embedding / at.tp
    head = counts.head / at.tp
    alone = at.pp == 1
    tied_copy = embedding if model.tied_embeddings else head
    first = layers + embedding + np.where(alone, head, 0.0)
    last = layers + np.where(alone, embedding + head, tied_copy)
    experts = in_stage * counts.routed_experts / (at.tp * at.ep)
    return first, last, experts


def activation_bytes(model: ModelSpec, sequence_length: int, at: Layouts, input_bytes: float = 2.0) -> Column:
    """Activations of the first stage, which holds the most micro-batches in flight: L/p layers x p of them.

    Interleaving holds 1 + (p - 1)/(p v) times as much. Full recomputation keeps a layer's input (2 h a token) and
    works on one layer. Tensor parallelism with sequence parallelism divides all of it.
    """
    linear, scores = activation_bytes_per_token(model, sequence_length, input_bytes)
    tokens = at.micro_batch * sequence_length / at.cp / at.tp
    kept = np.where(at.recompute == NONE, linear + scores, linear)
    kept = np.where(at.recompute == FULL, 2.0 * model.hidden, kept)
    in_flight = np.where(at.interleave > 1, at.pp + (at.pp - 1) / at.interleave, at.pp)
    layers = np.ceil(model.layers / at.pp) * in_flight
    work = np.where(at.recompute == FULL, linear, 0.0)
    return np.asarray(tokens * (kept * layers + work), dtype=np.float64)


def training_memory(
    model: ModelSpec, recipe: Recipe, sequence_length: int, at: Layouts, reserve: float
) -> dict[str, Column]:
    """Bytes by part on the fullest card: weights, gradients, optimizer, activations, logits, reserve (shape: layouts).

    Full sharding keeps 1/dp of all states and two layers gathered; optimizer sharding 1/dp of the optimizer states.
    Experts' states are sharded over dp/ep. What is offloaded lies in the server. The logits of a micro-batch
    (priors.LOGITS_BYTES) lie on the last stage only.
    """
    first, last, experts = parameters_of_stage(model, at)
    activations_first = activation_bytes(model, sequence_length, at, recipe.input_bytes)
    activations_last = np.where(at.pp == 1, activations_first, activations_first / at.pp)
    logits = LOGITS_BYTES.value * at.micro_batch * sequence_length / at.cp * model.vocab / at.tp
    state = recipe.weight_bytes + (0.0 if recipe.frozen else recipe.gradient_bytes + recipe.optimizer_bytes)
    last_is_fullest = last * state + activations_last + logits > first * state + activations_first
    last_is_fullest |= at.pp == 1
    here = np.where(last_is_fullest, last, first)
    dp, ep = at.dp * at.cp, at.ep
    sharded = (here - experts) / dp + experts / (dp / ep)
    layer = (here - experts) / np.ceil(model.layers / at.pp)
    full = at.sharding == SHARDED
    weights = np.where(full, sharded + 2 * np.minimum(layer, here), here) * recipe.weight_bytes
    trained = here
    trained_sharded = sharded
    if recipe.frozen:
        trained = recipe.adapters * np.ceil(model.layers / at.pp) / model.layers / at.tp
        trained_sharded = trained / dp
        weights = weights + trained * 2.0
    activations = np.where(last_is_fullest, activations_last, activations_first)
    layers = np.ceil(model.layers / at.pp) * np.where(last_is_fullest, 1, at.pp)
    # of activations that go to the server's memory, two layers are on the card: one goes, one is computed
    activations = np.where(at.offload == ACTIVATIONS_OFF, activations * np.minimum(2 / layers, 1), activations)
    optimizer = np.where(at.sharding >= OPTIMIZER, trained_sharded, trained) * recipe.optimizer_bytes
    return {
        "weights": weights,
        "gradients": np.where(at.sharding >= GRADIENTS, trained_sharded, trained) * recipe.gradient_bytes,
        "optimizer": np.where(at.offload == ON_CARD, optimizer, 0.0),
        "activations": activations,
        "logits": np.where(last_is_fullest, logits, 0.0),
        "reserve": np.full(len(at), reserve),
    }
