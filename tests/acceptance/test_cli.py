"""The command line as its user meets it: every command, in a fresh home, with real programs run by the local engine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from suanwang.interfaces.cli.main import cli, main
from tests.tiny_home import Home

ESCAPE = "\x1b"
SOON_S = 30.0


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert ESCAPE not in self.out
        return json.loads(self.out)


Call = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def call(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command line in this process."""
    for name, value in home.environment.items():
        monkeypatch.setenv(name, value)

    def run(*words: object) -> Done:
        status = main([str(word) for word in words])
        return Done(status, *capsys.readouterr())

    return run


def start(home: Home, *words: object, **more: Any) -> "subprocess.Popen[str]":
    """The command line as a process of its own."""
    command = [sys.executable, "-m", "suanwang", *map(str, words)]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.Popen(command, env=home.process_environment(), text=True, **streams)


def finish(process: "subprocess.Popen[str]") -> Done:
    out, err = process.communicate(timeout=SOON_S)
    return Done(process.returncode, out or "", err or "")


def commands(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        for name, inner in command.commands.items():
            yield from commands(inner, *path, name)


LEAVES = [path for path, command in commands(cli) if not isinstance(command, click.Group)]
GROUPS = [path for path, command in commands(cli) if isinstance(command, click.Group)]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...], call: Call) -> None:
    done = call(*path, "--help")
    assert done.status == 0
    _, _, example = done.out.partition("Example")
    spoken = path[:-1] if path == ("estimate", "workload") else path  # the command that its group stands for
    assert f"suanwang {' '.join(spoken)}" in example
    assert "--json" in done.out
    assert max(map(len, done.out.splitlines())) <= 110


@pytest.mark.parametrize("path", GROUPS, ids=lambda path: " ".join(path) or "suanwang")
def test_every_group_says_what_its_commands_do(path: tuple[str, ...], call: Call) -> None:
    done = call(*path, "--help")
    assert done.status == 0
    (group,) = [command for where, command in commands(cli) if where == path]
    assert isinstance(group, click.Group)
    for name, inner in group.commands.items():
        assert name in done.out
        assert inner.get_short_help_str(20)[:8] in done.out


USAGE = [
    ("run",),
    ("run", "a.yaml", "--bad"),
    ("nothing",),
    ("job", "nothing"),
    ("jobs", "--limit", "many"),
    ("jobs", "--limit", "0"),
    ("job", "logs", "j1", "--offset", "-1"),
    ("admin", "deposit", "me", "5"),
    ("voucher", "issue", "half", "me", "5", "--id", "v"),
]


@pytest.mark.parametrize("words", USAGE, ids=" ".join)
def test_wrong_usage_is_told_with_status_2_and_in_json(words: tuple[str, ...], call: Call, home: Home) -> None:
    plain = call(*words)
    assert (plain.status, plain.out) == (2, "")
    assert "Error: " in plain.err
    error = call(*words, "--json")
    assert error.status == 2
    assert error.json["error"]["code"] == "invalid-input"
    assert "--help" in error.json["error"]["problems"][0]["remedy"]
    assert not home.database.exists()


UNKNOWN = [
    ("job", "show", "j0"),
    ("job", "logs", "j0"),
    ("job", "cancel", "j0"),
    ("bill", "show", "j0"),
    ("catalog", "show", "h100-sxm-80"),
    ("catalog", "list", "acelerators"),
    ("voucher", "issue", "third", "me", "5", "--id", "v", "--expires", "2090-01-01T00:00Z"),
    ("voucher", "issue", "half", "you", "5", "--id", "v", "--expires", "2090-01-01T00:00Z"),
    ("admin", "deposit", "you", "5", "--key", "k"),
    ("admin", "fund", "third", "5", "--key", "k"),
]


@pytest.mark.parametrize("words", UNKNOWN, ids=" ".join)
def test_what_is_not_there_is_named_with_status_1(words: tuple[str, ...], call: Call) -> None:
    plain = call(*words)
    assert (plain.status, plain.out) == (1, "")
    assert "[not-found]" in plain.err
    error = call(*words, "--json")
    assert error.status == 1
    assert error.json["error"]["code"] == "not-found"
    assert error.json["error"]["remedy"]


