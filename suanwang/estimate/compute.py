"""Time that one micro-batch computes in a layer, forward: matrices, attention, element-wise work; arrays of layouts.

A matrix product takes max(operations / delivered peak, bytes / delivered bandwidth): the roofline (Williams et al.
2009), which also gives the low efficiency of small products (64 tokens on an A100: a third of peak).
"""

import numpy as np

from suanwang.domain.model import ModelSpec
from suanwang.estimate import priors
from suanwang.estimate.flops import (
    attention_flops_per_token,
    attention_matrices,
    expert_width,
    ffn_matrices,
    moe_layers,
    visible_tokens_mean,
)
from suanwang.estimate.layout import Column
from suanwang.estimate.machine import Machine

SCORE_BYTES = 12.0
"""Bytes moved for one visible score without fusion: product 2, softmax 2 + 2, dropout 2 + 1 + 1 (mask), weighting 2."""


def product_s(machine: Machine, tokens: Column, outputs: Column, inputs: Column, weight_bytes: float) -> Column:
    """Seconds of tokens x inputs times inputs x outputs; weights at `weight_bytes`, activations at 16 bits.

    Efficiency by size: each dimension d reaches d / (d + priors.GEMM_SIZE) of what large products deliver (tiles that
    are not full, waves that do not fill the card, the start of every tile).
    """
    short = priors.GEMM_SIZE.value
    flops = 2 * (tokens + short) * (outputs + short) * (inputs + short)
    moved = weight_bytes * outputs * inputs + 2 * tokens * (outputs + inputs)
    return np.maximum(flops / machine.gemm_flops_per_s, moved / machine.memory_bytes_per_s)


def ffn_s(machine: Machine, model: ModelSpec, tokens: Column, tp: Column, ep: Column, width: float) -> Column:
    """Matrix products of the mean layer's feed-forward part. With experts every local expert gets its even share."""
    h = np.full_like(tokens, model.hidden)
    up = ffn_matrices(model) - 1

    def part(load: Column, inner: Column) -> Column:
        return product_s(machine, load, up * inner, h, width) + product_s(machine, load, h, inner, width)

    with_experts = moe_layers(model)
    time = np.zeros_like(tokens)
    if with_experts < model.layers:
        time = time + (model.layers - with_experts) / model.layers * part(tokens, model.ffn / tp)
    if with_experts:
        local = np.maximum(model.experts / ep, 1)
        load = tokens * model.experts_per_token * ep / model.experts
        slower = machine.expert_slowness / priors.EXPERT_GEMM.value
        routed = local * part(load, expert_width(model) / tp) * slower
        if model.shared_experts:
            routed = routed + part(tokens, model.shared_experts * expert_width(model) / tp)
        time = time + with_experts / model.layers * routed
    return time


def matrices_s(machine: Machine, model: ModelSpec, tokens: Column, tp: Column, ep: Column, width: float) -> Column:
    """Forward seconds of all matrix products of the mean layer, for `tokens` of one micro-batch."""
    projections = attention_matrices(model)
    time = ffn_s(machine, model, tokens, tp, ep, width)
    for outputs, inputs in projections[:-1]:
        time = time + product_s(machine, tokens, outputs / tp, np.full_like(tokens, inputs), width)
    outputs, inputs = projections[-1]
    return time + product_s(machine, tokens, np.full_like(tokens, outputs), inputs / tp, width)


def attention_s(machine: Machine, model: ModelSpec, tokens: Column, sequence_length: int, tp: Column) -> Column:
    """Forward seconds of attention in the mean layer (16 bit whatever the matrices are).

    Fused, the scores stay on the chip. Unfused, they go through memory: written, masked, normalised, dropped out.
    """
    visible = visible_tokens_mean(sequence_length, model.sliding_window)
    flops = attention_flops_per_token(model, visible) / model.layers
    seconds = tokens * flops / tp / machine.attention_flops_per_s
    if machine.fused_attention:
        return seconds
    return seconds + tokens * model.heads * visible * SCORE_BYTES / tp / machine.memory_bytes_per_s


def elementwise_s(machine: Machine, model: ModelSpec, tokens: Column, tp: Column) -> Column:
    """Forward seconds of norms, residuals, rotations and activations of a layer: bytes read and written at 16 bits.

    A norm reads and writes h, a residual reads two and writes one, the rotation queries and keys, the activation
    its inputs and its output. Sequence parallelism divides the norms too.
    """
    h = model.hidden
    rotation = 2 * (model.heads + model.kv_heads) * model.head_size
    active = model.experts_per_token + model.shared_experts
    with_experts = moe_layers(model) / model.layers
    inner = model.ffn * (1 - with_experts) + active * expert_width(model) * with_experts
    permutation = 4 * h * active * with_experts
    slower = machine.expert_slowness
    numbers = 2 * 2 * h + 2 * 3 * h + rotation + ffn_matrices(model) * inner + permutation * slower
    return tokens * 2 * numbers / tp / machine.memory_bytes_per_s
