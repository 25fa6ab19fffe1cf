"""Plan against actual, month by month: the difference in revenue less power, explained, and the forecast from there.

With H sold hours, F of them not charged, P the mean price: volume, failures, mix and price add up to the difference in
revenue exactly, power to that in the cost of power.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.demand import price_path, ramp
from suanwang.feasibility.levers import LEVERS, Array, Point
from suanwang.feasibility.outcome import Outcome, outcome
from suanwang.feasibility.plan import MONTHS, Plan, Series
from suanwang.feasibility.scenarios import turned

_TRAILING_MONTHS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Actual:
    """One month (1 = the first after the decision) as metered and billed. Hours are accelerator-hours.

    `failed_hours` were used and not charged. `segments`: charged hours and revenue by segment of the plan, where known.
    `power_cost` None: not metered. `voucher_revenue`: of the revenue, what vouchers paid.
    """

    month: int
    hours: float
    revenue: float
    failed_hours: float = 0.0
    power_cost: float | None = None
    voucher_revenue: float = 0.0
    segments: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Variance:
    """Of one month, in the plan's currency; positive is better than planned. The parts add up to `total`."""

    month: int
    hours_planned: float
    hours: float
    revenue_planned: float
    revenue: float
    volume: float
    failures: float
    mix: float
    price: float
    power: float

    @property
    def total(self) -> float:
        return self.volume + self.failures + self.mix + self.price + self.power


@dataclass(frozen=True, slots=True)
class Review:
    """Variances by month, and what the plan comes to when the months still to come follow the last ones.

    Ratios are actual over planned, of the last months: sold hours, revenue of a sold hour, and the cost of the power
    for the hours that were sold. `voucher_share`: of the revenue, what vouchers paid.
    """

    months: tuple[Variance, ...]
    planned: Outcome
    forecast: Outcome
    utilisation_ratio: float
    price_ratio: float
    power_ratio: float
    voucher_share: float
    forecast_plan: Plan


def check_months(plan: Plan, actuals: Sequence[Actual]) -> None:
    """Raises InvalidInput where a month is twice, missing between others, or outside the plan."""
    months = [a.month for a in actuals]
    problems = []
    if months != list(range(1, len(months) + 1)):
        what = msg("the months are {months}, not 1, 2, 3 …", months=", ".join(map(str, months[:12])) or "none")
        problems.append(Problem("month", what, msg("Give every month once, in order, from the decision on.")))
    if len(months) > plan.months:
        what = msg("there are {given} months, the plan has {months}.", given=len(months), months=plan.months)
        problems.append(Problem("month", what, msg("Give the plan more years, or leave the later months out.")))
    if problems:
        raise InvalidInput(problems)


def review(plan: Plan, actuals: Sequence[Actual]) -> Review:
    """Explain each month and forecast. Raises InvalidInput for months that do not follow the plan's."""
    check_months(plan, actuals)
    flows = evaluate(plan)
    months = tuple(_explain(plan, a, flows.hours[0], flows.revenue[0], flows.power[0]) for a in actuals)
    recent = [m for m in months if m.hours_planned > 0][-_TRAILING_MONTHS:]
    sold, planned = sum(m.hours for m in recent), sum(m.hours_planned for m in recent)
    hours_ratio = sold / planned if planned else 1.0
    earned, expected = sum(m.revenue for m in recent), sum(m.revenue_planned for m in recent)
    price_ratio = (earned / sold) / (expected / planned) if sold and expected else 1.0
    known = Series(hours=tuple(a.hours for a in actuals), revenue=tuple(a.revenue for a in actuals), name="actual")
    power_ratio = _power_ratio(evaluate(replace(plan, series=known)).power[0], actuals)
    values = {
        "utilisation": min(1.0, LEVERS["utilisation"].base(plan) * hours_ratio),
        "price": LEVERS["price"].base(plan) * price_ratio,
        "tariff": LEVERS["tariff"].base(plan) * power_ratio,
    }
    later = replace(turned(plan, values), series=known)
    revenue = sum(a.revenue for a in actuals)
    return Review(
        months=months,
        planned=outcome(flows),
        forecast=outcome(evaluate(later)),
        utilisation_ratio=hours_ratio,
        price_ratio=price_ratio,
        power_ratio=power_ratio,
        voucher_share=sum(a.voucher_revenue for a in actuals) / revenue if revenue else 0.0,
        forecast_plan=later,
    )


def _power_ratio(expected: Array, actuals: Sequence[Actual]) -> float:
    """Metered cost of power over what the plan would pay for the hours that were sold, in the last metered months."""
    metered = [a for a in actuals if a.power_cost is not None and expected[a.month] > 0][-_TRAILING_MONTHS:]
    paid = sum(a.power_cost or 0.0 for a in metered)
    planned = sum(float(expected[a.month]) for a in metered)
    return paid / planned if paid and planned else 1.0


def _planned_prices(plan: Plan, month: int) -> dict[str, tuple[float, float]]:
    """Segment to (share of the hours, price) in a month."""
    point, year, index = Point(plan), (month - 1) // MONTHS, (month - 1) % MONTHS
    return {
        s.name: (float(s.share * ramp(point, s)[0, year, index]), float(price_path(point, s)[0, year, 0]))
        for s in plan.segments
    }


def _explain(plan: Plan, actual: Actual, hours: Array, revenue: Array, power: Array) -> Variance:
    planned_hours, planned_revenue = float(hours[actual.month]), float(revenue[actual.month])
    prices = _planned_prices(plan, actual.month)
    total = sum(share for share, _ in prices.values())
    price = sum(share * p for share, p in prices.values()) / total if total else LEVERS["price"].base(plan)
    failing = 1 - plan.goodput
    failing_now = actual.failed_hours / actual.hours if actual.hours else failing
    charged = actual.hours * (1 - failing_now)
    known = {n: h for n, (h, _) in actual.segments.items() if n in prices}
    mixed = sum(h * prices[n][1] for n, h in known.items()) / sum(known.values()) if sum(known.values()) else price
    return Variance(
        month=actual.month,
        hours_planned=planned_hours,
        hours=actual.hours,
        revenue_planned=planned_revenue,
        revenue=actual.revenue,
        volume=(actual.hours * (1 - failing) * price) - planned_revenue,
        failures=-(failing_now - failing) * actual.hours * price,
        mix=charged * (mixed - price),
        price=actual.revenue - charged * mixed,
        power=0.0 if actual.power_cost is None else float(power[actual.month]) - actual.power_cost,
    )
