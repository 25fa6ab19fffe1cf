"""Tornado: how far the NPV moves when one figure at a time goes to its low and its high."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.feasibility.breakeven import npv_of
from suanwang.feasibility.levers import LEVERS, unit_of
from suanwang.feasibility.plan import Plan
from suanwang.feasibility.sampling import Spread

STEP = 0.1
"""Where a plan does not say how uncertain a figure is, 10 % of it down and up, within what is possible."""
_DELAY_MONTHS = 6.0


@dataclass(frozen=True, slots=True)
class Swing:
    """NPV at the low and the high of a figure; `assumed` when the plan gives no range for it."""

    name: str
    unit: str
    planned: float
    low: float
    high: float
    npv_low: float
    npv_high: float
    assumed: bool

    @property
    def width(self) -> float:
        return abs(self.npv_high - self.npv_low)


def range_of(plan: Plan, name: str, spreads: Sequence[Spread]) -> tuple[float, float, bool]:
    """(low, high, assumed) of a lever."""
    own = next((s for s in spreads if s.name == name), None)
    if own is not None:
        return own.low, own.high, False
    chosen = LEVERS[name]
    planned = chosen.base(plan)
    if name == "occupancy_delay":
        return planned, planned + _DELAY_MONTHS, True
    ends = sorted((planned * (1 - STEP), planned * (1 + STEP)))
    if name == "pue":  # the overhead is what is uncertain; a PUE is never below 1
        ends = [1 + (planned - 1) * (1 - STEP), 1 + (planned - 1) * (1 + STEP)]
    return max(ends[0], chosen.low), min(ends[1], chosen.high), True


def tornado(plan: Plan, spreads: Sequence[Spread] = ()) -> tuple[Swing, ...]:
    """Every figure that moves the NPV, by the width of its swing, widest first."""
    swings = []
    for name in LEVERS:
        low, high, assumed = range_of(plan, name, spreads)
        if low == high:
            continue
        npv_low, npv_high = map(float, npv_of(plan, {name: np.array([low, high])}))
        if npv_low != npv_high:
            planned = LEVERS[name].base(plan)
            swings.append(Swing(name, unit_of(plan, name), planned, low, high, npv_low, npv_high, assumed))
    return tuple(sorted(swings, key=lambda s: -s.width))
