"""A voucher office at the command line: apply, sign off by two persons, claim, report; and what it refuses."""

import json
from pathlib import Path

import pytest

from suanwang.interfaces.cli.main import main

REPO = Path(__file__).parents[2]
DESK = """
  tenants:
    - {id: a-lab, name: A lab, facts: {size: small}}
  programmes:
    - id: our-city
      name: Our city
      issuer: Our data bureau
      currency: CNY
      mode: reimburse
      opens: 2026-01-01T00:00+08:00
      closes: 2099-01-01T00:00+08:00
      eligibility: [{fact: tenant.size, one_of: [small]}]
      rates: [{ratio: 40 %}]
      budget: [{amount: 1000000 CNY}]
      fund_lines: [{id: city, level: city, share: 70 %}, {id: district, level: district, share: 30 %}]
      procedure: {evidence: [invoice]}
      source: {text: a test, confidence: estimate}
"""
CASE = """
apiVersion: suanwang/v1
kind: Case
case:
  at: 2026-05-01
  costs: [{line: rent, amount: 900000 CNY}]
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A grid with a programme, its case, a paper, and a home of its own."""
    text = (REPO / "examples" / "grids" / "three-hubs.yaml").read_text(encoding="utf-8")
    (tmp_path / "grid.yaml").write_text(text[: text.index("  tenants:")] + DESK.lstrip("\n"), encoding="utf-8")
    (tmp_path / "case.yaml").write_text(CASE, encoding="utf-8")
    (tmp_path / "invoice.pdf").write_bytes(b"a paper")
    monkeypatch.setenv("SUANWANG_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SUANWANG_GRID", str(tmp_path / "grid.yaml"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def say(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["--lang", "en", "voucher", *words]) == status, capsys.readouterr()
    captured = capsys.readouterr()
    return captured.out if status == 0 else captured.err


def test_from_the_budget_to_the_report(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "¥ 700,000.00" in say(capsys, "budget", "our-city", "1000000", "--key", "d-7")
    say(capsys, "apply", "our-city", "case.yaml", "--tenant", "a-lab", "--id", "a-1", "--by", "Ann")
    for state, role, by in (("pre_check", "maker", "Max"), ("review", "maker", "Max"), ("publicity", "checker", "Che")):
        say(capsys, "step", "a-1", state, "--role", role, "--by", by)
    assert "another person" in say(capsys, "step", "a-1", "approved", "--role", "checker", "--by", "Max", status=1)
    assert "¥ 360,000.00" in say(capsys, "step", "a-1", "approved", "--role", "checker", "--by", "Che")
    main(["admin", "fund", "our-city", "400000", "--key", "t"])
    capsys.readouterr()
    paper = ("--evidence", "invoice=invoice.pdf")
    say(capsys, "claim", "a-1", "200000", "--id", "k-1", "--by", "Ann", *paper)
    for state, role, by in (
        ("checked", "maker", "Max"),
        ("rechecked", "checker", "Che"),
        ("approved", "checker", "Che"),
    ):
        say(capsys, "step", "k-1", state, "--role", role, "--by", by)
    say(capsys, "step", "k-1", "paid", "--role", "finance", "--by", "Fay")
    body = json.loads(say(capsys, "report", "our-city", "--html", "r.html", "--pdf", "r.pdf", "--json"))
    assert body["stages"]["paid"]["amount"] == "200000.000000"
    assert body["lines"]["city"]["committed"]["amount"] == "112000.000000"
    assert body["claims_paid"]["amount"] == "200000.000000"
    assert "Our city" in (desk / "r.html").read_text(encoding="utf-8")
    assert (desk / "r.pdf").read_bytes().startswith(b"%PDF")
    steps = json.loads(say(capsys, "docket", "k-1", "--json"))["steps"]
    assert [s["actor"] for s in steps] == ["Ann", "Max", "Che", "Che", "Fay"]
    assert len(steps[0]["evidence"]["invoice"]) == 64
    assert json.loads(say(capsys, "dockets", "--state", "paid", "--json"))["dockets"][0]["id"] == "k-1"
    assert "a-1" in say(capsys, "dockets", "--programme", "our-city")
    assert "Fay" in say(capsys, "docket", "k-1")
    assert main(["ledger", "check"]) == 0


def test_what_is_wrong_is_told_with_its_place(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = say(capsys, "budget", "our-city", "none", "--key", "x", status=2)
    assert "AMOUNT" in told
    words = ("apply", "our-city", "case.yaml", "--tenant", "a-lab", "--id", "a-2")
    told = say(capsys, *words, "--by", " ", "--evidence", "invoice=missing.pdf", status=2)
    assert "--by" in told
    assert "missing.pdf" in told
    assert "--evidence" in say(capsys, *words, "--by", "Ann", "--evidence", "invoice", status=2)
    assert "not-found" in say(capsys, "step", "nothing", "review", "--role", "maker", "--by", "Max", status=1)
    say(capsys, *words, "--by", "Ann")
    told = say(capsys, "step", "a-2", "approved", "--role", "checker", "--by", "Che", status=1)
    assert "Possible now: pre_check, withdrawn." in told
    assert "No dockets yet" in say(capsys, "dockets", "--state", "review")
