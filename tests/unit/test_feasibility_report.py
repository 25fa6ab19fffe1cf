"""The report of a study: the page, the PDF whose first page is the summary, the workbook's formulas."""

import io
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openpyxl
import pytest
from pypdf import PdfReader

from suanwang.adapters.catalog import load_catalog
from suanwang.feasibility.cashflow import by_year, evaluate
from suanwang.feasibility.levers import LEVERS
from suanwang.feasibility.outcome import outcome
from suanwang.feasibility.scenarios import turned
from suanwang.interfaces.cli.main import main
from suanwang.interfaces.i18n import translator
from suanwang.interfaces.reports.document import Document, Facts, Heading, Notes, Table, Verdict
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.pdf import pdf_file
from suanwang.interfaces.reports.study import study_report
from suanwang.interfaces.reports.workbook import study_workbook
from suanwang.schemas.site_plan import read_site_plan
from suanwang.service.studies import Findings, answer

SITES = sorted((Path(__file__).parents[2] / "examples" / "sites").glob("*.yaml"))
LANGUAGES = ("en", "zh-CN")
INPUTS, FLOW = "Inputs", "Cash flow"


@cache
def found(path: Path, draws: int = 500) -> Findings:
    catalog = load_catalog()
    return answer(read_site_plan(path.read_text(encoding="utf-8"), path.name, catalog), catalog, draws=draws)


def report(path: Path, lang: str) -> Document:
    translate = translator(lang)
    return study_report(found(path), lang, lambda m: m if isinstance(m, str) else m.render(translate))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("path", SITES, ids=lambda path: path.stem)
def test_the_summary_is_the_first_page(path: Path, lang: str) -> None:
    document = report(path, lang)
    first_heading = next(block.text for block in document.blocks if isinstance(block, Heading))
    pages = [re.sub(r"\s", "", page.extract_text()) for page in PdfReader(io.BytesIO(pdf_file(document))).pages]
    assert re.sub(r"\s", "", document.title) in pages[0]
    assert pages[1].startswith(re.sub(r"\s", "", first_heading))


@pytest.mark.parametrize(("lang", "title"), [("en", "Feasibility study"), ("zh-CN", "可行性研究报告")])
def test_the_page_stands_alone(lang: str, title: str) -> None:
    page = html_page(report(SITES[0], lang))
    ElementTree.fromstring(page.removeprefix("<!doctype html>"))
    assert title in page
    assert page.count("<svg") == 3
    assert not re.search(r"(src|href)=", page)
    assert "nan" not in re.sub(r"finan\w+", "", page.lower())


def test_every_word_of_ours_is_chinese_in_a_chinese_report() -> None:
    ours: list[str] = []
    for block in report(SITES[0], "zh-CN").blocks:
        match block:
            case Heading(text) | Verdict(text):
                ours.append(text)
            case Facts(rows):
                ours += [name for name, _ in rows]
            case Table(head, rows):
                ours += head if len(head) > 5 else [head[0]]
            case Notes(items):
                ours += items
    assert len(ours) > 40
    assert [text for text in ours if text and not re.search("[一-鿿]", text)] == []