def test_every_list_is_json_when_there_is_nothing_yet(call: Call) -> None:
    assert call("jobs", "--json").json == {"jobs": []}
    assert call("voucher", "list", "--json").json == {"vouchers": []}
    assert call("ledger", "export", "--json").json == {"transfers": []}
    assert {b["debits_posted"] + b["credits_posted"] for b in call("ledger", "check", "--json").json["balances"]} == {0}
    assert call("admin", "tick", "--json").json["settled"] == 0
    assert "suanwang run" in call("jobs").out
    assert "suanwang voucher issue" in call("voucher", "list").out


def test_a_quote_stores_nothing(call: Call, home: Home) -> None:
    file = home.workload("print(1)", duration="2 s")
    shown = call("run", file, "--dry-run")
    assert shown.status == 0
    assert "¥ 0.20" in shown.out
    quote = call("run", file, "--dry-run", "--json").json["quote"]
    assert quote["placement"]["option"]["cost"]["rent"] == {"amount": "0.200000", "unit": "CNY"}
    assert call("place", file, "--json").json["quote"]["placement"]["option"]["pool_id"] == "toys"
    assert call("estimate", file, "--json").json["estimates"][0]["accelerators"] == 1
    assert "toys" in call("estimate", file).out
    assert call("jobs", "--json").json == {"jobs": []}
    assert call("ledger", "export", "--json").json == {"transfers": []}


def test_a_run_from_the_quote_to_the_bill(call: Call, home: Home) -> None:
    done = call("run", home.workload("import time; print('half way'); time.sleep(1.2)"))
    assert done.status == 0
    assert done.out.index("Quote for small") < done.out.index("Invoice") < done.out.index("To pay: ¥ ")
    states = [line.split()[1] for line in done.err.splitlines() if line[2:3] == ":"]
    assert states == ["queued", "running", "succeeded"]
    assert "  | half way" in done.err
    (job,) = call("jobs", "--json").json["jobs"]
    assert (job["state"], job["outcome"]) == ("settled", "succeeded")
    bill = call("bill", "show", job["id"], "--json").json
    assert 0.12 <= float(bill["payable"]["amount"]) < 1
    assert call("job", "logs", job["id"]).out == "half way\n"
    assert call("job", "logs", job["id"], "--offset", "5", "--json").json["text"] == "way\n"
    assert call("job", "logs", job["id"], "--offset", "99", "--json").json["text"] == ""
    shown = call("job", "show", job["id"], "--json").json
    assert [e["after"] for e in shown["events"]][-2:] == ["succeeded", "settled"]
    assert shown["usage"][0]["pool_id"] == "toys"
    assert job["id"] in call("job", "show", job["id"]).out
    assert call("job", "cancel", job["id"], "--json").json["outcome"] == "succeeded"
    check = call("ledger", "check", "--json").json
    assert check["counts"]["holds_open"] == 0
    assert check["counts"]["sum_micro:CNY"] == 0
    head, *rows = call("ledger", "export").out.splitlines()
    assert len(rows) == check["counts"]["transfers"]
    assert {len(row.split("\t")) for row in rows} == {len(head.split("\t"))}


def test_json_of_a_run_is_one_document_with_everything(call: Call, home: Home) -> None:
    done = call("run", home.workload("print(1)"), "--json")
    assert done.status == 0
    assert set(done.json) == {"quote", "job", "events", "invoice"}
    assert done.json["job"]["outcome"] == "succeeded"


def test_the_same_key_is_the_same_job(call: Call, home: Home) -> None:
    file = home.workload("open('ran', 'a').write('x')", more=f"  directory: {home.folder}\n")
    first = call("run", file, "--key", "monday", "--json").json
    again = call("run", file, "--key", "monday", "--json")
    assert again.status == 0
    assert again.json["job"]["id"] == first["job"]["id"]
    assert again.json["invoice"] == first["invoice"]
    assert (home.folder / "ran").read_text() == "x"
    assert len(call("jobs", "--json").json["jobs"]) == 1
    other = call("run", home.workload("print(2)"), "--key", "monday")
    assert other.status == 1
    assert "[idempotency-conflict]" in other.err


