"""Laws of the cash flow: what must hold however a plan is turned."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.errors import NotFound
from suanwang.feasibility.breakeven import break_even, npv_of
from suanwang.feasibility.cashflow import by_year, evaluate
from suanwang.feasibility.depreciation import shares
from suanwang.feasibility.levers import LEVERS, lever
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.payback import payback
from suanwang.feasibility.plan import METHODS, Debt, Grant, Phase, Plan, Segment, Tax, Vouchers
from suanwang.feasibility.sampling import Spread, sample
from suanwang.feasibility.scenarios import turned
from suanwang.feasibility.sensitivity import range_of
from suanwang.feasibility.tax import income_tax
from suanwang.feasibility.worth import present_value, rates_of_return
from tests.small_plan import small_plan

amounts = st.floats(-1e6, 1e6).map(lambda x: round(x, 2))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    years = draw(st.integers(2, 12))
    path = tuple(draw(st.floats(0.7, 1.05)) ** y for y in range(years))
    plan = small_plan(
        years=years,
        cost=draw(st.floats(1e4, 4e5)),
        price=draw(st.floats(1, 30)),
        kw=draw(st.floats(0.2, 2)),
        pue=draw(st.floats(1, 1.8)),
        tariff=draw(st.floats(0.1, 1)),
        inflation=draw(st.floats(0, 0.05)),
        degradation=draw(st.floats(0, 0.03)),
        tax=draw(st.sampled_from([0.0, 0.15, 0.25])),
        discount=draw(st.floats(0.01, 0.2)),
        salvage=draw(st.floats(0, 0.3)),
        debt=draw(st.sampled_from([0.0, 0.6])),
        tenor=draw(st.integers(1, years - 1)),
        timing=draw(st.sampled_from(["yearly", "monthly"])),
    )
    sizes, months = st.integers(1, 2000), st.integers(0, 6)
    phase = st.builds(Phase, month=months, accelerators=sizes, months_to_build=months)
    phases = draw(st.lists(phase, min_size=1, max_size=3))
    mix = draw(st.lists(st.tuples(st.floats(0.05, 0.3), st.floats(1, 30)), min_size=1, max_size=3))
    ramp = ((0.0, 0.3), (18.0, 1.0))
    asset = replace(
        plan.assets[0],
        refresh=draw(st.booleans()),
        method=draw(st.sampled_from(METHODS)),
        half_year=False,
        life_years=draw(st.integers(1, 8)),
    )
    power = replace(
        plan.power,
        idle_share=draw(st.floats(0, 0.5)),
        fixed_share=draw(st.floats(0, 1)),
        demand_charge=draw(st.floats(0, 50)),
    )
    grant = Grant(
        name="g", amount=draw(st.floats(0, 1e6)), month=draw(st.integers(0, 20)), years=draw(st.integers(0, 3))
    )
    return replace(
        plan,
        phases=tuple(phases),
        segments=tuple(Segment(name=str(i), share=s, price=p, path=path, ramp=ramp) for i, (s, p) in enumerate(mix)),
        assets=(asset,),
        power=power,
        grants=(grant,),
        tax=Tax(rate=plan.tax.rate, carry_years=draw(st.sampled_from([None, 5]))),
        vouchers=Vouchers(share=draw(st.floats(0, 0.5)), delay_months=draw(st.integers(0, 30))),
        write_off=draw(st.booleans()),
        reserve_months=draw(st.floats(0, 6)),
    )


def worth(plan: Plan) -> float:
    return outcome(evaluate(plan)).npv


@given(plans(), st.floats(1.0, 3.0))
def test_more_price_never_lowers_the_npv(plan: Plan, factor: float) -> None:
    assert worth(turned(plan, {"price": LEVERS["price"].base(plan) * factor})) >= worth(plan) - 1e-4


@given(plans(), st.floats(1.0, 3.0))
def test_more_cost_never_raises_the_npv(plan: Plan, factor: float) -> None:
    for name in ("operating_cost", "tariff", "power_kw"):
        assert worth(turned(plan, {name: LEVERS[name].base(plan) * factor})) <= worth(plan) + 1e-4


@given(plans())
def test_a_year_is_the_sum_of_its_months(plan: Plan) -> None:
    months, years = (evaluate(replace(plan, timing=t)) for t in ("monthly", "yearly"))
    assert by_year(months.after_tax).sum() == pytest.approx(years.after_tax.sum())
    assert outcome(months).capital == outcome(years).capital
    monthly, yearly = (worth(replace(plan, timing=t, discount_rate=0.0)) for t in ("monthly", "yearly"))
    assert monthly == pytest.approx(yearly, abs=1e-3)


@given(plans(), st.sampled_from([0.01, 7.0, 1000.0]))
def test_another_currency_scales_the_amounts(plan: Plan, rate: float) -> None:
    now = plan.power
    power = replace(now, price=tuple(p * rate for p in now.price), demand_charge=now.demand_charge * rate)
    scaled = replace(
        plan,
        power=power,
        assets=tuple(replace(a, cost=a.cost * rate) for a in plan.assets),
        costs=tuple(replace(c, per_year=c.per_year * rate) for c in plan.costs),
        segments=tuple(replace(s, price=s.price * rate) for s in plan.segments),
        grants=tuple(replace(g, amount=g.amount * rate) for g in plan.grants),
    )
    before, after = outcome(evaluate(plan)), outcome(evaluate(scaled))
    assert after.npv == pytest.approx(before.npv * rate, rel=1e-9, abs=1e-6 * rate * before.capital)
    assert after.payback_years == pytest.approx(before.payback_years)
    assert after.irr == pytest.approx(before.irr, abs=1e-7)


@given(plans())
def test_the_order_of_phases_and_segments_does_not_matter(plan: Plan) -> None:
    other = replace(plan, phases=plan.phases[::-1], segments=plan.segments[::-1])
    assert worth(other) == pytest.approx(worth(plan), rel=1e-9, abs=1e-3)


@given(plans())
def test_without_discount_the_npv_is_what_is_earned_less_what_is_spent(plan: Plan) -> None:
    flows = evaluate(replace(plan, discount_rate=0.0))
    parts = flows.earnings.sum() - flows.capital.sum() - flows.loan.interest.sum() - flows.tax.sum()
    assert outcome(flows).npv == pytest.approx(parts, abs=1e-3)
    assert flows.loan.drawn.sum() == pytest.approx(flows.loan.principal.sum(), abs=1e-3)
    assert flows.reserve.sum() == pytest.approx(0, abs=1e-3)
    if plan.write_off:
        assert flows.depreciation.sum() == pytest.approx(flows.capital.sum())


@given(plans(), st.sampled_from(sorted(LEVERS)), st.floats(0, 1))
def test_a_lever_at_a_point_is_the_plan_that_has_it(plan: Plan, name: str, where: float) -> None:
    low, high, _ = range_of(plan, name, ())
    value = low + where * (high - low)
    assert npv_of(plan, {name: np.array([value])})[0] == pytest.approx(worth(turned(plan, {name: value})), abs=1e-2)


@given(plans(), st.sampled_from(sorted(LEVERS)))
def test_points_together_are_points_one_by_one(plan: Plan, name: str) -> None:
    low, high, _ = range_of(plan, name, ())
    values = np.linspace(low, high, 3)
    together = npv_of(plan, {name: values, "price": np.array([5.0, 6.0, 7.0])} if name != "price" else {name: values})
    for i, value in enumerate(values):
        levers = {name: value} if name == "price" else {name: value, "price": 5.0 + i}
        assert together[i] == pytest.approx(npv_of(plan, {n: np.array([v]) for n, v in levers.items()})[0], abs=1e-2)


@settings(max_examples=20)
@given(plans())
def test_at_the_break_even_price_the_npv_is_0(plan: Plan) -> None:
    found = break_even(plan, "price")
    assert abs(worth(turned(plan, {"price": found.value}))) <= 1e-6 * outcome(evaluate(plan)).capital


@given(st.sampled_from(METHODS), st.integers(1, 30), st.booleans(), st.floats(0.01, 0.5))
def test_a_life_is_depreciated_once(method: str, life: int, half_year: bool, orders: float) -> None:
    found = shares(method, life, half_year=half_year, orders_per_year=orders)
    assert found.sum() == pytest.approx(1)
    assert (found >= 0).all()


@given(st.lists(amounts, min_size=1, max_size=12), st.integers(1, 10), st.floats(0, 0.5))
def test_losses_carried_are_used_once_and_in_time(profits: list[float], years: int, rate: float) -> None:
    profit = np.array([profits])
    tax, used = income_tax(profit, np.array([[rate]]), years)
    refunded, _ = income_tax(profit, np.array([[rate]]), None)
    assert (tax >= 0).all()
    assert (used <= np.maximum(profit, 0) + 1e-9).all()
    assert used.sum() <= np.maximum(-profit, 0).sum() + 1e-6
    assert tax.sum() >= refunded.sum() - 1e-6
    for year in range(len(profits)):
        recent = np.maximum(-profit[0, max(0, year - years) : year], 0).sum()
        assert used[0, year] <= recent + 1e-6


@given(st.lists(amounts, min_size=2, max_size=15))
def test_at_its_rate_a_flow_is_worth_nothing(flows: list[float]) -> None:
    values = np.array(flows)
    for rate in rates_of_return(values):
        terms = np.abs(values / (1 + rate) ** np.arange(len(values))).sum()
        assert abs(present_value(values, rate)) <= 1e-9 * terms


@given(st.lists(amounts, min_size=2, max_size=15))
def test_at_the_pay_back_the_sum_is_0(flows: list[float]) -> None:
    years = float(payback(np.array([flows]))[0])
    total = np.cumsum(flows)
    if np.isinf(years):
        assert (total[np.argmax(total < 0) :] < 0).all()
    elif years > 0:
        assert np.interp(years, np.arange(len(flows)), total) == pytest.approx(0, abs=1e-3)


def test_samples_keep_their_distributions_and_reach_their_correlations() -> None:
    spreads = [
        Spread(name="a", low=0, likely=2, high=10),
        Spread(name="b", low=5, likely=7, high=9, shape="normal"),
        Spread(name="c", low=1, likely=2, high=3, shape="uniform"),
    ]
    found = sample(spreads, {("a", "b"): 0.7, ("a", "c"): -0.4}, 20_000, 3)
    assert found["a"].mean() == pytest.approx(4, abs=0.01)
    assert np.percentile(found["b"], [10, 50, 90]) == pytest.approx([5, 7, 9], abs=0.02)
    assert [found["c"].min(), found["c"].max()] == pytest.approx([1, 3], abs=0.001)
    ranks = {n: np.argsort(np.argsort(v)) for n, v in found.items()}
    for a, b, wanted in (("a", "b", 0.7), ("a", "c", -0.4), ("b", "c", 0.0)):
        assert np.corrcoef(ranks[a], ranks[b])[0, 1] == pytest.approx(wanted, abs=0.03)
    again = sample(spreads, {("a", "b"): 0.7, ("a", "c"): -0.4}, 20_000, 3)
    assert all((again[n] == v).all() for n, v in found.items())


def test_an_unknown_lever_is_named() -> None:
    with pytest.raises(NotFound, match="there is no variable rent"):
        lever("rent")


def test_a_loan_sized_by_its_cover_ratio_is_covered() -> None:
    plan = replace(
        small_plan(price=25.0, years=8), debt=Debt(share=0.9, rate=0.05, tenor_years=6, grace_years=1, cover_ratio=1.4)
    )
    flows = evaluate(plan)
    found = outcome(flows)
    assert found.debt <= 0.9 * found.capital
    assert flows.loan.drawn.sum() == pytest.approx(flows.loan.principal.sum())
    assert found.cover_ratio_min is not None
    assert found.cover_ratio_min >= 1.4 - 1e-9
