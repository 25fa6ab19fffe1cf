"""What to charge for an accelerator-hour: from its cost, from the market, from its marginal cost; and price cuts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.errors import Never
from suanwang.feasibility.breakeven import break_even
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.levers import mean_price
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.plan import Plan
from suanwang.feasibility.scenarios import turned

CUTS = (0.05, 0.1, 0.2, 0.3)


@dataclass(frozen=True, slots=True)
class Term:
    """A segment's planned price, and the same price of the mix at cost plus margin and at break-even."""

    name: str
    term: str
    planned: float
    cost_plus: float | None
    break_even: float | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A price cut and the utilisation that keeps the NPV as planned; None: more than every hour would be needed."""

    share: float
    price: float
    utilisation: float | None


@dataclass(frozen=True, slots=True)
class Advice:
    """Per accelerator-hour. `marginal`: what one more sold hour costs (power). `market`: low, median and high of the
    samples; None without any. `delivered`: the same cost-plus price for a delivered PFLOP-hour."""

    planned: float
    cost: float | None
    cost_plus: float | None
    delivered: float | None
    break_even: float | None
    marginal: float
    market: tuple[float, float, float] | None
    samples: int
    terms: tuple[Term, ...]
    cuts: tuple[Cut, ...]


def marginal_cost(plan: Plan) -> float:
    """Power of the first year that one more sold accelerator-hour takes, and capacity bought for it."""
    power = plan.power
    overhead = np.array(power.pue) - 1
    energy = power.kw_per_accelerator * (1 - power.idle_share) * (1 + (1 - power.fixed_share) * overhead)
    price = np.array(power.price) + power.green_share * power.green_premium
    return float((energy * price).mean() + plan.purchase_per_hour)


def advise(plan: Plan, market: Sequence[float], margin: float) -> Advice:
    """`market`: dated price samples in the plan's currency; `margin`: over the levelised cost."""
    found = outcome(evaluate(plan))
    planned, cost = mean_price(plan), found.lcoe_per_accelerator_hour
    plus = None if cost is None else cost * (1 + margin)
    unit = found.lcoe_per_delivered_pflop_hour
    try:
        even = break_even(plan, "price").value
    except Never:
        even = None
    terms = tuple(
        Term(
            s.name,
            s.term,
            s.price,
            *(None if p is None or not planned else p * s.price / planned for p in (plus, even)),
        )
        for s in plan.segments
    )
    return Advice(
        planned=planned,
        cost=cost,
        cost_plus=plus,
        delivered=None if unit is None else unit * (1 + margin),
        break_even=even,
        marginal=marginal_cost(plan),
        market=(min(market), float(np.median(market)), max(market)) if market else None,
        samples=len(market),
        terms=terms,
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
