"""Walks that are killed at chosen points, recovered, and judged; many of them, on every processor."""

import os
import random
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, zip_longest
from pathlib import Path
from time import perf_counter, sleep
from typing import TypeVar

from sqlalchemy import inspect

from suanwang.adapters.store.sql import SqlStore
from suanwang.service.hub import Hub
from tests.simulation.crash.child import ChildFailed, Ended, die, in_child, start
from tests.simulation.crash.failpoints import Failpoints, OnPoint, place
from tests.simulation.crash.oracle import Keys, violations
from tests.simulation.crash.walk import clients, walk
from tests.simulation.crash.world import Wish, database

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Trial:
    """What is walked: how a hub is opened on a folder, what is ordered, how often each order's program started there,
    and what processes are left of it when all is over. `truth`: a hub whose engines say what really happened, where
    those that it was walked with are not themselves where it happened."""

    wanted: Mapping[str, Wish]
    open: Callable[[Path], Hub]
    started: Callable[[Path], Counter[str]]
    left: Callable[[Path], list[str]]
    truth: Callable[[Path], Hub] | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Die at the point of that number, or at the `nth` passing of a place."""

    number: int = 0
    at: str = ""
    nth: int = 1

    def __call__(self) -> OnPoint:
        """What dies there."""
        passed = 0

        def on_point(number: int, what: str) -> None:
            nonlocal passed
            passed += bool(self.at) and place(what) == self.at
            if number == self.number or (passed and passed == self.nth):
                die()

        return on_point


@dataclass(slots=True)
class Verdict:
    """What came of one database: those of the plan that killed a process, what is wrong, seconds of its recovery."""

    plan: tuple[Callable[[], OnPoint], ...]
    killed: list[Callable[[], OnPoint]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    recovery_s: float = 0.0


def judge(
    trial: Trial,
    plan: Sequence[Callable[[], OnPoint]],
    keys: Keys,
    prepare: Callable[[Path], object] = lambda _: None,
) -> Verdict:
    """Walk in a new folder, once for each of the plan; then walk to the end, repeat every client's call, and look."""
    verdict = Verdict(tuple(plan))
    with new_folder() as folder:
        prepare(folder)
        try:
            for planned in plan:
                if in_child(partial(run, trial, folder, planned())).killed:
                    verdict.killed.append(planned)
            verdict.recovery_s = in_child(partial(run, trial, folder, _on)).answer or 0.0
            verdict.wrong = in_child(partial(look, trial, folder, keys)).answer or []
        except ChildFailed as failed:
            verdict.wrong = [str(failed)]
    return verdict


def run(trial: Trial, folder: Path, on_point: OnPoint) -> float:
    """In a child: walk to the end, or until a point kills; returns seconds, opening the database included.

    Not counted is how long the system let it wait for a processor: that says how busy the machine is. Waiting for a
    lock or a disk is counted.
    """
    began = perf_counter() - _queued_s()
    points = Failpoints(on_point)
    points.listen()
    hub = trial.open(folder)
    paused = walk(replace(hub, engines=points.around(hub.engines)), trial.wanted)
    return perf_counter() - _queued_s() - began - paused


def _queued_s() -> float:
    """How long this process was ready to run and did not, in seconds, where Linux tells (in nanoseconds)."""
    told = Path("/proc/self/schedstat")
    return int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0


def race(trial: Trial, seed: int, keys: Keys) -> Verdict:
    """Two hubs and their clients on one database, each stopping now and then for a moment; one is killed on the way."""
    dice = random.Random(seed)
    verdict = Verdict(())
    with new_folder() as folder:
        last = dice.randint(1, 1500)
        hubs = [start(partial(run, trial, folder, _halting(dice.random(), n))) for n in (last, 0)]
        try:
            verdict.killed = [Stop(last) for hub in hubs if hub().killed]
            verdict.recovery_s = in_child(partial(run, trial, folder, _on)).answer or 0.0
            verdict.wrong = in_child(partial(look, trial, folder, keys)).answer or []
        except ChildFailed as failed:
            verdict.wrong = [f"seed {seed}: {failed}"]
    return verdict


def _halting(seed: float, last: int) -> OnPoint:
    """Lets the other one go first at every thirtieth point or so; dies at the last one (0: never)."""
    dice = random.Random(seed)

    def on_point(number: int, _: str) -> None:
        if number == last:
            die()
        if dice.random() < 1 / 30:
            sleep(dice.random() / 200)

    return on_point


def _on(number: int, what: str) -> None:
    """Goes on."""


def rehearse(trial: Trial, prepare: Callable[[Path], object] = lambda _: None) -> list[str]:
    """The place of every point of a walk that nothing interrupts."""
    seen: list[str] = []

    def work(folder: Path) -> list[str]:
        run(trial, folder, lambda _, what: seen.append(place(what)))
        return seen

    with new_folder() as folder:
        prepare(folder)
        return in_child(partial(work, folder)).answer or []


def look(trial: Trial, folder: Path, keys: Keys) -> list[str]:
    """In a child: what is wrong, also after every client has repeated every call much later."""
    hub = trial.open(folder)
    hub.clock.sleep(1)
    clients(hub, trial.wanted)
    hub = trial.truth(folder) if trial.truth else hub
    return violations(hub, database(folder), trial.wanted, trial.started(folder), keys) + trial.left(folder)


def keys_of(trial: Trial) -> Keys:
    """Every primary and unique key of the database, by name."""

    def work(folder: Path) -> Keys:
        store = trial.open(folder).store
        assert isinstance(store, SqlStore)
        seen = inspect(store.engine)
        found = {}
        for table in seen.get_table_names():
            primary = seen.get_pk_constraint(table)
            found[str(primary["name"])] = (table, tuple(primary["constrained_columns"]))
            for key in seen.get_unique_constraints(table):
                found[str(key["name"])] = (table, tuple(key["column_names"]))
        return found

    with new_folder() as folder:
        return in_child(lambda: work(folder)).answer or {}


def at_places(places: Sequence[str]) -> Iterator[tuple[Stop, ...]]:
    """Kills at places in the order in which a walk first passes them, three to a walk: one in each third of its way."""
    third = -(-len(places) // 3)
    for stops in zip_longest(places[:third], places[third : 2 * third], places[2 * third :]):
        yield tuple(Stop(at=at) for at in stops if at is not None)


def anywhere(points: int, seed: int) -> Iterator[tuple[Stop, ...]]:
    """Every point of a walk once, in a random order, then any; each with up to two more kills on the way back."""
    dice = random.Random(seed)
    once = dice.sample(range(1, points + 1), points)
    for first in chain(once, iter(partial(dice.randint, 1, points), 0)):
        more = [dice.randint(1, points // 2) for _ in range(dice.randint(0, 2))]
        yield tuple(Stop(number) for number in (first, *more))


def warm_up(trial: Trial, prepare: Callable[[Path], object] = lambda _: None) -> None:
    """Walk once in this process, so that its children need not import and compile everything again."""
    with new_folder() as folder:
        prepare(folder)
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
