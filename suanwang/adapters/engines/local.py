"""The local engine: orders run as real processes of this machine, each looked after by a small supervisor program.

The engine itself only writes what is wanted and reads what is; `local_supervisor` does the rest and goes on when the
hub dies. So every call may be repeated, by several hubs at once, and after a crash at any point. The root folder must
be on a local disk (flock). Folders:

    ROOT/orders/<order id>/    order.json, started.json, end.json, cancel, lock, log, work (see `local_supervisor`)
    ROOT/jobs/<job id>.json    the highest fence seen for a job, and its orders
    ROOT/state/<state key>/    checkpoint, data and output: they outlive attempts

A program runs in the order's (absolute) `directory` itself, or in its own `work` folder when that is empty.
Accelerators are counted, never oversubscribed, and assigned where the vendor's variable is known: an order keeps its
devices to its end, and its program sees no others.
"""

import fcntl
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suanwang.adapters.engines import local_supervisor
from suanwang.adapters.engines.devices import Devices, devices_of
from suanwang.adapters.engines.programs import (
    NAME,
    answering,
    check_names,
    check_program,
    check_room,
    last_json_line,
    passed_on,
    read_output,
    refused,
)
from suanwang.domain.order import Ability, Capacity, EndCause, Lacks, Observation, Order, OrderState
from suanwang.domain.site import Pool
from suanwang.errors import NotNow, msg
from suanwang.ports import Clock
from suanwang.settings import Settings
from suanwang.units import JOULES_PER_KWH

LACKS: Lacks = {
    Ability.ARRAYS: msg("Each order has a supervisor of its own."),
    Ability.OUTLOOK: msg("This machine has no plan of its own capacity."),
    Ability.ENERGY: msg("Energy is not measured for single processes."),
}


@dataclass(frozen=True, slots=True)
class _Claim:
    """What an order occupies."""

    pool_id: str
    accelerators: int
    devices: tuple[int, ...] = ()


