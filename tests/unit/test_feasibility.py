"""Parts of a feasibility study by hand-made cases: demand, power, refresh, loans, variance and refusals."""

from dataclasses import replace

import numpy as np
import pytest

from suanwang.errors import InvalidInput, Never
from suanwang.feasibility.breakeven import break_even
from suanwang.feasibility.capital import capital_flows
from suanwang.feasibility.cashflow import by_year, evaluate
from suanwang.feasibility.debt import level_schedule
from suanwang.feasibility.depreciation import declining_balance, exponential, straight_line
from suanwang.feasibility.montecarlo import monte_carlo
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.payback import payback
from suanwang.feasibility.plan import MONTHS, Asset, Debt, Phase, Plan, Vouchers
from suanwang.feasibility.pricing import advise, marginal_cost
from suanwang.feasibility.sampling import Spread
from suanwang.feasibility.scenarios import Change, Ways, gain, ways
from suanwang.feasibility.sensitivity import tornado
from suanwang.feasibility.tax import income_tax
from suanwang.feasibility.variance import Actual, review
from suanwang.feasibility.worth import rate_of_return
from tests.small_plan import small_plan


def test_depreciation_by_hand() -> None:
    assert straight_line(5, half_year=True).tolist() == pytest.approx([0.1, 0.2, 0.2, 0.2, 0.2, 0.1])
    assert declining_balance(5).tolist() == pytest.approx([0.4, 0.24, 0.144, 0.108, 0.108])
    assert exponential(3, 0.14).tolist() == pytest.approx([1 - 10**-0.14, 10**-0.14 - 10**-0.28, 10**-0.28])


def test_losses_are_carried_for_their_years_oldest_first() -> None:
    profit = np.array([[-100.0, -50.0, 30.0, 40.0, 200.0]])
    tax, used = income_tax(profit, np.array([[0.25]]), 3)
    assert used.tolist() == [[0, 0, 30, 40, 50]]  # of the first loss 30 is left when its three years are over
    assert tax.tolist() == [[0, 0, 0, 0, 37.5]]


def test_a_level_loan_with_grace() -> None:
    interest, principal = level_schedule(np.array([0.1]), 2, 1)
    assert interest.tolist() == pytest.approx([0.1, 0.1, 0.1 * (1 - 1 / 2.1)])
    assert principal.tolist() == pytest.approx([0, 1 / 2.1, 1.1 / 2.1])


def test_refresh_at_its_later_price_and_salvage_of_the_newest() -> None:
    asset = Asset(name="cards", cost=100.0, life_years=2, refresh=True, price_change=-0.1, salvage=0.5)
    flows = capital_flows(replace(small_plan(years=5), assets=(asset,), write_off=True))
    assert flows.first[0] == 100
    assert [float(flows.refresh[m]) for m in (24, 48)] == pytest.approx([81, 65.61])
    assert flows.salvage == pytest.approx(0.5 * 65.61)
    assert flows.depreciation.sum() == pytest.approx(100 + 81 + 65.61)


def test_power_of_a_month_by_hand() -> None:
    plan = small_plan(accelerators=100, utilisation=0.5, kw=1.0, pue=1.4, tariff=0.5)
    power = replace(
        plan.power, idle_share=0.2, fixed_share=0.25, demand_charge=30.0, green_share=0.5, green_premium=0.1
    )
    flows = evaluate(replace(plan, power=power))
    it = 100 * 730 * (0.5 + 0.2 * 0.5)
    energy = it + 0.4 * (0.75 * it + 0.25 * 100 * 730)
    assert flows.energy_kwh[0, 1] == pytest.approx(energy)
    assert flows.power[0, 1] == pytest.approx(energy * (0.5 + 0.05) + 100 * 1.0 * 1.4 * 30)


def test_phases_ramp_and_delay() -> None:
    plan = small_plan(accelerators=10, utilisation=0.5)
    segment = replace(plan.segments[0], ramp=((0.0, 0.0), (10.0, 1.0)))
    phases = (Phase(month=0, accelerators=10, months_to_build=2), Phase(month=4, accelerators=30, months_to_build=2))
    flows = evaluate(replace(plan, phases=phases, segments=(segment,), occupancy_delay=1.0))
    hours = flows.hours[0] / 730
    assert hours[:4].tolist() == [0, 0, 0, 0]
    assert hours[4] == pytest.approx(10 * 0.5 * 0.05)
    assert hours[7] == pytest.approx(40 * 0.5 * 0.35)
    assert hours[14] == pytest.approx(40 * 0.5)


