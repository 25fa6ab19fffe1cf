"""Layouts as columns: one array a degree, one row a layout, so that thousands are weighed in one pass."""

from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.estimate import Layout
from suanwang.domain.model import ModelSpec

Column = NDArray[np.float64]
RECOMPUTE = ("none", "selective", "full")
SHARDING = ("none", "optimizer", "gradients", "full")
OFFLOAD = ("none", "optimizer", "activations")
NONE, SELECTIVE, FULL = 0, 1, 2
"""Indices into RECOMPUTE."""
UNSHARDED, OPTIMIZER, GRADIENTS, SHARDED = 0, 1, 2, 3
"""Indices into SHARDING: nothing, ZeRO-1, ZeRO-2, ZeRO-3 (FSDP)."""
ON_CARD, OPTIMIZER_OFF, ACTIVATIONS_OFF = 0, 1, 2
"""Indices into OFFLOAD."""
MICRO_BATCHES = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """Columns of equal length. `recompute`, `sharding`, `offload` hold indices into RECOMPUTE, SHARDING, OFFLOAD."""

    tp: Column
    pp: Column
    dp: Column
    cp: Column
    ep: Column
    micro_batch: Column
    interleave: Column
    recompute: Column
    sharding: Column
    offload: Column

    def __len__(self) -> int:
        return len(self.tp)

    @property
    def accelerators(self) -> Column:
        """Cards that each layout uses."""
        return self.tp * self.pp * self.dp * self.cp

    def row(self, index: int) -> Layout:
        """One row as the domain's noun."""
        return Layout(
            tp=int(self.tp[index]),
            pp=int(self.pp[index]),
            dp=int(self.dp[index]),
            cp=int(self.cp[index]),
            ep=int(self.ep[index]),
            micro_batch=int(self.micro_batch[index]),
            interleave=int(self.interleave[index]),
            recompute=RECOMPUTE[int(self.recompute[index])],
            sharding=SHARDING[int(self.sharding[index])],
            offload=OFFLOAD[int(self.offload[index])],
        )

    def part(self, start: int, end: int) -> "Layouts":
        """The rows from `start` on, before `end`."""
        return Layouts(**{f.name: getattr(self, f.name)[start:end] for f in fields(self)})

    def where(self, keep: NDArray[np.bool_]) -> "Layouts":
        """The rows that are kept, in order."""
        return Layouts(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})


def columns(rows: list[tuple[int, ...]]) -> Layouts:
    """Rows of (tp, pp, dp, cp, ep, micro_batch, interleave, recompute, sharding, offload) as columns."""
    table = np.array(rows, dtype=np.float64).reshape(-1, len(fields(Layouts)))
    return Layouts(**{f.name: table[:, i] for i, f in enumerate(fields(Layouts))})


def of(layout: Layout) -> Layouts:
    """A given layout as one row: how a known run is estimated."""
    degrees = (layout.tp, layout.pp, layout.dp, layout.cp, layout.ep, layout.micro_batch, layout.interleave)
    kinds = (RECOMPUTE.index(layout.recompute), SHARDING.index(layout.sharding), OFFLOAD.index(layout.offload))
    return columns([(*degrees, *kinds)])


def divisors(number: int) -> list[int]:
    """All divisors, ascending."""
    low = [d for d in range(1, int(number**0.5) + 1) if number % d == 0]
    return sorted({*low, *(number // d for d in low)})


def replica_counts(global_batch: int) -> list[int]:
    """Sensible data-parallel degrees of a batch: its divisors, and the least that need 1, 2, 4 … passes.

    They do not depend on the number of cards, so that more cards only ever add layouts.
    """
    halves = {-(-global_batch // 2**k) for k in range(global_batch.bit_length() + 1)}
    return sorted({*divisors(global_batch), *halves})


def contexts(sequence_length: int, accelerators: int, *, wide: bool) -> list[int]:
    """Context-parallel degrees: none for short sequences, else powers of two that leave enough tokens to a card."""
    most = min(max(sequence_length // (512 if wide else 4096), 1), accelerators, 1024)
    if sequence_length <= 16384 and not wide:
        return [1]
    return [2**k for k in range(most.bit_length()) if 2**k <= most]


def candidates(
    model: ModelSpec,
    global_batch: int,
    accelerators: int,
    cards_per_node: int,
    sequence_length: int = 0,
    *,
    wide: bool = False,
    offload: tuple[int, ...] = (ON_CARD,),
) -> Layouts:
    """Layouts on at most `accelerators` cards: tensor parallel within a node, pipeline over layers, context, data.

    A layout may leave cards idle: a gang is what is rented, not what is useful. Experts are spread over dp x cp.
    `wide`: every degree of context and expert parallel, every interleaving and every sharding (a search); else those
    that are fastest in practice (a quote). `offload`: what may lie in the servers' memory.
    """
    rows: list[tuple[int, ...]] = []
    tensor = [t for t in divisors(model.heads) if t <= min(cards_per_node, accelerators) and cards_per_node % t == 0]
    stages = sorted({*divisors(model.layers), *(2**k for k in range(8) if 2**k <= model.layers)})
    replicas = replica_counts(global_batch)
    for tp, pp, cp in product(tensor, stages, contexts(sequence_length, accelerators, wide=wide)):
        for dp in replicas:
            if tp * pp * cp * dp > accelerators:
                break
            experts = [e for e in divisors(model.experts) if dp * cp % e == 0] if model.experts else [1]
            micro = [b for b in MICRO_BATCHES if b * dp <= global_batch]
            rows += [
                (tp, pp, dp, cp, ep, b, v, r, z, o)
                for ep, b, v, r, z, o in product(
                    experts if wide else experts[-3:],
                    micro,
                    chunks_of(model.layers, pp, wide=wide),
                    range(len(RECOMPUTE)),
                    shardings(dp * cp, pp, wide=wide),
                    offload,
                )
            ]
    return columns(rows)


def chunks_of(layers: int, pp: int, *, wide: bool) -> list[int]:
    """Interleavings: chunks of layers that a stage holds."""
    if pp == 1:
        return [1]
    every = divisors(-(-layers // pp))
    return every if wide else [v for v in every if v in (1, 2, 4, 8)]


def shardings(group: int, pp: int, *, wide: bool) -> list[int]:
    """Shardings over a data-parallel group; gradients and weights are not sharded where a pipeline passes often."""
    if group == 1:
        return [UNSHARDED]
    if pp > 1:
        return [UNSHARDED, OPTIMIZER] if wide else [OPTIMIZER]
    return [UNSHARDED, OPTIMIZER, GRADIENTS, SHARDED] if wide else [OPTIMIZER, SHARDED]