class LocalEngine:
    """`Engine` on this machine. `pools`: accelerators by pool id; `grace_s`: wall seconds from TERM to KILL; `devices`
    of the pools that have some."""

    def __init__(
        self,
        root: Path,
        pools: Mapping[str, int],
        clock: Clock,
        *,
        grace_s: float = 5.0,
        devices: Mapping[str, Devices] | None = None,
    ) -> None:
        self._devices = devices or {}
        self._root = root.expanduser().absolute()
        self._pools = dict(pools)
        self._clock = clock
        self._grace_s = grace_s
        self._mutex = threading.Lock()
        self._supervisors: dict[str, int] = {}  # process ids of those that this engine started
        self._claims: dict[str, _Claim] = {}
        self._ended: dict[str, Observation] = {}

    def lacks(self) -> Lacks:
        """It has no scheduler, and a sensor only where NVML is."""
        metered = any(devices.metered for devices in self._devices.values())
        return {ability: why for ability, why in LACKS.items() if not (metered and ability is Ability.ENERGY)}

    def capacity(self, pool_id: str) -> Capacity:
        """Accelerators in all, and those that no live order has. Raises Never for a pool it does not have."""
        if pool_id not in self._pools:
            raise refused(msg("the local engine has no pool {pool}", pool=pool_id))
        with self._reachable():
            used = sum(c.accelerators for c in self._live().values() if c.pool_id == pool_id)
        total = self._pools[pool_id]
        return Capacity(pool_id=pool_id, accelerators=total, free=max(0, total - used))

    def submit(self, order: Order) -> None:
        """Write the order and start its supervisor; a known id is only seen to have one.

        An order with a higher fence than before cancels the job's earlier orders. Raises Never(engine-refused): bad
        ids or command, unknown pool, lower fence; NotNow(engine-full, engine-unreachable).
        """
        check_names(order)
        with self._reachable():
            if not _there(self._folder(order.id) / "order.json"):
                check_program(order)
                check_room(order, self._pools, "local")
                with self._alone():
                    self._accept(order)
            self._reap()
            self._look_after(order.id)

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id. Looks after orders that lost their supervisor. Raises NotNow(engine-unreachable).

        A lost order has as `ended` the last time at which its supervisor was seen alive.
        """
        with self._reachable():
            self._reap()
            return [self._observe(order_id) for order_id in order_ids]

    def cancel(self, order_id: str) -> None:
        """Mark the order; its supervisor acts within half a second. Raises NotNow(engine-unreachable)."""
        if NAME.fullmatch(order_id) is None:
            return
        with self._reachable():
            self._mark_cancelled(order_id, "asked for")
            if _there(self._folder(order_id) / "order.json"):
                self._look_after(order_id)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Up to `limit` bytes of output from `offset`; nothing for an order that has none."""
        if NAME.fullmatch(order_id) is None:
            return b""
        with self._reachable():
            return read_output(self._folder(order_id) / "log", offset, limit)

    def _accept(self, order: Order) -> None:
        """Make room, set the fence, write the order, in this order: a crash between any two is mended by a repeat."""
        folder = self._folder(order.id)
        if _there(folder / "order.json"):
            return
        record = self._root / "jobs" / f"{order.job_id}.json"
        seen = _read(record) or {"fence": order.fence, "orders": []}
        if order.fence < seen["fence"]:
            raise refused(
                msg("order {order} is older than another of job {job}", order=order.id, job=order.job_id),
            )
        cancelled = _there(folder / "cancel")
        free = self.capacity(order.pool_id).free
        if order.accelerators > free and not cancelled:
            raise NotNow(
                "engine-full",
                msg("pool {pool} has {free} accelerators free", pool=order.pool_id, free=free),
                msg("It is tried again when others have ended."),
            )
        if order.fence > seen["fence"]:
            for older in seen["orders"]:
                self._mark_cancelled(older, f"superseded by {order.id}")
            seen = {"fence": order.fence, "orders": []}
        _write(record, {"fence": seen["fence"], "orders": sorted({*seen["orders"], order.id})})
        _write(folder / "order.json", self._instructions(order, folder, self._free_devices(order)))

    def _free_devices(self, order: Order) -> tuple[int, ...]:
        """As many as the order has accelerators, the lowest first; fewer for one that is cancelled before it begins."""
        if order.pool_id not in self._devices:
            return ()
        claims = [claim for claim in self._live().values() if claim.pool_id == order.pool_id]
        taken = {device for claim in claims for device in claim.devices}
        first = self._devices[order.pool_id].first
        free = [n for n in range(first, first + self._pools[order.pool_id]) if n not in taken]
        return tuple(free[: order.accelerators])

    def _instructions(self, order: Order, folder: Path, devices: tuple[int, ...]) -> dict[str, Any]:
        """What the supervisor needs, and the folders that it names."""
        has = self._devices.get(order.pool_id)
        visible = {has.variable: ",".join(map(str, devices))} if has else {}
        state = self._root / "state" / (order.state_key or order.job_id)
        work = folder / "work"
        for needed in (folder, work, state / "checkpoint", state / "data", state / "output"):
            needed.mkdir(parents=True, exist_ok=True, mode=0o700)
        limit_s = self._clock.wall_seconds(order.time_limit_s)
        return {
            "job_id": order.job_id,
            "attempt": order.attempt,
            "fence": order.fence,
            "pool_id": order.pool_id,
            "accelerators": order.accelerators,
            "devices": devices,
            "metered": has is not None and has.metered,
            "command": order.command,
            "directory": order.directory or str(work),
            "time_limit_wall_s": None if limit_s == float("inf") else limit_s,
            "grace_s": self._grace_s,
            "environment": passed_on()
            | dict(order.environment)
            | visible
            | {
                "SUANWANG_JOB_ID": order.job_id,
                "SUANWANG_ATTEMPT": str(order.attempt),
                "SUANWANG_ACCELERATORS": str(order.accelerators),
                "SUANWANG_CHECKPOINT_DIR": str(state / "checkpoint"),
                "SUANWANG_DATA_DIR": str(state / "data"),
                "SUANWANG_OUTPUT_DIR": str(state / "output"),
                local_supervisor.MARK: str(folder),
            },
        }

    def _mark_cancelled(self, order_id: str, why: str) -> None:
        folder = self._folder(order_id)
        if not _there(folder / "end.json") and not _there(folder / "cancel"):
            _write(folder / "cancel", {"why": why})

    def _observe(self, order_id: str) -> Observation:
        if order_id in self._ended:
            return self._ended[order_id]
        folder = self._folder(order_id)
        if NAME.fullmatch(order_id) is None or not _there(folder / "order.json"):
            return Observation(order_id=order_id, state=OrderState.UNKNOWN)
        if self._at_end(order_id):
            return self._ended[order_id]
        self._look_after(order_id)
        started = _read(folder / "started.json")
        if started is None:
            return Observation(order_id=order_id, state=OrderState.PENDING, evidence=_evidence(folder))
        return Observation(
            order_id=order_id,
            state=OrderState.RUNNING,
            started=self._clock.from_wall(started["started"]),
            evidence=_evidence(folder, pid=started["pid"]),
            progress=last_json_line(folder / "log"),
        )

    def _at_end(self, order_id: str) -> bool:
        """Whether the order has ended; its last observation is kept."""
        folder = self._folder(order_id)
        end = None if order_id in self._ended else _read(folder / "end.json")
        if end is not None:
            cause = EndCause(end["cause"])
            cancel = _read(folder / "cancel") or {}
            self._ended[order_id] = Observation(
                order_id=order_id,
                state=OrderState.LOST if cause is EndCause.LOST else OrderState.ENDED,
                started=None if end["started"] is None else self._clock.from_wall(end["started"]),
                ended=self._clock.from_wall(end["ended"]),
                cause=cause,
                exit_code=end.get("exit_code"),
                cpu_s=end.get("cpu_s"),
                memory_bytes_peak=end.get("memory_bytes_peak"),
                energy_kwh_it=None if end.get("energy_j") is None else end["energy_j"] / JOULES_PER_KWH,
                evidence=_evidence(folder, signal=end.get("signal"), cancel=cancel.get("why")),
                progress=last_json_line(folder / "log"),
            )
        return order_id in self._ended

    def _live(self) -> dict[str, _Claim]:
        """What the orders that have not ended occupy, by id."""
        try:
            names = os.listdir(self._root / "orders")  # noqa: PTH208 - names are all that is needed
        except FileNotFoundError:
            return {}
        live = {}
        for name in names:
            if self._at_end(name):
                self._claims.pop(name, None)
                continue
            if name not in self._claims and (order := _read(self._folder(name) / "order.json")) is not None:
                devices = tuple(order.get("devices", ()))
                self._claims[name] = _Claim(order["pool_id"], order["accelerators"], devices)
            if name in self._claims:
                live[name] = self._claims[name]
        return live

    def _look_after(self, order_id: str) -> None:
        """Start a supervisor unless the order has one or needs none. One too many sees the lock and ends."""
        folder = self._folder(order_id)
        with self._mutex:
            if order_id in self._supervisors or _locked(folder / "lock") or _there(folder / "end.json"):
                return
            program = [sys.executable, "-I", "-S", local_supervisor.__file__, str(folder)]
            null = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
            self._supervisors[order_id] = os.posix_spawn(
                sys.executable, program, os.environ, file_actions=null, setsid=True
            )

    def _reap(self) -> None:
        """Forget supervisors that have ended (or that are another process's children, after a fork)."""
        with self._mutex:
            for order_id, pid in list(self._supervisors.items()):
                try:
                    gone = os.waitpid(pid, os.WNOHANG)[0] == pid
                except ChildProcessError:
                    gone = True
                if gone:
                    del self._supervisors[order_id]

    def _folder(self, order_id: str) -> Path:
        return self._root / "orders" / order_id

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one thread of one process at a time accepts orders."""
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._root / "lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _reachable(self) -> AbstractContextManager[None]:
        return answering("local", self._root)


def open_engines(pools: Sequence[Pool], settings: Settings, clock: Clock) -> dict[str, LocalEngine]:
    """One engine for all of them, with its runs in the home folder."""
    counts = {pool.id: pool.accelerators for pool in pools}
    engine = LocalEngine(settings.home / "runs", counts, clock, devices=devices_of(pools))
    return dict.fromkeys(counts, engine)


def _read(path: Path) -> dict[str, Any] | None:
    """A record, or nothing when it is not there."""
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return record


def _there(path: Path) -> bool:
    """Whether the file exists; unlike Path.exists, raises OSError when that cannot be known."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _write(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record whole or not at all, and on the disk before this returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with draft.open("w", encoding="ascii") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _locked(path: Path) -> bool:
    """Whether a supervisor holds the lock."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _evidence(folder: Path, **more: object) -> dict[str, str]:
    """Where an auditor can look, and what else is known."""
    known = {"host": socket.gethostname(), "folder": str(folder), **more}
    return {name: str(value) for name, value in known.items() if value}
