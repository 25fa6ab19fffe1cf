"""Instance: many workloads on many pools over whole hours, as columns; what a plan of them uses and costs.

The columns are all there is to the problem, so that a plan can be checked without this code: see `Instance`. A
workload is placed on one of its options from a whole hour on, or refused at its refusal cost. An option costs

    fixed + gang x sum over its hours of (rent + power + carbon)[rate, hour]

which is the objective of `suanwang.place.objective` for a run of whole hours with constant power.
"""

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Small = NDArray[np.int32]

REFUSED = -1
"""The option of a workload that has none."""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """W workloads, P pools, T hours, R rates, n options; money in units of the grid's currency.

    capacity      (P, T) accelerators that may be used in each hour
    rent, power, carbon  (R, T) per accelerator and hour; a rate is a pool with a power per accelerator
    rate_pool     (R,) pool of a rate
    workload      (n,) workload of an option; options are in order of pool, then workload
    rate          (n,) rate of an option
    gang          (n,) accelerators, all of them or none
    hours         (n,) hours it runs, at least 1
    first, last   (n,) first and last hour at which it may start; last + hours <= T
    fixed         (n,) cost that does not depend on the start, such as data
    refusal       (W,) cost of not running a workload
    """

    capacity: Ints
    rent: Floats
    power: Floats
    carbon: Floats
    rate_pool: Small
    workload: Small
    rate: Small
    gang: Small
    hours: Small
    first: Small
    last: Small
    fixed: Floats
    refusal: Floats

    def __post_init__(self) -> None:
        pool = self.rate_pool[self.rate]
        if ((self.first < 0) | (self.first > self.last) | (self.hours < 1) | (self.gang < 1)).any():
            raise ValueError("an option starts within its window and takes an hour and an accelerator")
        if (self.last + self.hours > self.capacity.shape[1]).any():
            raise ValueError("an option ends after the last hour")
        step = np.diff(pool)
        if (step < 0).any() or (np.diff(self.workload)[step == 0] < 0).any():
            raise ValueError("options are in order of pool, then workload")

    @property
    def workloads(self) -> int:
        return len(self.refusal)

    @cached_property
    def per_hour(self) -> Floats:
        """(R, T) cost of an accelerator for an hour: rent, power and carbon."""
        return self.rent + self.power + self.carbon

    @cached_property
    def pool(self) -> Small:
        """(n,) pool of an option."""
        return np.asarray(self.rate_pool[self.rate], np.int32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every column by its name, as they are saved."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def only(self, chosen: NDArray[np.bool_], capacity: Ints) -> "Instance":
        """The same problem with some of the workloads, renumbered in order, and another capacity."""
        number = np.cumsum(chosen) - 1
        keep = chosen[self.workload]
        columns = {name: getattr(self, name)[keep] for name in ("rate", "gang", "hours", "first", "last", "fixed")}
        return Instance(
            capacity=capacity,
            rent=self.rent,
            power=self.power,
            carbon=self.carbon,
            rate_pool=self.rate_pool,
            workload=number[self.workload[keep]].astype(np.int32),
            refusal=self.refusal[chosen],
            **columns,
        )


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """(W,) `option` of each workload, REFUSED for none, and the hour at which it `start`s (0 where refused)."""

    option: Ints
    start: Ints

    @property
    def refused(self) -> int:
        return int((self.option == REFUSED).sum())


def sums(per_hour: Floats) -> Floats:
    """(R, T + 1) prefix sums along the hours: a run from s to e costs sums[:, e] - sums[:, s] per accelerator."""
    result = np.zeros((per_hour.shape[0], per_hour.shape[1] + 1))
    np.cumsum(per_hour, axis=1, out=result[:, 1:])
    return result


def cost_by_workload(instance: Instance, plan: Assignment, per_hour: Floats | None = None) -> Floats:
    """(W,) cost of each workload in a plan: of its option, or its refusal. `per_hour` replaces the (R, T) rates."""
    total = sums(instance.per_hour if per_hour is None else per_hour)
    placed = plan.option != REFUSED
    option, start = plan.option[placed], plan.start[placed]
    rate = instance.rate[option]
    run = total[rate, start + instance.hours[option]] - total[rate, start]
    result = instance.refusal.copy()
    result[placed] = instance.gang[option] * run + instance.fixed[option]
    return result


def usage(instance: Instance, plan: Assignment) -> Ints:
    """(P, T) accelerators that a plan uses."""
    pools, hours = instance.capacity.shape
    placed = plan.option != REFUSED
    option, start = plan.option[placed], plan.start[placed]
    at = instance.pool[option].astype(np.int64) * (hours + 1) + start
    gang, size = instance.gang[option], pools * (hours + 1)
    change = np.bincount(at, gang, size) - np.bincount(at + instance.hours[option], gang, size)
    return np.rint(np.cumsum(change.reshape(pools, hours + 1), axis=1)[:, :hours]).astype(np.int64)


def problems(instance: Instance, plan: Assignment) -> list[str]:
    """What is wrong with a plan: options of others, starts outside windows, pools over capacity. Empty: it is valid."""
    placed = np.flatnonzero(plan.option != REFUSED)
    option, start = plan.option[placed], plan.start[placed]
    wrong = [f"workload {w} has an option of another" for w in placed[instance.workload[option] != placed]]
    outside = (start < instance.first[option]) | (start > instance.last[option])
    wrong += [f"workload {w} starts outside its window" for w in placed[outside]]
    over = np.argwhere(usage(instance, plan) > instance.capacity)
    return wrong + [f"pool {p} is over its capacity in hour {t}" for p, t in over]
