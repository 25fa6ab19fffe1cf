"""The books as a user meets them: a job within its budgets, the month closed, the ledger checked by Beancount."""

import json
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from suanwang.interfaces.cli.main import main
from tests.tiny_home import GRID, Home

BUDGETS = """\
  zone: Asia/Shanghai
  budgets:
    - {id: all, tenant: me, money: 500 CNY}
    - {id: cards, tenant: me, project: llm, accelerator_hours: 0.05, period: total, warn_percent: [10, 50]}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    made = Home(tmp_path)
    made.grid.write_text(GRID + BUDGETS)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def told(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> str:
    assert main(words) == status, capsys.readouterr().err
    return capsys.readouterr().out


def test_a_job_within_its_budgets(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    file = home.workload("print(1)", more="  labels: {project: llm, user: li}\n")
    ended = json.loads(told(capsys, "run", str(file), "--json"))
    assert ended["job"]["outcome"] == "succeeded"
    found = json.loads(told(capsys, "budget", "list", "--json"))
    whole, cards = found["budgets"]
    assert float(whole["used"]["amount"]) > 0
    assert float(whole["reserved"]["amount"]) == 0
    assert float(cards["used"]["amount"]) > 0
    assert [a["percent"] for a in found["alerts"] if a["budget"] == "cards"] == [10]
    assert "all" in told(capsys, "budget", "list")
    assert "预算" in told(capsys, "--lang", "zh-CN", "budget", "list")


def test_a_job_beyond_a_quota_fails_with_its_reason(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    file = home.workload("print(1)", time_limit="10 min", duration="5 min", more="  labels: {project: llm}\n")
    ended = json.loads(told(capsys, "run", str(file), "--json", status=1))
    assert ended["job"]["reason"] == "QuotaExhausted"
    assert "budget cards has 0.05 accelerator-hour left" in ended["job"]["detail"]


def test_the_ledger_passes_bean_check(home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    told(capsys, "admin", "deposit", "me", "100", "--key", 'a "quoted" one')
    told(capsys, "admin", "fund", "half", "50", "--key", "t")
    told(capsys, "voucher", "issue", "half", "me", "20", "--id", "v.1", "--expires", "2099-01-01T00:00+08:00")
    told(capsys, "run", str(home.workload("print(1)", more="  vouchers: half\n")), "--json")
    written = told(capsys, "ledger", "export", "--format", "beancount")
    file = tmp_path / "books.beancount"
    file.write_text(written)
    check = [str(Path(sys.executable).with_name("bean-check")), str(file)]
    found = subprocess.run(check, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert written.count(" balance ") == len(json.loads(told(capsys, "ledger", "check", "--json"))["balances"])
    file.write_text(written.replace("100.000000", "100.000001", 1))
    assert subprocess.run(check, capture_output=True, text=True).returncode == 1


def test_a_month_is_closed_once_it_is_over(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert "No month is closed" in told(capsys, "period", "list")
    told(capsys, "admin", "deposit", "me", "100", "--key", "k")
    now = json.loads(told(capsys, "ledger", "export", "--json"))["transfers"][0]["at"]
    assert "is not over" in refused(capsys, "period", "close", now[:7])
    assert "2020-13" in refused(capsys, "period", "close", "2020-13", status=2)
    closed = json.loads(told(capsys, "period", "close", "2020-01", "--json"))
    assert closed["period"]["start"] == "2019-12-31T16:00:00Z"
    assert told(capsys, "period", "close", "2020-01") == "2020-01 is closed at transfer 1.\n"
    assert "the next to be closed is 2020-02" in refused(capsys, "period", "close", "2020-03")
    assert "2020-01" in told(capsys, "period", "list")
    assert json.loads(told(capsys, "ledger", "check", "--json"))["counts"]["transfers"] == 1


def refused(capsys: pytest.CaptureFixture[str], *words: str, status: int = 1) -> str:
    assert main(words) == status
    return capsys.readouterr().err


BOOK = """\
apiVersion: suanwang/v1
kind: PriceBook
priceBook:
  id: book
  version: 2
  currency: CNY
  effective: 2020-01-01T00:00Z
  prices: {accelerator_hour: PRICE CNY, kwh: pass-through}
  tax: {name: VAT, rate: 6 %, included: true}
  source: {text: invented for a test}
