"""Laws of re-planning: what stands moves only where that pays, and a plan never thrashes."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.place.instance import REFUSED, Assignment, Floats, Instance, cost_by_workload, problems
from suanwang.place.plan import Effort, Plan, plan
from suanwang.place.rolling import GAIN, Standing, moved, replan
from suanwang.place.synthetic import Case, synthetic

QUICK = Effort(rounds=15, patience=3, level=0.01, passes=1, ejections=0)
seeds = st.integers(0, 10**6)
cases = st.builds(
    Case,
    workloads=st.integers(2, 50),
    pools=st.integers(2, 8),
    hours=st.sampled_from([49, 72]),
    load=st.sampled_from([0.3, 0.8, 1.5]),
    seed=seeds,
    gang_max=st.sampled_from([0.1, 0.5]),
)
quickly = settings(max_examples=25, deadline=None, derandomize=True)


def standing(made: Plan, move_cost: Floats | float = 0.0) -> Standing:
    return Standing(assignment=made.assignment, move_cost=np.broadcast_to(move_cost, len(made.assignment.option)) + 0.0)


def some_gone(made: Assignment, seed: int) -> Assignment:
    """The same without a third of the workloads' places: they are new."""
    new = np.random.default_rng(seed).random(len(made.option)) < 0.3
    return Assignment(option=np.where(new, REFUSED, made.option), start=np.where(new, 0, made.start))


def shaken(instance: Instance, share: float, seed: int) -> Instance:
    """The same with every price up or down by up to a share."""
    up = 1 + share * np.random.default_rng(seed).uniform(-1, 1, instance.power.shape)
    return replace(instance, rent=instance.rent * up, power=instance.power * up, carbon=instance.carbon * up)


@quickly
@given(case=cases, seed=seeds)
def test_a_plan_made_again_moves_nothing(case: Case, seed: int) -> None:
    """Whatever the prices of capacity that it starts from."""
    instance = synthetic(case)
    first = plan(instance, effort=QUICK)
    part = Standing(assignment=some_gone(first.assignment, seed), move_cost=np.zeros(instance.workloads))
    second = replan(instance, part, first.prices, effort=QUICK)
    again = replan(instance, standing(second), np.roll(first.prices, 1, axis=1), effort=QUICK)
    assert problems(instance, second.assignment) == []
    assert not moved(standing(second), again.assignment).any()
    assert again.assignment.refused == second.assignment.refused


@quickly
@given(case=cases, seed=seeds)
def test_small_changes_of_prices_move_nothing_there_and_back(case: Case, seed: int) -> None:
    """Prices that go up and down by less than half the least gain: nothing ever moves, so nothing moves back."""
    instance = synthetic(case)
    first = plan(instance, effort=QUICK)
    settled = replan(instance, standing(first), first.prices, effort=QUICK)
    now = standing(settled)
    for turn in range(3):
        after = replan(shaken(instance, GAIN / 3, seed + turn), now, settled.prices, effort=QUICK)
        assert not moved(now, after.assignment).any()
        now = standing(after)


@quickly
@given(case=cases, seed=seeds, share=st.sampled_from([0.0, 0.02, 0.5]))
def test_every_move_pays(case: Case, seed: int, share: float) -> None:
    """With prices much changed, what is moved costs less in the end, what its move costs included."""
    instance = synthetic(case)
    first = plan(instance, effort=QUICK)
    changed = shaken(instance, 0.3, seed)
    before = cost_by_workload(changed, first.assignment)
    had = standing(first, share * before)
    after = replan(changed, had, first.prices, effort=QUICK)
    gone = moved(had, after.assignment)
    costs = cost_by_workload(changed, after.assignment)
    assert problems(changed, after.assignment) == []
    assert (costs[gone] + had.move_cost[gone] <= before[gone] * (1 - GAIN / 2)).all()
    assert (costs[~gone] <= before[~gone] + 1e-9).all()


@quickly
@given(case=cases, seed=seeds)
def test_what_runs_stays_and_what_lost_its_pool_does_not(case: Case, seed: int) -> None:
    instance = synthetic(case)
    first = plan(instance, effort=QUICK)
    runs = np.random.default_rng(seed).random(instance.workloads) < 0.5
    lost = int(np.random.default_rng(seed).integers(case.pools))
    capacity = instance.capacity.copy()
    capacity[lost] = 0
    changed = replace(instance, capacity=capacity)
    had = standing(first, np.where(runs, np.inf, 0.0))
    after = replan(changed, had, first.prices, effort=QUICK)
    there = (first.assignment.option != REFUSED) & (instance.pool[first.assignment.option] == lost)
    gone = moved(had, after.assignment)
    assert problems(changed, after.assignment) == []
    assert gone[there].all()
    assert not gone[runs & ~there].any()


def test_a_move_that_pays_is_made() -> None:
    instance = synthetic(Case(workloads=60, pools=8, load=0.5, seed=3))
    first = plan(instance, effort=QUICK)
    changed = shaken(instance, 0.5, 1)
    after = replan(changed, standing(first), first.prices, effort=QUICK)
    dear = replan(changed, standing(first, 1e9), first.prices, effort=QUICK)
    assert moved(standing(first), after.assignment).sum() > 5
    assert after.cost < cost_by_workload(changed, first.assignment).sum()
    assert not moved(standing(first), dear.assignment).any()
