"""The contract of the `Engine` port, run on every engine. To add an engine: write its rig and add it to RIGS.

A rig says how this engine is made to run for a while, to exit, to lose an order; what it cannot do, with the reason,
stands in its `lacks`, and the tests that need it leave this engine out.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

import suanwang
from suanwang.domain.order import Ability, EndCause, Observation, OrderState
from suanwang.errors import Never, NotNow
from suanwang.ports import TakesArrays
from tests.contract.agent_rig import AgentRig
from tests.contract.engine_rig import ACCELERATORS, OTHER_POOL, POOL, JournalledRig, LocalRig, Rig, SimulatedRig
from tests.contract.kubernetes_rig import KubernetesRig
from tests.contract.ray_rig import RayRig
from tests.contract.slurm_rig import SlurmRestRig, SlurmRig

RIGS: Mapping[str, type[Rig]] = {
    "local": LocalRig,
    "simulated": SimulatedRig,
    "journalled": JournalledRig,
    "slurm": SlurmRig,
    "slurmrestd": SlurmRestRig,
    "kubernetes": KubernetesRig,
    "ray": RayRig,
    "agent": AgentRig,
}


def marked_processes(folder: Path) -> list[str]:
    """Live processes with this folder in their command line or environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            seen = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in seen and int(entry.name) != os.getpid():
            found.append(f"{entry.name} {seen[:200]!r}")
    return found


