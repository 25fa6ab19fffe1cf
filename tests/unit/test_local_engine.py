"""What is special to the local engine: crashes of hub and supervisor at every point, left-over processes, measuring."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import suanwang
from suanwang.adapters.clock import FastClock, SystemClock
from suanwang.adapters.engines import local_supervisor
from suanwang.adapters.engines.devices import Devices, devices_of
from suanwang.adapters.engines.local import LocalEngine
from suanwang.domain.accelerator import AcceleratorKind
from suanwang.domain.order import Ability, EndCause, Observation, Order, OrderState
from suanwang.errors import NotNow
from suanwang.ports import Clock
from tests.small_grid import CARD, pool

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(suanwang.__file__).parent.parent)}
ENDED = (OrderState.ENDED, OrderState.LOST)


class Unattended(LocalEngine):
    """An engine whose hub dies between writing an order and starting its supervisor."""

    def _look_after(self, order_id: str) -> None:
        pass


def engine_at(folder: Path, clock: Clock | None = None, kind: type[LocalEngine] = LocalEngine) -> LocalEngine:
    return kind(folder / "root", {"pool": 8}, clock or SystemClock(), grace_s=0.3)


def order_of(*command: str, **change: Any) -> Order:
    standard: dict[str, Any] = {
        "id": "order",
        "job_id": "job",
        "attempt": 1,
        "fence": 1,
        "pool_id": "pool",
        "queue": "",
        "accelerators": 1,
        "command": command,
        "time_limit_s": 3600,
    }
    return Order(**standard | change)


def until(condition: Callable[[], bool], limit_s: float = 10) -> None:
    give_up = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def wait(engine: LocalEngine, *states: OrderState, order: str = "order") -> Observation:
    until(lambda: engine.observe([order])[0].state in (states or ENDED))
    return engine.observe([order])[0]


def record(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "root" / "orders" / "order" / name).read_bytes())
    return found


def alive(pid: int) -> bool:
    return local_supervisor.stat(pid)[:1] not in ([], [b"Z"])


def processes_of(folder: Path) -> list[int]:
    """Supervisors and programs of the orders under this folder."""
    return [
        pid
        for pid in local_supervisor.processes()
        if alive(pid)
        and str(folder).encode()
        in local_supervisor.read(f"/proc/{pid}/environ") + local_supervisor.read(f"/proc/{pid}/cmdline")
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for one engine's root; the test fails when it leaves a process behind."""
    yield tmp_path
    until(lambda: not processes_of(tmp_path), 5)