def test_a_program_that_fails_is_billed_for_what_it_used(call: Call, home: Home) -> None:
    done = call("run", home.workload("import time; time.sleep(1); raise SystemExit(3)", name="fails"))
    assert done.status == 1
    assert "failed · ExitNonzero · The program ended with exit code 3." in done.err
    (job,) = call("jobs", "--json").json["jobs"]
    assert float(call("bill", "show", job["id"], "--json").json["charged"]["amount"]) > 0.1
    assert "ExitNonzero" in call("jobs").out


def test_a_program_that_cannot_be_started_fails_with_a_reason(call: Call, home: Home) -> None:
    file = home.workload("print(1)")
    file.write_text(file.read_text().replace(sys.executable, "no-such-program"))
    done = call("run", file, "--json")
    assert done.status == 1
    assert done.json["job"]["outcome"] == "failed"
    assert done.json["job"]["reason"]


def test_a_program_ends_at_its_time_limit_and_is_never_billed_more(call: Call, home: Home) -> None:
    file = home.workload("import time; time.sleep(60)", time_limit="1 s")
    begun = time.monotonic()
    done = call("run", file)
    assert done.status == 1
    assert time.monotonic() - begun < SOON_S
    assert "TimeLimit" in done.err
    (job,) = call("jobs", "--json").json["jobs"]
    bill = call("bill", "show", job["id"], "--json").json
    held = job["billed_high"]["amount"]
    assert float(bill["payable"]["amount"]) <= float(held)


def test_what_a_tenant_cannot_pay_is_not_run(call: Call, home: Home) -> None:
    done = call("run", home.workload("print(1)", more="  tenant: poor\n"))
    assert done.status == 1
    assert "InsufficientBalance" in done.err
    assert call("admin", "deposit", "poor", "100", "--key", "k").out == "tenant:poor:CNY: 100.00\n"
    assert call("run", home.workload("print(1)", more="  tenant: poor\n")).status == 0
    assert len(call("jobs", "--tenant", "poor", "--json").json["jobs"]) == 2
    assert call("jobs", "--tenant", "me", "--json").json == {"jobs": []}


def test_submit_and_tick_by_hand(call: Call, home: Home) -> None:
    job = call("submit", home.workload("print(1)"), "--json").json
    assert job["state"] == "submitted"
    assert call("bill", "show", job["id"], "--json").json["error"]["code"] == "not-settled"
    assert call("job", "logs", job["id"], "--json").json["error"]["code"] == "not-started"
    assert call("admin", "tick", "--json").json["admitted"] == 1
    end = time.monotonic() + SOON_S
    while call("job", "show", job["id"], "--json").json["job"]["state"] != "settled":
        assert time.monotonic() < end
        time.sleep(0.1)
        assert call("admin", "tick").status == 0
    assert call("bill", "show", job["id"]).status == 0


def test_cancel_before_and_while_it_runs(call: Call, home: Home) -> None:
    early = call("submit", home.workload("print(1)"), "--json").json["id"]
    assert call("job", "cancel", early, "--json").json["outcome"] == "cancelled"
    assert "no " not in call("job", "cancel", early).err
    running = call("submit", home.workload("import time; time.sleep(600)", name="long"), "--json").json["id"]
    call("admin", "tick")
    call("job", "cancel", running)
    end = time.monotonic() + SOON_S
    while call("job", "show", running, "--json").json["job"]["state"] != "settled":
        assert time.monotonic() < end
        time.sleep(0.1)
        call("admin", "tick")
    assert call("job", "show", running, "--json").json["job"]["outcome"] == "cancelled"
    assert call("ledger", "check", "--json").json["counts"]["holds_open"] == 0


