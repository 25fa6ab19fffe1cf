"""The lines of the workbook's cash flow: what is as planned, and the formulas that turn it into what the owner gets.

In a formula {name} is a line of the same year, {<name} of the year before, {^name} of all years before, and [name] an
input.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from suanwang.errors import Message, msg
from suanwang.feasibility.cashflow import by_year
from suanwang.feasibility.levers import Array
from suanwang.service.studies import Findings

_NAME = re.compile(r"\{([<^]?)(\w+)\}|\[(\w+)\]")


@dataclass(frozen=True, slots=True)
class Line:
    """A row: its values by year from now on, and the formula that gives them, if it is calculated.

    `now`, `first`: other formulas for now and the first year; a year without a formula keeps its value.
    """

    key: str
    name: Message
    values: Sequence[float]
    formula: str = ""
    now: str | None = None
    first: str | None = None
    unit: str = ""

    def formula_of(self, year: int) -> str:
        special = {0: self.now, 1: self.first}.get(year)
        return self.formula if special is None else special


def filled(formula: str, cell: Callable[[str, str], str], inputs: Mapping[str, str]) -> str:
    """A formula with its names as cells; `cell` gives that of a line, by "", "<" or "^"."""
    return _NAME.sub(lambda found: inputs[found[3]] if found[3] else cell(found[2], found[1]), formula)


def flow_lines(findings: Findings) -> list[Line]:
    """Every line, in the order of the sheet."""
    return [*_planned(findings), *_live(findings)]


def _yearly(flow: Array) -> list[float]:
    return [float(x) for x in by_year(flow)[0]]


def _planned(findings: Findings) -> list[Line]:
    flows, currency = findings.flows, findings.study.plan.currency
    hours, revenue = _yearly(flows.hours), _yearly(flows.revenue)
    price = [r / h if h else 0.0 for r, h in zip(revenue, hours, strict=True)]
    return [
        Line("p_hours", msg("Accelerator-hours sold, as planned"), hours, unit="h"),
        Line("p_price", msg("Mean price, as planned"), price, unit=f"{currency}/h"),
        Line("p_power", msg("Power, as planned"), _yearly(flows.power)),
        Line("p_operating", msg("Other running costs, as planned"), _yearly(flows.operating)),
        Line("p_salvage", msg("Salvage, as planned"), _yearly(flows.salvage)),
        Line("p_capital", msg("Capital, as planned"), _yearly(flows.capital)),
        Line("p_depreciation", msg("Depreciation, as planned"), _yearly(flows.depreciation)),
        Line("p_interest", msg("Interest, as planned"), _yearly(flows.loan.interest)),
        Line("p_loan", msg("Loan drawn less repaid, as planned"), _yearly(flows.loan.drawn - flows.loan.principal)),
        Line("grants", msg("Grants"), _yearly(flows.grants)),
        Line("reserve", msg("Working capital"), _yearly(flows.reserve)),
    ]


def _live(findings: Findings) -> list[Line]:
    flows, plan = findings.flows, findings.study.plan
    size = "" if plan.debt.cover_ratio is not None else "*[capital]"
    earned, owner = _yearly(flows.earnings), _yearly(flows.after_tax)
    profit = _yearly(flows.earnings - flows.depreciation - flows.loan.interest)
    taxable = [0.0, profit[0] + profit[1], *profit[2:]]
    used = [0.0, *map(float, flows.losses_used[0])]
    carry = -1 if plan.tax.carry_years is None else plan.tax.carry_years
    gone = _consumed(taxable, used, carry)
    total = 0.0
    return [
        Line("revenue", msg("Revenue"), _yearly(flows.revenue), "{p_hours}*{p_price}*[price]*[hours]"),
        Line("power", msg("Power"), _yearly(flows.power), "{p_power}*[power]"),
        Line("operating", msg("Other running costs"), _yearly(flows.operating), "{p_operating}*[operating]"),
        Line("salvage", msg("Salvage"), _yearly(flows.salvage), "{p_salvage}*[capital]"),
        Line("capital", msg("Capital"), _yearly(flows.capital), "{p_capital}*[capital]"),
        Line("depreciation", msg("Depreciation"), _yearly(flows.depreciation), "{p_depreciation}*[capital]"),
        Line("interest", msg("Interest"), _yearly(flows.loan.interest), "{p_interest}" + size),
        Line(
            "loan", msg("Loan drawn less repaid"), _yearly(flows.loan.drawn - flows.loan.principal), "{p_loan}" + size
        ),
        Line(
            "earnings",
            msg("Earnings before interest, tax and depreciation"),
            earned,
            "{revenue}+{grants}+{salvage}-{power}-{operating}",
        ),
        Line("profit", msg("Profit before tax"), profit, "{earnings}-{depreciation}-{interest}"),
        Line("taxable", msg("Profit that is taxed"), taxable, "{profit}", now="", first="{profit}+{<profit}"),
        Line("losses", msg("Loss of the year"), [max(0.0, -p) for p in taxable], "MAX(0,-{taxable})"),
        Line(
            "used",
            msg("Losses of earlier years used"),
            used,
            "IF([carry]<0,0,MIN(MAX(0,{taxable}),SUM({^losses})"
            "-MAX({<gone},SUMPRODUCT(({^year}<{year}-[carry])*{^losses}))))",
            now="",
        ),
        Line(
            "gone",
            msg("Losses used or expired so far"),
            gone,
            "MAX({<gone},SUMPRODUCT(({^year}<{year}-[carry])*{^losses}))+{used}",
            now="",
        ),
        Line(
            "tax",
            msg("Tax"),
            _yearly(flows.tax),
            "IF([carry]<0,{taxable},MAX(0,{taxable})-{used})*[tax]",
        ),
        Line("owner", msg("To the owner after tax"), owner, "{earnings}-{capital}-{interest}+{loan}+{reserve}-{tax}"),
        Line("sum", msg("Sum so far"), [total := total + x for x in owner], "{<sum}+{owner}", now="{owner}"),
    ]


def _consumed(taxable: Sequence[float], used: Sequence[float], carry: int) -> list[float]:
    """What the line of losses used or expired holds: of refunded losses, each counts as soon as it is past."""
    gone = [0.0]
    for year in range(1, len(taxable)):
        expired = sum(max(0.0, -p) for y, p in enumerate(taxable[:year]) if y < year - carry)
        gone.append(max(gone[-1], expired) + used[year])
    return gone
