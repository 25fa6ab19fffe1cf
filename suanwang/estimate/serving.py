"""Serving: roofline of prefill and decode, the batch that the memory carries, the replicas that the demand needs.

A replica (tp x pp cards; with experts spread, ep times as many) batches continuously: B requests decode together, and
each new one is prefilled between decode steps. So B requests take output x decode(B) + B x prefill seconds, and give B
requests (Pope et al. 2022, arXiv:2211.05102, for the roofline; Yu et al. 2022, Orca, for the batching). Queueing is not
modelled.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from suanwang.domain.model import ModelSpec
from suanwang.domain.workload import Serving
from suanwang.estimate import priors
from suanwang.estimate.communication import all_reduce_s, all_to_all_s, bandwidth, hop_s, send_s, start_s
from suanwang.estimate.compute import elementwise_s
from suanwang.estimate.flops import (
    attention_flops_per_token,
    expert_width,
    kv_values_per_token,
    matrix_flops_per_token,
    moe_layers,
    parameters,
    visible_tokens_mean,
)
from suanwang.estimate.layout import Column, divisors
from suanwang.estimate.machine import BYTES, Machine

BATCHES = np.array([2.0**k for k in range(13)])
PREFILL_TOKENS_MIN = 2048
"""Tokens that a scheduler puts together into one prefill pass when prompts are short (the usual budget)."""


EXPERT_GROUPS_MOST = 64
"""Attention groups that share their experts, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Degrees:
    """How a replica lies over its cards: tp x pp cards carry the attention of one group of requests; `ep` such groups
    share the experts of a mixture (attention data-parallel, experts spread over all cards of the replica).
    """

    tp: int
    pp: int = 1
    ep: int = 1

    @property
    def cards(self) -> int:
        return self.tp * self.pp * self.ep


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One copy of the model: its cards, its batch, its pace. Times in s; memory by part on one card, bytes."""

    at: Degrees
    batch: int
    requests_per_s: float
    first_token_s: float
    per_token_s: float
    prefill_share: float
    memory: dict[str, float]

    @property
    def cards(self) -> int:
        return self.at.cards


def experts_read(model: ModelSpec, tokens: Column) -> Column:
    """Parameters of experts that a pass over `tokens` tokens reads: of those that any token is sent to.

    With even routing an expert is missed by T tokens with probability (1 - k/E)^T.
    """
    if not model.experts:
        return np.zeros_like(tokens)
    touched = 1 - (1 - model.experts_per_token / model.experts) ** tokens
    return np.asarray(parameters(model).routed_experts * touched, dtype=np.float64)


def size_efficiency(tokens: Column, width: float) -> Column:
    """Share of their best that matrix products of `tokens` rows and narrower side `width` reach (priors.GEMM_SIZE)."""
    short = priors.GEMM_SIZE.value
    return np.asarray(tokens / (tokens + short) * width / (width + short), dtype=np.float64)


def matrices_s(task: Serving, machine: Machine, at: Degrees, tokens: Column) -> Column:
    """Seconds of all matrix products of a pass, `tokens` a group: max(operations / peak, weights / bandwidth).

    Once for what every token passes, once for the routed experts: few tokens read many of them. Groups bring their
    tokens to the same experts, each of which is read once.
    """
    model, width = task.model, BYTES[task.dtype]
    counts = parameters(model)
    experts = 2.0 * counts.routed_experts * counts.active_share_of_experts
    always = matrix_flops_per_token(model) - experts
    held = counts.always_active + model.vocab * model.hidden
    peak = machine.gemm_flops_per_s * (priors.QUARTER_GEMM.value if width < 1 else 1.0) * at.tp
    bandwidth = machine.memory_bytes_per_s * at.tp
    filled = size_efficiency(tokens, model.hidden / at.tp)
    dense = np.maximum(tokens * always / (peak * filled), held * width / bandwidth)
    if not model.experts:
        return np.asarray(dense, dtype=np.float64)
    load = np.maximum(tokens * at.ep * model.experts_per_token / model.experts, 1.0)
    filled = size_efficiency(load, expert_width(model) / max(at.tp / at.ep, 1)) * priors.EXPERT_SERVING.value
    read = experts_read(model, tokens * at.ep) * width / (bandwidth * at.ep)
    routed = np.maximum(tokens * experts / (peak * filled), read)
    return np.asarray(dense + routed, dtype=np.float64)


def pass_s(task: Serving, machine: Machine, at: Degrees, tokens: Column, visible: float, kv_read: Column) -> Column:
    """Seconds of one pass of `tokens` tokens of every group through the model (stages one after another).

    max(operations / peak, weights / bandwidth) + attention (operations, or `kv_read` bytes of a card) + collectives.
    """
    model, tp = task.model, at.tp
    matrices = matrices_s(task, machine, at, tokens)
    scores = tokens * attention_flops_per_token(model, visible) / tp / machine.attention_flops_per_s
    attention = np.maximum(scores, kv_read / machine.memory_bytes_per_s)
    group = np.full_like(tokens, tp)
    speed = bandwidth(machine, group, np.ones_like(tokens))
    start = start_s(machine, group)
    collectives = 2 * model.layers * all_reduce_s(tokens * 2 * model.hidden, group, speed, start)
    if model.experts and at.ep > 1:
        routed = tokens / tp * 2 * model.hidden * model.experts_per_token
        spread = np.full_like(tokens, at.ep)
        away = all_to_all_s(machine, routed, model.experts_per_token, spread, group)
        collectives = collectives + 2 * moe_layers(model) * away
    spread = np.full_like(tokens, at.cards)
    message = send_s(tokens * 2 * model.hidden / tp, bandwidth(machine, spread, group), hop_s(machine, spread))
    hops = (at.pp - 1) * message if at.pp > 1 else 0.0
    traffic = model.layers * elementwise_s(machine, model, tokens, group)
    kernels = model.layers * priors.LAYER_OVERHEAD.value + moe_layers(model) * priors.EXPERT_LAYER_OVERHEAD.value
    return np.asarray(matrices + attention + collectives + hops + traffic + kernels, dtype=np.float64)


def cache_bytes(task: Serving) -> float:
    """Bytes of a number of the cache."""
    if task.cache_dtype:
        return BYTES[task.cache_dtype]
    width = BYTES[task.dtype]
    return min(width, 2.0) if width >= 1 else 1.0


def replica_memory(task: Serving, machine: Machine, at: Degrees) -> dict[str, float]:
    """Bytes of one card before any request is in its cache."""
    model, counts = task.model, parameters(task.model)
    alone = counts.total - counts.routed_experts
    weights = (alone / (at.tp * at.pp) + counts.routed_experts / at.cards) * BYTES[task.dtype]
    work = 4.0 * PREFILL_TOKENS_MIN * (model.hidden + model.vocab / at.tp / 8)
    return {
        "weights": weights,
        "activations": work,
        "reserve": machine.memory_bytes * priors.MEMORY_RESERVE.value,
    }


def replica_columns(task: Serving, machine: Machine, at: Degrees, software_factor: float) -> list[Replica]:
    """One replica a batch size that fits the memory, ascending; empty where the weights alone do not fit.

    A request is admitted when the cache has room for all of its tokens, so that none is evicted; requests are at all
    points of their life, so a pass reads the mean context of each (the cache is paged: arXiv:2309.06180). The reused
    part of a prompt is not computed again; its keys and values are read, and take room once for all.
    """
    model, tp, pp = task.model, at.tp, at.pp
    memory = replica_memory(task, machine, at)
    context = task.input_tokens + task.output_tokens
    produced = max(task.output_tokens, 1)
    kept = min(context, model.sliding_window) if model.sliding_window else context
    mean_context = max(min(task.input_tokens + task.output_tokens / 2, kept), 1)
    # heads are divided over tp as far as there are any; a latent is needed by every card
    per_token = kv_values_per_token(model) * cache_bytes(task) / (1 if model.kv_latent else min(tp, model.kv_heads))
    on_card = per_token * mean_context
    reused = task.prefix_reuse * task.input_tokens
    cache = per_token * max(kept - reused, 1.0) / pp
    free = machine.memory_bytes - sum(memory.values()) - per_token * reused / pp
    most = min(free // cache, BATCHES[-1])
    batches = np.append(BATCHES[most > BATCHES], most) if most >= 1 else BATCHES[:0]
    fresh = max(task.input_tokens - reused, 1.0)
    together = max(1.0, PREFILL_TOKENS_MIN / fresh)
    tokens = np.full_like(batches, fresh * together)
    nothing = np.zeros_like(batches)
    prompt_visible = reused + visible_tokens_mean(round(fresh), model.sliding_window)
    prefill = pass_s(task, machine, at, tokens, prompt_visible, nothing) / together / software_factor
    alone = pass_s(task, machine, at, tokens / together, prompt_visible, nothing) / software_factor
    micro = np.maximum(batches / pp, 1)
    # one host schedules all groups; with pp stages, pp groups of requests go round: a token takes a full turn,
    # each group gives its share
    decode = pass_s(task, machine, at, micro, mean_context, micro * on_card) / software_factor
    decode = decode + pp * micro * priors.SEQUENCE_OVERHEAD.value
    turn = produced * decode + batches * prefill / pp
    return [
        Replica(
            at=at,
            batch=int(b) * at.ep,
            requests_per_s=float(b / turn[i]) * at.ep,
            first_token_s=float(alone[i] + decode[i]),
            per_token_s=float(turn[i] / produced),
            prefill_share=float(b * prefill[i] / pp / turn[i]),
            memory=memory | {"kv_cache": float(b * cache + per_token * reused / pp)},
        )
        for i, b in enumerate(batches)
    ]


def meets(task: Serving, replica: Replica) -> bool:
    """Within the objectives to the first and per token, where there are any."""
    first, each = task.first_token_ms_max, task.per_token_ms_max
    return (first is None or replica.first_token_s * 1000 <= first) and (
        each is None or replica.per_token_s * 1000 <= each
    )


def best_replica(task: Serving, machine: Machine, at: Degrees, software_factor: float = 1.0) -> Replica | None:
    """The replica with the most requests/s at given degrees within the objectives; None where none fits or meets."""
    found = [r for r in replica_columns(task, machine, at, software_factor) if meets(task, r)]
    return max(found, key=lambda r: r.requests_per_s, default=None)


def degrees(model: ModelSpec, accelerators: int, cards_per_node: int) -> list[Degrees]:
    """Replicas on at most `accelerators` cards: tensor parallel in a node, stages of whole nodes beyond; experts
    spread over groups of attention.
    """
    tensor = [t for t in divisors(model.heads) if t <= min(accelerators, cards_per_node) and cards_per_node % t == 0]
    widest = max(tensor)
    deep = [
        Degrees(tp=widest, pp=p)
        for p in range(2, model.layers + 1)
        if widest * p <= min(accelerators, 16 * cards_per_node)
    ]
    groups = [e for e in divisors(model.experts) if 1 < e <= EXPERT_GROUPS_MOST] if model.experts else []
    spread = [Degrees(tp=t, ep=e) for t in tensor for e in groups if t * e <= accelerators]
    return [*(Degrees(tp=t) for t in tensor), *deep, *spread]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unservable:
    """Why no replica serves: `needed` bytes on a card where memory is short, else the best times in reach, s."""

    needed: float = 0.0
    first_token_s: float = 0.0
    per_token_s: float = 0.0


def plan_serving(
    task: Serving, machine: Machine, accelerators: int, software_factor: float
) -> tuple[Replica, int] | Unservable:
    """(replica, number of them) that carries the demand on the fewest cards; ties by the shorter time per token."""
    every = [
        r
        for at in degrees(task.model, accelerators, machine.cards_per_node)
        for r in replica_columns(task, machine, at, software_factor)
    ]
    if not every:
        widest = max(at.cards for at in degrees(task.model, accelerators, machine.cards_per_node))
        reserve = machine.memory_bytes * priors.MEMORY_RESERVE.value
        return Unservable(needed=parameters(task.model).total * BYTES[task.dtype] / widest + reserve)
    good = [r for r in every if meets(task, r)]
    if not good:
        return Unservable(
            first_token_s=min(r.first_token_s for r in every), per_token_s=min(r.per_token_s for r in every)
        )
    counts = [max(1, ceil(task.requests_per_s / r.requests_per_s)) for r in good]
    chosen = min(range(len(good)), key=lambda i: (counts[i] * good[i].cards, good[i].per_token_s))
    return good[chosen], counts[chosen]
