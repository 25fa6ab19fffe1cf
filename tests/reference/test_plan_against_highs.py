"""The planner against HiGHS on small instances: prices are duals, the bound is the linear relaxation's."""

from functools import cache

import numpy as np
import pytest

from suanwang.place.bound import lower_bound
from suanwang.place.instance import Instance
from suanwang.place.plan import Plan, plan
from suanwang.place.quotes import Quoter
from suanwang.place.synthetic import Case, synthetic
from tests.place_oracle import Answer, solve

CASES = [
    Case(workloads=60, pools=8, hours=60, load=0.7, seed=1, gang_max=0.2),
    Case(workloads=150, pools=8, hours=72, load=0.9, seed=2),
]


@cache
def solved(number: int) -> tuple[Instance, Plan, Answer]:
    instance = synthetic(CASES[number])
    return instance, plan(instance), solve(instance)


@pytest.mark.parametrize("number", range(len(CASES)))
def test_strong_duality(number: int) -> None:
    """At the duals of HiGHS our bound is the cost of the relaxation; at any other prices it is not more."""
    instance, made, relaxed = solved(number)
    quoter = Quoter(instance)
    assert lower_bound(quoter, np.maximum(relaxed.prices, 0)) == pytest.approx(relaxed.cost, rel=2e-6)
    assert made.bound <= relaxed.cost * (1 + 1e-6)
    assert made.bound == pytest.approx(relaxed.cost, rel=1e-3)
    assert relaxed.prices.max() > 0.1  # capacity does bind


@pytest.mark.parametrize("number", range(len(CASES)))
def test_complementary_slackness(number: int) -> None:
    """A price above 0 only where the relaxation leaves nothing free; shares only of options that are cheapest at it."""
    instance, _, relaxed = solved(number)
    share = relaxed.share[: len(relaxed.option)]
    used = np.zeros(instance.capacity.shape)
    for option, start, part in zip(relaxed.option, relaxed.start, share, strict=True):
        used[instance.pool[option], start : start + instance.hours[option]] += part * instance.gang[option]
    assert (instance.capacity - used)[relaxed.prices > 1e-6].max() < 1e-3
    quoter = Quoter(instance)
    least, _ = quoter.choose(np.maximum(relaxed.prices, 0))
    for option, start in zip(relaxed.option[share > 1e-6], relaxed.start[share > 1e-6], strict=True):
        rate, until = instance.rate[option], start + instance.hours[option]
        per_hour = (instance.per_hour[rate] + relaxed.prices[instance.pool[option]])[start:until].sum()
        quoted = instance.gang[option] * per_hour + instance.fixed[option]
        assert quoted == pytest.approx(least[instance.workload[option]], rel=1e-5)


def test_near_the_best_plan() -> None:
    """HiGHS, given time to prove it, finds no plan that is 1 % cheaper; and ours respects its bound."""
    instance, made, _ = solved(0)
    best = solve(instance, whole=True, time_limit_s=20, begin=made.assignment, gap=0.002)
    assert best.bound <= made.cost * (1 + 1e-6)
    assert made.cost <= best.cost * 1.01
