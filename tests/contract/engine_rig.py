"""What the contract of the `Engine` port needs: an engine with pools, and the means to drive it; one rig an engine."""

import json
import os
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from suanwang.adapters.clock import ManualClock, SystemClock
from suanwang.adapters.engines.local import LocalEngine
from suanwang.adapters.engines.simulated import Course, SimulatedEngine, course_of_environment
from suanwang.domain.order import Observation, Order, OrderState
from suanwang.ports import Engine
from tests.simulation.crash.journalled_engine import JournalledEngine
from tests.small_grid import MONDAY

POOL, OTHER_POOL, ACCELERATORS = "pool-a", "pool-b", 8


class Rig(ABC):
    """One engine with pools pool-a (8 accelerators) and pool-b (1), and the means to drive it.

    `fixture`: the name of what it needs beside Python; `opens`: Python source that makes an engine of this kind, on
    the folder `sys.argv[1]`, in another process.
    """

    lacks: ClassVar[Mapping[str, str]] = {}
    fixture: ClassVar[str] = ""
    engine: Engine
    opens: str

    def __init__(self, folder: Path, needed: object = None) -> None:
        self.folder = folder
        self.submitted: list[str] = []

    @abstractmethod
    def exits(self, code: int) -> Order:
        """An order that soon exits with this code."""

    @abstractmethod
    def runs(self) -> Order:
        """An order that runs until it is ended."""

    @abstractmethod
    def lose(self) -> Order:
        """Submit an order and have the engine lose it."""

    @abstractmethod
    def pause(self) -> None:
        """Let a little time pass."""

    def order(self, *command: str, environment: Mapping[str, str] | None = None) -> Order:
        number = len(self.submitted) + 1
        self.submitted.append(f"order-{number}")
        return Order(
            id=f"order-{number}",
            job_id=f"job-{number}",
            attempt=1,
            fence=1,
            pool_id=POOL,
            queue="",
            accelerators=1,
            command=command,
            time_limit_s=3600,
            environment=environment or {},
        )

    def see(self, order_id: str) -> Observation:
        (observation,) = self.engine.observe([order_id])
        return observation

    def wait(self, order_id: str, *states: OrderState, turns: int = 2000) -> Observation:
        for _ in range(turns):
            observation = self.see(order_id)
            if observation.state in (states or (OrderState.ENDED, OrderState.LOST)):
                return observation
            self.pause()
        raise AssertionError(f"{observation} did not come to {states}")

    def run(self, order: Order) -> Observation:
        self.engine.submit(order)
        return self.wait(order.id)

    def close(self) -> None:
        for order_id in self.submitted:
            self.engine.cancel(order_id)
            if self.see(order_id).state is not OrderState.UNKNOWN:
                self.wait(order_id)


class LocalRig(Rig):
    """Real processes."""

    opens = """
from suanwang.adapters.engines.local import LocalEngine
engine = LocalEngine(Path(sys.argv[1]) / "root", {"pool-a": 8}, SystemClock())
"""

    def __init__(self, folder: Path, needed: object = None) -> None:
        super().__init__(folder)
        self.engine = LocalEngine(folder / "root", {POOL: ACCELERATORS, OTHER_POOL: 1}, SystemClock(), grace_s=0.3)

    def exits(self, code: int) -> Order:
        return self.order("sh", "-c", f"exit {code}")

    def runs(self) -> Order:
        return self.order("sleep", "600")

    def lose(self) -> Order:
        order = self.runs()
        self.engine.submit(order)
        self.wait(order.id, OrderState.RUNNING)
        started = json.loads((self.folder / "root" / "orders" / order.id / "started.json").read_bytes())
        os.kill(started["supervisor"], signal.SIGKILL)
        return order

    def pause(self) -> None:
        time.sleep(0.005)


class SimulatedRig(Rig):
    """No processes."""

    lacks: ClassVar[Mapping[str, str]] = {
        "programs": "the simulated engine runs no programs",
        "data": "the simulated engine runs no programs",
    }

    def __init__(self, folder: Path, needed: object = None) -> None:
        super().__init__(folder)
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.engine = SimulatedEngine({POOL: ACCELERATORS, OTHER_POOL: 1}, self.clock, self.course)

    @staticmethod
    def course(order: Order) -> Course:
        return replace(course_of_environment(order), delay_s=20, lost=order.command == ("lost",))

    def exits(self, code: int) -> Order:
        return self.order("x", environment={"SUANWANG_SIM_DURATION": "60", "SUANWANG_SIM_EXIT": str(code)})

    def runs(self) -> Order:
        return self.order("x", environment={"SUANWANG_SIM_DURATION": "inf"})

    def lose(self) -> Order:
        order = self.order("lost", environment={"SUANWANG_SIM_DURATION": "60"})
        self.engine.submit(order)
        return order

    def pause(self) -> None:
        self.clock.advance(15)


class JournalledRig(SimulatedRig):
    """The double of the crash tests, so that these stand on the contract too."""

    def __init__(self, folder: Path, needed: object = None) -> None:
        super().__init__(folder)
        self.clock = ManualClock(MONDAY)
        pools = {POOL: ACCELERATORS, OTHER_POOL: 1}
        self.engine = JournalledEngine(folder / "journal", pools, self.clock, self.course, unsent=())
