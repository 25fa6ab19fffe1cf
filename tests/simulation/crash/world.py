"""The world of the crash tests: a small grid, the workloads of one walk, and what must have become of each.

Everything that outlives a process is in one folder: the database, the engine's journal, and the clock's, whose length
is the time. So a process may die at any point, and the next one goes on where the first was.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

from suanwang.adapters.engines.simulated import DURATION, Course, course_of_environment
from suanwang.adapters.store.sql import SqlStore, open_store
from suanwang.domain.job import JobState
from suanwang.domain.money import Money
from suanwang.domain.order import Order
from suanwang.domain.programme import Programme, Rate
from suanwang.domain.reason import Reason
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Link, Tenant
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import (
    Batch,
    Checkpointing,
    DataSet,
    Demand,
    Limits,
    Program,
    Workload,
    WorkloadKind,
)
from suanwang.ports import Clock, Engine, Store
from suanwang.service.hub import Hub
from tests.simulation.crash.journalled_engine import JournalledEngine
from tests.small_grid import CARD, INVENTED, MONDAY, SHANGHAI_CITY, book, cny, grid, pool, site, tariff

HOUR = timedelta(hours=1)
STEPS = (HOUR * 0.7, HOUR * 1.1, HOUR * 1.2, 24 * HOUR)
"""How far the clock goes at each pause: about an hour while programs run, then a day until the last hold runs out."""
LOST_ONCE = "SUANWANG_SIM_LOST_ONCE"
FLAT = tariff({"flat": "0.6"}, {}, id="flat")
POOLS = {"east": 8, "west": 8, "dark": 8}
FACE = Money.parse("20", "CNY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One workload of the walk; when it is cancelled (a state that it is in, or None); and what must become of it.

    `attempts`: how many orders must have been sent out; `starts`: how often its program must have started.
    """

    workload: Workload
    cancel_in: JobState | None = None
    outcome: JobState
    reason: Reason | None = None
    attempts: int = 1
    starts: int = 1


