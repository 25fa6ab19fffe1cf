"""Walks that are killed at chosen points, recovered, and judged; many of them, on every processor."""

import os
import random
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from sqlalchemy import inspect

from suanwang.adapters.store.sql import SqlStore
from suanwang.service.hub import Hub
from tests.simulation.crash.child import ChildFailed, Ended, die, in_child, start
from tests.simulation.crash.failpoints import Failpoints, Point
from tests.simulation.crash.oracle import Keys, violations
from tests.simulation.crash.walk import clients, walk
from tests.simulation.crash.world import Wish

RECOVERY_S_MAX = 2.0
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Trial:
    """What is walked: how a hub is opened on a folder, what is ordered, how often each order's program started there,
    and what processes are left of it when all is over."""

    wanted: Mapping[str, Wish]
    open: Callable[[Path], Hub]
    started: Callable[[Path], Counter[str]]
    left: Callable[[Path], list[str]]


@dataclass(frozen=True, slots=True)
class Stop:
    """Die at the point of that number, or at the `nth` passing of a place."""

    number: int = 0
    place: str = ""
    nth: int = 1


@dataclass(slots=True)
class Verdict:
    """What came of one database: processes killed, at which places, what is wrong, seconds of its recovery."""

    plan: tuple[Stop, ...]
    kills: int = 0
    wrong: list[str] = field(default_factory=list)
    recovery_s: float = 0.0


def judge(trial: Trial, plan: Sequence[Stop], keys: Keys, prepare: Callable[[Path], object] | None = None) -> Verdict:
    """Walk in a new folder, dying as planned; then walk to the end, repeat every client's call, and look."""
    verdict = Verdict(tuple(plan))
    with new_folder() as folder:
        if prepare is not None:
            prepare(folder)
        try:
            for stop in plan:
                verdict.kills += in_child(lambda stop=stop: run(trial, folder, stop)).killed  # type: ignore[misc]
            verdict.recovery_s = in_child(lambda: run(trial, folder, None)).answer or 0.0
            verdict.wrong = in_child(lambda: look(trial, folder, keys)).answer or []
        except ChildFailed as failed:
            verdict.wrong = [str(failed)]
    return verdict


def run(trial: Trial, folder: Path, stop: Stop | None) -> float:
    """In a child: walk until the stop, or to the end; returns seconds of work, opening the database included."""
    began = perf_counter()
    hits = Counter[str]()

    def on_point(point: Point) -> None:
        hits[point.place] += 1
        if stop and (point.number == stop.number or (point.place == stop.place and hits[stop.place] == stop.nth)):
            die()

    points = Failpoints(on_point)
    points.listen()
    hub = trial.open(folder)
    opened = perf_counter() - began
    return opened + walk(replace(hub, engines=points.around(hub.engines)), trial.wanted)


def rehearse(trial: Trial) -> list[Point]:
    """Every point of a walk that nothing interrupts."""
    seen: list[Point] = []

    def work(folder: Path) -> list[Point]:
        points = Failpoints(seen.append)
        points.listen()
        hub = trial.open(folder)
        walk(replace(hub, engines=points.around(hub.engines)), trial.wanted)
        return seen

    with new_folder() as folder:
        return in_child(lambda: work(folder)).answer or []


def look(trial: Trial, folder: Path, keys: Keys) -> list[str]:
    """In a child: what is wrong, also after every client has repeated every call much later."""
    hub = trial.open(folder)
    hub.clock.sleep(1)
    clients(hub, trial.wanted)
    assert isinstance(hub.store, SqlStore)
    return violations(hub, hub.store, trial.wanted, trial.started(folder), keys) + trial.left(folder)


def keys_of(trial: Trial) -> Keys:
    """Every primary and unique key of the database, by name."""

    def work(folder: Path) -> Keys:
        store = trial.open(folder).store
        assert isinstance(store, SqlStore)
        seen = inspect(store.engine)
        found = {}
        for table in seen.get_table_names():
            for key in (seen.get_pk_constraint(table), *seen.get_unique_constraints(table)):
                columns = tuple(key.get("constrained_columns") or key.get("column_names") or ())
                found[str(key["name"])] = (table, columns)
        return found

    with new_folder() as folder:
        return in_child(lambda: work(folder)).answer or {}


def plans(points: Sequence[Point], seed: int) -> Iterator[tuple[Stop, ...]]:
    """First every place of the code once, then every point once, then any; each with up to two more kills on the way
    back."""
    dice = random.Random(seed)
    places: dict[str, list[int]] = {}
    for point in points:
        places.setdefault(point.place, []).append(point.number)
    firsts = [dice.choice(numbers) for numbers in places.values()]
    rest = [p.number for p in points]
    dice.shuffle(rest)
    for first in firsts + rest:
        more = [dice.randint(1, len(points)) for _ in range(dice.randint(0, 2))]
        yield tuple(Stop(number) for number in (first, *more))
    while True:
        yield tuple(Stop(dice.randint(1, len(points))) for _ in range(dice.randint(1, 3)))


def warm_up(trial: Trial) -> None:
    """Walk once in this process, so that its children need not import and compile everything again."""
    with new_folder() as folder:
        hub = trial.open(folder)
        walk(hub, trial.wanted)
        hub.store.close()


@contextmanager
def new_folder() -> Iterator[Path]:
    """In memory where the machine has such a disk: a SIGKILL does not need a slow one."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="crash-", dir=memory if os.access(memory, os.W_OK) else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def on_every_processor(works: Iterable[Callable[[], Result]]) -> Iterator[Result]:
    """Results in order, each made in a process of its own; stop reading and no more is begun."""
    running: deque[Callable[[], Ended[Result]]] = deque()
    try:
        for work in works:
            running.append(start(work))
            if len(running) > (os.cpu_count() or 1):
                yield _answer(running.popleft()())
        while running:
            yield _answer(running.popleft()())
    finally:
        for wait in running:
            wait()


def _answer(ended: Ended[Result]) -> Result:
    assert ended.answer is not None
    return ended.answer
