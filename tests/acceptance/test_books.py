"""The books as a user meets them: a job within its budgets, the month closed, the ledger checked by Beancount."""

import json
import subprocess
import sys
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
