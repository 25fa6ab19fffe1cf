"""The program that looks after one order of the local engine: `python -I -S local_supervisor.py FOLDER`.

It stands alone (standard library only, nothing of suanwang) so that it starts in a few hundredths of a second and goes
on when the hub dies. The folder is the whole conversation with the hub:

    order.json    what to run, written by the hub, never changed
    cancel        a marker of the hub: end the order, or never start it
    lock          held (flock) by the one supervisor for its whole life; touched while the program runs
    started.json  written before the program starts: whoever finds it and the lock free knows that the order is lost
    log           output of the program, stdout and stderr together
    end.json      how it ended, written once, last

Whoever gets the lock does what is left to do: run the order, note that it never starts, or, after the death of an
earlier supervisor, end what that one left behind and note the order as lost. An order is never started twice.

Linux (with /proc/PID/task/TID/children, as distributions build it): as a child subreaper it finds every process that
came from the program, also one that left its group or session, and the program dies with its supervisor. Elsewhere
(macOS, best effort, not tested) it reaches the process group only, measures what `wait4` says, and cannot end what a
killed supervisor left behind.

The peak of resident memory is the highest sum seen over all processes at a time (shared pages count in each), and not
below the supervisor's own few MB, which the program has until it starts. Network disks do not do: flock must be sound.
"""

import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h
LOCK_WAIT_S = 2.0  # a hub that looks whether the lock is free holds it for a moment
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024  # unit of ru_maxrss, getrusage(2)
NVML = "libnvidia-ml.so.1"  # NVIDIA Management Library, part of the driver
MARK = "SUANWANG_ORDER"  # environment variable by which a left-over process is known


def wall() -> float:
    """Seconds since the epoch. The hub maps what is written here to grid time (`Clock.from_wall`)."""
    return time.clock_gettime(time.CLOCK_REALTIME)


def write(name: str, record: dict[str, Any]) -> None:
    """Write a record whole or not at all, and on the disk before this returns."""
    with open(f"{name}.tmp", "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would double the start time
        json.dump(record, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(f"{name}.tmp", name)  # noqa: PTH104
    here = os.open(".", os.O_RDONLY)
    os.fsync(here)
    os.close(here)


def write_end(record: dict[str, Any]) -> None:
    """Write end.json, again and again while the disk is full: an end is never lost. Not when the folder is gone."""
    while True:
        try:
            return write("end.json", record)
        except FileNotFoundError:
            return None
        except OSError:
            time.sleep(1.0)


def exists(name: str) -> bool:
    return os.path.exists(name)  # noqa: PTH110


def read(path: str) -> bytes:
    """The file, or nothing when it is gone or not ours to read."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return b""


def stat(pid: int) -> list[bytes]:
    """Fields of /proc/PID/stat from the state on (proc(5) field 3 is index 0); empty when the process is gone."""
    return read(f"/proc/{pid}/stat").rpartition(b")")[2].split()


def boot() -> str:
    """Names this run of the machine; process ids mean nothing in another."""
    return read("/proc/sys/kernel/random/boot_id").decode().strip()


def processes() -> Iterator[int]:
    """Every process id, where there is a /proc."""
    if os.path.isdir("/proc/self"):  # noqa: PTH112
        yield from (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208


def descendants(root: int) -> list[tuple[int, list[bytes]]]:
    """(id, stat) of every live process below `root`, without zombies."""
    found, frontier = [], [root]
    while frontier:
        parent = frontier.pop()
        try:
            tasks = os.listdir(f"/proc/{parent}/task")  # noqa: PTH208
        except OSError:
            continue
        for task in tasks:
            for child in map(int, read(f"/proc/{parent}/task/{task}/children").split()):
                frontier.append(child)
                fields = stat(child)
                if fields and fields[0] not in b"ZX":
                    found.append((child, fields))
    return found


def send(number: int, pid: int, *, group: bool = False) -> None:
    """Signal a process, or its group; one that is gone or may not be signalled is left."""
    with suppress(ProcessLookupError, PermissionError):
        (os.killpg if group else os.kill)(pid, number)


def prctl(option: int, value: int) -> None:
    """Linux's prctl(2), where there is one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def energy_mj(devices: list[int]) -> int | None:
    """What these devices have used since their driver was loaded, mJ, by nvmlDeviceGetTotalEnergyConsumption (NVML API
    reference, device queries; Volta or newer). None for none, and where that cannot be read: a meter never holds up an
    order."""
    if not devices:
        return None
    total = 0
    try:
        nvml = ctypes.CDLL(NVML)
        if nvml.nvmlInit_v2():
            return None
        for number in devices:
            device, used = ctypes.c_void_p(), ctypes.c_ulonglong()
            if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(device)):
                return None
            if nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(used)):
                return None
            total += used.value
    except (OSError, AttributeError):
        return None
    return total


