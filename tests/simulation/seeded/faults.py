"""Faults that a seed draws: crashes between any two calls of a port, engines out of reach, answers that are lost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from suanwang.domain.order import Capacity, Lacks, Observation, Order
from suanwang.errors import NotNow, msg
from suanwang.ports import Clock, Engine, Store

SPELL_EVERY = timedelta(hours=9)
SPELL_MAX = timedelta(hours=3)


class Crash(BaseException):
    """The hub is gone at this point; no handler of the program sees it."""


@dataclass(slots=True)
class Faults:
    """Draws what goes wrong. Rates are per call of a port; nothing goes wrong any more after `stop`."""

    dice: Random
    crash_rate: float = 0.004
    lost_rate: float = 0.03
    crashes: int = 0
    _spells: dict[tuple[str, int], tuple[float, float]] = field(default_factory=dict)

    def stop(self) -> None:
        self.crash_rate = self.lost_rate = 0.0

    def maybe_crash(self) -> None:
        if self.dice.random() < self.crash_rate:
            self.crashes += 1
            raise Crash

    def answer_is_lost(self) -> bool:
        return self.dice.random() < self.lost_rate

    def out_of_reach(self, pool_id: str, now: datetime, origin: datetime) -> bool:
        """Once in each nine hours a pool's engine does not answer for a while."""
        number, into = divmod(now - origin, SPELL_EVERY)
        begin, length = self._spells.setdefault((pool_id, number), (self.dice.random(), self.dice.random()))
        first = begin * (SPELL_EVERY - SPELL_MAX)
        return self.crash_rate > 0 and first <= into < first + length * SPELL_MAX


class Fragile:
    """A port, each of whose calls may be the last thing that a hub does."""

    def __init__(self, port: object, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Any] = getattr(self._port, name)

        def fragile(*args: object, **named: object) -> Any:
            self._faults.maybe_crash()
            return call(*args, **named)

        return fragile


@dataclass(frozen=True, slots=True)
class FragileTransaction:
    jobs: Any
    usage: Any
    ledger: Any
    books: Any
    sites: Any
    dockets: Any
    comparisons: Any


class FragileStore:
    """`Store` around another one: a crash before, within, at the end of, or after each transaction."""

    def __init__(self, store: Store, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    @contextmanager
    def transaction(self) -> Iterator[FragileTransaction]:
        self._faults.maybe_crash()
        with self._store.transaction() as tx:
            ports = (tx.jobs, tx.usage, tx.ledger, tx.books, tx.sites, tx.dockets, tx.comparisons)
            yield FragileTransaction(*(Fragile(port, self._faults) for port in ports))
            self._faults.maybe_crash()
        self._faults.maybe_crash()

    def close(self) -> None:
        self._store.close()


class FarEngine:
    """`Engine` of one pool, at the far end of a bad line: a call may not arrive, or arrive and not be answered."""

    def __init__(self, engine: Engine, pool_id: str, faults: Faults, clock: Clock) -> None:
        self._engine = engine
        self._pool_id = pool_id
        self._faults = faults
        self._clock = clock
        self._origin = clock.now()

    @contextmanager
    def _line(self) -> Iterator[None]:
        self._faults.maybe_crash()
        if self._faults.out_of_reach(self._pool_id, self._clock.now(), self._origin):
            raise _silent()
        yield
        if self._faults.answer_is_lost():
            raise _silent()
        self._faults.maybe_crash()

    def lacks(self) -> Lacks:
        return self._engine.lacks()

    def capacity(self, pool_id: str) -> Capacity:
        with self._line():
            return self._engine.capacity(pool_id)

    def submit(self, order: Order) -> None:
        with self._line():
            self._engine.submit(order)

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        with self._line():
            return self._engine.observe(order_ids)

    def cancel(self, order_id: str) -> None:
        with self._line():
            self._engine.cancel(order_id)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        return self._engine.logs(order_id, offset, limit)


def far(engines: Mapping[str, Engine], faults: Faults, clock: Clock) -> dict[str, Engine]:
    """The engine of each pool, at the end of a line of its own."""
    return {pool_id: FarEngine(engine, pool_id, faults, clock) for pool_id, engine in engines.items()}


def _silent() -> NotNow:
    return NotNow("engine-unreachable", msg("the line is cut"), msg("It is tried again."))