class JournalClock:
    """Grid time that goes on by one of STEPS with each byte of a file: it survives the process that moved it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def now(self) -> datetime:
        ticks = self._path.stat().st_size if self._path.exists() else 0
        return sum(STEPS[:ticks], start=timedelta()) + STEPS[-1] * max(0, ticks - len(STEPS)) + MONDAY

    def advance(self) -> None:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(file, b".")
        os.close(file)

    def from_wall(self, wall_s: float) -> datetime:
        return MONDAY + timedelta(seconds=wall_s)

    def wall_seconds(self, grid_seconds: float) -> float:
        return grid_seconds

    def sleep(self, grid_seconds: float) -> None:
        self.advance()


def small_world() -> Grid:
    """Two sites; pools `east` and `west`, and `dark`, whose engine never answers. Power is passed through."""
    programme = Programme(
        id="help",
        version=1,
        name="Help",
        issuer="office",
        currency="CNY",
        opens=MONDAY - 24 * HOUR,
        closes=MONDAY + 10_000 * HOUR,
        rates=(Rate(ratio=Fraction(3, 10)),),
        provenance=INVENTED,
    )
    return grid(
        [site("a", tariff=FLAT, pue=Signal.constant("1", "1.25")), site("b", tariff=FLAT)],
        [pool("east", "a", nodes=1), pool("west", "b", nodes=1), pool("dark", "b", nodes=1)],
        links=(Link(a=SHANGHAI_CITY.id, b="a", bytes_per_s=1e9, price_per_gb=cny("0.05")),),
        price_books=(book(),),
        tenants=(Tenant(id="me", name="Me", credit_limit=cny("0")), Tenant(id="poor", name="P", credit_limit=cny("0"))),
        programmes=(programme,),
    )


def voucher() -> Voucher:
    return Voucher(id="v1", programme_id="help", tenant="me", face=FACE, issued=MONDAY, expires=MONDAY + 10_000 * HOUR)


def workload(name: str, pool_id: str, hours: float, **environment: str) -> Workload:
    """Runs for that many hours of grid time on two cards of a pool; `environment` says how it goes there."""
    return Workload(
        name=name,
        kind=WorkloadKind.BATCH,
        task=Batch(dtype="bf16", duration_s=hours * 3600, duration_accelerators=2),
        tenant="me",
        program=Program(command=("program",), environment={"NAME": name, DURATION: str(hours * 3600), **environment}),
        demand=Demand(count=2),
        requires={"pool": (pool_id,)},
    )


def wishes() -> Mapping[str, Wish]:
    """By idempotency key: every way that a job can go."""
    state, why = JobState, Reason
    paid = workload("paid", "east", 2.6)
    data = (DataSet(name="corpus", at=SHANGHAI_CITY.id, size_bytes=2e9),)
    again = workload("again", "west", 1.0, SUANWANG_SIM_LOST_ONCE="1")
    later = replace(workload("held", "west", 1.0), limits=Limits(earliest_start=MONDAY + 40 * HOUR))
    return {
        "paid": Wish(workload=replace(paid, vouchers=("help",), data=data), outcome=state.SUCCEEDED),
        "fails": Wish(
            workload=workload("fails", "west", 0.7, SUANWANG_SIM_EXIT="3"),
            outcome=state.FAILED,
            reason=why.EXIT_NONZERO,
        ),
        "again": Wish(
            workload=replace(again, checkpointing=Checkpointing(every_s=600, retries=1)),
            outcome=state.SUCCEEDED,
            attempts=2,
            starts=2,
        ),
        "stop": Wish(
            workload=workload("stop", "west", 30.0),
            cancel_in=state.RUNNING,
            outcome=state.CANCELLED,
            reason=why.CANCELLED_BY_TENANT,
        ),
        "unsent": Wish(
            workload=workload("unsent", "east", 1.0),
            cancel_in=state.QUEUED,
            outcome=state.CANCELLED,
            reason=why.CANCELLED_BY_TENANT,
            starts=0,
        ),
        "refused": Wish(
            workload=workload("refused", "east", 1.0, SUANWANG_SIM_DURATION="nonsense"),
            outcome=state.FAILED,
            reason=why.ENGINE_REFUSED,
            starts=0,
        ),
        "held": Wish(
            workload=later,
            cancel_in=state.HELD,
            outcome=state.CANCELLED,
            reason=why.CANCELLED_BY_TENANT,
            attempts=0,
            starts=0,
        ),
        "expires": Wish(
            workload=workload("expires", "dark", 1.0),
            outcome=state.CANCELLED,
            reason=why.HOLD_EXPIRED,
            attempts=0,
            starts=0,
        ),
        "poor": Wish(
            workload=replace(workload("poor", "west", 1.0), tenant="poor"),
            outcome=state.FAILED,
            reason=why.INSUFFICIENT_BALANCE,
            attempts=0,
            starts=0,
        ),
        "nowhere": Wish(
            workload=workload("nowhere", "south", 1.0),
            outcome=state.FAILED,
            reason=why.LABEL_MISMATCH,
            attempts=0,
            starts=0,
        ),
    }


def course(order: Order) -> Course:
    """As the order's environment says; with LOST_ONCE the engine loses the first attempt half-way, and the second one
    goes on from there."""
    whole = course_of_environment(order)
    if LOST_ONCE in order.environment:
        return replace(whole, duration_s=whole.duration_s / 2, lost=order.attempt == 1)
    return whole


def open_hub(folder: Path, *, store: Store | None = None, engines: Mapping[str, Engine] | None = None) -> Hub:
    """A hub on what is in the folder, by default with the journalled engine and its SQLite database."""
    clock: Clock = JournalClock(folder / "clock")
    if engines is None:
        engines = journalled(folder, clock)
    return Hub(
        store=store or database(folder),
        clock=clock,
        grid=small_world(),
        engines=engines,
        accelerators={CARD.id: CARD},
    )


def database(folder: Path) -> SqlStore:
    """SQLite in the folder, or what the file `url` there names."""
    url = folder / "url"
    return open_store(url.read_text() if url.exists() else f"sqlite:///{folder / 'grid.db'}")


def journalled(folder: Path, clock: Clock, unsent: Sequence[str] = ("unsent",)) -> dict[str, Engine]:
    """The engine of each pool: one for east and west, and for dark one that is out of reach."""
    engine = JournalledEngine(folder / "engine", POOLS, clock, course, unsent)
    dark = JournalledEngine(folder / "dark", POOLS, clock, course, ())
    dark.reachable = False
    return {"east": engine, "west": engine, "dark": dark}