class Program:
    """The order's program and everything that comes from it."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order
        self.status: int | None = None
        self.cpu_s = 0.0
        self.memory_bytes = 0.0
        gate, self._go = os.pipe()
        waits, ready = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._go)
            become(order, ready, gate)
        os.close(gate)
        os.close(ready)
        os.read(waits, 1)  # the child has its own session and listens to signals
        os.close(waits)

    def start(self) -> None:
        """Let the program begin. Without this it ends, unstarted, with its supervisor."""
        os.write(self._go, b"1")
        os.close(self._go)

    def reap(self) -> None:
        """Collect what has ended: the program itself and orphans that came down to us."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status

    def sample(self) -> None:
        """Keep the highest sums seen: resident bytes, and CPU of what has been waited for and what lives."""
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        live = [fields for _, fields in descendants(os.getpid())]
        ticks = sum(int(ticks) for fields in live for ticks in fields[11:15])
        self.cpu_s = max(self.cpu_s, ended.ru_utime + ended.ru_stime + ticks / TICKS_PER_S)
        resident = sum(int(fields[21]) for fields in live) * PAGE_BYTES
        self.memory_bytes = max(self.memory_bytes, resident, ended.ru_maxrss * MAXRSS_BYTES)

    def signal(self, number: int) -> None:
        """To the group at once, and to those that left it."""
        if self.status is None:
            send(number, self.pid, group=True)
        for pid, _ in descendants(os.getpid()):
            send(number, pid)

    def sweep(self) -> None:
        """End all that is left and wait until it is gone."""
        pause = 0.001
        if sys.platform != "linux":
            send(signal.SIGKILL, self.pid, group=True)
        while self.status is None or descendants(os.getpid()):
            self.signal(signal.SIGKILL)
            self.reap()
            time.sleep(pause)
            pause = min(0.5, pause * 2)
        self.reap()
        self.sample()


def become(order: dict[str, Any], ready: int, gate: int) -> None:
    """In the child: wait for the word to begin, then turn into the program. Never returns.

    A program that is not there exits with 127, one that cannot be run with 126 (POSIX shells' numbers).
    """
    code = 126
    try:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.write(ready, b"1")
        if not os.read(gate, 1):
            os._exit(code)
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.chdir(encode(order["directory"]))
        words = [encode(word) for word in order["command"]]
        environment = {encode(name): encode(value) for name, value in order["environment"].items()}
        code = 127
        os.execvpe(words[0], words, environment)  # noqa: S606 - an argument list, never a shell
    except OSError as problem:
        if problem.errno not in (errno.ENOENT, errno.ENOTDIR):
            code = 126
        os.write(2, f"suanwang: cannot run {order['command'][0]!r}: {problem}\n".encode("utf-8", "backslashreplace"))
    finally:
        os._exit(code)


def encode(text: str) -> bytes:
    """As the system's calls want it, whatever the locale; the bytes that a surrogate escape stands for."""
    return text.encode("utf-8", "surrogateescape")


