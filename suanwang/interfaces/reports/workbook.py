"""The cash flow as a workbook (Office Open XML, ECMA-376) whose formulas live: change an assumption, and it follows.

A cell is text, a number, or a formula with the value that it has now, so that the file also reads right in programs
that do not calculate.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from suanwang.feasibility.cashflow import by_year
from suanwang.feasibility.levers import Array, Point
from suanwang.feasibility.outcome import npv
from suanwang.feasibility.worth import present_value
from suanwang.service.studies import Findings

_NS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_WHEN = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula without its `=`, and its present value."""

    text: str
    value: float


Cell = str | float | Formula | None
Sheet = Sequence[Sequence[Cell]]


def column(index: int) -> str:
    """0 is A, 26 is AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _cell(cell: Cell, place: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(cell)}</t></is></c>'
    if isinstance(cell, Formula):
        return f'<c r="{place}"><f>{escape(cell.text)}</f><v>{cell.value!r}</v></c>'
    return f'<c r="{place}"><v>{float(cell)!r}</v></c>'


def _sheet(rows: Sheet) -> str:
    lines = (
        f'<row r="{r}">{"".join(_cell(cell, f"{column(c)}{r}") for c, cell in enumerate(row))}</row>'
        for r, row in enumerate(rows, start=1)
    )
    sizes = ((1, 1, 42), (2, 60, 16))
    columns = (f'<col min="{a}" max="{b}" width="{width}" customWidth="1"/>' for a, b, width in sizes)
    widths = f"<cols>{''.join(columns)}</cols>"
    return f'<worksheet xmlns="{_NS}">{widths}<sheetData>{"".join(lines)}</sheetData></worksheet>'


def workbook(sheets: Mapping[str, Sheet]) -> bytes:
    """An .xlsx file with these sheets; the same content gives the same bytes."""
    names = list(sheets)
    numbered = list(enumerate(names, start=1))
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        + "".join(
            f'<Override PartName="/xl/worksheets/sheet{i}.xml" ContentType="{_TYPE}.worksheet+xml"/>'
            for i, _ in numbered
        )
        + "</Types>",
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_NS}" xmlns:r="{_REL}"><sheets>'
        + "".join(f'<sheet name="{escape(name)}" sheetId="{i}" r:id="r{i}"/>' for i, name in numbered)
        + '</sheets><calcPr fullCalcOnLoad="1"/></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        + "".join(
            f'<Relationship Id="r{i}" Type="{_REL}/worksheet" Target="worksheets/sheet{i}.xml"/>' for i, _ in numbered
        )
        + "</Relationships>",
    }
    parts |= {f"xl/worksheets/sheet{i}.xml": _sheet(sheets[name]) for i, name in numbered}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in parts.items():
            info = zipfile.ZipInfo(path, _WHEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>{text}')
    return buffer.getvalue()


def cash_flow_workbook(findings: Findings) -> bytes:
    """Two sheets: the assumptions that the formulas read, and the yearly cash flow that is calculated from them."""
    plan = findings.study.plan
    assumptions: Sheet = [
        ["Assumption", "Value", "Unit"],
        ["Discount rate", plan.discount_rate, "1/year"],
        ["Tax rate", plan.tax.rate, "share"],
        ["Price multiplier", 1.0, "x planned price"],
        ["Hours multiplier", 1.0, "x planned hours (power stays as planned)"],
        ["Power price multiplier", 1.0, "x planned tariff"],
        ["Operating cost multiplier", 1.0, "x planned cost"],
        ["Losses", "refunded" if plan.tax.carry_years is None else "carried", "tax of a loss"],
        ["Plan", plan.name, plan.currency],
    ]
    return workbook({"Assumptions": assumptions, "Cash flow": _cash_flow(findings)})


def _cash_flow(findings: Findings) -> Sheet:
    flows, plan = findings.flows, findings.study.plan
    years = plan.years + 1

    def yearly(flow: Array) -> list[float]:
        return [float(x) for x in by_year(flow)[0]]

    hours, revenue, power, operating = map(yearly, (flows.hours, flows.revenue, flows.power, flows.operating))
    other = [g + s for g, s in zip(yearly(flows.grants), yearly(flows.salvage), strict=True)]
    earned, tax, owner = yearly(flows.earnings), yearly(flows.tax), yearly(flows.after_tax)
    losses = [0.0, *map(float, flows.losses_used[0])]
    price = [r / h if h else 0.0 for r, h in zip(revenue, hours, strict=True)]
    columns = [column(i + 1) for i in range(years)]

    def row(name: str, unit: str, values: Sequence[float]) -> list[Cell]:
        return [f"{name} ({unit})", *values]

    def live(name: str, text: str, values: Sequence[float]) -> list[Cell]:
        cells = (Formula(text.replace("@", c), v) for c, v in zip(columns, values, strict=True))
        return [f"{name} ({plan.currency})", *cells]

    money = plan.currency
    profit = "(@8+@9-@7-@6-@11-@12-@14)"
    first = [0.0] * years
    first[1] = earned[0]
    rows: list[Sequence[Cell]] = [
        ["Year", *map(float, range(years))],
        row("Accelerator-hours sold", "h", hours),
        row("Mean price", f"{money}/accelerator-hour", price),
        row("Planned power cost", money, power),
        row("Planned operating cost", money, operating),
        live("Operating cost", "@5*Assumptions!$B$7", operating),
        live("Power cost", "@4*Assumptions!$B$6", power),
        live("Revenue", "@2*@3*Assumptions!$B$4*Assumptions!$B$5", revenue),
        row("Grants and salvage", money, other),
        live("Earnings before interest and tax", "@8+@9-@7-@6", earned),
        row("Depreciation", money, yearly(flows.depreciation)),
        row("Interest", money, yearly(flows.loan.interest)),
        row("Capital", money, yearly(flows.capital)),
        row("Losses used, as planned", money, losses),
        row("Grants now, taxed in year 1", money, first),
    ]
    refund = plan.tax.carry_years is None
    taxed = f"({profit}+@15)" if refund else f"MAX(0,{profit}+@15)"
    net = yearly(flows.loan.drawn - flows.loan.principal + flows.reserve)
    rows += [
        ["Tax (" + money + ")", 0.0, *(live("", f"{taxed}*Assumptions!$B$3", tax)[2:])],
        row("Loan drawn less repaid, working capital", money, net),
        live("To the owner after tax", "@10-@13-@12-@16+@17", owner),
    ]
    total = 0.0
    sums = [total := total + x for x in owner]
    cumulative: list[Cell] = [f"Sum so far ({money})", Formula("B18", sums[0])]
    cumulative += [Formula(f"{columns[i - 1]}19+{columns[i]}18", sums[i]) for i in range(1, years)]
    last, rate = columns[-1], plan.discount_rate
    worth = float(present_value(by_year(flows.after_tax), rate)[0])
    monthly = float(npv(flows, flows.after_tax, Point(plan).value("discount_rate"))[0])
    rows += [
        cumulative,
        ["NPV, each year at its end (" + money + ")", Formula(f"B18+NPV(Assumptions!$B$2,C18:{last}18)", worth)],
        ["NPV of the study (" + money + ")", monthly],
    ]
    return rows
