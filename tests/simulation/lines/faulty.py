"""Engines, clocks and disks that misbehave at an agent's end, each as the real ones do."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from suanwang.adapters import clock as clocks
from suanwang.agent.spool import Kept
from suanwang.domain.order import Capacity, Lacks, Observation, Order, OrderState
from suanwang.errors import NotNow, msg
from suanwang.ports import Engine
from suanwang.schemas.sync import Wish
from tests.simulation.crash.agent_world import WatchedSpool

FULL = "full"
"""While this file is in the folder of the scene, the disk of its spools is full."""
SAID, FULL_S = "is full", 1.0


class TrueClock(clocks.SystemClock):
    """The clock of an engine's own machine: no jump of an agent's or hub's clock moves it."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.clock_gettime(time.CLOCK_REALTIME), UTC)


def jump(offsets: Sequence[tuple[float, float]]) -> None:
    """From now on this process's wall clock is wrong: after so many seconds by so many seconds, forwards or back."""
    began = time.monotonic()

    class Wrong:
        sleep = staticmethod(time.sleep)

        @staticmethod
        def time() -> float:
            elapsed = time.monotonic() - began
            return time.clock_gettime(time.CLOCK_REALTIME) + sum(by for after, by in offsets if elapsed >= after)

    setattr(clocks, "time", Wrong)  # noqa: B010 - the module that the clocks read


class FaultyEngine:
    """`Engine` around another: it answers late, twice, not at all, or for other orders; what it was told, it did."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine = engine
        self._dice = random.Random(seed)

    def lacks(self) -> Lacks:
        return self._engine.lacks()

    def _maybe_silent(self) -> None:
        if self._dice.random() < 0.2:
            raise NotNow("engine-unreachable", msg("the engine does not answer"), msg("It is tried again."))

    def capacity(self, pool_id: str) -> Capacity:
        self._maybe_silent()
        return self._engine.capacity(pool_id)

    def submit(self, order: Order) -> None:
        """It may not arrive, or arrive twice, or arrive without an answer."""
        self._maybe_silent()
        for _ in range(self._dice.randint(1, 2)):
            self._engine.submit(order)
        self._maybe_silent()

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        self._maybe_silent()
        if self._dice.random() < 0.1:
            time.sleep(0.2)
        seen = list(self._engine.observe(order_ids))
        match self._dice.randint(0, 5):
            case 0:  # twice, and the second time as it was before
                seen += [Observation(order_id=o.order_id, state=OrderState.PENDING) for o in seen]
            case 1:  # for orders that nobody asked for
                seen += list(self._engine.observe([f"{order_id}0" for order_id in order_ids]))
            case 2:  # only some of them, in another order
                self._dice.shuffle(seen)
                seen = seen[: len(seen) // 2]
        return seen

    def cancel(self, order_id: str) -> None:
        self._maybe_silent()
        self._engine.cancel(order_id)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        return self._engine.logs(order_id, offset, limit)


class TightSpool(WatchedSpool):
    """A spool whose database cannot grow while the marker is there: SQLite says that the disk is full."""

    def take(self, wishes: Iterable[Wish]) -> None:
        self._limit()
        super().take(wishes)

    def save(self, changed: Iterable[Kept]) -> None:
        self._limit()
        super().save(changed)

    def _limit(self) -> None:
        tight = (self.folder.parent / FULL).exists()
        self._database.execute(f"PRAGMA max_page_count = {1 if tight else 1_000_000}").fetchone()


def fill_disk(folder: Path) -> Callable[[], None]:
    """The disk is full from now on; what is returned makes room once both agents' spools have said so for a while."""
    (folder / FULL).touch()
    said_at: list[float] = []

    def make_room() -> None:
        told = [path.read_text() for path in folder.glob("[ab].err")]
        if len(told) == 2 and all(SAID in text for text in told):
            said_at.append(time.monotonic())
            if said_at[-1] - said_at[0] > FULL_S:
                (folder / FULL).unlink(missing_ok=True)

    return make_room