def run(order: dict[str, Any], lock: int) -> None:
    """Start the program, watch it to its end, write the end."""
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, ignore)
    program = Program(order)
    began, started = time.monotonic(), wall()
    ticks = stat(program.pid)[19:20]
    identity = {"pid": program.pid, "ticks": int(ticks[0]) if ticks else 0, "boot": boot(), "supervisor": os.getpid()}
    write("started.json", {"started": started, **identity})
    metered = order["devices"] if order.get("metered") else []
    before = energy_mj(metered)
    program.start()
    cause = watch(program, began, lock, woken)
    program.sweep()
    used_mj = (energy_mj(metered) or 0) - (before or 0)
    status = program.status or 0
    code = os.waitstatus_to_exitcode(status)
    signalled = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code) if code < 0 else ""
    write_end(
        {
            "cause": cause or ("signalled" if signalled else "exited"),
            "started": started,
            "ended": started + time.monotonic() - began,  # not below `started`, whatever happens to the wall clock
            "exit_code": code if code >= 0 else 128 - code,
            "signal": signalled,
            "cpu_s": program.cpu_s,
            "memory_bytes_peak": program.memory_bytes,
            "energy_j": used_mj / 1000 if before and used_mj > 0 else None,
        }
    )


def watch(program: Program, began: float, lock: int, woken: int) -> str:
    """Wait for the program's end, or bring it about: the cause if it was us, else "".

    TERM first; KILL when the grace is over. The look-out for a cancel slows down from 1/20 s to 1/2 s with age.
    """
    order = program.order
    limit = order["time_limit_wall_s"]
    deadline = float("inf") if limit is None else began + limit
    cause, kill_at = "", float("inf")
    while True:
        program.reap()
        if program.status is not None:
            return cause
        program.sample()
        os.utime(lock)
        now = time.monotonic()
        if not cause and (exists("cancel") or now >= deadline):
            cause = "cancelled" if exists("cancel") else "time_limit"
            kill_at = now + order["grace_s"]
            deadline = float("inf")
            program.signal(signal.SIGTERM)
        if now >= kill_at:
            return cause
        pause = min(0.5, 0.05 + (now - began) / 50)
        select.select([woken], [], [], max(0.0, min(pause, deadline - now, kill_at - now)))
        read_all(woken)


def read_all(pipe: int) -> None:
    """Empty a pipe that does not block."""
    with suppress(BlockingIOError):
        while os.read(pipe, 512):
            pass


def bury(folder: str, lock: int) -> None:
    """After the death of a supervisor: end what it left behind and write the order's end as lost.

    Its processes are those that carry the order's mark in their environment, the session of its program while the
    program itself lives (same id, same start, same run of the machine), and what descends from these.
    """
    started: dict[str, Any] = json.loads(read("started.json"))
    last_alive = max(started["started"], os.fstat(lock).st_mtime)
    mark = f"{MARK}={folder}".encode()
    while started["boot"] == boot():
        leader = stat(started["pid"])
        alive = leader[19:20] == [str(started["ticks"]).encode()]
        left = set()
        for pid in processes():
            fields = stat(pid)
            if not fields or fields[0] in b"ZX" or pid == os.getpid():
                continue
            in_session = alive and int(fields[3]) == started["pid"]
            if in_session or mark in read(f"/proc/{pid}/environ").split(b"\0"):
                left |= {pid, *(child for child, _ in descendants(pid))}
        if not left:
            break
        for pid in left:
            send(signal.SIGKILL, pid)
        time.sleep(0.01)
    write_end({"cause": "lost", "started": started["started"], "ended": last_alive})


def ignore(number: int, frame: FrameType | None) -> None:
    """A handler that does nothing; the wake-up pipe needs one."""


def take_lock() -> int | None:
    """The lock, or nothing when another supervisor has it."""
    lock = os.open("lock", os.O_RDWR | os.O_CREAT, 0o600)
    give_up = time.monotonic() + LOCK_WAIT_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if exists("started.json") or time.monotonic() > give_up:
                return None
            time.sleep(0.005)
        else:
            return lock


def main(folder: str) -> None:
    """Do what is left to do for the order in this folder."""
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # whatever the hub was given open by those who started it
    os.chdir(folder)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the supervisor outlives its hub and its terminal
    lock = take_lock()
    if lock is None or exists("end.json"):
        return
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    if exists("started.json"):
        bury(folder, lock)
    elif exists("cancel"):
        write_end({"cause": "cancelled", "started": None, "ended": wall()})
    else:
        run(json.loads(read("order.json")), lock)


if __name__ == "__main__":
    main(sys.argv[1])
