"""FOCUS files against the specification's own validators, where these are installed.

They cannot live in this environment (focus-validator 2.2.1 needs Python 3.12), so each is named by a variable:
SUANWANG_FOCUS_VALIDATOR (focus-validator 2.2.1, FOCUS 1.2) and SUANWANG_FOCUS_TOOLKIT (focus-toolkit 0.14, FOCUS 1.4).
"""

import os
import re
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from suanwang.domain.price import Basis, Commitment, Discount, Price, Step, Tax, TimePrice
from suanwang.domain.tariff import TariffPeriod
from suanwang.schemas.focus import focus_csv
from tests.month_world import START, World
from tests.small_grid import book, cny

VAT = Tax(name="VAT", ratio=Fraction(6, 100), included=False)


def rows_of_everything(tmp_path: Path, version: str, month: str) -> Path:
    """Vouchers, tax, hours of the day, spot, a commitment, a discount, a correction in the month and one after it."""
    night = TimePrice(period=TariffPeriod(name="night", minutes=((0, 720),)), amount=cny("3"))
    priced = replace(
        book(tax=VAT),
        prices=(
            Price(basis=Basis.ACCELERATOR_HOUR, amount=cny("5"), times=(night,)),
            Price(basis=Basis.KWH, amount=None),
            Price(basis=Basis.DELIVERED_PFLOP_HOUR, amount=cny("0.5")),
        ),
        discounts=(Discount(name="autumn", share=Fraction(1, 10)),),
        minimum_per_job=cny("20"),
    )
    committed = Commitment(id="c", tenant="me", basis=Basis.ACCELERATOR_HOUR, quantity=Fraction(4), amount=cny("4"))
    spot = Price(basis=Basis.ACCELERATOR_HOUR, amount=None, steps=(Step(datetime(2026, 1, 1, tzinfo=UTC), cny("2")),))
    world = World(books=(book(tax=VAT),))
    world.pay("500")
    world.fund()
    jobs = [world.run(vouchers=True, project="llm"), world.run(3600), world.run(), world.run()]
    world.books.rerate(jobs[1].id, replace(priced, version=2))
    world.books.rerate(jobs[2].id, replace(book(commitments=(committed,)), version=3))
    world.books.rerate(jobs[3].id, replace(book(), prices=(spot,), version=4))
    world.go_to(START.replace(month=11))
    world.books.close_month("2026-10")
    world.books.rerate(jobs[0].id, replace(book(rent="4", tax=VAT), version=5))
    path = tmp_path / f"focus-{version}.csv"
    path.write_text(focus_csv(world.books.billed(month), version))
    return path


def program(variable: str) -> Path:
    named = os.environ.get(variable, "")
    if not named:
        pytest.skip(f"{variable} does not name the validator")
    return Path(named)


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
def test_focus_1_2_fails_only_where_two_rules_contradict_each_other(tmp_path: Path, month: str) -> None:
    """InvoiceId must be null (C-004) and must not be null (C-005): one of the two fails whatever is written."""
    validator = program("SUANWANG_FOCUS_VALIDATOR")
    file = rows_of_everything(tmp_path, "1.2", month)
    (site_packages,) = validator.parents[1].glob("lib/python3.*/site-packages")  # it looks for its tables from there
    command = [str(validator), "--data-file", str(file), "--validate-version", "1.2.0.1", "--block-download"]
    told = subprocess.run(command, cwd=site_packages, capture_output=True, text=True, check=True).stdout
    failed = set(re.findall(r"^❌ (\S+): FAIL", told, re.MULTILINE))
    assert len(re.findall(r": PASS", told)) > 100
    assert len(failed) == 1
    assert failed <= {"InvoiceId-C-004-C", "InvoiceId-C-005-C"}


@pytest.mark.parametrize("month", ["2026-10", "2026-11"])
def test_focus_1_4_is_accepted(tmp_path: Path, month: str) -> None:
    toolkit = program("SUANWANG_FOCUS_TOOLKIT")
    file = rows_of_everything(tmp_path, "1.4", month)
    command = [str(toolkit), "validate", str(file), "--dataset", "cost-and-usage"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "SEMANTIC_VALID" in found.stdout
