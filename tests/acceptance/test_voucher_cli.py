"""`suanwang voucher programmes | check | quote | simulate` as a voucher office uses them, with good input and bad."""

import json
from pathlib import Path

import pytest

from suanwang.interfaces.cli.main import main

REPO = Path(__file__).parents[2]
CITY = str(REPO / "examples" / "vouchers" / "new-city.yaml")
CASE = str(REPO / "examples" / "vouchers" / "case.yaml")
HISTORY = str(REPO / "examples" / "vouchers" / "history.csv")


def said(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(["--lang", "en", *words]) == status
    captured = capsys.readouterr()
    return captured.out if status != 2 else captured.err


def test_a_new_citys_programme_is_a_file_only(capsys: pytest.CaptureFixture[str]) -> None:
    body = json.loads(said(capsys, "voucher", "quote", CITY, CASE, "--json"))
    assert body["answer"] == "yes"
    assert body["granted"] == {"amount": "600000.000000", "unit": "CNY"}  # what 1.5 M a group and year leaves
    assert body["recognised_cost"]["amount"] == "2287671.230000"  # 2.5 M x 334/365 days, cut at 0.01
    assert [line["amount"]["amount"] for line in body["fund_lines"]] == ["240000.000000", "360000.000000"]
    assert [why["reason"] for why in body["reasons"]] == ["VoucherCapped"]
    assert "50 % up to 500,000.00 CNY" in body["rule"]


def test_every_rule_is_said_in_plain_words_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    english = json.loads(said(capsys, "voucher", "check", CITY, "--json"))["rules"]
    assert main(["--lang", "zh-CN", "voucher", "check", CITY, "--json"]) == 0
    chinese = json.loads(capsys.readouterr().out)["rules"]
    assert [line["place"] for line in english] == [line["place"] for line in chinese]
    assert all(a["text"] != b["text"] for a, b in zip(english, chinese, strict=True))
    places = " ".join(line["place"] for line in english)
    for part in ("mode", "eligibility[3]", "rates[1]", "caps[4]", "fund_lines[1]", "stacking", "priority.reserve"):
        assert part in places


def test_a_change_of_rules_is_simulated_on_history(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    softer = tmp_path / "softer.yaml"
    text = Path(CITY).read_text(encoding="utf-8")
    softer.write_text(text.replace("{up_to: 500000 CNY, ratio: 50 %}", "{up_to: 500000 CNY, ratio: 60 %}"), "utf-8")
    body = json.loads(
        said(capsys, "voucher", "simulate", CITY, "--history", HISTORY, "--against", str(softer), "--json")
    )
    assert body["cases"] == 8
    assert body["answers"]["needs_evidence"] == 1
    rows = {row["case"]: row for row in body["rows"]}
    assert body["granted"]["amount"] == f"{sum(float(r['granted']['amount']) for r in rows.values()):.6f}"
    assert float(body["difference"]["granted"]["amount"]) > 0
    assert body["difference"]["cases_changed"]


def test_bad_files_are_told_all_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    text = Path(CITY).read_text(encoding="utf-8")
    for old, new in (
        ("share: 60 %", "share: 50 %"),
        ("rates:", "rates:\n    - {ratio: 10 %, face: 5 CNY}"),
        ("amount: 1500000 CNY", "amount: 1500000 USD"),
        ("{fact: contract.signed, on_or_after: 2026-10-01}", "{fact: contract.signed}"),
        ("mode: apply", "mode: aply"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    bad.write_text(text, encoding="utf-8")
    told = said(capsys, "voucher", "check", str(bad), status=2)
    for place in ("fund_lines", "rates[0]", "caps[0].amount", "eligibility[3]", "mode"):
        assert f"programme.{place}:" in told, told


def test_a_bad_history_is_told_by_line_and_column(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "cases.csv"
    bad.write_text("id,at,cost.rent,days\na,2027-13-01,5,3\na,2027-05-01,-5,x\n", encoding="utf-8")
    told = said(capsys, "voucher", "simulate", CITY, "--history", str(bad), status=2)
    for place in ("cases.csv:2 at", "cases.csv:3 cost.rent", "cases.csv:3 days", "cases.csv:3 id"):
        assert place in told, told
    bad.write_text("name,when\nx,y\n", encoding="utf-8")
    told = said(capsys, "voucher", "simulate", CITY, "--history", str(bad), status=2)
    assert told.count("cases.csv:1") == 4


def test_an_unknown_programme_is_refused_with_those_that_are_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--lang", "en", "voucher", "check", "atlantis-2025"]) == 1
    assert "beijing-2023" in capsys.readouterr().err


def test_signs_of_abuse_are_found_in_tables_that_were_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = str(tmp_path / "dossier")
    words = ("bench", "abuse", "--seed", "5", "--firms", "60", "--fraud", "4", "--save", folder, "--json")
    scores = json.loads(said(capsys, *words))["patterns"]
    assert all(s["recall"] > 0 for s in scores.values())
    body = json.loads(said(capsys, "voucher", "audit", folder, "--threshold", "500000", "--json"))
    assert {f["pattern"] for f in body["findings"]} == set(scores)
    assert all(f["evidence"] and "amount" in f["at_stake"] for f in body["findings"])
    assert "for a person to judge" in said(capsys, "voucher", "audit", folder)


def test_bad_tables_are_told_all_at_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "firms.csv").write_text("id,holders,age\na,x:2,4\n", encoding="utf-8")
    (tmp_path / "payments.csv").write_text("payer,payee,amount,day\nx,,-4,yesterday\n", encoding="utf-8")
    told = said(capsys, "voucher", "audit", str(tmp_path), "--threshold", "much", status=2)
    assert "--threshold" in told
    told = said(capsys, "voucher", "audit", str(tmp_path), status=2)
    for place in (
        "contracts.csv",
        "firms.csv:1 age",
        "payments.csv:2 payee",
        "payments.csv:2 amount",
        "payments.csv:2 day",
    ):
        assert place in told, told
