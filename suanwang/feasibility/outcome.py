"""What a cash flow comes to: NPV, IRR, pay-back, cover ratios and levelised cost."""

from dataclasses import dataclass

import numpy as np

from suanwang.errors import Message, Never, msg
from suanwang.feasibility.cashflow import Flows, by_year
from suanwang.feasibility.levers import Array, Point
from suanwang.feasibility.payback import discounted, falls_back, payback
from suanwang.feasibility.plan import MONTHS
from suanwang.feasibility.worth import present_value, rates_of_return

_LEAST = 0.01
"""Rates below -99 % a year are no answer to what an investment earns."""


def periods(flows: Flows, flow: Array) -> tuple[Array, int]:
    """A flow in the periods that the plan discounts by, and how many of them make a year."""
    return (flow, MONTHS) if flows.plan.timing == "monthly" else (by_year(flow), 1)


def npv(flows: Flows, flow: Array, rate: Array) -> Array:
    """(scenarios,) worth of a flow now; `rate` a column."""
    values, per_year = periods(flows, flow)
    return present_value(values, rate, per_year=per_year)


def levelised(flows: Flows, rate: Array) -> Array:
    """(scenarios,) cost of a sold accelerator-hour: worth of capital and running costs less grants and salvage, over
    the hours discounted alike; before tax and debt. Infinity where nothing is sold.

    The levelised cost of energy as the US National Laboratory of the Rockies defines it, with accelerator-hours sold.
    """
    costs = flows.capital + flows.power + flows.operating - flows.grants - flows.salvage
    worth, hours = npv(flows, costs, rate), npv(flows, flows.hours, rate)
    return np.divide(worth, hours, where=hours > 0, out=np.full_like(worth + hours, np.inf))


def cover_ratios(flows: Flows) -> Array:
    """Earnings over debt service by year, (scenarios, years); infinity in years without service."""
    earned, service = by_year(flows.earnings)[:, 1:], by_year(flows.loan.service)[:, 1:]
    shape = np.broadcast_shapes(earned.shape, service.shape)
    return np.asarray(np.divide(earned, service, where=service > 0, out=np.full(shape, np.inf)))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of one scenario. None: there is none, and `notes` says why. Amounts in the plan's currency."""

    npv: float
    npv_project: float
    irr: float | None
    irr_project: float | None
    payback_years: float | None
    discounted_payback_years: float | None
    lcoe_per_accelerator_hour: float | None
    lcoe_per_delivered_pflop_hour: float | None
    cover_ratio_min: float | None
    cover_ratio_mean: float | None
    capital: float
    debt: float
    utilisation: float
    notes: tuple[Message, ...]


def outcome(flows: Flows, index: int = 0) -> Outcome:
    """The figures of one scenario of a cash flow, without any lever set that changes the discount rate."""
    plan = flows.plan
    rate = Point(plan).value("discount_rate")
    owner, project = flows.after_tax[[min(index, len(flows.after_tax) - 1)]], flows.project[[index]]
    values, per_year = periods(flows, owner)
    notes: list[Message] = []
    lcoe = _finite(levelised(flows, rate)[min(index, len(flows.hours) - 1)])
    if lcoe is None:
        notes.append(msg("Nothing is sold, so an accelerator-hour has no cost: give demand a share above 0."))
    ratios = cover_ratios(flows)[0]
    owed = ratios[np.isfinite(ratios)]
    possible = flows.possible.sum()
    return Outcome(
        npv=float(npv(flows, owner, rate)[0]),
        npv_project=float(npv(flows, project, rate)[0]),
        irr=_irr(flows, owner, notes),
        irr_project=_irr(flows, project, None),
        payback_years=_years(payback(values, per_year=per_year)[0], values, notes),
        discounted_payback_years=_finite(
            payback(discounted(values, plan.discount_rate, per_year=per_year), per_year=per_year)[0]
        ),
        lcoe_per_accelerator_hour=lcoe,
        lcoe_per_delivered_pflop_hour=_delivered(flows, lcoe, notes),
        cover_ratio_min=float(owed.min()) if len(owed) else None,
        cover_ratio_mean=float(owed.mean()) if len(owed) else None,
        capital=float(flows.capital.sum()),
        debt=float(flows.loan.drawn.sum()),
        utilisation=float(flows.hours.sum() / possible) if possible else 0.0,
        notes=tuple(notes),
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def irr_of(values: Array, per_year: int = 1) -> float | None:
    """Rate of return a year of a flow (periods,), months compounded; of several the nearest to 0; None for none."""
    return min(_roots(values, per_year), key=abs, default=None)


def _roots(values: Array, per_year: int) -> list[float]:
    rates = ((1 + root) ** per_year - 1 for root in rates_of_return(values))
    return [rate for rate in rates if rate > _LEAST - 1]


def _irr(flows: Flows, flow: Array, notes: list[Message] | None) -> float | None:
    values, per_year = periods(flows, flow)
    roots = _roots(values[0], per_year)
    if notes is not None and not roots:
        notes.append(
            msg(
                "There is no IRR: the cash flow never changes sign, or is worth 0 at no rate. Judge it by its NPV, or "
                "by the price at which it breaks even."
            )
        )
    if notes is not None and len(roots) > 1:
        notes.append(msg("The cash flow has {count} IRRs; the one nearest to 0 is shown.", count=len(roots)))
    return min(roots, key=abs, default=None)


def _years(years: float, values: Array, notes: list[Message]) -> float | None:
    if not np.isfinite(years):
        notes.append(msg("The plan is not paid back within its years: its break-evens tell what must change."))
        return None
    if falls_back(values[0]):
        notes.append(msg("After the pay-back a later investment brings the sum below 0 again."))
    return float(years)


def _delivered(flows: Flows, lcoe: float | None, notes: list[Message]) -> float | None:
    per_card = flows.plan.pflops_per_accelerator
    if lcoe is None:
        return None
    if per_card is None:
        notes.append(
            msg("There is no cost of a delivered PFLOP-hour: give the accelerator's type, dtype and efficiency.")
        )
        return None
    if flows.plan.goodput <= 0:
        raise Never("no-rate", msg("goodput is 0, so nothing is delivered."), msg("Give a goodput above 0."))
    return lcoe / (per_card * flows.plan.goodput)
