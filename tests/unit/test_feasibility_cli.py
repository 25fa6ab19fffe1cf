"""`suanwang feasibility` as a user runs it: JSON, refusals, the page, and the workbook with its formulas calculated."""

import io
import json
import re
import time
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from suanwang.adapters.catalog import load_catalog
from suanwang.interfaces.cli.main import main
from suanwang.interfaces.reports.page import report
from suanwang.schemas.site_plan import read_site_plan
from suanwang.service.studies import answer

SITES = Path(__file__).parents[2] / "examples" / "sites"
EAST = str(SITES / "east-100p.yaml")
NAMESPACE = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}


def run(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["feasibility", *words]) == status
    return capsys.readouterr().out


def data(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} in the JSON")

    return json.loads(run(capsys, *words, "--json"), parse_constant=refuse)


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_json_of_the_examples(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, str(path), "--monthly", "--montecarlo", "200")
    keys = ("npv", "irr", "payback_years", "discounted_payback_years", "lcoe_per_accelerator_hour", "cover_ratio_min")
    assert all(key in found for key in keys)
    assert len(found["cashflow"]) == found["years"] + 1
    assert len(found["cashflow_monthly"]) == found["years"] * 12 + 1
    for key in ("revenue", "tax", "to_owner"):
        months, years = (sum(row[key] for row in found[name]) for name in ("cashflow_monthly", "cashflow"))
        assert months == pytest.approx(years)
    assert found["montecarlo"]["draws"] == 200
    assert found["rests_on"][0]["name"]


def test_break_even_is_where_the_npv_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    found = data(capsys, EAST, "--breakeven", "price")
    assert found["planned"] == pytest.approx(11.3)
    again = data(capsys, EAST, "--set", f"price={found['value']}")
    assert abs(again["npv"]) < 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "prise=3"], "there is no variable"),
        (["--set", "pue=0.7"], "not possible for pue"),
        (["--montecarlo", "-3"], "draws are not possible"),
        (["--html", "/nowhere/at/all.html"], "cannot be written"),
        (["--actual", "/nowhere.csv"], "cannot be read"),
        (["--ledger", "x", "--since", "yesterday"], "is not a time"),
    ],
)
def test_bad_options_are_named(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feasibility", EAST, *words]) == 2
    assert message in capsys.readouterr().err


def test_a_break_even_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["feasibility", EAST, "--breakeven", "tariff"]) == 1
    assert "makes the NPV 0" in capsys.readouterr().err


def test_a_series_must_reach_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "replay.csv"
    lines = [f"{m},{60_000 if m > 6 else 0},{600_000 if m > 6 else 0}" for m in range(1, 121)]
    path.write_text("month,accelerator_hours,revenue\n" + "\n".join(lines))
    found = data(capsys, EAST, "--series", str(path), "--monthly")
    assert found["cashflow_monthly"][7]["accelerator_hours"] == 60_000
    assert found["cashflow_monthly"][7]["revenue"] == 600_000
    path.write_text("month,accelerator_hours,revenue\n" + "\n".join(lines[:20]))
    assert main(["feasibility", EAST, "--series", str(path)]) == 2
    assert "ends after 20 of 120 months" in capsys.readouterr().err


