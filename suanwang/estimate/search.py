"""Search of all layouts of a training task on so many cards: the best by time, memory and cost, and why others fail."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.workload import Training
from suanwang.estimate import priors
from suanwang.estimate.finetuning import recipe
from suanwang.estimate.layout import Column, Layouts, candidates
from suanwang.estimate.machine import Machine
from suanwang.estimate.memory import training_memory
from suanwang.estimate.training import Plan, step_columns

CHUNK = 1 << 15
"""Layouts that are weighed in one pass: keeps the arrays in the cache and the memory small."""
ALIKE = 0.02
"""Plans that are less than this share apart in time, memory and cost are shown once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Layouts that do not fit and whose largest part is `part`: how many, and what the leanest of them needs, bytes."""

    part: str
    layouts: int
    least_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """`front`: no other fitting layout is better in step time, memory and card-seconds a step at once; by time."""

    weighed: int
    fitting: int
    front: tuple[Plan, ...]
    refused: tuple[Refused, ...]


def search(task: Training, machine: Machine, accelerators: int, software_factor: float = 1.0) -> Search:
    """Weigh every layout on at most `accelerators` cards (layout.candidates, wide)."""
    every = candidates(
        task.model,
        task.global_batch,
        accelerators,
        machine.cards_per_node,
        task.sequence_length,
        wide=True,
        offload=(0, 1, 2),
    )
    fronts: list[Plan] = []
    refusals: dict[str, list[tuple[int, float]]] = {}
    fitting = 0
    for start in range(0, len(every), CHUNK):
        at = every.part(start, start + CHUNK)
        reserve = machine.memory_bytes * priors.MEMORY_RESERVE.value
        memory = training_memory(task.model, recipe(task), task.sequence_length, at, reserve)
        total = sum(memory.values(), np.zeros(len(at)))
        fits = total <= machine.memory_bytes
        for part, found in why(memory, total, ~fits).items():
            refusals.setdefault(part, []).append(found)
        fitting += int(fits.sum())
        if fits.any():
            fronts += best_of(task, machine, at.where(fits), {k: v[fits] for k, v in memory.items()}, software_factor)
    merged = pareto(
        np.array([p.seconds for p in fronts]),
        np.array([sum(p.memory.values()) for p in fronts]),
        np.array([p.seconds * p.layout.accelerators for p in fronts]),
    )
    return Search(
        weighed=len(every),
        fitting=fitting,
        front=thinned([fronts[i] for i in merged]),
        refused=tuple(
            Refused(part=part, layouts=sum(n for n, _ in found), least_bytes=min(b for _, b in found))
            for part, found in sorted(refusals.items())
        ),
    )


def why(memory: dict[str, Column], total: Column, refused: NDArray[np.bool_]) -> dict[str, tuple[int, float]]:
    """Part of memory -> (layouts that do not fit and whose largest part it is, the least that one of them needs)."""
    names = list(memory)
    largest = np.argmax(np.stack([memory[name] for name in names]), axis=0)
    found = {}
    for index, name in enumerate(names):
        here = refused & (largest == index)
        if here.any():
            found[name] = (int(here.sum()), float(total[here].min()))
    return found


def best_of(
    task: Training, machine: Machine, at: Layouts, memory: dict[str, Column], software_factor: float
) -> list[Plan]:
    """Plans of the Pareto set of layouts that all fit."""
    step = step_columns(task, machine, at, software_factor)
    seconds = sum(step.values(), np.zeros(len(at)))
    total = sum(memory.values(), np.zeros(len(at)))
    return [
        Plan(
            layout=at.row(i),
            step_s={name: float(part[i]) for name, part in step.items()},
            memory={name: float(part[i]) for name, part in memory.items()},
        )
        for i in pareto(seconds, total, seconds * at.accelerators)
    ]


def pareto(first: Column, second: Column, third: Column) -> list[int]:
    """Indices of the rows that no other row betters in one column without being worse in another, by the first.

    Equal rows: the one that comes first. Rows in order of the first column can only be beaten by rows before them.
    """
    order = np.lexsort((third, second, first))
    kept: list[int] = []
    left = order
    # the head of what is left is beaten by nobody; drop all that it beats, and go on
    while len(left):
        head, left = left[0], left[1:]
        kept.append(int(head))
        left = left[(second[left] < second[head]) | (third[left] < third[head])]
    return kept


def thinned(front: list[Plan]) -> tuple[Plan, ...]:
    """The front by time, without plans that are nearly the same as a faster one."""
    kept: list[Plan] = []
    for plan in front:
        place = np.array([plan.seconds, sum(plan.memory.values()), plan.seconds * plan.layout.accelerators])
        near = any(
            np.all(
                np.abs(place / np.array([o.seconds, sum(o.memory.values()), o.seconds * o.layout.accelerators]) - 1)
                < ALIKE
            )
            for o in kept
        )
        if not near:
            kept.append(plan)
    return tuple(kept)
