"""Power and energy at the IT equipment: cards by load, and what the node draws beside them (PUE comes later)."""

from dataclasses import dataclass

from suanwang.domain.estimate import Assumption
from suanwang.domain.site import Pool
from suanwang.estimate import priors

COMPUTING, STREAMING, MOVING, WAITING = 1.0, 0.8, 0.6, 0.0
"""Dynamic power of a card (share of rated - idle) while it computes, streams its memory, moves bytes, waits: prior."""

LOAD = {
    "matrices": COMPUTING,
    "attention": COMPUTING,
    "recompute": COMPUTING,
    "compute": COMPUTING,
    "prefill": COMPUTING,
    "decode": STREAMING,
    "elementwise": STREAMING,
    "framework": COMPUTING,
    "tensor_parallel": MOVING,
    "expert_parallel": MOVING,
    "pipeline_transfer": MOVING,
    "data_parallel": MOVING,
    "optimizer": STREAMING,
    "offload": MOVING,
    "memory": STREAMING,
    "launches": WAITING,
    "stragglers": WAITING,
    "evaluation": COMPUTING,
    "unplanned": COMPUTING,
    "pipeline_bubble": WAITING,
    "interruptions": WAITING,
    "idle": WAITING,
}
"""Part of a breakdown -> dynamic load of the card during it; a part that is not listed counts as computing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Mean watts of a gang at the IT equipment, and what the figure rests on."""

    watts: float
    assumptions: tuple[Assumption, ...]


def mean_load(breakdown_s: dict[str, float]) -> float:
    """Time-weighted dynamic load 0..1 of a breakdown; 0 for an empty one."""
    seconds = sum(breakdown_s.values())
    return sum(LOAD.get(k, COMPUTING) * s for k, s in breakdown_s.items()) / seconds if seconds else 0.0


def power(pool: Pool, accelerators: int, working: int, load: float) -> Power:
    """Mean power of `accelerators` cards, of which `working` run at a dynamic load 0..1 and the rest idle.

    Card: rated x (idle share + (1 - idle share) x load). Node: measured watts where the pool has them, else a share of
    the cards' rated power; a node's overhead is shared evenly by its cards. Raises MissingFigure for the rated power.
    """
    rated = pool.accelerator.power_or_raise()
    idle = priors.IDLE_POWER.value
    cards = rated * (accelerators * idle + working * (1 - idle) * load)
    if pool.node_overhead_w is None:
        overhead = priors.NODE_OVERHEAD
        beside = rated * overhead.value * accelerators
    else:
        overhead = Assumption(name="node_overhead", value=pool.node_overhead_w, unit="W", source=f"pool {pool.id}")
        beside = pool.node_overhead_w * accelerators / pool.accelerators_per_node
    return Power(watts=cards + beside, assumptions=(priors.IDLE_POWER, overhead))