def test_all_files_are_written_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {kind: tmp_path / f"report.{kind}" for kind in ("html", "pdf", "xlsx")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", str(path))]
    assert main(["feasibility", str(SITES[0]), "--montecarlo", "1000", *options]) == 0
    capsys.readouterr()
    starts = {kind: path.read_bytes()[:4] for kind, path in files.items()}
    assert starts == {"html": b"<!do", "pdf": b"%PDF", "xlsx": b"PK\x03\x04"}


class Calculator:
    """Calculates the formulas of the workbook."""

    NAMES = ("IF", "MAX", "MIN", "SUM", "SUMPRODUCT", "NPV", "IRR", "IFERROR")

    def __init__(self, content: bytes) -> None:
        self.book = openpyxl.load_workbook(io.BytesIO(content))
        self.stored = openpyxl.load_workbook(io.BytesIO(content), data_only=True)
        self.known: dict[str, Any] = {}

    def value(self, sheet: str, place: str) -> Any:
        raw = self.book[sheet][place].value
        if not (isinstance(raw, str) and raw.startswith("=")):
            return 0.0 if raw is None else raw
        key = f"{sheet}!{place}"
        if key not in self.known:
            self.known[key] = self.calculate(sheet, raw[1:])
        return self.known[key]

    def row(self, sheet: str, first: str, last: str) -> Any:
        cells = self.book[sheet][f"{first}:{last}"][0]
        return np.array([float(self.value(sheet, cell.coordinate)) for cell in cells])

    def calculate(self, sheet: str, formula: str) -> Any:
        cell = r"\$?([A-Z]{1,3})\$?(\d+)"
        text = re.sub(rf"'(\w+)'!{cell}", r"V(@\1@,@\2\3@)", formula)
        text = re.sub(rf"(?<![@\w]){cell}:{cell}", rf"R(@{sheet}@,@\1\2@,@\3\4@)", text)
        text = re.sub(rf"(?<![@\w$]){cell}(?![@\w(])", rf"V(@{sheet}@,@\1\2@)", text).replace("@", "'")
        return eval(text, {"__builtins__": {}}, self.functions())

    def functions(self) -> dict[str, Any]:
        return {
            "V": self.value,
            "R": self.row,
            "IF": lambda test, yes, no: yes if test else no,
            "MAX": max,
            "MIN": min,
            "SUM": np.sum,
            "SUMPRODUCT": np.sum,
            "NPV": lambda rate, flows: sum(f / (1 + rate) ** (i + 1) for i, f in enumerate(flows)),
            "IRR": lambda flows: None,
            "IFERROR": lambda value, other: value or other,
        }


def workbook(path: Path) -> bytes:
    return study_workbook(found(path, draws=0), "en", str)


def row_of(calculator: Calculator, name: str) -> int:
    sheet = calculator.book[FLOW]
    return next(r for r in range(1, sheet.max_row + 1) if str(sheet.cell(r, 1).value).startswith(name))


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.stem)
def test_the_formulas_give_the_study(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    calculator, study = Calculator(workbook(path)), found(path, draws=0)
    years, size = study.study.plan.years, study.outcome.capital
    formulas = 0
    for row in calculator.book[FLOW].iter_rows():
        for cell in row:
            if isinstance(cell.value, str) and cell.value.startswith("=") and "IRR" not in cell.value:
                formulas += 1
                stored = calculator.stored[FLOW][cell.coordinate].value
                calculated = calculator.value(FLOW, cell.coordinate)
                assert calculated == pytest.approx(stored, rel=1e-9, abs=1e-9 * size), cell.coordinate
    assert formulas > 15 * years
    assert main(["feasibility", str(path), "--json"]) == 0
    expected = [year["to_owner"] for year in json.loads(capsys.readouterr().out)["cashflow"]]
    line = row_of(calculator, "To the owner")
    assert [calculator.stored[FLOW].cell(line, y + 2).value for y in range(years + 1)] == pytest.approx(expected)


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.stem)
@pytest.mark.parametrize(("cell", "variable"), [("B5", "price"), ("B7", "tariff"), ("B8", "operating_cost")])
def test_an_input_that_is_changed_is_followed(path: Path, cell: str, variable: str) -> None:
    """The formulas tax what the study taxes with that variable turned, losses carried as the plan has it.

    Where the plan has a charge for the connected load, or a loan that grows with the earnings, those are left out."""
    before = found(path, draws=0)
    power = replace(before.study.plan.power, demand_charge=0.0, green_premium=0.0)
    plan = replace(before.study.plan, power=power, debt=replace(before.study.plan.debt, cover_ratio=None))
    flows = evaluate(plan)
    study = replace(before, study=replace(before.study, plan=plan), flows=flows, outcome=outcome(flows))
    calculator = Calculator(study_workbook(study, "en", str))
    calculator.book[INPUTS][cell] = 2.0
    expected = by_year(evaluate(turned(plan, {variable: 2 * LEVERS[variable].base(plan)})).tax)[0]
    line = row_of(calculator, "Tax,")
    taxes = [calculator.value(FLOW, calculator.book[FLOW].cell(line, y + 2).coordinate) for y in range(plan.years + 1)]
    assert taxes == pytest.approx(list(expected), abs=1)


def test_the_same_study_gives_the_same_workbook() -> None:
    assert workbook(SITES[0]) == workbook(SITES[0])


def test_the_report_of_a_site_that_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    months, pdf, html = (tmp_path / name for name in ("months.csv", "review.pdf", "review.html"))
    rows = [f"{m},{0 if m < 7 else 30_000},{0 if m < 7 else 330_000},{0 if m < 7 else 9_000}" for m in range(1, 13)]
    months.write_text("month,accelerator_hours,revenue,power_cost\n" + "\n".join(rows) + "\n")
    command = ["feasibility", str(SITES[0]), "--actual", str(months)]
    assert main([*command, "--pdf", str(pdf), "--html", str(html), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    tree = ElementTree.fromstring(html.read_text(encoding="utf-8").removeprefix("<!doctype html>"))
    explained = next(t for t in tree.iter("table") if "Volume" in [h.text for h in t.iter("th")])
    total = [cell.text for cell in explained.find("tfoot/tr") or []]
    assert total[-1] == f"{sum(month['total'] for month in found['months']):,.0f}"
    assert pdf.read_bytes().startswith(b"%PDF")
    assert main([*command, "--xlsx", str(tmp_path / "x.xlsx")]) == 2
    assert main(["feasibility", str(SITES[0]), "--breakeven", "price", "--html", str(html)]) == 2
    said = capsys.readouterr().err
    assert "--actual has no such answer" in said
    assert "--breakeven has no such answer" in said
