"""Ticking as long as the hub runs. Of several hubs on one database the one that holds the lease ticks; when it dies,
the lease runs out and another takes over. Nothing is doubled meanwhile: every step of a tick may be repeated."""

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

from suanwang.domain.site import Grid
from suanwang.errors import NotNow
from suanwang.hub_ports import HubStore
from suanwang.ports import Clock
from suanwang.schedule.policy import Policy
from suanwang.service.drains import present
from suanwang.service.hub import Hub
from suanwang.service.rolling import Rolling
from suanwang.service.tick import TickReport, tick
from suanwang.service.webhooks import Send, deliver

log = logging.getLogger("suanwang.tick")

LEASE = "tick"
LEASE_S = 6.0
"""How long a hub that has died still holds the lease."""
IDLE_PAUSE_S = 0.5
"""Between two ticks when nothing happens, and between two tries for the lease."""
FAULT_PAUSE_S = 2.0


class Ticker:
    """A thread that ticks while its hub holds the lease. `ticks`, `faults`, `last` and `last_s` are for the metrics."""

    def __init__(
        self,
        hub: Hub,
        store: HubStore,
        policy: Policy,
        told: Callable[["Ticker"], None] = lambda _: None,
        replan_s: float = 0.0,
    ) -> None:
        """`told` hears of every try; `replan_s` as in `Rolling`."""
        self._told = told
        self.rolling = Rolling(replan_s)
        self._hub = hub
        self._store = store
        self._policy = policy
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)
        self.holder = secrets.token_hex(8)
        self.leading = False
        self.ticks = 0
        self.faults = 0
        self.last: TickReport | None = None
        self.last_s = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the tick that runs now, and give the lease back, so that another hub goes on at once."""
        self._stop.set()
        self._thread.join()

    def take(self, grid: Grid) -> None:
        """From the next tick on the grid is this one."""
        self._hub = replace(self._hub, grid=grid)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            pause = self._once()
            self._told(self)
            self._stop.wait(pause)
        if self.leading:
            with self._store.transaction() as tx:
                tx.operations.release(LEASE, self.holder)

    def _once(self) -> float:
        """One try; seconds until the next."""
        try:
            with self._store.transaction() as tx:
                self.leading = tx.operations.lease(LEASE, self.holder, LEASE_S)
            if not self.leading:
                return IDLE_PAUSE_S
            began = perf_counter()
            hub = present(self._hub, self._store)
            report = tick(hub, self._policy, self.last.at if self.last else None)
            self.rolling.step(hub)
        except NotNow as outage:
            log.warning("tick put off: %s", outage)
            self.faults += 1
            return FAULT_PAUSE_S
        except Exception:
            log.exception("tick failed")
            self.faults += 1
            return FAULT_PAUSE_S
        self.ticks, self.last, self.last_s = self.ticks + 1, report, perf_counter() - began
        return IDLE_PAUSE_S if report.idle else 0.0


class Courier:
    """A thread that tells webhooks what is due. Several hubs may have one: an event may then be told twice."""

    def __init__(self, store: HubStore, clock: Clock, send: Send) -> None:
        self._store = store
        self._clock = clock
        self._send = send
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after what is being told."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            pause = FAULT_PAUSE_S
            try:
                pause = 0.0 if deliver(self._store, self._clock, self._send, limit=20) else IDLE_PAUSE_S
            except NotNow as outage:
                log.warning("webhooks put off: %s", outage)
            except Exception:
                log.exception("webhooks failed")
            self._stop.wait(pause)
