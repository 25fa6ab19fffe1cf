"""Nodes as columns: what each has left of CPU, memory and accelerators, and what a job asks of one of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MILLI = 1000
"""One whole accelerator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a job asks of one node: a part of one accelerator, some whole ones, or none.

    `gpus` accelerators with `gpu_milli` thousandths of each; a part (< 1000) of one only. `models` empty: any.
    """

    cpu_milli: int
    memory_mib: int
    gpus: int = 0
    gpu_milli: int = 0
    models: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if min(self.cpu_milli, self.memory_mib, self.gpus, self.gpu_milli) < 0 or self.gpu_milli > MILLI:
            raise ValueError("a demand is not negative, and at most 1000 thousandths of an accelerator")
        if (self.gpus == 0) != (self.gpu_milli == 0) or (self.gpus > 1 and self.gpu_milli != MILLI):
            raise ValueError("parts are asked of one accelerator only")

    @property
    def total_milli(self) -> int:
        """Thousandths of an accelerator, in all."""
        return self.gpus * self.gpu_milli

    @property
    def shares(self) -> bool:
        """Whether it takes a part of one accelerator."""
        return 0 < self.gpu_milli < MILLI


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A machine when nothing runs on it."""

    name: str
    cpu_milli: int
    memory_mib: int
    gpus: int
    model: str = ""
    rack: str = ""
    pod: str = ""


class Nodes:
    """A cluster's free resources, one row a node; the order of the rows decides ties: the first wins.

    Columns: `cpu_left` (thousandths of a core), `memory_left` (MiB), `gpu_left` (thousandths, by accelerator; 0 where
    the node has fewer), `total_left` and `full_left` (thousandths and untouched accelerators of the node), `most_left`.
    """

    def __init__(self, nodes: Sequence[Node]) -> None:
        width = max([1, *(n.gpus for n in nodes)])
        self.nodes = tuple(nodes)
        self.cpu = np.array([n.cpu_milli for n in nodes], dtype=np.int64)
        self.gpus = np.array([n.gpus for n in nodes], dtype=np.int64)
        self.cpu_left = self.cpu.copy()
        self.memory_left = np.array([n.memory_mib for n in nodes], dtype=np.int64)
        self.gpu_left = np.where(np.arange(width) < self.gpus[:, None], MILLI, 0).astype(np.int64)
        self.total_left = self.gpu_left.sum(axis=1)
        self.full_left = self.gpus.copy()
        self.most_left = self.gpu_left.max(axis=1)
        self._models: dict[frozenset[str], Bools] = {}

    @property
    def capacity_milli(self) -> int:
        """Accelerators of all nodes, in thousandths."""
        return int(self.gpus.sum()) * MILLI

    def of_model(self, models: frozenset[str]) -> Bools:
        """The rows whose accelerators are one of `models`."""
        if models not in self._models:
            self._models[models] = np.array([n.model in models for n in self.nodes], dtype=np.bool_)
        return self._models[models]

    def fits(self, demand: Demand) -> Bools:
        """The rows that have room for the demand now."""
        fit = self.cpu_left >= demand.cpu_milli
        fit &= self.memory_left >= demand.memory_mib
        if demand.shares:
            fit &= self.most_left >= demand.gpu_milli
        elif demand.gpus:
            fit &= self.full_left >= demand.gpus
        if demand.models:
            fit &= self.of_model(demand.models)
        return fit

    def take(self, row: int, demand: Demand, devices: Sequence[int]) -> None:
        """Give the demand these accelerators of the row. Raises ValueError when they do not have it."""
        self._move(row, demand, devices, 1)

    def free(self, row: int, demand: Demand, devices: Sequence[int]) -> None:
        """Give back what was taken."""
        self._move(row, demand, devices, -1)

    def _move(self, row: int, demand: Demand, devices: Sequence[int], sign: int) -> None:
        if len(set(devices)) != demand.gpus:
            raise ValueError(f"{demand.gpus} accelerators are asked for, {len(devices)} are given")
        left = self.gpu_left[row]
        for device in devices:
            left[device] -= sign * demand.gpu_milli
            if not 0 <= left[device] <= MILLI or device >= self.gpus[row]:
                raise ValueError(f"accelerator {device} of {self.nodes[row].name} has not that much")
        self.cpu_left[row] -= sign * demand.cpu_milli
        self.memory_left[row] -= sign * demand.memory_mib
        if self.cpu_left[row] < 0 or self.memory_left[row] < 0:
            raise ValueError(f"{self.nodes[row].name} has not that much CPU or memory")
        if devices:
            lefts = left.tolist()
            self.total_left[row] = sum(lefts)
            self.full_left[row] = lefts.count(MILLI)
            self.most_left[row] = max(lefts)


def tightest(lefts: Sequence[int], demand: Demand) -> tuple[int, ...]:
    """Accelerators of one node: for a part the one with the least left that has it, else the first untouched ones."""
    if demand.shares:
        return (min((left, i) for i, left in enumerate(lefts) if left >= demand.gpu_milli)[1],)
    return tuple([i for i, left in enumerate(lefts) if left == MILLI][: demand.gpus])
