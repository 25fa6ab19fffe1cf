"""Plan files: an instance and its plan as NumPy arrays in a folder, described in a text beside them."""

from pathlib import Path

import numpy as np

from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.place.plan import Plan

README = """\
instance.npz: the problem. W workloads, P pools, T hours, R rates, n options.
  capacity (P, T)             accelerators that may be used in each hour
  rent, power, carbon (R, T)  cost per accelerator and hour
  rate_pool (R,)              pool of a rate
  workload, rate (n,)         whose option it is, and what it pays
  gang, hours (n,)            accelerators (all of them or none), hours without a break
  first, last (n,)            first and last hour at which it may start
  fixed (n,)                  cost that does not depend on the start
  refusal (W,)                cost of not running a workload
plan.npz: the answer.
  option, start (W,)          option (-1 = refused) and starting hour of each workload
  prices (P, T)               price of capacity, per accelerator and hour
  cost, bound ()              cost of the plan; what no plan can beat

The plan is valid where, for every w with o = option[w] >= 0 and s = start[w]:
  workload[o] == w and first[o] <= s <= last[o]
  the sum over w of gang[o] in pool rate_pool[rate[o]] and hours s .. s + hours[o] - 1 is at most the capacity
It costs the sum over w of refusal[w] where refused, else of
  fixed[o] + gang[o] * (rent + power + carbon)[rate[o], s : s + hours[o]].sum()
For any prices >= 0, no plan costs less than
  sum over w of min(refusal[w], min over its o and s of the same with rent + power + carbon + prices[pool])
  - (prices * capacity).sum()
"""


def save_plan(folder: str, plan: Plan) -> None:
    """Write instance.npz, plan.npz and README.txt, made if need be. Raises InvalidInput where that cannot be."""
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        np.savez(path / "instance.npz", allow_pickle=False, **plan.instance.arrays())
        np.savez(
            path / "plan.npz",
            option=plan.assignment.option,
            start=plan.assignment.start,
            prices=plan.prices,
            cost=np.array(plan.cost),
            bound=np.array(plan.bound),
        )
        (path / "README.txt").write_text(README, encoding="utf-8")
    except OSError as error:
        why = msg("The folder cannot be written: {why}.", why=why_not_read(error))
        raise InvalidInput([Problem(folder, why, msg("Check the path and its rights."))]) from error