def test_a_voucher_pays_a_part(call: Call, home: Home) -> None:
    issue = ("voucher", "issue", "half", "me", "5", "--id", "v-1", "--expires", "2090-01-01T00:00+08:00")
    assert call("admin", "fund", "half", "50", "--key", "f").status == 0
    first = call(*issue, "--json").json
    assert first["face"] == {"amount": "5.000000", "unit": "CNY"}
    assert call(*issue).status == 0
    assert call(*issue[:4], "6", *issue[5:]).status == 1
    file = home.workload("import time; time.sleep(1)", more="  vouchers: [half]\n")
    bill = call("run", file, "--json").json["invoice"]
    charged, paid = (float(bill[name]["amount"]) for name in ("charged", "by_voucher"))
    assert charged > 0.1
    assert paid == pytest.approx(charged / 2, abs=2e-6)
    (left,) = call("voucher", "list", "--tenant", "me", "--json").json["vouchers"]
    assert float(left["remaining"]["amount"]) == pytest.approx(5 - paid)
    assert "v-1" in call("voucher", "list").out
    sums = {k: v for k, v in call("ledger", "check", "--json").json["counts"].items() if k.startswith("sum")}
    assert sums == {"sum_micro:CNY": 0, "sum_micro:VCH:half": 0}


def test_wrong_amounts_names_and_times_are_all_told(call: Call) -> None:
    done = call("voucher", "issue", "half", "me", "NaN", "--id", " ", "--expires", "2090-01-01", "--json")
    assert done.status == 2
    assert [p["place"] for p in done.json["error"]["problems"]] == ["--id", "AMOUNT", "--expires"]
    assert call("voucher", "issue", "half", "me", "1", "--id", "v", "--expires", "2020-01-01T00:00Z").status == 2
    for amount in ("0", "x", "1e400", "0.0000001", "inf"):
        assert call("admin", "deposit", "me", amount, "--key", "k").status == 2
        assert call("admin", "fund", "half", amount, "--key", "").status == 2
    assert call("ledger", "export", "--json").json == {"transfers": []}


def test_two_runs_at_once_on_one_database(home: Home) -> None:
    file = home.workload("import time; time.sleep(1); print('done')")
    together = [start(home, "run", file, "--json") for _ in range(2)]
    done = [finish(process) for process in together]
    assert [(d.status, "Traceback" in d.err) for d in done] == [(0, False)] * 2, [d.err for d in done]
    jobs = {d.json["job"]["id"] for d in done}
    assert len(jobs) == 2
    check = finish(start(home, "ledger", "check", "--json")).json["counts"]
    assert (check["holds_open"], check["sum_micro:CNY"]) == (0, 0)


def test_ctrl_c_cancels_settles_and_leaves_nothing_running(home: Home) -> None:
    pid = home.folder / "pid"
    program = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    process = start(home, "run", home.workload(program))
    end = time.monotonic() + SOON_S
    while not (pid.exists() and pid.read_text()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    time.sleep(0.5)  # a tick has seen it run
    process.send_signal(signal.SIGINT)
    done = finish(process)
    assert done.status == 1
    assert "Cancelling job" in done.err
    assert "Traceback" not in done.err
    assert "Invoice" in done.out
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    (job,) = finish(start(home, "jobs", "--json")).json["jobs"]
    assert (job["state"], job["outcome"], job["reason"]) == ("settled", "cancelled", "CancelledByTenant")
    assert finish(start(home, "ledger", "check", "--json")).json["counts"]["holds_open"] == 0


def test_colours_only_on_a_terminal(home: Home) -> None:
    words = ("ledger", "check")
    assert ESCAPE not in finish(start(home, *words)).out
    ours, theirs = os.openpty()
    process = start(home, *words, stdout=theirs, stdin=theirs)
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65536):
            seen += chunk
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert finish(process).status == 0
    assert ESCAPE.encode() in seen


def test_a_reader_that_goes_away_is_no_error_of_ours(home: Home) -> None:
    process = start(home, "catalog", "list", "prices", "--json")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait(SOON_S)


def test_without_a_grid_it_is_this_machine(home: Home) -> None:
    example = Path(__file__).parents[2] / "examples" / "workloads" / "hello.yaml"
    for name in ("SUANWANG_GRID", "SUANWANG_CATALOG"):
        del home.environment[name]
    done = finish(start(home, "run", example, "--json"))
    assert done.status == 0, done.err
    assert done.json["job"]["outcome"] == "succeeded"
