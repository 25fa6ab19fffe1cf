"""Rolling: a plan made anew when work came, ended or failed, that leaves what stands where it is unless moving pays.

What stands keeps its option and start as far as they are still allowed and fit; what does not is planned like new work.
The rest is filled in at prices that climb from yesterday's. Then a workload is moved only if it gets cheaper by more
than its move costs and by a share of its cost besides, again and again until none is. Each move lowers the cost of the
plan, moves included, by at least that much, so that it ends; and made again from its own result, it moves nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.place.assign import LEAST_GAIN, Floor, by_hardness, fill, improve
from suanwang.place.bound import lower_bound
from suanwang.place.instance import REFUSED, Assignment, Floats, Instance, cost_by_workload
from suanwang.place.plan import Effort, Plan, best_start
from suanwang.place.prices import climb
from suanwang.place.quotes import Prices, Quoter

GAIN = 0.01
"""A workload that has a place moves for at least this share of its cost, beyond what moving costs."""
PASSES_MAX = 50


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What workloads have: (W,) option and start of each, REFUSED where none, and what moving each would cost.

    `move_cost` (W,) in currency; infinite for what may not move. What runs has an option from hour 0 on for the hours
    that are left, and, if it may move, options elsewhere whose hours and fixed cost hold its checkpoint.
    """

    assignment: Assignment
    move_cost: Floats


def keep(instance: Instance, standing: Standing) -> Floor:
    """A floor with all that stands and is still allowed; where a pool has become too small, those that would be
    cheapest to refuse lose their place first."""
    floor, plan = Floor(instance), standing.assignment
    option, start = plan.option, plan.start
    has = np.flatnonzero(option != REFUSED)
    allowed = (start[has] >= instance.first[option[has]]) & (start[has] <= instance.last[option[has]])
    has = has[allowed & (instance.workload[option[has]] == has)]
    fixed = ~np.isfinite(standing.move_cost[has])
    worth = instance.refusal[has] / (instance.gang[option[has]] * instance.hours[option[has]])
    for workload in has[np.lexsort((-worth, ~fixed))].tolist():
        at, begin = int(option[workload]), int(start[workload])
        stop, pool = begin + int(instance.hours[at]), int(instance.pool[at])
        floor.take_if_free(workload, at, pool, begin, stop, int(instance.gang[at]))
    return floor


def replan(instance: Instance, standing: Standing, yesterday: Prices, *, effort: Effort | None = None) -> Plan:
    """A plan that moves what stands only where that pays. `yesterday`: prices of the plan before, for these hours."""
    effort = effort or Effort.of(instance, warm=True)
    quoter = Quoter(instance)
    start = best_start(quoter, yesterday)
    prices = climb(quoter, start, effort.rounds, level=effort.level, patience=effort.patience).prices
    floor, order = keep(instance, standing), by_hardness(instance)
    kept = np.array(floor.option, np.int64)
    fill(floor, quoter, prices, order[kept[order] == REFUSED])
    gain = _gains(instance, floor, standing, kept)
    passes = next((n for n in range(PASSES_MAX) if not improve(floor, quoter, order, gain)), PASSES_MAX)
    bound = lower_bound(quoter, prices)
    return Plan(instance=instance, assignment=floor.plan(), prices=prices, bound=bound, rounds=passes)


def _gains(instance: Instance, floor: Floor, standing: Standing, kept: NDArray[np.int64]) -> Floats:
    """(W,) the share of its cost that each must save to be moved: more than all of it for what may not."""
    cost = cost_by_workload(instance, floor.plan())
    moving = GAIN + standing.move_cost / np.maximum(cost, 1e-9)
    return np.where(kept == REFUSED, LEAST_GAIN, np.minimum(moving, 2.0))


def moved(before: Standing, after: Assignment) -> NDArray[np.bool_]:
    """(W,) which of those that stood stand elsewhere or at another time now, or have no place."""
    was = before.assignment
    return np.asarray((was.option != REFUSED) & ((was.option != after.option) | (was.start != after.start)))
