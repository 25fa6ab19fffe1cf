"""Serving: roofline of prefill and decode, the batch that the memory carries, the replicas that the demand needs.

A replica (tp x pp cards) batches continuously: B requests decode together, and each new one is prefilled between
decode steps. So B requests take output x decode(B) + B x prefill seconds, and give B requests (Pope et al. 2022,
arXiv:2211.05102, for the roofline; Yu et al. 2022, Orca, for the batching). Queueing is not modelled.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np

from suanwang.domain.model import ModelSpec
from suanwang.domain.workload import Serving
from suanwang.estimate import priors
from suanwang.estimate.communication import all_reduce_s, bandwidth, send_s
from suanwang.estimate.compute import elementwise_s
from suanwang.estimate.flops import (
    attention_flops_per_token,
    kv_values_per_token,
    matrix_flops_per_token,
    parameters,
    visible_tokens_mean,
)
from suanwang.estimate.layout import Column, divisors
from suanwang.estimate.machine import BYTES, Machine

BATCHES = np.array([2.0**k for k in range(13)])
PREFILL_TOKENS_MIN = 2048
"""Tokens that a scheduler puts together into one prefill pass when prompts are short (the usual budget)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One copy of the model: its cards, its batch, its pace. Times in s; memory by part on one card, bytes."""

    tp: int
    pp: int
    batch: int
    requests_per_s: float
    first_token_s: float
    per_token_s: float
    prefill_share: float
    memory: dict[str, float]

    @property
    def cards(self) -> int:
        return self.tp * self.pp


def experts_read(model: ModelSpec, tokens: Column) -> Column:
    """Parameters of experts that a pass over `tokens` tokens reads: of those that any token is sent to.

    With even routing an expert is missed by T tokens with probability (1 - k/E)^T.
    """
    if not model.experts:
        return np.zeros_like(tokens)
    touched = 1 - (1 - model.experts_per_token / model.experts) ** tokens
    return np.asarray(parameters(model).routed_experts * touched, dtype=np.float64)


def matrices_s(task: Serving, machine: Machine, tp: int, tokens: Column) -> Column:
    """Seconds of all matrix products of a pass on tp cards: max(operations / peak, weights / bandwidth).

    Once for what every token passes, once for the routed experts: few tokens read many of them.
    """
    model, width = task.model, BYTES[task.dtype]
    counts = parameters(model)
    experts = 2.0 * counts.routed_experts * counts.active_share_of_experts
    always = matrix_flops_per_token(model) - experts
    held = counts.always_active + model.vocab * model.hidden
    peak = machine.gemm_flops_per_s * tp * (priors.QUARTER_GEMM.value if width < 1 else 1.0)
    bandwidth = machine.memory_bytes_per_s * tp
    dense = np.maximum(tokens * always / peak, held * width / bandwidth)
    read = experts_read(model, tokens) * width / bandwidth
    routed = np.maximum(tokens * experts / peak, read)
    return np.asarray(dense + routed, dtype=np.float64)


def pass_s(
    task: Serving, machine: Machine, tp: int, pp: int, tokens: Column, visible: float, kv_read: Column
) -> Column:
    """Seconds of one pass of `tokens` tokens through the model on tp x pp cards (stages one after another).

    max(operations / peak, weights / bandwidth) + attention (operations, or `kv_read` bytes of a card) + collectives.
    """
    model = task.model
    matrices = matrices_s(task, machine, tp, tokens)
    scores = tokens * attention_flops_per_token(model, visible) / tp / machine.attention_flops_per_s
    attention = np.maximum(scores, kv_read / machine.memory_bytes_per_s)
    group = np.full_like(tokens, tp)
    speed, latency = bandwidth(machine, group, np.ones_like(tokens))
    collectives = 2 * model.layers * all_reduce_s(tokens * 2 * model.hidden, group, speed, latency)
    spread = np.full_like(tokens, tp * pp)
    speed, latency = bandwidth(machine, spread, group)
    hops = (pp - 1) * send_s(tokens * 2 * model.hidden / tp, speed, latency) if pp > 1 else 0.0
    traffic = model.layers * elementwise_s(machine, model, tokens, group)
    return np.asarray(matrices + attention + collectives + hops + traffic, dtype=np.float64)


def replica_columns(task: Serving, machine: Machine, tp: int, pp: int, software_factor: float) -> list[Replica]:
    """One replica a batch size that fits the memory, ascending; empty where the weights alone do not fit.

    A request is admitted when the cache has room for all of its tokens, so that none is evicted; requests are at all
    points of their life, so a pass reads the mean context of each (the cache is paged: arXiv:2309.06180).
    """
    model, width = task.model, BYTES[task.dtype]
    cards = tp * pp
    weights = parameters(model).total * width / cards
    context = task.input_tokens + task.output_tokens
    produced = max(task.output_tokens, 1)
    kept = min(context, model.sliding_window) if model.sliding_window else context
    kv_width = min(width, 2.0) if width >= 1 else 1.0
    mean_context = max(min(task.input_tokens + task.output_tokens / 2, kept), 1)
    # heads are divided over tp as far as there are any; a latent is needed by every card
    per_token = kv_values_per_token(model) * kv_width / (1 if model.kv_latent else min(tp, model.kv_heads))
    on_card = per_token * mean_context
    cache = per_token * kept / pp
    work = 4.0 * PREFILL_TOKENS_MIN * (model.hidden + model.vocab / tp / 8)
    reserve = machine.memory_bytes * priors.MEMORY_RESERVE.value
    free = machine.memory_bytes - weights - work - reserve
    most = min(free // cache, BATCHES[-1])
    batches = np.append(BATCHES[most > BATCHES], most) if most >= 1 else BATCHES[:0]
    overhead = (1 + priors.SCHEDULER_OVERHEAD.value) / software_factor
    together = max(1.0, PREFILL_TOKENS_MIN / max(task.input_tokens, 1))
    tokens = np.full_like(batches, task.input_tokens * together)
    nothing = np.zeros_like(batches)
    prompt_visible = visible_tokens_mean(task.input_tokens, model.sliding_window)
    prefill = pass_s(task, machine, tp, pp, tokens, prompt_visible, nothing) / together * overhead
    alone = pass_s(task, machine, tp, pp, tokens / together, prompt_visible, nothing) * overhead
    micro = np.maximum(batches / pp, 1)
    read = micro * on_card
    # one host schedules all groups; with pp stages, pp groups of requests go round: a token takes a full turn,
    # each group gives its share
    decode = pass_s(task, machine, tp, pp, micro, mean_context, read) * overhead
    decode = decode + pp * (priors.PASS_OVERHEAD.value + micro * priors.SEQUENCE_OVERHEAD.value)
    turn = produced * decode + batches * prefill / pp
    return [
        Replica(
            tp=tp,
            pp=pp,
            batch=int(b),
            requests_per_s=float(b / turn[i]),
            first_token_s=float(alone[i] + decode[i]),
            per_token_s=float(turn[i] / produced),
            prefill_share=float(b * prefill[i] / pp / turn[i]),
            memory={"weights": weights, "kv_cache": float(b * cache), "activations": work, "reserve": reserve},
        )
        for i, b in enumerate(batches)
    ]


def meets(task: Serving, replica: Replica) -> bool:
    """Within the objectives to the first and per token, where there are any."""
    first, each = task.first_token_ms_max, task.per_token_ms_max
    return (first is None or replica.first_token_s * 1000 <= first) and (
        each is None or replica.per_token_s * 1000 <= each
    )


def best_replica(task: Serving, machine: Machine, *, tp: int, pp: int, software_factor: float = 1.0) -> Replica | None:
    """The replica with the most requests/s at given degrees within the objectives; None where none fits or meets."""
    found = [r for r in replica_columns(task, machine, tp, pp, software_factor) if meets(task, r)]
    return max(found, key=lambda r: r.requests_per_s, default=None)


def degrees(model: ModelSpec, accelerators: int, cards_per_node: int) -> list[tuple[int, int]]:
    """(tp, pp) of replicas on at most `accelerators` cards: tensor parallel in a node, stages of whole nodes beyond."""
    tensor = [t for t in divisors(model.heads) if t <= min(accelerators, cards_per_node) and cards_per_node % t == 0]
    widest = max(tensor)
    deep = [(widest, p) for p in range(2, model.layers + 1) if widest * p <= min(accelerators, 16 * cards_per_node)]
    return [(t, 1) for t in tensor] + deep


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
        for tp, pp in degrees(task.model, accelerators, machine.cards_per_node)
        for r in replica_columns(task, machine, tp, pp, software_factor)
    ]
    if not every:
        widest = max(tp * pp for tp, pp in degrees(task.model, accelerators, machine.cards_per_node))
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