def test_vouchers_are_paid_later_and_in_full() -> None:
    plan = small_plan()
    late = evaluate(replace(plan, vouchers=Vouchers(share=0.5, delay_months=3)))
    monthly = float(late.revenue[0, 1])
    assert late.reserve[0, [1, 4, 60]].tolist() == pytest.approx([-0.5 * monthly, 0, 1.5 * monthly])


def test_no_more_than_every_hour_is_sold() -> None:
    plan = small_plan(utilisation=0.8)
    flows = evaluate(plan, {"utilisation": np.array([0.8, 1.0, 1.6])})
    assert (flows.hours <= flows.possible + 1e-6).all()
    assert flows.revenue[1].sum() == pytest.approx(flows.revenue[2].sum())


@pytest.mark.parametrize("flows", [[100.0, 50.0], [-100.0, -50.0], [0.0, 0.0]])
def test_no_rate_of_return_is_named(flows: list[float]) -> None:
    with pytest.raises(Never, match="never changes sign"):
        rate_of_return(np.array(flows))


def test_a_plan_that_never_pays_says_so_and_has_no_nan() -> None:
    plan = small_plan(price=0.0, tax=0.0, salvage=0.0)
    result = outcome(evaluate(plan))
    assert result.irr is None
    assert result.payback_years is None
    assert any("no IRR" in str(note) for note in result.notes)
    with pytest.raises(Never, match="No discount_rate from"):
        break_even(plan, "discount_rate")


def test_pay_back_waits_for_spending() -> None:
    flows = np.array([[0.0, -10.0, 5.0, 10.0], [0.0, 1.0, 1.0, 1.0], [0.0, -1.0, -1.0, -1.0]])
    assert payback(flows).tolist() == [2.5, 0.0, np.inf]


def test_ways_and_marginal_cost() -> None:
    plan = small_plan(utilisation=0.5)
    found = dict(ways(plan, Ways(lease_per_month=5000.0, cloud_per_hour=20.0, join_share=0.5, join_fee=0.1)))
    assert list(found) == ["build", "lease", "cloud", "join"]
    assert found["cloud"].lcoe_per_accelerator_hour == pytest.approx(20)
    assert found["lease"].lcoe_per_accelerator_hour == pytest.approx(5000 / 730 / 0.5)
    assert found["join"].capital == 0
    assert found["join"].npv > 0
    assert marginal_cost(plan) == pytest.approx(1.28 * 1.25 * 0.45)


def test_a_retrofit_pays_by_its_energy() -> None:
    plan = small_plan(tax=0.0, salvage=0.0)
    found = gain(plan, Change(name="cold plate", values={"pue": 1.05}, cost=1_000_000.0, life_years=5))
    saved = 1000 * 0.6 * 8760 * 1.28 * 0.2
    assert found.energy_kwh_before - found.energy_kwh_after == pytest.approx(saved)
    assert found.saved_per_year == pytest.approx(saved * 0.45)
    assert found.payback_years == pytest.approx(1_000_000 / (saved * 0.45))


def test_a_price_cut_needs_more_use() -> None:
    plan = replace(small_plan(utilisation=0.5), pflops_per_accelerator=0.4, goodput=0.5)
    advice = advise(plan, {"on_demand": [8.0, 10.0, 30.0], "spot": [1.0]}, 0.1)
    (term,) = advice.terms
    assert (term.market_low, term.per_hour.market, term.market_high, term.samples) == (8, 10, 30, 3)
    assert term.per_delivered.market == pytest.approx(10 / 0.4 / 0.5)
    assert term.per_delivered.planned == pytest.approx(12 / 0.4 / 0.5)
    advice = advise(small_plan(utilisation=0.5), {}, 0.1)
    assert advice.terms[0].per_delivered.planned is None
    assert advice.cost is not None
    assert advice.cost_plus == pytest.approx(advice.cost * 1.1)
    needed = [cut.utilisation for cut in advice.cuts]
    power = marginal_cost(small_plan())
    assert needed[0] == pytest.approx(0.5 * (12 - power) / (0.95 * 12 - power))
    assert advise(small_plan(utilisation=0.95), {}, 0.1).cuts[1].utilisation is None


def test_the_tornado_is_sorted_and_uses_the_plan_s_ranges() -> None:
    swings = tornado(small_plan(), [Spread(name="price", low=11.9, likely=12, high=12.1)])
    assert [s.width for s in swings] == sorted((s.width for s in swings), reverse=True)
    price = next(s for s in swings if s.name == "price")
    assert (price.low, price.high, price.assumed) == (11.9, 12.1, False)


