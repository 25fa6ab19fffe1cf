"""Time of one optimizer step by part for columns of layouts, and the fastest layout that fits.

Narayanan et al. 2021 (arXiv:2104.04473): bubble (p - 1)/(v m); tensor parallel all-reduces, two a layer in the forward
and two in the backward. Korthikanti et al. 2022 (arXiv:2205.05198): full recomputation repeats the forward, selective
does not keep the scores, as fused attention does it.
"""

from dataclasses import dataclass

import numpy as np

from suanwang.domain.estimate import Layout
from suanwang.domain.workload import Training
from suanwang.estimate import priors
from suanwang.estimate.communication import (
    all_reduce_s,
    all_to_all_s,
    bandwidth,
    exposed_s,
    gather_s,
    hop_s,
    send_s,
    start_s,
)
from suanwang.estimate.compute import attention_s, elementwise_s, matrices_s, product_s
from suanwang.estimate.finetuning import Recipe, recipe
from suanwang.estimate.flops import adapter_parameters, kv_values_per_token, moe_layers
from suanwang.estimate.layout import (
    ACTIVATIONS_OFF,
    FULL,
    GRADIENTS,
    ON_CARD,
    OPTIMIZER_OFF,
    SELECTIVE,
    SHARDED,
    UNSHARDED,
    Column,
    Layouts,
    candidates,
    of,
)
from suanwang.estimate.machine import Machine
from suanwang.estimate.memory import activation_bytes, parameters_of_stage, training_memory