needs = pytest.mark.needs
"""Run the test only on engines that do not lack this."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    mark = metafunc.definition.get_closest_marker("needs")
    needed = mark.args[0] if mark else ""
    marks = {name: [pytest.mark.integration] if rig.fixture else [] for name, rig in RIGS.items()}
    able = [pytest.param(name, marks=marks[name]) for name, rig in RIGS.items() if needed not in rig.lacks]
    metafunc.parametrize("rig", able, indirect=True)


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    kind = RIGS[request.param]
    made = kind(tmp_path, request.getfixturevalue(kind.fixture) if kind.fixture else None)
    yield made
    made.close()
    give_up = time.monotonic() + 5
    while (left := marked_processes(tmp_path)) and time.monotonic() < give_up:
        time.sleep(0.02)
    assert left == []


def test_what_it_lacks_is_said_with_a_reason(rig: Rig) -> None:
    lacks = rig.engine.lacks()
    assert all(str(reason).endswith(".") for reason in lacks.values())
    assert Ability.PROGRAMS not in lacks or "programs" in rig.lacks
    assert Ability.DATA not in lacks or "data" in rig.lacks
    assert (Ability.ARRAYS in lacks) != isinstance(rig.engine, TakesArrays)


def test_an_order_never_seen_is_unknown(rig: Rig) -> None:
    assert rig.see("nobody") == Observation(order_id="nobody", state=OrderState.UNKNOWN)
    assert rig.engine.logs("nobody") == b""


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_the_exit_code_is_the_programs_own(rig: Rig, code: int) -> None:
    seen = rig.run(rig.exits(code))
    assert (seen.state, seen.cause, seen.exit_code) == (OrderState.ENDED, EndCause.EXITED, code)
    assert seen.started
    assert seen.ended
    assert seen.started < seen.ended
    assert seen.started.tzinfo is UTC


def test_an_order_waits_then_runs(rig: Rig) -> None:
    order = rig.runs()
    rig.engine.submit(order)
    assert rig.see(order.id).state in (OrderState.PENDING, OrderState.RUNNING)
    seen = rig.wait(order.id, OrderState.RUNNING)
    assert seen.started
    assert (seen.ended, seen.cause, seen.exit_code) == (None, None, None)


def test_observations_come_in_the_order_asked_for(rig: Rig) -> None:
    first, second = rig.runs(), rig.runs()
    for order in (first, second):
        rig.engine.submit(order)
    asked = [second.id, "nobody", first.id, second.id]
    assert [seen.order_id for seen in rig.engine.observe(asked)] == asked
    assert rig.engine.observe([]) == []


def test_a_repeated_submit_changes_nothing(rig: Rig) -> None:
    order = rig.exits(3)
    first = rig.run(order)
    for again in (order, replace(order, command=("other",)), replace(order, pool_id="gone")):
        rig.engine.submit(again)
        assert rig.see(order.id) == first


def test_cancel_ends_a_running_order_and_frees_its_accelerators(rig: Rig) -> None:
    order = replace(rig.runs(), accelerators=3)
    rig.engine.submit(order)
    rig.wait(order.id, OrderState.RUNNING)
    assert rig.engine.capacity(POOL).free == ACCELERATORS - 3
    rig.engine.cancel(order.id)
    rig.engine.cancel(order.id)
    seen = rig.wait(order.id)
    assert (seen.state, seen.cause) == (OrderState.ENDED, EndCause.CANCELLED)
    assert rig.engine.capacity(POOL).free == ACCELERATORS


def test_cancel_right_after_submit_ends_the_order(rig: Rig) -> None:
    order = rig.runs()
    rig.engine.submit(order)
    rig.engine.cancel(order.id)
    assert rig.wait(order.id).cause is EndCause.CANCELLED


def test_cancel_of_an_ended_order_changes_nothing(rig: Rig) -> None:
    order = rig.exits(0)
    first = rig.run(order)
    rig.engine.cancel(order.id)
    rig.pause()
    assert rig.see(order.id) == first


def test_an_order_cancelled_before_it_is_submitted_never_starts(rig: Rig) -> None:
    order = rig.runs()
    rig.engine.cancel(order.id)
    assert rig.see(order.id).state is OrderState.UNKNOWN
    seen = rig.run(order)
    assert (seen.state, seen.cause, seen.started) == (OrderState.ENDED, EndCause.CANCELLED, None)


def test_the_time_limit_ends_an_order(rig: Rig) -> None:
    seen = rig.run(replace(rig.runs(), time_limit_s=0.5))
    assert (seen.state, seen.cause) == (OrderState.ENDED, EndCause.TIME_LIMIT)
    assert seen.started
    assert seen.ended
    assert 0.5 <= (seen.ended - seen.started).total_seconds() < 3


def test_a_lost_order_is_lost_for_good(rig: Rig) -> None:
    order = rig.lose()
    seen = rig.wait(order.id)
    assert (seen.state, seen.cause, seen.exit_code) == (OrderState.LOST, EndCause.LOST, None)
    rig.engine.submit(order)
    rig.pause()
    assert rig.see(order.id) == seen
    assert rig.engine.capacity(POOL).free == ACCELERATORS


def test_capacity_is_never_oversubscribed(rig: Rig) -> None:
    big, small = replace(rig.runs(), accelerators=6), replace(rig.runs(), accelerators=3)
    rig.engine.submit(big)
    assert rig.engine.capacity(POOL).free == 2
    with pytest.raises(NotNow) as full:
        rig.engine.submit(small)
    assert full.value.code == "engine-full"
    assert rig.see(small.id).state is OrderState.UNKNOWN
    assert rig.engine.capacity(OTHER_POOL).free == 1
    rig.engine.cancel(big.id)
    rig.wait(big.id)
    rig.engine.submit(small)
    assert rig.engine.capacity(POOL).free == ACCELERATORS - 3


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"accelerators": ACCELERATORS + 1}, id="more than the pool has"),
        pytest.param({"pool_id": "nowhere"}, id="no such pool"),
        pytest.param({"command": ()}, id="no command"),
        pytest.param({"time_limit_s": 0.0}, id="no time"),
        pytest.param({"time_limit_s": float("nan")}, id="time is no number"),
    ],
)
def test_an_order_that_cannot_run_is_refused(rig: Rig, change: dict[str, Any]) -> None:
    order = replace(rig.runs(), **change)
    with pytest.raises(Never) as refused:
        rig.engine.submit(order)
    assert refused.value.code == "engine-refused"
    assert rig.see(order.id).state is OrderState.UNKNOWN


def test_an_order_with_an_old_fence_is_refused(rig: Rig) -> None:
    old, new = rig.runs(), replace(rig.runs(), job_id="job-1", fence=5)
    rig.engine.submit(new)
    with pytest.raises(Never) as refused:
        rig.engine.submit(replace(old, fence=4))
    assert refused.value.code == "engine-refused"
    rig.engine.submit(replace(rig.exits(0), fence=1))  # another job's fences are its own


def test_a_higher_fence_ends_the_earlier_attempt(rig: Rig) -> None:
    first, second = rig.runs(), replace(rig.runs(), job_id="job-1", fence=2)
    rig.engine.submit(first)
    rig.engine.submit(second)
    assert rig.wait(first.id).cause is EndCause.CANCELLED
    assert rig.wait(second.id, OrderState.RUNNING).cause is None


def count(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


@needs("programs")
def test_an_order_starts_once_however_often_it_is_submitted(rig: Rig) -> None:
    tally = rig.folder / "tally"
    orders = [rig.order("sh", "-c", f"echo start >> {tally}") for _ in range(3)]
    script = f"""
import sys, threading
from pathlib import Path
from typing import Any
from suanwang.adapters.clock import SystemClock
from suanwang.domain.order import Order
{rig.opens}
def submit():
    for turn in range(13):
        for number in (1, 2, 3):
            engine.submit(Order(id=f"order-{{number}}", job_id=f"job-{{number}}", attempt=1, fence=1, pool_id="pool-a",
                queue="", accelerators=1, command=("sh", "-c", f"echo start >> {{sys.argv[2]}}"), time_limit_s=3600))
