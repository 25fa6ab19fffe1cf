"""What to charge for an accelerator-hour: from its cost, from the market, from its marginal cost; and price cuts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.errors import Never
from suanwang.feasibility.breakeven import break_even
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.levers import mean_price
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.plan import Plan, Segment
from suanwang.feasibility.scenarios import turned

CUTS = (0.05, 0.1, 0.2, 0.3)

Samples = Mapping[str, Sequence[float]]
"""Dated market prices of an accelerator-hour by term (reserved, on_demand, spot)."""


@dataclass(frozen=True, slots=True)
class Prices:
    """One term's price as planned, at cost plus margin, at break-even, of the market (median), and at its marginal
    cost: what one more sold hour costs (power). None: there is none."""

    planned: float | None
    cost_plus: float | None
    break_even: float | None
    market: float | None
    marginal: float | None

    def over(self, units: float | None) -> "Prices":
        """The same for a unit of which an accelerator-hour has `units`; all None where that is not known."""
        given = (self.planned, self.cost_plus, self.break_even, self.market, self.marginal)
        return Prices(*(None if price is None or not units else price / units for price in given))


@dataclass(frozen=True, slots=True)
class Term:
    """A segment of the demand with its prices per accelerator-hour and per delivered PFLOP-hour; `market_low`,
    `market_high` and `samples` of its term."""

    name: str
    term: str
    per_hour: Prices
    per_delivered: Prices
    market_low: float | None
    market_high: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class Cut:
    """A price cut and the utilisation that keeps the NPV as planned; None: more than every hour would be needed."""

    share: float
    price: float
    utilisation: float | None


@dataclass(frozen=True, slots=True)
class Advice:
    """Of the mix, per accelerator-hour: planned, at cost, at cost plus `margin`, at break-even, at marginal cost.

    `delivered_pflop_hours`: what a sold accelerator-hour delivers; None where the card's rate is not known.
    """

    planned: float
    cost: float | None
    margin: float
    cost_plus: float | None
    break_even: float | None
    marginal: float
    delivered_pflop_hours: float | None
    terms: tuple[Term, ...]
    cuts: tuple[Cut, ...]


def marginal_cost(plan: Plan) -> float:
    """Power of the first year that one more sold accelerator-hour takes, and capacity bought for it."""
    power = plan.power
    overhead = np.array(power.pue) - 1
    energy = power.kw_per_accelerator * (1 - power.idle_share) * (1 + (1 - power.fixed_share) * overhead)
    price = np.array(power.price) + power.green_share * power.green_premium
    return float((energy * price).mean() + plan.purchase_per_hour)


def advise(plan: Plan, market: Samples, margin: float) -> Advice:
    """`market`: samples in the plan's currency; `margin`: over the levelised cost. Cost-plus and break-even prices of
    the mix are spread over its terms as the planned prices are."""
    found = outcome(evaluate(plan))
    planned, cost = mean_price(plan), found.lcoe_per_accelerator_hour
    plus = None if cost is None else cost * (1 + margin)
    try:
        even = break_even(plan, "price").value
    except Never:
        even = None
    units = None if plan.pflops_per_accelerator is None else plan.pflops_per_accelerator * plan.goodput
    marginal = marginal_cost(plan)

    def term(segment: Segment) -> Term:
        part = segment.price / planned if planned else None
        samples = market.get(segment.term, ())
        per_hour = Prices(
            planned=segment.price,
            cost_plus=None if plus is None or part is None else plus * part,
            break_even=None if even is None or part is None else even * part,
            market=float(np.median(samples)) if samples else None,
            marginal=marginal,
        )
        low, high = (min(samples), max(samples)) if samples else (None, None)
        return Term(segment.name, segment.term, per_hour, per_hour.over(units), low, high, len(samples))

    return Advice(
        planned=planned,
        cost=cost,
        margin=margin,
        cost_plus=plus,
        break_even=even,
        marginal=marginal,
        delivered_pflop_hours=units,
        terms=tuple(map(term, plan.segments)),
        cuts=tuple(_cut(plan, share, planned, found.npv) for share in CUTS),
    )


def _cut(plan: Plan, share: float, planned: float, worth: float) -> Cut:
    """Break-even of the utilisation against the planned NPV instead of 0."""
    price = planned * (1 - share)
    try:
        needed = break_even(turned(plan, {"price": price}), "utilisation", target=worth).value
    except Never:
        needed = None
    return Cut(share, price, needed)
