"""The simulated engine with a memory that survives its process: every call that changed something is in a journal.

One line is appended for each, under a lock; what the engine is, is what comes of playing the journal from the start. So
it keeps the engine's contract (a known id changes nothing, an order starts at most once) across kills and processes,
and the lines of the journal are what really happened.
"""

import fcntl
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from suanwang.adapters.clock import ManualClock
from suanwang.adapters.engines.simulated import Course, SimulatedEngine
from suanwang.adapters.store import codec
from suanwang.domain.order import Capacity, Lacks, Observation, Order
from suanwang.errors import NotNow, msg
from suanwang.ports import Clock
from tests.small_grid import MONDAY


class JournalledEngine:
    """`Engine`. Orders of workloads that are named in `unsent` never arrive: their `submit` is not answered."""

    def __init__(
        self,
        journal: Path,
        pools: Mapping[str, int],
        clock: Clock,
        course: Callable[[Order], Course],
        unsent: Sequence[str],
    ) -> None:
        self.reachable = True
        self._journal = journal
        self._clock = clock
        self._unsent = unsent
        self._played = 0
        self._time = ManualClock(MONDAY)
        self._engine = SimulatedEngine(pools, self._time, course)

    def lacks(self) -> Lacks:
        return self._engine.lacks()

    def capacity(self, pool_id: str) -> Capacity:
        with self._up_to_date():
            return self._engine.capacity(pool_id)

    def submit(self, order: Order) -> None:
        if order.environment.get("NAME") in self._unsent:
            raise _silent()
        with self._up_to_date():
            known = self._engine.observe([order.id])[0]
            self._engine.submit(order)
            if self._engine.observe([order.id])[0] != known:
                self._append("submit", codec.dump(order))

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        with self._up_to_date():
            return self._engine.observe(order_ids)

    def cancel(self, order_id: str) -> None:
        with self._up_to_date():
            self._engine.cancel(order_id)
            self._append("cancel", order_id)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        return self._engine.logs(order_id, offset, limit)

    @contextmanager
    def _up_to_date(self) -> Iterator[None]:
        """With what other processes did, and nobody else doing anything."""
        if not self.reachable:
            raise _silent()
        with self._journal.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(self._played)
            for line in file:
                self._play(*json.loads(line))
                self._played += len(line)
            self._at(self._clock.now())
            yield

    def _play(self, at: str, what: str, body: str) -> None:
        self._at(datetime.fromisoformat(at))
        if what == "submit":
            self._engine.submit(codec.load(Order, body))
        else:
            self._engine.cancel(body)

    def _append(self, what: str, body: str) -> None:
        line = json.dumps([self._time.now().isoformat(), what, body]).encode() + b"\n"
        with self._journal.open("ab") as file:
            file.write(line)
        self._played += len(line)

    def _at(self, when: datetime) -> None:
        self._time.advance((when - self._time.now()).total_seconds())


def started(journal: Path) -> list[str]:
    """Ids of the orders that arrived, in order; one that started twice stands there twice."""
    if not journal.exists():
        return []
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    return [codec.load(Order, body).id for _, what, body in lines if what == "submit"]


def _silent() -> NotNow:
    return NotNow("engine-unreachable", msg("the engine does not answer"), msg("It is tried again."))
