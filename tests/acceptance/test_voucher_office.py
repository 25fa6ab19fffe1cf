"""A voucher office at the command line: apply, sign off by two persons, claim, report; and what it refuses."""

import json
from pathlib import Path

import pytest

from suanwang.interfaces.cli.main import main
from tests.tiny_home import GRID, Home

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
    told = say(capsys, "docket", "k-1")
    assert "Fay" in told
    assert "The grid metered 0.00 accelerator-hours in 0 jobs: ¥ 0.00 of the ¥ 900,000.00 claimed (0%)." in told
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


MORE = """\
    - id: points
      name: Points for milestones
      issuer: An office
      currency: CNY
      mode: at_use
      opens: 2020-01-01T00:00Z
      closes: 2100-01-01T00:00Z
      eligibility: [{fact: milestone.verified_by, one_of: [an auditor]}]
      rates: [{face: 0.05 CNY, when: [{fact: milestone.name, one_of: [released]}]}]
      caps: [{scope: tenant, amount: 0.08 CNY}]
      procedure: {second_person_above: 1 CNY, valid_days: 90}
      source: {text: invented for a test, confidence: estimate}
    - id: hours
      name: Card-hours
      issuer: An office
      currency: CNY
      mode: pool
      opens: 2020-01-01T00:00Z
      closes: 2100-01-01T00:00Z
      rates: [{per_unit: 36 CNY, unit: accelerator_hour}]
      source: {text: invented for a test, confidence: estimate}
"""


def test_points_and_card_hours_pay_a_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Points that a verified milestone brought pay as far as they reach; a voucher by the card-hour pays for what was
    metered: here a tenth of the price of an hour."""
    home = Home(tmp_path)
    home.grid.write_text(GRID + MORE)
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)
    reached = tmp_path / "reached.yaml"
    fact = "milestone: {name: released, verified_by: an auditor}"
    reached.write_text(f"apiVersion: suanwang/v1\nkind: Case\ncase: {{at: 2026-05-01, facts: {{{fact}}}}}\n")
    say(capsys, "budget", "points", "10", "--key", "d")
    for number, amount in ((1, "0.05"), (2, "0.03")):
        words = ("--tenant", "me", "--id", f"m-{number}", "--by", "Ann")
        assert amount in say(capsys, "apply", "points", str(reached), *words), "no more than the tenant's limit"
        for state, role in (
            ("pre_check", "maker"),
            ("review", "maker"),
            ("publicity", "checker"),
            ("approved", "checker"),
        ):
            say(capsys, "step", f"m-{number}", state, "--role", role, "--by", "Max")
    say(capsys, "issue", "hours", "me", "5", "--id", "h-1", "--expires", "2099-01-01T00:00Z")
    for name in ("points", "hours"):
        assert main(["admin", "fund", name, "10", "--key", name]) == 0
    file = home.workload("import time; time.sleep(1.5)", more="  vouchers: [points, hours]\n")
    capsys.readouterr()
    assert main(["--lang", "en", "run", str(file), "--json"]) == 0
    bill = json.loads(capsys.readouterr().out)["invoice"]
    charged, by_voucher, by_money = (float(bill[name]["amount"]) for name in ("charged", "by_voucher", "by_money"))
    left = {v["id"]: v["remaining"]["amount"] for v in json.loads(say(capsys, "list", "--json"))["vouchers"]}
    assert (left["m-1"], left["m-2"]) == ("0.000000", "0.000000")
    by_hours = by_voucher - 0.08
    hours = next(float(line["quantity"]) for line in bill["lines"] if "hour" in line["unit"])
    assert by_hours == pytest.approx(36 * hours, abs=36e-6)
    assert by_money == pytest.approx(charged - by_voucher, abs=2e-6)
    assert float(left["h-1"]) == pytest.approx(5 - by_hours, abs=2e-6)
    assert main(["ledger", "check"]) == 0
