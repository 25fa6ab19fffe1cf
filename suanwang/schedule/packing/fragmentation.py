"""Fragmentation of a node: how much of its free accelerators the usual jobs could not use.

Weng et al., "Beware of Fragmentation", USENIX ATC 2023, section 4: the usual jobs are the most frequent demands of the
workload that make up 95 % of it; a node's fragmentation is the mean, over them, of what each could not use there.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.schedule.packing.nodes import MILLI, Demand, Ints

Floats = NDArray[np.float64]

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
        Usual(cpu_milli=cpu, gpu_milli=milli, gpus=gpus, models=models, share=n / total if every else n / total / scale)
        for (cpu, milli, gpus, models), n in chosen
    )


class Fragmentation:
    """What of one model of accelerator the usual demands cannot use.

    A demand that fits loses the accelerators with less left than it takes of one; one that does not loses all; so does
    one that asks for none, or for other models. So fragmentation = all that is free, less what is `served`: with the
    demands by rising CPU, a running sum that the CPU left says where to cut (`within`).
    """

    def __init__(self, usual: tuple[Usual, ...], model: str) -> None:
        ours = sorted((u for u in usual if u.gpus and (not u.models or model in u.models)), key=lambda u: u.cpu_milli)
        self._share = np.array([u.share for u in ours])
        self._cpu = np.array([u.cpu_milli for u in ours], dtype=np.int64)
        self._gpus = np.array([u.gpus for u in ours], dtype=np.int64)
        least = np.array([u.gpu_milli for u in ours], dtype=np.int64)
        self._hosts = (np.arange(MILLI + 1)[:, None] >= least).astype(np.int64)
        self._usable = self._hosts * np.arange(MILLI + 1)[:, None]

    def within(self, cpu_left: Ints) -> Ints:
        """By CPU left: how many of the usual demands, by rising CPU, have enough."""
        return np.searchsorted(self._cpu, cpu_left, side="right")

    def served(self, lefts: Sequence[int], before: Ints, after: Ints, times: Ints) -> Floats:
        """By change (rows) and number of usual demands that have the CPU: thousandths that they can use, by share.

        `lefts`: what each accelerator has left; a change makes `times` of those with `before` left have `after`.
        """
        out = np.zeros((len(times), len(self._cpu) + 1))
        np.cumsum(self.usable(lefts, before, after, times) * self._share, axis=1, out=out[:, 1:])
        return out

    def usable(self, lefts: Sequence[int], before: Ints, after: Ints, times: Ints) -> Floats:
        """By change (rows) and usual demand: thousandths of an accelerator that it can use, were CPU plenty."""
        now, many = list(lefts), times[:, None]
        hosts = self._hosts[now].sum(axis=0) + (self._hosts[after] - self._hosts[before]) * many
        usable = self._usable[now].sum(axis=0) + (self._usable[after] - self._usable[before]) * many
        return np.where(hosts >= self._gpus, usable, 0).astype(np.float64)

    def amount(self, cpu_left: int, lefts: Sequence[int]) -> float:
        """Thousandths of an accelerator, of those that are left, that are of no use to the usual demands."""
        none = np.zeros(1, dtype=np.int64)
        served = self.served(lefts, none, none, none)
        return float(sum(lefts) - served[0, self.within(np.array([cpu_left]))[0]])
