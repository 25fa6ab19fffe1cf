"""The study as a workbook whose cash flow is made of formulas: change an input, and it follows.

Each formula is stored with the value that it has now, so that the file also reads right in programs that do not
calculate. The sheet Cash flow has a year in each column, the sheet Months a month in each row (as planned).
"""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name
from xlsxwriter.worksheet import Worksheet

from suanwang.errors import Message, msg
from suanwang.feasibility.cashflow import by_year
from suanwang.feasibility.outcome import irr_of
from suanwang.feasibility.worth import present_value
from suanwang.interfaces.reports.assumptions import assumptions
from suanwang.interfaces.reports.flow_lines import filled, flow_lines
from suanwang.interfaces.reports.writer import Writer
from suanwang.service.studies import Findings

_MADE = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands in the file as its date, so that the same study gives the same bytes."""
RATES = (
    ("discount", msg("Discount rate a year")),
    ("tax", msg("Tax rate")),
    ("carry", msg("Years that a loss is carried; -1: losses are refunded")),
)
FACTORS = (
    ("price", msg("Prices, times planned")),
    ("hours", msg("Sold hours, times planned (power stays as planned)")),
    ("power", msg("Power tariff, times planned")),
    ("operating", msg("Other running costs, times planned")),
    ("capital", msg("Capital cost with its salvage and loan, times planned")),
)


def study_workbook(findings: Findings, lang: str, text: Callable[[Message | str], str]) -> bytes:
    """An .xlsx file: inputs to change, the cash flow calculated from them, months, assumptions with their sources."""
    buffer = io.BytesIO()
    book = Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": _MADE, "title": findings.study.plan.name})
    inputs = text(msg("Inputs"))
    sheets = _Sheets(book, findings, Writer(lang, findings.study.plan.currency, text), inputs)
    sheets.inputs(book.add_worksheet(inputs))
    sheets.flow(book.add_worksheet(text(msg("Cash flow"))))
    sheets.months(book.add_worksheet(text(msg("Months"))))
    sheets.assumptions(book.add_worksheet(text(msg("Assumptions"))))
    book.close()
    return buffer.getvalue()


class _Sheets:
    """What is in each sheet; `inputs` is the name of the first."""

    def __init__(self, book: Workbook, findings: Findings, writer: Writer, inputs: str) -> None:
        self.cells = {key: f"'{inputs}'!$B${row}" for row, (key, _) in enumerate((*RATES, *FACTORS), start=2)}
        self.found, self.plan, self.writer = findings, findings.study.plan, writer
        self.bold = book.add_format({"bold": True, "bottom": 1})
        self.money = book.add_format({"num_format": "#,##0;[Red]-#,##0"})
        self.fine = book.add_format({"num_format": "#,##0.00"})
        self.share = book.add_format({"num_format": "0.0%"})
        self.input = book.add_format({"bg_color": "#fff6d6", "border": 1})
        self.wrap = book.add_format({"text_wrap": True, "valign": "top"})

    def head(self, sheet: Worksheet, names: Sequence[Message | str], widths: Sequence[int]) -> None:
        for column, (name, width) in enumerate(zip(names, widths, strict=True)):
            sheet.write_string(0, column, self.writer.text(name), self.bold)
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, 1)

    def inputs(self, sheet: Worksheet) -> None:
        self.head(sheet, (msg("Change the yellow cells; the cash flow follows"), self.plan.name), (62, 24))
        carry = -1 if self.plan.tax.carry_years is None else self.plan.tax.carry_years
        values = [self.plan.discount_rate, self.plan.tax.rate, carry, *(1.0 for _ in FACTORS)]
        for row, ((_, name), value) in enumerate(zip((*RATES, *FACTORS), values, strict=True), start=1):
            sheet.write_string(row, 0, self.writer.text(name))
            sheet.write_number(row, 1, value, self.input)
        if self.plan.debt.cover_ratio is not None:
            note = msg("The loan was sized by its cover ratio, and stays as planned when the capital cost changes.")
            sheet.write_string(len(values) + 2, 0, self.writer.text(note))

    def flow(self, sheet: Worksheet) -> None:
        years = self.plan.years
        self.head(sheet, (msg("Year"), *([""] * (years + 1))), (46, *([15] * (years + 1))))
        lines = flow_lines(self.found)
        rows = {line.key: row for row, line in enumerate(lines, start=2)} | {"year": 1}
        for year in range(years + 1):
            column = xl_col_to_name(year + 1)
            before = xl_col_to_name(year) if year else column

            def cell(key: str, kind: str, column: str = column, before: str = before) -> str:
                row = rows[key]
                return {"": f"{column}{row}", "<": f"{before}{row}", "^": f"$B{row}:{before}{row}"}[kind]

            sheet.write_number(0, year + 1, year, self.bold)
            for row, line in enumerate(lines, start=1):
                style, formula = self.fine if line.unit else self.money, line.formula_of(year)
                if formula:
                    sheet.write_formula(
                        row, year + 1, f"={filled(formula, cell, self.cells)}", style, line.values[year]
                    )
                else:
                    sheet.write_number(row, year + 1, line.values[year], style)
        for row, line in enumerate(lines, start=1):
            sheet.write_string(row, 0, f"{self.writer.text(line.name)}, {line.unit or self.plan.currency}")
        self.results(sheet, len(lines) + 2, rows["owner"])

    def results(self, sheet: Worksheet, row: int, owner: int) -> None:
        """NPV and IRR under the cash flow, from the row `owner` of it."""
        flow, rate = by_year(self.found.flows.after_tax), self.plan.discount_rate
        first, last = f"B{owner}", f"{xl_col_to_name(self.plan.years + 1)}{owner}"
        rows: list[tuple[Message, str, float | str, object]] = [
            (
                msg("NPV, each year at its end"),
                f"={first}+NPV({self.cells['discount']},C{owner}:{last})",
                float(present_value(flow, rate)[0]),
                self.money,
            ),
            (
                msg("IRR, each year at its end"),
                f'=IFERROR(IRR({first}:{last}),"-")',
                irr_of(flow[0]) or "-",
                self.share,
            ),
            (msg("NPV of the study, as planned"), "", self.found.outcome.npv, self.money),
        ]
        for index, (name, formula, value, style) in enumerate(rows, start=row):
            sheet.write_string(index, 0, self.writer.text(name), self.bold)
            if formula:
                sheet.write_formula(index, 1, formula, style, value)
            else:
                sheet.write(index, 1, value, style)

    def months(self, sheet: Worksheet) -> None:
        flows = self.found.flows
        named = (
            (msg("Accelerator-hours sold"), flows.hours),
            (msg("Energy, kWh"), flows.energy_kwh),
            (msg("Revenue"), flows.revenue),
            (msg("Power"), flows.power),
            (msg("Other running costs"), flows.operating),
            (msg("Grants, salvage"), flows.grants + flows.salvage),
            (msg("Capital"), flows.capital),
            (msg("Interest"), flows.loan.interest),
            (msg("Loan drawn less repaid"), flows.loan.drawn - flows.loan.principal),
            (msg("Working capital"), flows.reserve),
            (msg("Tax"), flows.tax),
            (msg("To the owner after tax"), flows.after_tax),
        )
        self.head(sheet, (msg("Month"), *(name for name, _ in named)), (8, *([18] * len(named))))
        for column, values in enumerate([[*range(self.plan.months + 1)], *(flow[0] for _, flow in named)]):
            sheet.write_column(1, column, values, self.money)

    def assumptions(self, sheet: Worksheet) -> None:
        self.head(sheet, (msg("Assumption"), msg("Value"), msg("Source (confidence)")), (36, 60, 90))
        for row, line in enumerate(assumptions(self.plan, self.writer), start=1):
            for column, cell in enumerate(line):
                sheet.write_string(row, column, cell, self.wrap)