def months(plan: Plan, count: int) -> list[Actual]:
    flows = evaluate(plan)
    rows = (flow[0, 1 : count + 1].tolist() for flow in (flows.hours, flows.revenue, flows.power))
    figures = enumerate(zip(*rows, strict=True), start=1)
    return [Actual(month=m, hours=h, revenue=r, power_cost=p) for m, (h, r, p) in figures]


def test_a_year_as_planned_has_no_variance() -> None:
    plan = small_plan()
    found = review(plan, months(plan, 12))
    assert [abs(m.total) < 1e-3 for m in found.months] == [True] * 12
    assert found.forecast.npv == pytest.approx(found.planned.npv)


def test_each_cause_is_told_and_they_add_up() -> None:
    plan = small_plan()
    parts = (
        replace(plan.segments[0], name="a", share=0.4, price=10.0),
        replace(plan.segments[0], name="b", share=0.2, price=16.0),
    )
    plan = replace(plan, segments=parts, goodput=0.95)
    actual = Actual(month=1, hours=400_000, revenue=3_900_000, failed_hours=30_000, power_cost=300_000,
                    segments={"a": (300_000, 2_800_000), "b": (70_000, 1_100_000)})  # fmt: skip
    month = review(plan, [actual]).months[0]
    assert month.volume == pytest.approx((400_000 - 438_000) * 0.95 * 12)
    assert month.failures == pytest.approx(-(0.075 - 0.05) * 400_000 * 12)
    assert month.mix == pytest.approx(300_000 * 10 + 70_000 * 16 - 370_000 * 12)
    assert month.price == pytest.approx(3_900_000 - 300_000 * 10 - 70_000 * 16)
    assert month.volume + month.failures + month.mix + month.price == pytest.approx(3_900_000 - month.revenue_planned)
    assert month.power == pytest.approx(438_000 * 1.28 * 1.25 * 0.45 - 300_000)


def test_the_forecast_goes_on_as_the_last_months() -> None:
    plan = small_plan()
    sold = [replace(a, hours=a.hours * 0.5, revenue=a.revenue * 0.5 * 0.9) for a in months(plan, 6)]
    found = review(plan, sold)
    assert [found.utilisation_ratio, found.price_ratio] == pytest.approx([0.5, 0.9])
    assert found.forecast.utilisation == pytest.approx(0.3)
    with pytest.raises(InvalidInput, match="not 1, 2, 3"):
        review(plan, sold[1:])


def test_monte_carlo_needs_uncertain_figures() -> None:
    with pytest.raises(InvalidInput, match="no figure is uncertain"):
        monte_carlo(small_plan(), [], {}, 10)
    spreads = [Spread(name=n, low=0.5, likely=0.6, high=0.7) for n in ("utilisation", "goodput", "tariff")]
    pairs = {("utilisation", "goodput"): 0.9, ("goodput", "tariff"): 0.9, ("utilisation", "tariff"): -0.9}
    with pytest.raises(InvalidInput, match="contradict"):
        monte_carlo(small_plan(), spreads, pairs, 10)


def test_ten_thousand_draws_of_a_ten_year_monthly_model() -> None:
    plan = replace(
        small_plan(years=10, timing="monthly"), debt=Debt(share=0.5, rate=0.04, tenor_years=8, payments_per_year=MONTHS)
    )
    spreads = [
        Spread(name="price", low=8, likely=12, high=15),
        Spread(name="utilisation", low=0.3, likely=0.6, high=0.9),
        Spread(name="tariff", low=0.35, likely=0.45, high=0.6, shape="normal"),
        Spread(name="pue", low=1.15, likely=1.25, high=1.4),
        Spread(name="capital_cost", low=2.5e8, likely=2.8e8, high=3.2e8),
        Spread(name="occupancy_delay", low=0, likely=3, high=12),
    ]
    risk = monte_carlo(plan, spreads, {("price", "utilisation"): 0.5}, 10_000, 7)
    assert risk.npv.p10 is not None
    assert risk.npv.p90 is not None
    assert risk.npv.p10 < risk.npv_mean < risk.npv.p90
    assert 0 < risk.probability_npv_negative <= 1
    assert sum(risk.histogram_counts) == 10_000
    again = monte_carlo(plan, spreads, {("price", "utilisation"): 0.5}, 10_000, 7)
    assert again == risk


def test_yearly_sums() -> None:
    flow = np.arange(25.0)[None]
    assert by_year(flow).tolist() == [[0, 78, 222]]
