"""Fragmentation of a node: how much of its free accelerators the usual jobs could not use.

Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4: the usual jobs are the most frequent demands of the
workload that make up 95 % of it; a node's fragmentation is the mean, over them, of what each could not use there.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.schedule.packing.nodes import MILLI, Bools, Demand, Ints

Floats = NDArray[np.float64]
Shape = tuple[int, int, int, frozenset[str]]

POPULARITY = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """One of the usual demands, and the share of the jobs that ask for it."""

    cpu_milli: int
    gpus: int
    gpu_milli: int
    models: frozenset[str]
    share: float


def usual_demands(demands: Iterable[Demand], popularity: float = POPULARITY) -> tuple[Usual, ...]:
    """The most frequent demands (memory aside) until they make up `popularity` of all; their shares sum to 1."""
    counts = Counter((d.cpu_milli, d.gpu_milli, d.gpus, d.models) for d in demands)
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (item[1], item[0][:3], sorted(item[0][3])), reverse=True)
    chosen, covered = [], 0
    for shape, count in ranked:
        if covered >= popularity * total:
            break
        chosen.append((shape, count))
        covered += count
    scale = covered / total
    every = len(chosen) == len(ranked)
    return tuple(
        Usual(
            cpu_milli=cpu, gpu_milli=milli, gpus=gpus, models=models, share=n / total if every else n / total / scale
        )
        for (cpu, milli, gpus, models), n in chosen
    )


class Fragmentation:
    """What of one model of accelerator the usual demands cannot use, for many states of a node at once.

    The sums run in the order of the published definition, kind of lack by kind of lack, so that ties between nodes
    fall as they do there.
    """

    def __init__(self, usual: tuple[Usual, ...], model: str) -> None:
        ours = [u for u in usual if u.gpus and (not u.models or model in u.models)]
        self._strangers = [u.share for u in usual if u.gpus and u.models and model not in u.models]
        self._cpu_only = _column([u.share for u in usual if not u.gpus])
        self._cpu_only_needs = _column([u.cpu_milli for u in usual if not u.gpus])
        self._share = _column([u.share for u in ours])
        self._cpu = _column([u.cpu_milli for u in ours])
        self._gpus = _column([u.gpus for u in ours])
        sizes = sorted({u.gpu_milli for u in ours})
        self._size = np.array([sizes.index(u.gpu_milli) for u in ours], dtype=np.int64)
        self.hosts = (np.arange(MILLI + 1)[:, None] >= np.array(sizes, dtype=np.int64)).astype(np.int64)
        """hosts[left, size]: whether an accelerator with `left` thousandths has room for a part of that size."""
        self.usable = self.hosts * np.arange(MILLI + 1)[:, None]
        """usable[left, size]: its thousandths if it has, else 0."""

    def amount(self, cpu_left: Ints, total_left: Ints, hosts: Ints, usable: Ints) -> Floats:
        """Thousandths of an accelerator that are of no use to the usual demands, by state; at least two states.

        `cpu_left` and `total_left` by state; `hosts` and `usable` (size x state) summed over the node's accelerators.
        """
        total = total_left.astype(np.float64)
        has_cpu = cpu_left >= self._cpu
        has_gpu = hosts[self._size] >= self._gpus
        lost = np.where(has_cpu & has_gpu, total_left - usable[self._size], total_left) * self._share
        amount: Floats = _sum(lost, ~(has_cpu | has_gpu))
        amount += _sum(lost, has_cpu)
        amount += _sum(lost, has_gpu & ~has_cpu)
        idle = total * self._cpu_only
        enough = cpu_left >= self._cpu_only_needs
        amount += _sum(idle, enough)
        amount += _sum(idle, ~enough)
        strangers = np.zeros_like(total)
        for share in self._strangers:
            strangers += share * total
        amount += strangers
        return amount


def _column(values: list[float] | list[int]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)[:, None]


def _sum(values: Floats, where: Bools) -> Floats:
    """Row by row, so that each column is summed in order."""
    kept: Floats = np.where(where, values, 0.0).sum(axis=0)
    return kept