OPTIMIZER_TRAFFIC = 30.0
"""Bytes read and written a trained parameter in an Adam step: master and moments both ways (24), gradient, weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The layout taken, seconds of one step by part, bytes by part."""

    layout: Layout
    step_s: dict[str, float]
    memory: dict[str, float]

    @property
    def seconds(self) -> float:
        return sum(self.step_s.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class TooLarge:
    """No layout fits: what the leanest one needs on its fullest card, bytes."""

    needed: float


def layer_collectives_s(task: Training, machine: Machine, at: Layouts, tokens: Column) -> tuple[Column, Column]:
    """(tensor and context parallel, expert parallel) seconds of the forward of the mean layer for one micro-batch."""
    model = task.model
    speed = bandwidth(machine, at.tp, np.ones_like(tokens))
    tensor = 2 * all_reduce_s(tokens * 2 * model.hidden, at.tp, speed, start_s(machine, at.tp))
    speed = bandwidth(machine, at.tp * at.cp, at.tp)
    keys = 2.0 * kv_values_per_token(model) / model.layers / at.tp
    context = gather_s(tokens * at.cp * keys, at.cp, speed, start_s(machine, at.tp * at.cp))
    if not model.experts:
        return tensor + context, np.zeros_like(tokens)
    routed = tokens / at.tp * 2 * model.hidden * model.experts_per_token
    expert = 2 * all_to_all_s(machine, routed, model.experts_per_token, at.ep, at.tp) * moe_layers(model) / model.layers
    return tensor + context, expert


def data_parallel_s(
    task: Training, plan: Recipe, machine: Machine, at: Layouts, window: Column, passes: Column
) -> Column:
    """Exposed seconds of gradients and weights over the data-parallel group in one step.

    Optimizer sharding: reduce-scatter of gradients, all-gather of weights, hidden behind one micro-batch (`window`).
    Sharded gradients: scattered in every pass. Full sharding: weights gathered for forward and backward and gradients
    scattered in every pass, hidden behind each.
    """
    first, last, _ = parameters_of_stage(task.model, at)
    held = np.maximum(first, last)
    group = at.dp * at.cp
    speed, start = bandwidth(machine, at.tp * group, at.tp), start_s(machine, at.tp * group)
    layers = task.model.layers
    trained = held
    if plan.frozen:
        trained = np.full_like(held, adapter_parameters(task.model, task.lora_rank)) / (at.tp * at.pp)
    gradients = gather_s(trained * plan.gradient_bytes, group, speed, start)
    weights = gather_s(trained * 2.0, group, speed, start)
    whole = gather_s(held * plan.weight_bytes, group, speed, start, layers)
    once = np.where(at.sharding == UNSHARDED, 2 * gradients, gradients + weights)
    scattered = gather_s(trained * 2.0, group, speed, start, layers)
    often = passes * exposed_s(2 * whole + scattered, window)
    in_every_pass = passes * exposed_s(scattered, window) + exposed_s(weights, window)
    return np.where(
        at.sharding == SHARDED, often, np.where(at.sharding == GRADIENTS, in_every_pass, exposed_s(once, window))
    )


def step_columns(task: Training, machine: Machine, at: Layouts, software_factor: float = 1.0) -> dict[str, Column]:
    """Seconds of one optimizer step by part, for every layout (shape: layouts). The parts sum to the step."""
    model, plan = task.model, recipe(task)
    stages = np.ceil(model.layers / at.pp)
    tokens = at.micro_batch * task.sequence_length / at.cp
    passes = np.ceil(task.global_batch / (at.dp * at.micro_batch))
    backward = plan.backward_gemms
    width = 2.0
    matrices = matrices_s(machine, model, tokens, at.tp, at.ep, width)
    attention = attention_s(machine, model, tokens, task.sequence_length, at.tp)
    elementwise = elementwise_s(machine, model, tokens, at.tp) * priors.ELEMENTWISE_TRAFFIC.value
    tensor, expert = layer_collectives_s(task, machine, at, tokens)
    again = np.where(at.recompute == FULL, 1.0, 0.0)
    selective = np.where(at.recompute == SELECTIVE, priors.FUSED_RECOMPUTE.value, 0.0)
    logits = product_s(machine, tokens, model.vocab / at.tp, np.full_like(tokens, model.hidden), width)
    logits = logits * (1 + backward) + 3 * tokens * 4 * model.vocab / at.tp / machine.memory_bytes_per_s
    parts = {
        "matrices": stages * matrices * (1 + backward) + logits,
        "attention": stages * attention * 3,
        "elementwise": stages * elementwise * (1 + priors.ELEMENTWISE_BACKWARD.value),
        "recompute": stages * ((matrices + elementwise) * again + attention * again + attention * selective),
    }
    overhead = priors.FRAMEWORK.value * (1 + priors.FRAMEWORK_NEW.value * machine.newness)
    parts["framework"] = sum(parts.values(), np.zeros_like(tokens)) * overhead
    parts = {name: seconds / software_factor for name, seconds in parts.items()}
    computing = sum(parts.values(), np.zeros_like(tokens))
    host = priors.HOST_LAYER.value
    if model.experts:
        host += priors.HOST_EXPERTS.value * machine.expert_slowness * moe_layers(model) / model.layers
    parts["launches"] = np.maximum(stages * host - computing, 0.0)
    parts["tensor_parallel"] = stages * tensor * (2 + again)
    if model.experts:
        parts["expert_parallel"] = (
            stages * expert * (2 + again) * (1 - priors.EXPERT_OVERLAP.value) * machine.expert_slowness
        )
    speed = bandwidth(machine, at.accelerators, at.tp)
    message = send_s(tokens * 2 * model.hidden / at.tp, speed, hop_s(machine, at.accelerators))
    parts["pipeline_transfer"] = np.where(at.pp > 1, 2 * at.interleave * message, 0.0)
    busy = sum(parts.values(), np.zeros_like(tokens))
    step = {name: seconds * passes for name, seconds in parts.items()}
    step["pipeline_bubble"] = busy * (at.pp - 1) / at.interleave
    step["data_parallel"] = data_parallel_s(task, plan, machine, at, computing, passes)
    step |= optimizer_s(task, plan, machine, at)
    if (at.offload == ACTIVATIONS_OFF).any():
        step["offload"] = passes * offload_s(task, plan, at, computing)
    return step


def optimizer_s(task: Training, plan: Recipe, machine: Machine, at: Layouts) -> dict[str, Column]:
    """Seconds of the optimizer's step: bytes of its states, on the card or in the server's memory.

    In the server (ZeRO-Offload, arXiv:2101.06840): gradients go there and weights come back, 16 bits each way, over the
    card's own path, and the step reads and writes the states there.
    """
    first, last, _ = parameters_of_stage(task.model, at)
    held = plan.adapters / (at.tp * at.pp) if plan.frozen else np.maximum(first, last)
    share = held / np.where(at.sharding == UNSHARDED, 1.0, at.dp * at.cp)
    here = share * OPTIMIZER_TRAFFIC / machine.memory_bytes_per_s
    host = share * (4.0 / priors.HOST_LINK.value + OPTIMIZER_TRAFFIC / priors.HOST_MEMORY.value)
    return {"optimizer": np.where(at.offload == ON_CARD, here, host)}


def offload_s(task: Training, plan: Recipe, at: Layouts, computing: Column) -> Column:
    """Seconds of a micro-batch in which activations go to the server's memory and back and computing cannot hide it."""
    held = activation_bytes(task.model, task.sequence_length, at, plan.input_bytes)
    in_flight = np.where(at.interleave > 1, at.pp + (at.pp - 1) / at.interleave, at.pp)
    traffic = 2 * held / in_flight / priors.HOST_LINK.value
    return np.where(at.offload == ACTIVATIONS_OFF, exposed_s(traffic, computing), 0.0)


def best_plan(task: Training, machine: Machine, accelerators: int, software_factor: float) -> Plan | TooLarge:
    """The fastest layout on at most `accelerators` cards that fits their memory; TooLarge where none does.

    Where none fits on the cards, the states of the optimizer and the activations may lie in the servers' memory.
    """
    found = best_of(task, machine, accelerators, software_factor, (ON_CARD,))
    if isinstance(found, TooLarge):
        found = best_of(task, machine, accelerators, software_factor, (OPTIMIZER_OFF, ACTIVATIONS_OFF))
    return found


def best_of(
    task: Training, machine: Machine, accelerators: int, software_factor: float, offload: tuple[int, ...]
) -> Plan | TooLarge:
    """The fastest layout that fits with a choice of offloads."""
    at = candidates(
        task.model, task.global_batch, accelerators, machine.cards_per_node, task.sequence_length, offload=offload
    )
    reserve = machine.memory_bytes * priors.MEMORY_RESERVE.value
    memory = training_memory(task.model, recipe(task), task.sequence_length, at, reserve)
    total = sum(memory.values(), np.zeros(len(at)))
    fits = total <= machine.memory_bytes
    if not fits.any():
        return TooLarge(needed=float(total.min()))
    kept = at.where(fits)
    step = step_columns(task, machine, kept, software_factor)
    chosen = int(np.argmin(sum(step.values(), np.zeros(len(kept)))))
    row = int(np.flatnonzero(fits)[chosen])
    return Plan(
        layout=kept.row(chosen),
        step_s={name: float(seconds[chosen]) for name, seconds in step.items()},
        memory={name: float(size[row]) for name, size in memory.items()},
    )


def known_plan(task: Training, machine: Machine, layout: Layout, software_factor: float = 1.0) -> Plan:
    """Time and memory of a given layout, whether it fits or not: how a published run is estimated."""
    at = of(layout)
    reserve = machine.memory_bytes * priors.MEMORY_RESERVE.value
    memory = training_memory(task.model, recipe(task), task.sequence_length, at, reserve)
    step = step_columns(task, machine, at, software_factor)
    return Plan(
        layout=layout,
        step_s={name: float(seconds[0]) for name, seconds in step.items()},
        memory={name: float(size[0]) for name, size in memory.items()},
    )
