"""Plan: where and when each of many workloads runs at least total cost, the prices of capacity, and a bound.

Prices first (`prices`), then the hardest workloads first, each at its cheapest free place at those prices (`assign`),
then each that can do better at true cost is moved, then ejections where workloads are few. With the
prices of an earlier plan a few rounds suffice. The same instance and seed give the same plan.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from suanwang.place.assign import LEAST_GAIN, Floor, by_hardness, fill, improve
from suanwang.place.bound import lower_bound
from suanwang.place.ejection import eject
from suanwang.place.instance import Assignment, Floats, Instance, cost_by_workload
from suanwang.place.prices import LEVEL, LEVEL_WARM, climb, none
from suanwang.place.quotes import Prices, Quoter
from suanwang.place.sharp import sharp_bound

MANY = 100_000
"""Options above which a plan from yesterday's prices makes only moves that gain much."""


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is tried: rounds of prices and their patience, passes of re-insertion for at least a share of a
    workload's cost, ejections."""

    rounds: int
    patience: int
    level: float
    passes: int
    ejections: int
    gain: float = LEAST_GAIN

    @classmethod
    def of(cls, instance: Instance, *, warm: bool) -> "Effort":
        """Less for each workload where there are many, so that the work grows no worse than linearly."""
        options = max(len(instance.rate), 1)
        patience = min(max(250_000 // options, 3), 20)
        return cls(
            rounds=min(14 + 3_300_000 // options, 300) if warm else min(max(25_000_000 // options, 60), 1000),
            patience=patience - 1 if warm else patience,
            level=LEVEL_WARM if warm and options > MANY else LEVEL,
            passes=1 if warm else 2,
            ejections=0 if warm else max(0, 40_000 - 40 * instance.workloads),
            gain=(0.02 if options > 10 * MANY else 0.01) if warm and options > MANY else LEAST_GAIN,
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The plan of an instance. Money in the grid's currency; `prices` (P, T) per accelerator and hour."""

    instance: Instance
    assignment: Assignment
    prices: Prices
    bound: float
    rounds: int

    @cached_property
    def costs(self) -> Floats:
        """(W,) cost of each workload, or of its refusal."""
        return cost_by_workload(self.instance, self.assignment)

    @property
    def cost(self) -> float:
        return float(self.costs.sum())

    @property
    def gap(self) -> float:
        """How much dearer than the bound the plan is at most, as a share."""
        return self.cost / self.bound - 1 if self.bound else 0.0


def best_start(quoter: Quoter, yesterday: Prices) -> Prices:
    """All, half or nothing of yesterday's prices, by the greatest bound: few workloads differ much from day to day."""
    shares = (1.0, 0.5, 0.0) if len(quoter.instance.rate) <= MANY else (1.0, 0.0)
    return max((share * yesterday for share in shares), key=lambda prices: lower_bound(quoter, prices))


def plan(instance: Instance, *, yesterday: Prices | None = None, seed: int = 0, effort: Effort | None = None) -> Plan:
    """A plan within the capacities. `yesterday`: prices of an earlier plan, moved to this one's hours."""
    effort = effort or Effort.of(instance, warm=yesterday is not None)
    quoter = Quoter(instance)
    start = none(instance) if yesterday is None else best_start(quoter, yesterday)
    found = climb(quoter, start, effort.rounds, level=effort.level, patience=effort.patience)
    prices = found.prices
    floor, order = Floor(instance), by_hardness(instance)
    fill(floor, quoter, prices, order)
    for _ in range(effort.passes):
        improve(floor, quoter, order, effort.gain)
    assignment = eject(quoter, floor.plan(), prices, effort.ejections, np.random.default_rng(seed))
    bound = max(lower_bound(quoter, prices), sharp_bound(instance, prices))
    return Plan(instance=instance, assignment=assignment, prices=prices, bound=bound, rounds=found.rounds)
