"""The layouts that a published run leaves open: every degree that is printed is kept, the blanks are searched."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.workload import Training
from suanwang.errors import msg
from suanwang.estimate import priors
from suanwang.estimate.finetuning import recipe
from suanwang.estimate.layout import (
    FULL,
    OPTIMIZER,
    SELECTIVE,
    SHARDED,
    UNSHARDED,
    Layouts,
    candidates,
    columns,
    divisors,
)
from suanwang.estimate.machine import Machine
from suanwang.estimate.memory import training_memory
from suanwang.estimate.published.row import Row, Unscored
from suanwang.estimate.training import Plan, step_columns

SLACK = 1.5
"""How far over the memory an estimate may be before a published run is taken to recompute (tables leave that blank)."""
MICRO_BATCHES = (1, 2, 4, 8, 16)
CHUNKS_MOST = 8
"""Interleavings that are weighed where a source does not tell them."""


def recomputations(row: Row) -> list[int]:
    """What is recomputed; "none" in published tables is with fused attention, which does not keep the scores."""
    word = row.text("recompute").lower()
    if not word:
        return [SELECTIVE, FULL]
    return [FULL] if word in ("full", "true", "yes", "1", "full_recompute") else [SELECTIVE]


def sharding(row: Row, pp: int) -> int:
    """Full for FSDP and ZeRO-3 (no pipeline with it), none where the table says so, else the optimizer's states."""
    word = row.text("optimizer_sharding").lower().replace(" ", "").replace("_", "").replace("-", "")
    full = ("fsdp" in word and "gradop" not in word) or "zero3" in word or "fullshard" in word
    if full and pp == 1:
        return SHARDED
    return UNSHARDED if word in ("none", "no", "ddp", "0") else OPTIMIZER


def interleavings(row: Row, layers: int, pp: int) -> list[int]:
    """Chunks of layers a stage: as printed; open where the source never tells them."""
    if row.number("interleave") or "interleave" in row.told or pp == 1:
        return [row.whole("interleave", 1)]
    return [v for v in divisors(-(-layers // pp)) if v <= CHUNKS_MOST]


def given(row: Row, accelerators: int, batch: int, layers: int, experts: int = 0) -> Layouts | None:
    """The printed degrees with open blanks; None where neither tensor nor pipeline degree is printed."""
    if row.number("TP", "PP") is None and "fsdp" not in row.text("optimizer_sharding").lower():
        return None
    tp, pp, cp = row.whole("TP", 1), row.whole("PP", 1), row.whole("CP", 1)
    dp = max(accelerators // (tp * pp * cp), 1)
    most = max(-(-batch // dp), 1)
    micro = [min(row.whole("micro_batch", 1), most)] if row.number("micro_batch") else []
    micro = micro or [b for b in MICRO_BATCHES if b <= most]
    chunks = interleavings(row, layers, pp)
    spread = [min(row.whole("EP", 1), dp * cp * tp, max(experts, 1))]
    if experts and row.number("EP") is None:
        spread = [e for e in divisors(experts) if dp % e == 0]
    choices = product(spread, micro, chunks, recomputations(row))
    return columns([(tp, pp, dp, cp, ep, b, v, r, sharding(row, pp), 0) for ep, b, v, r in choices])


def searched(row: Row, task: Training, accelerators: int, cards_per_node: int) -> Layouts:
    """Layouts of the search that use all the cards and keep what is printed; Raises Unscored where there is none."""
    at = candidates(task.model, task.global_batch, accelerators, cards_per_node)
    keep = at.accelerators >= accelerators * 0.9
    for column, name in (("micro_batch", "micro_batch"), ("DP", "dp"), ("EP", "ep"), ("CP", "cp")):
        value = row.number(column)
        if value is not None and (keep & (getattr(at, name) == value)).any():
            keep &= getattr(at, name) == value
    if row.text("recompute"):
        keep &= np.isin(at.recompute, recomputations(row))
    if not keep.any():
        raise Unscored(msg("no layout uses {count} cards with this batch", count=accelerators))
    return at.where(keep)


def open_layouts(
    row: Row, task: Training, machine: Machine, accelerators: int
) -> tuple[Layouts, dict[str, NDArray[np.float64]]]:
    """The layouts that a row leaves open and that fit, with their memory by part; where none seems to, the leanest.

    A published run did fit.
    """
    at = given(row, accelerators, task.global_batch, task.model.layers, task.model.experts)
    if at is None:
        at = searched(row, task, accelerators, machine.cards_per_node)
    reserve = machine.memory_bytes * priors.MEMORY_RESERVE.value
    memory = training_memory(task.model, recipe(task), task.sequence_length, at, reserve)
    total = sum(memory.values(), np.zeros(len(at)))
    fits = total <= max(machine.memory_bytes * SLACK, float(total.min()))
    return at.where(fits), {name: part[fits] for name, part in memory.items()}


def run_plan(row: Row, task: Training, machine: Machine, accelerators: int) -> Plan:
    """The fastest of the open layouts."""
    at, memory = open_layouts(row, task, machine, accelerators)
    step = step_columns(task, machine, at)
    best = int(np.argmin(sum(step.values(), np.zeros(len(at)))))
    return Plan(
        layout=at.row(best),
        step_s={name: float(part[best]) for name, part in step.items()},
        memory={name: float(part[best]) for name, part in memory.items()},
    )