def test_plan_against_actual(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "actual.csv"
    path.write_text("month,accelerator_hours,revenue\n" + "".join(f"{m},0,0\n" for m in range(1, 7)) + "7,9000,90000\n")
    found = data(capsys, EAST, "--actual", str(path))
    assert len(found["months"]) == 7
    seventh = found["months"][6]
    parts = ("volume", "failures", "mix", "price")
    assert sum(seventh[p] for p in parts) == pytest.approx(90_000 - seventh["revenue_planned"])


@pytest.mark.parametrize(("lang", "title"), [("en", "Feasibility study"), ("zh-CN", "可行性研究报告")])
def test_the_page_stands_alone(lang: str, title: str) -> None:
    catalog = load_catalog()
    study = read_site_plan(Path(EAST).read_text(encoding="utf-8"), EAST, catalog)
    page = report(answer(study, catalog, draws=500), lang, str)
    ElementTree.fromstring(re.sub(r"<meta[^>]*>", "", page.replace("<!doctype html>", "")))
    assert title in page
    assert page.count("<svg") == 3
    assert not re.search(r"(src|href)=", page)
    assert "nan" not in page.lower()


def test_the_whole_report_takes_less_than_five_seconds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.html"
    began = time.process_time()
    run(capsys, EAST, "--montecarlo", "10000", "--html", str(path))
    assert time.process_time() - began < 5
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")


def cells(content: bytes) -> dict[str, dict[str, Any]]:
    """Sheet to cell to number, text, or (formula, value)."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    found: dict[str, dict[str, Any]] = {}
    for i, sheet in enumerate(book.findall(".//s:sheet", NAMESPACE), start=1):
        found[sheet.attrib["name"]] = page = {}
        for cell in ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{i}.xml")).iterfind(".//s:c", NAMESPACE):
            formula, value = cell.find("s:f", NAMESPACE), cell.find("s:v", NAMESPACE)
            number = None if value is None else float(str(value.text))
            page[cell.attrib["r"]] = number if formula is None else (formula.text, number)
    return found


class Calculator:
    """Calculates the formulas of the workbook: + - * /, MAX, NPV, references and ranges."""

    def __init__(self, book: dict[str, dict[str, Any]]) -> None:
        self.book = book
        self.known: dict[str, float] = {}

    def value(self, sheet: str, place: str) -> float:
        cell = self.book[sheet].get(place)
        if not isinstance(cell, tuple):
            return cell or 0.0
        key = f"{sheet}!{place}"
        if key not in self.known:
            self.known[key] = self.calculate(sheet, cell[0])
        return self.known[key]

    def calculate(self, sheet: str, formula: str) -> float:
        def ranged(match: re.Match[str]) -> str:
            first, last = (re.match(r"([A-Z]+)(\d+)", place) for place in match.groups())
            assert first
            assert last
            columns = [chr(c) for c in range(ord(first[1]), ord(last[1]) + 1)]
            return "[" + ",".join(f"V('{sheet}','{c}{first[2]}')" for c in columns) + "]"

        text = re.sub(r"\b([A-Z]\d+):([A-Z]\d+)\b", ranged, formula)
        text = re.sub(r"(\w+)!\$([A-Z])\$(\d+)", r"V('\1','\2\3')", text)
        text = re.sub(r"(?<!')\b([A-Z]\d+)\b(?!')", rf"V('{sheet}','\1')", text)

        def npv(rate: float, flows: list[float]) -> float:
            return sum(f / (1 + rate) ** (i + 1) for i, f in enumerate(flows))

        names = {"V": self.value, "MAX": max, "NPV": npv}
        return float(eval(text, {"__builtins__": {}}, names))


@pytest.mark.parametrize("path", sorted(SITES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_formulas_of_the_workbook(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "flow.xlsx"
    found = data(capsys, str(path), "--xlsx", str(file))
    book = cells(file.read_bytes())
    calculator = Calculator(book)
    live = {place: cell for place, cell in book["Cash flow"].items() if isinstance(cell, tuple)}
    assert len(live) > 5 * found["years"]
    size = found["capital"]
    for place, (_, stored) in live.items():
        assert calculator.value("Cash flow", place) == pytest.approx(stored, rel=1e-9, abs=1e-9 * size), place
    owner = [calculator.value("Cash flow", f"{chr(ord('B') + y)}18") for y in range(found["years"] + 1)]
    assert owner == pytest.approx([row["to_owner"] for row in found["cashflow"]], abs=1e-9 * size)
    book["Assumptions"]["B4"] = 2.0
    assert Calculator(book).value("Cash flow", "B20") > calculator.value("Cash flow", "B20")
    if path.stem == "university":
        assert calculator.value("Cash flow", "B20") == pytest.approx(found["npv"])
        doubled = data(capsys, str(path), "--set", f"price={2 * found['pricing']['planned']}")
        assert Calculator(book).value("Cash flow", "B20") == pytest.approx(doubled["npv"])
    assert np.isfinite(owner).all()
