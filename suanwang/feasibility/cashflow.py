"""The cash flow of a plan, month by month, at many points at once. Arrays are (scenarios, months + 1); column 0 is now.

The model is the one of published project-finance tools (a single owner: revenue less running costs, debt service and
tax; salvage is income of the last year), with tax settled at the end of each year.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from suanwang.feasibility.capital import capital_flows
from suanwang.feasibility.debt import Loan, covered_loan, level_loan
from suanwang.feasibility.demand import sales
from suanwang.feasibility.levers import Array, Point
from suanwang.feasibility.operations import energy_kwh, energy_kwh_it, operating_cost, power_cost
from suanwang.feasibility.plan import MONTHS, Plan
from suanwang.feasibility.tax import income_tax


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Money in and out by month; costs are positive numbers. Rows that no lever moves have one scenario only.

    `grants` are income of their month; `reserve` is working capital and money that is owed; `losses_used` by year.
    """

    plan: Plan
    hours: Array
    possible: Array
    energy_kwh: Array
    revenue: Array
    power: Array
    operating: Array
    grants: Array
    salvage: Array
    capital: Array
    depreciation: Array
    reserve: Array
    loan: Loan
    tax: Array
    tax_without_debt: Array
    losses_used: Array

    @property
    def earnings(self) -> Array:
        """Before interest, tax and depreciation; salvage and grants are in it."""
        return self.revenue + self.grants + self.salvage - self.power - self.operating

    @property
    def after_tax(self) -> Array:
        """To the owner: after debt and tax."""
        return self.project - self.loan.service + self.loan.drawn - (self.tax - self.tax_without_debt)

    @property
    def project(self) -> Array:
        """Of the project after tax, as if it were paid for without debt."""
        return self.earnings - self.capital + self.reserve - self.tax_without_debt


def by_year(flow: Array) -> Array:
    """(scenarios, months + 1) to (scenarios, years + 1): now, then the sum of each year."""
    years = (flow.shape[1] - 1) // MONTHS
    return np.concatenate([flow[:, :1], flow[:, 1:].reshape(flow.shape[0], years, MONTHS).sum(axis=2)], axis=1)


def _flat(cube: Array) -> Array:
    """(scenarios, years, 12) to (scenarios, months + 1) with nothing now."""
    flat = np.zeros((cube.shape[0], cube.shape[1] * MONTHS + 1))
    flat[:, 1:] = np.broadcast_to(cube, (*cube.shape[:2], MONTHS)).reshape(cube.shape[0], -1)
    return flat


def _year_ends(yearly: Array) -> Array:
    """(scenarios, years) to (scenarios, months + 1): in the last month of each year."""
    flow = np.zeros((yearly.shape[0], yearly.shape[1] * MONTHS + 1))
    flow[:, MONTHS::MONTHS] = yearly
    return flow


def _grants(plan: Plan) -> Array:
    flow = np.zeros((1, plan.months + 1))
    for grant in plan.grants:
        for year in range(max(grant.years, 1)):
            month = grant.month + (year + 1) * MONTHS if grant.years else grant.month
            if month <= plan.months:
                flow[0, month] += grant.amount
    return flow


def _reserve(plan: Plan, revenue: Array, running: Array) -> Array:
    """Working capital that is set aside with the first spending and comes back at the end, and voucher money that
    comes later than the use that earned it."""
    flow = np.zeros((max(revenue.shape[0], running.shape[0]), plan.months + 1))
    if plan.reserve_months:
        aside = running[:, 1:].mean(axis=1) * plan.reserve_months
        flow[:, min(phase.month for phase in plan.phases)] -= aside
        flow[:, -1] += aside
    delay = min(plan.vouchers.delay_months, plan.months)
    if plan.vouchers.share and delay:
        owed = revenue * plan.vouchers.share
        flow -= owed
        flow[:, delay:] += owed[:, : owed.shape[1] - delay]
        flow[:, -1] += owed[:, owed.shape[1] - delay :].sum(axis=1)
    return flow


def _taxable(flow: Array) -> Array:
    """By year; what falls on now counts to the first year."""
    yearly = by_year(flow)
    yearly[:, 1] += yearly[:, 0]
    return yearly[:, 1:]


def evaluate(plan: Plan, values: Mapping[str, Array] | None = None) -> Flows:
    """The cash flow at each point; `values`: lever to one value a scenario. Amounts in the plan's currency."""
    point = Point(plan, values or {})
    sold = sales(point)
    energy = energy_kwh(point, sold, energy_kwh_it(point, sold))
    revenue, power = _flat(sold.revenue), _flat(power_cost(point, energy))
    operating = _flat(operating_cost(point, sold))
    planned, size = capital_flows(plan), point.ratio("capital_cost")
    first = planned.first[None] * size
    salvage = np.zeros((max(point.ratio("salvage").shape[0], size.shape[0]), plan.months + 1))
    salvage[:, [-1]] = planned.salvage * size * point.ratio("salvage")
    grants, depreciation = _grants(plan), planned.depreciation[None] * size
    earnings = revenue + grants + salvage - power - operating
    level = plan.debt.cover_ratio is None
    loan = level_loan(point, first) if level else covered_loan(point, first, by_year(earnings))
    profit, rate = _taxable(earnings - depreciation), point.value("tax_rate")
    bare, _ = income_tax(profit, rate, plan.tax.carry_years)
    paid, used = income_tax(profit - _taxable(loan.interest), rate, plan.tax.carry_years)
    return Flows(
        plan=plan,
        hours=_flat(sold.hours),
        possible=_flat(sold.possible),
        energy_kwh=_flat(energy),
        revenue=revenue,
        power=power,
        operating=operating,
        grants=grants,
        salvage=salvage,
        capital=first + planned.refresh[None] * size,
        depreciation=depreciation,
        reserve=_reserve(plan, revenue, power + operating),
        loan=loan,
        tax=_year_ends(paid),
        tax_without_debt=_year_ends(bare),
        losses_used=used,
    )
