"""Time lost on the way from a step to a run: interruptions (checkpoints, work done again, restarts) and slow nodes."""

from math import exp, expm1, log, sqrt

from suanwang.domain.site import Pool
from suanwang.estimate import priors
from suanwang.units import SECONDS_PER_HOUR


def seconds_between(accelerators: int, pool: Pool | None = None) -> float:
    """Mean seconds between interruptions of a gang; the pool's label card_hours_per_interruption, else the prior."""
    stated = pool.labels.get("card_hours_per_interruption") if pool else None
    hours = float(stated) if stated else priors.CARD_HOURS_PER_INTERRUPTION.value
    return hours * SECONDS_PER_HOUR / accelerators


def checkpoint_interval_s(accelerators: int, pool: Pool | None = None) -> float:
    """The seconds of work between two checkpoints that lose least: about Young's sqrt(2 C M), exactly Daly's.

    C seconds a checkpoint costs, M seconds between interruptions. Young 1974 (doi:10.1145/361147.361115); Daly 2006
    (doi:10.1016/j.future.2004.11.016): T/M = 1 - e^-((T + C)/M), solved by Newton from Young's.
    """
    between, cost = seconds_between(accelerators, pool), priors.CHECKPOINT_COST.value
    share, saving = min(sqrt(2 * cost / between), 1.0), cost / between
    for _ in range(20):
        left = exp(-(share + saving))
        share -= (share - 1 + left) / (1 - left)
    return share * between


def lost_share(accelerators: int, every_s: float | None = None, pool: Pool | None = None) -> float:
    """Share of wall time that a gang loses to interruptions, 0..1: exact for interruptions at random (Daly 2006).

    T seconds of work take M e^(R/M) (e^((T + C)/M) - 1) of wall time, R to restart. `every_s`: what the workload does
    between checkpoints; None takes the best interval.
    """
    between = seconds_between(accelerators, pool)
    every = every_s or checkpoint_interval_s(accelerators, pool)
    exponent = (every + priors.CHECKPOINT_COST.value) / between
    if exponent > 500:
        return 1 - 1e-9
    wall = between * exp(priors.RESTART.value / between) * expm1(exponent)
    return min(1 - every / wall, 1 - 1e-9)


def straggler_share(nodes: int) -> float:
    """How much longer a step of `nodes` in lock-step takes than on a mean node: spread x E(largest of n normals).

    E is sqrt(2 ln n) to within a fifth (Cramér 1946, section 28.6); the steps that the model was calibrated on ran on
    about CALIBRATED_NODES nodes and hold that much of it already.
    """
    most, already = (sqrt(2 * log(max(n, 1))) for n in (nodes, priors.CALIBRATED_NODES))
    return max(most - already, 0.0) * priors.NODE_SPREAD.value