"""


def settled_job(capsys: pytest.CaptureFixture[str], home: Home, more: str = "") -> str:
    ended = json.loads(told(capsys, "run", str(home.workload("print(1)", more=more)), "--json"))
    job: str = ended["job"]["id"]
    return job


def sums(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    counts = json.loads(told(capsys, "ledger", "check", "--json"))["counts"]
    return {name: value for name, value in counts.items() if name.startswith("sum_micro")}


def test_a_book_is_previewed_and_a_job_rated_anew(
    home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    told(capsys, "admin", "deposit", "me", "100", "--key", "k")
    job = settled_job(capsys, home)
    month = json.loads(told(capsys, "ledger", "export", "--json"))["transfers"][0]["at"][:7]
    for price, sign in (("720", 1), ("90", -1)):
        file = tmp_path / f"{price}.yaml"
        file.write_text(BOOK.replace("PRICE", price).replace("version: 2", f"version: {price}"))
        told(capsys, "book", "check", str(file))
        before = json.loads(told(capsys, "bill", "show", job, "--json"))
        seen = json.loads(told(capsys, "book", "preview", str(file), "--from", month, "--json"))
        (row,) = seen["jobs"]
        assert row["job_id"] == job
        assert row["charged"] == before["charged"]
        assert (float(row["change"]["amount"]) > 0) == (sign > 0)
        assert json.loads(told(capsys, "bill", "show", job, "--json")) == before  # nothing was stored
        made = json.loads(told(capsys, "book", "rerate", str(file), job, "--json"))
        assert made["after"] == row["would_be"]
        after = json.loads(told(capsys, "bill", "show", job, "--json"))
        assert after["charged"] == row["would_be"]
        assert after["by_money"] == after["charged"]
        assert float(after["tax"]["amount"]) == pytest.approx(float(after["charged"]["amount"]) * 6 / 106, abs=1e-6)
        again = json.loads(told(capsys, "book", "rerate", str(file), job, "--json"))
        assert again["posted"] == 0
        assert set(sums(capsys).values()) == {0}
    assert "sealed" in told(capsys, "book", "list")


def test_another_meter_corrects_a_settled_job(home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    job = settled_job(capsys, home)
    (record,) = json.loads(told(capsys, "job", "show", job, "--json"))["usage"]
    double = float(record["energy_kwh"]) + 1
    file = tmp_path / "meter.csv"
    heading = "job,start,end,energy_kwh,tokens\n"
    file.write_text(f"{heading}{job},{record['start']},{record['end']},{double:.12f},5\n")
    seen = json.loads(told(capsys, "usage", "reconcile", str(file), "--json"))
    assert [(c["quantity"], c["verdict"]) for c in seen["comparisons"]] == [
        ("energy_kwh", "differs"),
        ("tokens", "differs"),
    ]
    assert seen["adjustments"] == []
    before = json.loads(told(capsys, "bill", "show", job, "--json"))
    made = json.loads(told(capsys, "usage", "reconcile", str(file), "--apply", "--json"))
    (adjustment,) = made["adjustments"]
    after = json.loads(told(capsys, "bill", "show", job, "--json"))
    assert after["charged"] == adjustment["after"]
    assert float(after["energy_kwh"]) == pytest.approx(double, rel=1e-6)
    assert after["energy_source"] == "measured"
    assert float(after["charged"]["amount"]) - float(before["charged"]["amount"]) == pytest.approx(0.6, abs=2e-6)
    again = json.loads(told(capsys, "usage", "reconcile", str(file), "--apply", "--json"))
    assert again["adjustments"] == []
    assert set(sums(capsys).values()) == {0}
    end = datetime.fromisoformat(record["end"])
    file.write_text(f"{heading}{job},{end.isoformat()},{(end + timedelta(seconds=30)).isoformat()},0.001,\n")
    added = json.loads(told(capsys, "usage", "reconcile", str(file), "--apply", "--json"))
    assert [c["verdict"] for c in added["comparisons"]] == ["unmetered"]
    assert len(added["adjustments"]) == 1
    assert set(sums(capsys).values()) == {0}
    month = record["start"][:7]
    listed = json.loads(told(capsys, "usage", "list", month, "--json"))["records"]
    assert len(listed) == 2


def test_bad_readings_are_told_at_once(home: Home, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "meter.csv"
    file.write_text("job,start,end,energy_kwh\n,2026-11-01T00:00Z,now,-1\nj,2026-11-02T00:00Z,2026-11-01T00:00Z,x\n")
    err = refused(capsys, "usage", "reconcile", str(file), status=2)
    for place in ("2 job", "2 end", "2 energy_kwh", "3 energy_kwh"):
        assert f"meter.csv:{place}" in err
    file.write_text("job,start\n")
    assert "the column end is missing" in refused(capsys, "usage", "reconcile", str(file), status=2)


def test_cards_are_compared_by_what_they_deliver(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    table = json.loads(told(capsys, "usage", "exchange", "--dtype", "bf16", "--reference", "ascend-910b3", "--json"))
    by_card = {row["accelerator"]: row for row in table["exchange"]}
    assert by_card["ascend-910b3"]["hours"] == 1
    h100 = by_card["h100-sxm5-80gb"]
    assert h100["hours"] == pytest.approx(0.794167 / 0.304236, rel=1e-3)
    assert not h100["comparable"]
    assert h100["provenance"]["date"] == "2026-08-22"
    assert "number format" in refused(capsys, "usage", "exchange", "--dtype", "bf61", status=2)
    assert "no measured efficiency" in refused(capsys, "usage", "exchange", "--reference", "t4", "--dtype", "fp16")