threads = [threading.Thread(target=submit) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
while any(seen.state not in ("ended", "lost") for seen in engine.observe(["order-1", "order-2", "order-3"])):
    pass
"""
    command = [sys.executable, "-c", script, str(rig.folder), str(tally)]
    environment = {**os.environ, "PYTHONPATH": str(Path(suanwang.__file__).parent.parent)}
    hubs = [subprocess.Popen(command, env=environment) for _ in range(2)]
    assert [hub.wait(30) for hub in hubs] == [0, 0]
    for order in orders:
        assert rig.run(order).exit_code == 0
    assert count(tally) == len(orders)


@needs("programs")
def test_output_is_kept_and_read_in_pieces(rig: Rig) -> None:
    order = rig.order("sh", "-c", "echo out; echo err >&2; cat; echo end")
    rig.run(order)
    assert rig.engine.logs(order.id) == b"out\nerr\nend\n"
    assert rig.engine.logs(order.id, 4, 3) == b"err"
    assert rig.engine.logs(order.id, 400) == b""


@needs("programs")
def test_a_huge_log_is_read_by_offset(rig: Rig) -> None:
    order = rig.order("sh", "-c", "head -c 30000000 /dev/zero; echo; echo '{\"step\": 9}'")
    assert rig.run(order).progress == '{"step": 9}'
    assert rig.engine.logs(order.id, 29_999_999) == b'\0\n{"step": 9}\n'


@needs("programs")
@pytest.mark.parametrize(
    ("output", "progress"),
    [
        ('{"step": 1}\n{"step": 2}\nplain\n', '{"step": 2}'),
        ('{"step": 1}\n{"step": ', '{"step": 1}'),
        ('{"a": ' + "[" * 3000 + "\n", ""),
        ("nothing\n", ""),
        ('x{"step": 1}\n', ""),
        ('{"schritt": "ü 步"}\r\n', '{"schritt": "ü 步"}'),
        ("{" + "x" * 20000 + '{"step": 1}\n', ""),
    ],
)
def test_progress_is_the_last_json_line(rig: Rig, output: str, progress: str) -> None:
    assert rig.run(rig.order("printf", "%s", output)).progress == progress


@needs("programs")
def test_a_program_ended_by_a_signal(rig: Rig) -> None:
    seen = rig.run(rig.order("sh", "-c", "kill -SEGV $$"))
    assert (seen.cause, seen.exit_code) == (EndCause.SIGNALLED, 128 + signal.SIGSEGV)
    assert seen.evidence["signal"] == "SIGSEGV"


@needs("programs")
@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/etc/passwd", 126), ("/etc", 126)])
def test_a_program_that_cannot_be_run(rig: Rig, program: str, code: int) -> None:
    order = rig.order(program)
    seen = rig.run(order)
    assert (seen.cause, seen.exit_code) == (EndCause.EXITED, code)
    assert program.encode() in rig.engine.logs(order.id)


def arguments_of(rig: Rig, *arguments: str, environment: Mapping[str, str] | None = None) -> tuple[int | None, Any]:
    """Exit code, and what a program finds as its arguments and environment."""
    show = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
    order = rig.order(sys.executable, "-c", show, *arguments, environment=environment)
    seen = rig.run(order)
    output = rig.engine.logs(order.id, limit=10**8)
    return seen.exit_code, json.loads(output) if seen.exit_code == 0 else output


@needs("data")
def test_an_order_without_accelerators_leaves_data_for_the_next_one_of_its_job(rig: Rig) -> None:
    bring = rig.order("sh", "-c", "echo words > $SUANWANG_DATA_DIR/corpus")
    seen = rig.run(replace(bring, id=f"{bring.job_id}.bring1", attempt=-1, fence=0, accelerators=0))
    assert (seen.cause, seen.exit_code) == (EndCause.EXITED, 0)
    work = replace(bring, command=("sh", "-c", 'test "$(cat "$SUANWANG_DATA_DIR/corpus")" = words'))
    assert rig.run(work).exit_code == 0


@needs("programs")
def test_a_shell_never_sees_the_command(rig: Rig) -> None:
    tally = rig.folder / "tally"
    odd = [
        f"; touch {tally}",
        f"$(touch {tally})",
        f"`touch {tally}`",
        "*",
        "~",
        "a\nb",
        "",
        "--",
        "'\"\\",
        "算力 🚀",
        *([] if "bytes" in rig.lacks else ["\udcff"]),
    ]
    code, found = arguments_of(rig, *odd)
    assert (code, found[0]) == (0, odd)
    assert not tally.exists()


@needs("programs")
def test_a_large_command(rig: Rig) -> None:
    large = ["x" * 100_000] * 10
    code, found = arguments_of(rig, *large)
    assert (code, found[0]) == (0, large)
    code, output = arguments_of(rig, "x" * 10_000_000)
    assert code == 126
    assert b"too long" in output


@needs("programs")
def test_the_environment_is_the_orders_own(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HUB", "x")
    odd = {
        "WITH SPACE": "a b",
        "LINES": "a\nb",
        "算力": "券",
        "EMPTY": "",
        "QUOTE": "'\"$HOME`id`",
        "SUANWANG_JOB_ID": "x",
    }
    code, found = arguments_of(rig, environment=odd)
    assert code == 0
    environment: dict[str, str] = found[1]
    assert odd.items() - environment.items() == {("SUANWANG_JOB_ID", "x")}
    assert environment["SUANWANG_JOB_ID"] == "job-1"
    assert environment["SUANWANG_ATTEMPT"] == environment["SUANWANG_ACCELERATORS"] == "1"
    assert environment["PATH"]
    assert "SECRET_OF_THE_HUB" not in environment


@needs("programs")
@pytest.mark.parametrize(
    "change",
    [
        {"command": ("a\0b",)},
        {"environment": {"A=B": "x"}},
        {"environment": {"": "x"}},
        {"environment": {"A": "\0"}},
        {"command": ("a", "\ud800")},
        {"directory": "relative/folder"},
    ],
)
def test_what_cannot_be_passed_on_is_refused(rig: Rig, change: dict[str, Any]) -> None:
    with pytest.raises(Never):
        rig.engine.submit(replace(rig.runs(), **change))


@needs("programs")
@pytest.mark.parametrize("name", ["", ".", "..", "../up", "a/b", "/etc", "a\0b", "a\n", ".hidden", "x" * 129, "名"])
@pytest.mark.parametrize("field", ["id", "job_id", "state_key"])
def test_names_cannot_leave_the_folder(rig: Rig, field: str, name: str) -> None:
    if field == "state_key" and not name:
        return  # no state key of its own: the job's id is used
    before = sorted(rig.folder.rglob("*"))
    changes: dict[str, Any] = {field: name}
    with pytest.raises(Never):
        rig.engine.submit(replace(rig.runs(), **changes))
    if field == "id":
        rig.engine.cancel(name)
        assert rig.see(name).state is OrderState.UNKNOWN
        assert rig.engine.logs(name) == b""
    assert sorted(rig.folder.rglob("*")) == before
    rig.submitted.clear()


@needs("programs")
def test_state_outlives_attempts_and_work_does_not(rig: Rig) -> None:
    script = """
for dir in "$SUANWANG_CHECKPOINT_DIR" "$SUANWANG_OUTPUT_DIR" .; do
    cat "$dir/mine" 2>/dev/null; echo "attempt $SUANWANG_ATTEMPT" >> "$dir/mine"
done"""
    first = replace(rig.order("sh", "-c", script), state_key="model-7")
    second = replace(rig.order("sh", "-c", script), job_id=first.job_id, attempt=2, fence=2, state_key="model-7")
    rig.run(first)
    rig.run(second)
    assert rig.engine.logs(first.id) == b""
    assert rig.engine.logs(second.id) == b"attempt 1\nattempt 1\n"


@needs("programs")
def test_a_program_runs_in_the_orders_directory(rig: Rig) -> None:
    order = replace(rig.order("pwd"), directory=str(rig.folder))
    rig.run(order)
    assert rig.engine.logs(order.id).decode().strip() == str(rig.folder)
    nowhere = replace(rig.order("pwd"), directory=str(rig.folder / "nowhere"))
    assert rig.run(nowhere).exit_code == 126
    assert b"nowhere" in rig.engine.logs(nowhere.id)


@needs("programs")
def test_cancel_ends_children_that_ignore_it(rig: Rig) -> None:
    stubborn = (
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo up; sleep 600' & sleep 600 & while :; do sleep 600; done"
    )
    order = rig.order("sh", "-c", stubborn)
    rig.engine.submit(order)
    while b"up" not in rig.engine.logs(order.id):
        rig.pause()
    rig.engine.cancel(order.id)
    assert rig.wait(order.id).cause is EndCause.CANCELLED
    assert [line for line in marked_processes(rig.folder) if "sleep" in line] == []


@needs("haste")
def test_many_orders_at_once(rig: Rig) -> None:
    orders = [replace(rig.exits(number % 3), accelerators=0) for number in range(12)]
    for order in orders:
        rig.engine.submit(order)
    assert [rig.wait(order.id).exit_code for order in orders] == [number % 3 for number in range(12)]
    assert {seen.state for seen in rig.engine.observe([order.id for order in orders])} == {OrderState.ENDED}
