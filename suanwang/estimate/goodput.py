"""Time lost to interruptions of a long run: checkpoints, work done again, restarts."""

from math import sqrt

from suanwang.estimate import priors
from suanwang.units import SECONDS_PER_HOUR


def checkpoint_interval_s(accelerators: int) -> float:
    """Young's interval sqrt(2 C M): C seconds a checkpoint costs, M seconds between interruptions of the gang.

    Young 1974 (doi:10.1145/361147.361115).
    """
    between = priors.CARD_HOURS_PER_INTERRUPTION.value * SECONDS_PER_HOUR / accelerators
    return sqrt(2 * priors.CHECKPOINT_COST.value * between)


def lost_share(accelerators: int, every_s: float | None = None) -> float:
    """Share of wall time that a gang loses: C/T to save every T s, (T/2 + R)/M to repeat and to restart; below 0.9.

    `every_s`: what the workload does; None takes Young's interval.
    """
    between = priors.CARD_HOURS_PER_INTERRUPTION.value * SECONDS_PER_HOUR / accelerators
    every = every_s or checkpoint_interval_s(accelerators)
    lost = priors.CHECKPOINT_COST.value / every + (every / 2 + priors.RESTART.value) / between
    return min(lost, 0.9)
