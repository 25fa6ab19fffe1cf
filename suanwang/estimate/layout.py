"""Layouts as columns: one array a degree, one row a layout, so that thousands are weighed in one pass."""

from dataclasses import dataclass, fields
from itertools import product

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.estimate import Layout
from suanwang.domain.model import ModelSpec

Column = NDArray[np.float64]
RECOMPUTE = ("none", "selective", "full")
SHARDING = ("none", "optimizer", "full")
NONE, SELECTIVE, FULL = 0, 1, 2
"""Indices into RECOMPUTE."""
UNSHARDED, OPTIMIZER, SHARDED = 0, 1, 2
"""Indices into SHARDING."""
MICRO_BATCHES = (1, 2, 4, 8, 16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layouts:
    """Columns of equal length. `recompute` and `sharding` hold indices into RECOMPUTE and SHARDING."""

    tp: Column
    pp: Column
    dp: Column
    cp: Column
    ep: Column
    micro_batch: Column
    interleave: Column
    recompute: Column
    sharding: Column

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
        )

    def where(self, keep: NDArray[np.bool_]) -> "Layouts":
        """The rows that are kept, in order."""
        return Layouts(**{f.name: getattr(self, f.name)[keep] for f in fields(self)})


def columns(rows: list[tuple[int, ...]]) -> Layouts:
    """Rows of (tp, pp, dp, cp, ep, micro_batch, interleave, recompute, sharding) as columns."""
    table = np.array(rows, dtype=np.float64).reshape(-1, len(fields(Layouts)))
    return Layouts(**{f.name: table[:, i] for i, f in enumerate(fields(Layouts))})


def of(layout: Layout) -> Layouts:
    """A given layout as one row: how a known run is estimated."""
    degrees = (layout.tp, layout.pp, layout.dp, layout.cp, layout.ep, layout.micro_batch, layout.interleave)
    return columns([(*degrees, RECOMPUTE.index(layout.recompute), SHARDING.index(layout.sharding))])


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


def candidates(model: ModelSpec, global_batch: int, accelerators: int, cards_per_node: int) -> Layouts:
    """Layouts on at most `accelerators` cards: tensor parallel within a node, pipeline over layers, data parallel.

    A layout may leave cards idle: a gang is what is rented, not what is useful. Experts are spread over dp.
    """
    rows: list[tuple[int, ...]] = []
    tensor = [t for t in divisors(model.heads) if t <= min(cards_per_node, accelerators) and cards_per_node % t == 0]
    stages = sorted({*divisors(model.layers), *(2**k for k in range(8) if 2**k <= model.layers)})
    replicas = replica_counts(global_batch)
    for tp, pp in product(tensor, stages):
        chunks = [1] if pp == 1 else [v for v in (1, 2, 4) if model.layers % (pp * v) == 0] or [1]
        for dp in replicas:
            if tp * pp * dp > accelerators:
                break
            experts = [e for e in divisors(model.experts) if dp % e == 0] if model.experts else [1]
            shards = [UNSHARDED] if dp == 1 else [OPTIMIZER] if pp > 1 else [OPTIMIZER, SHARDED]
            micro = [b for b in MICRO_BATCHES if b * dp <= global_batch]
            rows += [
                (tp, pp, dp, 1, ep, b, v, r, z)
                for ep, b, v, r, z in product(experts[-3:], micro, chunks, range(len(RECOMPUTE)), shards)
            ]
    return columns(rows)