def lines(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


HUB = """
import os, signal, sys
from pathlib import Path
from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.local import Devices, LocalEngine, devices_of
from suanwang.domain.accelerator import AcceleratorKind
from suanwang.domain.order import Order

left = int(sys.argv[2])
def deadly(call):
    def dies(*arguments, **options):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return call(*arguments, **options)
    return dies
os.fsync, os.posix_spawn = deadly(os.fsync), deadly(os.posix_spawn)
Path.replace, Path.mkdir = deadly(Path.replace), deadly(Path.mkdir)
engine = LocalEngine(Path(sys.argv[1]), {"pool": 8}, SystemClock())
engine.submit(Order(id="order", job_id="job", attempt=1, fence=1, pool_id="pool", queue="", accelerators=1,
    command=("sh", "-c", f"echo start >> {sys.argv[1]}.tally"), time_limit_s=3600))
deadly(lambda: None)()
"""


def test_a_hub_that_dies_at_any_point_of_submit_starts_the_order_once(tmp_path: Path) -> None:
    point, killed = 0, True
    while killed:
        folder = tmp_path / str(point)
        folder.mkdir()
        hub = subprocess.run(
            [sys.executable, "-c", HUB, str(folder / "root"), str(point)], env=ENVIRONMENT, check=False
        )
        killed = hub.returncode == -signal.SIGKILL
        assert killed or hub.returncode == 0
        engine = engine_at(folder)
        engine.submit(order_of("sh", "-c", f"echo start >> {folder / 'root.tally'}"))
        assert wait(engine).exit_code == 0
        assert lines(folder / "root.tally") == 1
        point += 1
    assert point > 12
    until(lambda: not processes_of(tmp_path))


DYING_SUPERVISOR = """
import importlib.util, os, signal, sys
spec = importlib.util.spec_from_file_location("supervisor", sys.argv[1])
supervisor = importlib.util.module_from_spec(spec)
spec.loader.exec_module(supervisor)
left, me = int(sys.argv[3]), os.getpid()
def deadly(call):
    def dies(*arguments, **options):
        global left
        if os.getpid() == me:
            if left == 0:
                os.kill(me, signal.SIGKILL)
            left -= 1
        return call(*arguments, **options)
    return dies
os.fsync, os.rename, os.write, os.fork = map(deadly, (os.fsync, os.rename, os.write, os.fork))
supervisor.main(sys.argv[2])
"""


def test_a_supervisor_that_dies_at_any_point_never_leads_to_a_second_start(tmp_path: Path) -> None:
    """Before `started.json` is there the next supervisor starts the order; after, the order is lost."""
    outcomes: list[OrderState] = []
    killed = True
    while killed:
        point = len(outcomes)
        folder = tmp_path / str(point)
        tally = folder / "tally"
        engine_at(folder, kind=Unattended).submit(order_of("sh", "-c", f"echo start >> {tally}"))
        program = [sys.executable, "-I", "-S", "-c", DYING_SUPERVISOR, local_supervisor.__file__]
        died = subprocess.run([*program, str(folder / "root" / "orders" / "order"), str(point)], check=False)
        killed = died.returncode == -signal.SIGKILL
        assert killed or died.returncode == 0
        engine = engine_at(folder)
        seen = wait(engine)
        outcomes.append(seen.state)
        assert lines(tally) <= 1
        if seen.state is OrderState.ENDED:
            assert lines(tally) == 1
    lost = [number for number, state in enumerate(outcomes) if state is OrderState.LOST]
    assert lost == list(range(lost[0], lost[-1] + 1))
    assert 0 < lost[0] < lost[-1] < len(outcomes) - 1
    until(lambda: not processes_of(tmp_path))


ESCAPES = "setsid sleep 600 & (sleep 600 &) ; echo up; exec sleep 600"


def test_sigkill_of_the_supervisor_loses_the_order_and_leaves_no_process(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("sh", "-c", ESCAPES))
    until(lambda: engine.logs("order") == b"up\n")
    assert len(processes_of(folder)) == 4
    os.kill(record(folder, "started.json")["supervisor"], signal.SIGKILL)
    fresh = engine_at(folder)
    seen = wait(fresh)
    assert (seen.state, seen.cause, seen.exit_code) == (OrderState.LOST, EndCause.LOST, None)
    assert seen.started
    assert seen.ended
    assert seen.started <= seen.ended
    until(lambda: not processes_of(folder), 1)
    engine.submit(order_of("sh", "-c", ESCAPES))
    assert wait(engine) == seen


def test_the_program_dies_with_its_supervisor_even_when_no_hub_looks(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("sleep", "600"))
    wait(engine, OrderState.RUNNING)
    started = record(folder, "started.json")
    os.kill(started["supervisor"], signal.SIGKILL)
    until(lambda: not alive(started["pid"]), 2)
    wait(engine)


def test_a_stranger_with_the_programs_number_is_left_alone(folder: Path) -> None:
    """The program of a lost order has ended and its process id belongs to another program now."""
    engine_at(folder, kind=Unattended).submit(order_of("sleep", "600"))
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as stranger:
        path = folder / "root" / "orders" / "order" / "started.json"
        for boot in (local_supervisor.boot(), "another"):
            path.write_text(
                json.dumps({"started": 1.0, "pid": stranger.pid, "ticks": 1, "boot": boot, "supervisor": 1})
            )
            engine = engine_at(folder)
            assert wait(engine).state is OrderState.LOST
            assert stranger.poll() is None
            path.with_name("end.json").unlink()
        stranger.kill()


def test_the_session_of_a_lost_program_is_ended_though_it_hides_its_environment(folder: Path) -> None:
    """A program may wipe its environment: then it is known by its id, its start and this run of the machine."""
    engine_at(folder, kind=Unattended).submit(order_of("sleep", "600"))
    with subprocess.Popen(["sh", "-c", "sleep 600 & wait"], start_new_session=True) as left:
        until(lambda: len(local_supervisor.descendants(left.pid)) == 1)
        (child, _) = local_supervisor.descendants(left.pid)[0]
        ticks = int(local_supervisor.stat(left.pid)[19])
        started = {"started": 1.0, "pid": left.pid, "ticks": ticks, "boot": local_supervisor.boot(), "supervisor": 1}
        (folder / "root" / "orders" / "order" / "started.json").write_text(json.dumps(started))
        assert wait(engine_at(folder)).state is OrderState.LOST
        assert left.wait(5) == -signal.SIGKILL
    until(lambda: not alive(child), 1)


def test_a_second_supervisor_ends_at_once(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("sleep", "600"))
    wait(engine, OrderState.RUNNING)
    before = record(folder, "started.json")
    program = [sys.executable, "-I", "-S", local_supervisor.__file__, str(folder / "root" / "orders" / "order")]
    began = time.monotonic()
    assert subprocess.run(program, check=False).returncode == 0
    assert time.monotonic() - began < local_supervisor.LOCK_WAIT_S
    assert record(folder, "started.json") == before
    engine.cancel("order")
    wait(engine)


def test_an_order_without_supervisor_gets_one_when_it_is_observed(folder: Path) -> None:
    engine_at(folder, kind=Unattended).submit(order_of("true"))
    assert engine_at(folder, kind=Unattended).observe(["order"])[0].state is OrderState.PENDING
    assert wait(engine_at(folder)).exit_code == 0


def test_cancel_of_an_order_without_supervisor_ends_it_unstarted(folder: Path) -> None:
    engine_at(folder, kind=Unattended).submit(order_of("true"))
    engine = engine_at(folder)
    engine.cancel("order")
    seen = wait(engine)
    assert (seen.cause, seen.started) == (EndCause.CANCELLED, None)
    assert seen.evidence["cancel"] == "asked for"


def test_processes_that_a_program_leaves_behind_are_ended_with_it(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("sh", "-c", "setsid sleep 600 & (sleep 600 &) ; exit 5"))
    assert wait(engine).exit_code == 5
    assert [pid for pid in processes_of(folder) if b"sleep" in local_supervisor.read(f"/proc/{pid}/cmdline")] == []


def test_the_time_limit_holds_when_the_hub_is_dead(folder: Path) -> None:
    hub = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from suanwang.adapters.clock import FastClock
from suanwang.adapters.engines.local import Devices, LocalEngine, devices_of
from suanwang.domain.accelerator import AcceleratorKind
from suanwang.domain.order import Order
clock = FastClock(datetime(2026, 1, 1, tzinfo=UTC), 3600, float(sys.argv[2]))
LocalEngine(Path(sys.argv[1]), {"pool": 8}, clock, grace_s=0.3).submit(Order(id="order", job_id="job", attempt=1,
    fence=1, pool_id="pool", queue="", accelerators=1, command=("sleep", "600"), time_limit_s=1800))
"""
    wall_start = FastClock.wall_now()
    subprocess.run([sys.executable, "-c", hub, str(folder / "root"), str(wall_start)], env=ENVIRONMENT, check=True)
    until(lambda: (folder / "root" / "orders" / "order" / "end.json").exists())
    clock = FastClock(datetime(2026, 1, 1, tzinfo=UTC), 3600, wall_start)
    seen = wait(engine_at(folder, clock))
    assert seen.cause is EndCause.TIME_LIMIT
    assert seen.started
    assert seen.ended
    assert 1800 <= (seen.ended - seen.started).total_seconds() < 3600  # half a second at 3600 times, and its end
    assert datetime(2026, 1, 1, tzinfo=UTC) < seen.started < seen.ended <= clock.now()


def test_a_program_that_is_ended_as_it_starts_hears_the_first_signal(folder: Path) -> None:
    """TERM comes before the program has begun, and is not lost to what the supervisor ignores for itself."""
    engine = LocalEngine(folder / "root", {"pool": 8}, SystemClock(), grace_s=60)
    engine.submit(order_of("sleep", "600", time_limit_s=1e-6))
    assert wait(engine).cause is EndCause.TIME_LIMIT


def test_cpu_and_memory_are_of_the_whole_group(folder: Path) -> None:
    """Two children at once, one of them an orphan: 0.3 s of CPU and 60 MB each."""
    burn = "x = b'1' * 60_000_000\nimport time\nwhile time.process_time() < 0.3: pass\ntime.sleep(0.5)"
    engine = engine_at(folder)
    script = '("$0" -c "$1" & ) ; "$0" -c "$1"; sleep 1'
    engine.submit(order_of("sh", "-c", script, sys.executable, burn))
    seen = wait(engine)
    assert seen.exit_code == 0
    assert seen.cpu_s
    assert seen.memory_bytes_peak
    assert 0.6 <= seen.cpu_s < 2
    assert 110e6 < seen.memory_bytes_peak < 250e6


def test_the_supervisor_ignores_what_ends_a_hub(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("sleep", "600"))
    wait(engine, OrderState.RUNNING)
    supervisor = record(folder, "started.json")["supervisor"]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(supervisor, number)
    assert os.getsid(supervisor) == supervisor != os.getsid(0)
    time.sleep(0.1)
    assert engine.observe(["order"])[0].state is OrderState.RUNNING
    engine.cancel("order")
    assert wait(engine).cause is EndCause.CANCELLED


def test_a_folder_that_cannot_be_used_is_an_engine_that_does_not_answer(folder: Path) -> None:
    (folder / "root").write_text("a file where a folder should be")
    engine = engine_at(folder)
    calls: list[Callable[[], object]] = [
        lambda: engine.submit(order_of("true")),
        lambda: engine.observe(["order"]),
        lambda: engine.cancel("order"),
        lambda: engine.logs("order"),
        lambda: engine.capacity("pool"),
    ]
    for call in calls:
        with pytest.raises(NotNow) as refused:
            call()
        assert refused.value.code == "engine-unreachable"


def test_a_full_disk_refuses_for_now_and_leaves_nothing_half_written(folder: Path) -> None:
    engine = engine_at(folder)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))  # writes beyond 10 bytes fail, as on a full disk
    try:
        with pytest.raises(NotNow) as refused:
            engine.submit(order_of("true"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refused.value.code == "engine-unreachable"
    assert [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"] == []
    engine.submit(order_of("true"))
    assert wait(engine).exit_code == 0


def test_a_program_starts_with_usual_signals_and_no_open_files(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("sh", "-c", "grep -E 'SigIgn|SigBlk' /proc/self/status; ls /proc/$$/fd | tr '\\n' ' '"))
    assert wait(engine).exit_code == 0
    output = engine.logs("order").decode().split()
    assert output[:2] == ["SigBlk:", "0" * 16]
    assert int(output[3], 16) & (1 << 31) - 1 == 0  # none of the 31 standard signals is ignored
    assert output[4:] == ["0", "1", "2"]


def test_other_peoples_eyes_are_kept_out(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("true", environment={"TOKEN": "x"}))
    wait(engine)
    assert (folder / "root").stat().st_mode & 0o077 == 0


def test_supervisors_of_ended_orders_are_no_zombies(folder: Path) -> None:
    engine = engine_at(folder)
    engine.submit(order_of("true"))
    wait(engine)
    until(lambda: engine.observe(["order"])[0].state is OrderState.ENDED and not engine._supervisors)


NVML_DOUBLE = """
#include <time.h>
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void **device) {
  *device = (void *)(long)(index + 1);
  return index > 7;
}
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *used) { /* 100 W times index + 1 */
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  *used = (unsigned long long)((now.tv_sec + now.tv_nsec / 1e9) * 100000) * (long)device;
  return 0;
}
"""
CARDS = {"pool": Devices("CUDA_VISIBLE_DEVICES", 2, metered=True)}


def printed(engine: LocalEngine, order: str) -> bool:
    return engine.logs(order).endswith(b"\n")


def with_cards(folder: Path) -> LocalEngine:
    return LocalEngine(folder / "root", {"pool": 4}, SystemClock(), grace_s=0.3, devices=CARDS)


def test_each_order_has_devices_of_its_own(tmp_path: Path) -> None:
    engine = with_cards(tmp_path)
    show = "import os, time; print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); time.sleep(60)"
    for number, count in ((1, 2), (2, 1), (3, 1)):
        order = order_of(sys.executable, "-c", show, id=f"o{number}", job_id=f"j{number}", accelerators=count)
        engine.submit(order)
    shown = {}
    for number in (1, 2, 3):
        until(partial(printed, engine, f"o{number}"))
        shown[number] = engine.logs(f"o{number}")
    assert shown == {1: b"2,3\n", 2: b"4\n", 3: b"5\n"}
    engine.cancel("o1")
    wait(engine, order="o1")
    again = with_cards(tmp_path)  # another hub learns what is taken from the orders themselves
    again.submit(order_of(sys.executable, "-c", show, id="o4", job_id="j4", accelerators=1))
    until(lambda: again.logs("o4") == b"2\n")
    for name in ("o2", "o3", "o4"):
        again.cancel(name)
        wait(again, order=name)


@pytest.mark.integration
def test_energy_of_its_devices_is_what_nvml_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A double of the library stands in for NVIDIA's: no device is here."""
    if shutil.which("cc") is None:
        assert os.environ.get("SUANWANG_REQUIRE_INTEGRATION") != "1", "a C compiler is asked for"
        pytest.skip("no C compiler")
    source, library = tmp_path / "nvml.c", tmp_path / local_supervisor.NVML
    source.write_text(NVML_DOUBLE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    engine = with_cards(tmp_path)
    assert Ability.ENERGY not in engine.lacks()
    engine.submit(order_of("sleep", "1", accelerators=2))
    seen = wait(engine)
    assert seen.started
    assert seen.ended
    assert seen.energy_kwh_it is not None
    watts = seen.energy_kwh_it * 3.6e6 / (seen.ended - seen.started).total_seconds()
    assert watts == pytest.approx(300 + 400, rel=0.1), "devices 2 and 3"


def test_without_nvml_no_energy_is_measured(tmp_path: Path) -> None:
    engine = with_cards(tmp_path)
    engine.submit(order_of("true"))
    assert wait(engine).energy_kwh_it is None
    assert Ability.ENERGY in engine_at(tmp_path).lacks()


def test_pools_of_one_vendor_are_numbered_one_after_another() -> None:
    card = replace(CARD, vendor="NVIDIA", kind=AcceleratorKind.GPU)
    pools = [
        pool("a", "s", accelerator=card, nodes=1, accelerators_per_node=4),
        pool("b", "s", accelerator=replace(card, vendor="Huawei"), nodes=1, accelerators_per_node=2),
        pool("c", "s", accelerator=card, nodes=1, accelerators_per_node=2),
        pool("d", "s", accelerator=replace(card, kind=AcceleratorKind.CPU)),
        pool("e", "s"),
    ]
    assert devices_of(pools) == {
        "a": Devices("CUDA_VISIBLE_DEVICES", 0, metered=True),
        "b": Devices("ASCEND_RT_VISIBLE_DEVICES", 0),
        "c": Devices("CUDA_VISIBLE_DEVICES", 4, metered=True),
    }
