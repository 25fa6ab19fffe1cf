"""Laws of plans: valid, never below the bound, the same from the same seed; quotes are what a search finds."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.place.bound import lower_bound
from suanwang.place.instance import REFUSED, Assignment, Instance, cost_by_workload, problems, usage
from suanwang.place.plan import Effort, best_start, plan
from suanwang.place.prices import climb, later, none
from suanwang.place.quotes import Prices, Quoter
from suanwang.place.sharp import KINDS, feasible, sharp_bound
from suanwang.place.synthetic import DAY, Case, synthetic

QUICK = Effort(rounds=20, patience=3, level=0.01, passes=1, ejections=100)
cases = st.builds(
    Case,
    workloads=st.integers(1, 60),
    pools=st.integers(1, 9),
    hours=st.sampled_from([49, 72, 100]),
    load=st.sampled_from([0.2, 0.7, 1.5]),
    seed=st.integers(0, 1000),
    gang_max=st.sampled_from([0.05, 0.3, 1.0]),
    day=st.integers(0, 1),
)
quickly = settings(max_examples=25, deadline=None, derandomize=True)


@quickly
@given(case=cases)
def test_a_plan_is_valid_and_not_below_the_bound(case: Case) -> None:
    instance = synthetic(case)
    made = plan(instance, effort=QUICK)
    assert problems(instance, made.assignment) == []
    assert made.bound <= made.cost
    assert (instance.gang <= case.gang_max * instance.capacity[instance.pool, 0]).all()


@quickly
@given(case=cases)
def test_no_prices_make_the_bound_too_high(case: Case) -> None:
    instance = synthetic(case)
    prices = np.random.default_rng(case.seed).exponential(3.0, instance.capacity.shape)
    assert lower_bound(Quoter(instance), prices) <= plan(instance, effort=QUICK).cost


@quickly
@given(case=cases)
def test_quotes_are_the_least_of_all_options_and_starts(case: Case) -> None:
    instance = synthetic(case)
    prices = np.random.default_rng(case.seed).exponential(1.0, instance.capacity.shape)
    quoted, wish = Quoter(instance).choose(prices)
    assert quoted == pytest.approx(by_search(instance, prices), rel=1e-6)
    assert cost_by_workload(instance, wish, instance.per_hour + prices[instance.rate_pool]) == pytest.approx(
        quoted, rel=1e-6
    )


def by_search(instance: Instance, prices: Prices) -> list[float]:
    best: list[float] = instance.refusal.tolist()
    per_hour = instance.per_hour + prices[instance.rate_pool]
    for i, (w, rate, hours) in enumerate(zip(instance.workload, instance.rate, instance.hours, strict=True)):
        for start in range(instance.first[i], instance.last[i] + 1):
            cost = instance.gang[i] * per_hour[rate, start : start + hours].sum() + instance.fixed[i]
            best[w] = min(best[w], cost)
    return best


def test_the_same_seed_gives_the_same_plan() -> None:
    instance = synthetic(Case(workloads=200, pools=8, load=0.7))
    one, two = (plan(instance, seed=3, effort=QUICK) for _ in range(2))
    assert np.array_equal(one.assignment.option, two.assignment.option)
    assert np.array_equal(one.assignment.start, two.assignment.start)


def test_yesterdays_prices_save_rounds() -> None:
    case = Case(workloads=4000, pools=8, load=0.7)
    yesterday = climb(Quoter(synthetic(case)), none(synthetic(case)), 60).prices
    today = synthetic(replace(case, day=1))
    effort = replace(QUICK, rounds=10, level=0.002, ejections=0)
    warm, blind = (plan(today, yesterday=prices, effort=effort) for prices in (later(yesterday, DAY), None))
    assert warm.bound > blind.bound


def test_useless_prices_of_yesterday_do_no_harm() -> None:
    instance = synthetic(Case(workloads=200, pools=8))
    quoter, absurd = Quoter(instance), np.full(instance.capacity.shape, 1e4)
    assert np.array_equal(best_start(quoter, absurd), none(instance))


def test_later_prices_keep_the_hour_of_the_day() -> None:
    prices = np.arange(72.0)[None]
    assert later(prices, 0).tolist() == prices.tolist()
    assert later(prices, 24)[0].tolist() == [*range(24, 72), *range(48, 72)]


def test_problems_are_found() -> None:
    instance = synthetic(Case(workloads=40, pools=4, load=1.0, gang_max=1.0))
    free = Quoter(instance).choose(np.zeros(instance.capacity.shape))[1]
    assert (usage(instance, free) > instance.capacity).any()
    assert any("over its capacity" in p for p in problems(instance, free))
    late = Assignment(option=free.option, start=np.where(free.option == REFUSED, 0, free.start + 100))
    assert any(
        "outside its window" in p for p in problems(instance, Assignment(option=late.option, start=late.start % 49))
    )
    shifted = Assignment(option=np.roll(free.option, 1), start=free.start)
    assert any("option of another" in p for p in problems(instance, shifted))


@quickly
@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=12),
    capacity=st.sampled_from([7, 12, 60, 100]),
    kind=st.sampled_from(KINDS),
)
def test_what_fits_takes_no_more_than_all_of_it(sizes: list[int], capacity: int, kind: int) -> None:
    """A dual feasible function: of gangs that fit together, the shares sum up to at most 1."""
    fit: list[int] = []
    for size in sizes:
        fit += [size] * (sum(fit) + size <= capacity)
    share = np.array(fit, np.float64) / capacity
    assert feasible(share, kind).sum() <= 1 + 1e-9


def test_large_gangs_have_a_sharper_bound() -> None:
    instance = synthetic(Case(workloads=30, pools=8, hours=60, load=0.9, seed=1, gang_max=0.45))
    made = plan(instance, effort=QUICK)
    plain = lower_bound(Quoter(instance), made.prices)
    assert plain < sharp_bound(instance, made.prices) <= made.cost
    small = synthetic(Case(workloads=30, pools=8, hours=60, load=0.9, seed=1, gang_max=0.1))
    assert sharp_bound(small, none(small)) == 0.0
