"""SIGKILL of the servers that hub and site stand on, at the hub's numbered failpoints: slurmctld, a node's slurmd, the
node itself with all that runs there, and PostgreSQL. One to three die in a row, and come back at once or after a tick.

Nothing is lost, nothing runs twice, what is billed is what Slurm says. SUANWANG_KILLS (500 unless set) says how long
this goes on: a twenty-fifth of it is the number of kills.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.options import read_options
from suanwang.adapters.engines.slurm.commands import Commands
from suanwang.adapters.engines.slurm.engine import SlurmEngine
from suanwang.adapters.engines.slurm.pools import OPTIONS, SlurmPool
from suanwang.adapters.store.sql import SqlStore, open_store
from suanwang.domain.job import Job, JobState
from suanwang.domain.order import Purpose
from suanwang.domain.site import Tenant
from suanwang.domain.workload import Batch, Checkpointing, Demand, Program, Workload
from suanwang.errors import NotNow
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.replanning import replan
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import check_ledger, open_accounts, pay_in
from suanwang.service.tick import tick
from tests.postgres_server import PostgresServer
from tests.simulation.crash.failpoints import Failpoints, place
from tests.simulation.crash.oracle import usage
from tests.simulation.crash.world import FLAT
from tests.simulation.test_crash_kills import KILLS
from tests.small_grid import CARD, book, cny, grid, pool, site, workload
from tools.slurm_clusters import SlurmClusters

SITE, NODES = "guian", ("ga1", "ga2")
ACTIVE = 6
GAP_POINTS = 1500
STUCK_S = 90.0
BEGIN, END = (f"echo '{word}' $SUANWANG_JOB_ID >> {{marks}}" for word in ("begin", "end"))
PROGRAM = f"{BEGIN}; sleep {{seconds}} && {END}; exit {{code}}"
pytestmark = pytest.mark.integration


@dataclass(kw_only=True)
class Server:
    """One that may be killed, and how it comes back."""

    name: str
    kill: Callable[[], object]
    start: Callable[[], object]


@dataclass(kw_only=True)
class Killer:
    """Kills at points drawn from the seed; what is down comes back `down` ticks later."""

    servers: list[Server]
    kills: int
    dice: random.Random
    made: Counter[str] = field(default_factory=Counter)
    places: set[str] = field(default_factory=set)
    down: list[Server] = field(default_factory=list)
    wait: int = 0
    next: int = 1

    def on_point(self, number: int, what: str) -> None:
        if not self.kills or number < self.next or self.down:
            return
        together = min(self.kills, self.dice.choice((1, 1, 1, 2, 3)))
        for server in self.dice.sample(self.servers, together):
            server.kill()
            self.down.append(server)
            self.made[server.name] += 1
            self.kills -= 1
        self.places.add(place(what))
        self.next = number + self.dice.randint(1, GAP_POINTS)
        self.wait = self.dice.choice((0, 0, 1))
        if not self.wait:
            self.revive()

    def turn(self) -> None:
        """After a tick: what has been down long enough is started."""
        if self.down and self.wait <= 0:
            self.revive()
        self.wait -= 1

    def revive(self) -> None:
        for server in self.down:
            server.start()
        self.down.clear()


@dataclass(kw_only=True)
class Scene:
    """A hub with the real cluster, jobs of every kind while there are kills to come, and what became of them."""

    folder: Path
    store: SqlStore
    clusters: SlurmClusters
    killer: Killer
    wanted: dict[str, JobState] = field(default_factory=dict)

    def __post_init__(self) -> None:
        at = replace(pool("pa", SITE), nodes=2, engine="slurm", queue="main", options={"gres": "gpu:ascend910b"})
        slurm_pool = SlurmPool(pool=at, options=read_options(OPTIONS, [at])["pa"])
        clock = SystemClock()
        commands = Commands(str(self.clusters.conf(SITE)))
        self.engine = SlurmEngine(self.folder / "slurm", commands, [slurm_pool], clock, poll_share=0.5, forgotten_s=10)
        points = Failpoints(self.killer.on_point)
        points.listen_to(self.store.engine)
        tenants = (Tenant(id="me", name="Me", credit_limit=cny("0")),)
        self.hub = Hub(
            store=self.store,
            clock=clock,
            grid=grid([site(SITE, tariff=FLAT)], [at], tenants=tenants, price_books=(book(),)),
            engines=points.around({"pa": self.engine}),
            accelerators={CARD.id: CARD},
        )
        self._again(lambda: open_accounts(self.hub))
        self._again(lambda: pay_in(self.hub, "me", cny("100000"), "first"))

    def play(self) -> None:
        """Until no kill is left and every job is settled."""
        deadline = time.monotonic() + STUCK_S
        while self.killer.kills or self.killer.down or self._open():
            assert time.monotonic() < deadline, f"stuck: {[(j.key, j.state.value, j.detail) for j in self._open()]}"
            if self.killer.kills:
                deadline = time.monotonic() + STUCK_S
                while len(self._open()) < ACTIVE:
                    self._order()
            self._again(lambda: tick(self.hub, FirstComeFirstServed()), tries=1)
            self._again(lambda: replan(self.hub, make=True), tries=1)  # a node that was away closed its pool
            self.killer.turn()
            for job in self._open():
                if job.key.startswith("stop") and job.state is JobState.RUNNING and not job.cancel_requested:
                    self._again(partial(cancel, self.hub, job.id))
            time.sleep(0.02)

    def _order(self) -> None:
        kind, seconds, code, outcome = self.killer.dice.choice(
            (
                ("short", 0.0, 0, JobState.SUCCEEDED),
                ("long", 1.0, 0, JobState.SUCCEEDED),
                ("fails", 0.1, 7, JobState.FAILED),
                ("stop", 60.0, 0, JobState.CANCELLED),
            )
        )
        key = f"{kind}-{len(self.wanted)}"
        self.wanted[key] = outcome
        script = PROGRAM.format(marks=self.folder / "marks", seconds=seconds, code=code)
        asked: Workload = replace(
            workload(),
            name=key,
            task=Batch(duration_s=30.0, duration_accelerator=CARD.id),
            demand=Demand(count=2),
            program=Program(command=("sh", "-c", script)),
            checkpointing=Checkpointing(every_s=3600, retries=50),
        )
        self._again(lambda: submit(self.hub, asked, key))

    def _open(self) -> list[Job]:
        found: list[Job] = []

        def read() -> None:
            with self.store.transaction() as tx:
                found[:] = [job for job in tx.jobs.find(limit=10_000) if job.state is not JobState.SETTLED]

        self._again(read)
        return found

    def _again(self, step: Callable[[], object], tries: int = 100) -> None:
        """A step, again while a server is away; before each further try what is down is started."""
        for _ in range(tries):
            with suppress(NotNow):
                step()
                return
            if tries > 1:
                self.killer.revive()

    def wrong(self) -> Iterator[str]:
        """What was lost, doubled, billed wrongly, or left behind."""
        marks = Counter((self.folder / "marks").read_text().splitlines())
        with self.store.transaction() as tx:
            jobs = tx.jobs.find(limit=10_000)
            if Counter(job.key for job in jobs) != Counter(list(self.wanted)):
                yield "jobs were lost or doubled"
            for job in jobs:
                orders = [order for order, _ in tx.jobs.orders(job_id=job.id) if order.purpose is Purpose.RUN]
                begun, ended = marks[f"begin {job.id}"], marks[f"end {job.id}"]
                if job.outcome is not self.wanted[job.key]:
                    yield f"{job.key}: {job.outcome} because of {job.reason}: {job.detail}"
                if begun > len(orders):
                    yield f"{job.key} began {begun} times for {len(orders)} orders"
                once = int(self.wanted[job.key] is not JobState.CANCELLED)
                if not once <= ended <= once + once * sum(self._died_untold(order.id) for order in orders):
                    yield f"{job.key} came to its end {ended} times"
                if tx.ledger.pending(job.id):
                    yield f"{job.key}: a hold is open"
                for order in orders:
                    (seen,) = self.engine.observe([order.id])
                    yield from usage(tx, job, order, seen)
        counts = check_ledger(self.hub).counts
        yield from (f"{name} is {n}" for name, n in counts.items() if name.startswith("sum_micro") and n)
        yield from self._left_behind()

    def _died_untold(self, order_id: str) -> bool:
        """Whether the node died before the script could tell the end of its program: nobody can know that it did."""
        folder = self.folder / "slurm" / "orders" / order_id
        return (folder / "claim").exists() and not (folder / "end").exists()

    def _left_behind(self) -> Iterator[str]:
        """What Slurm still has when its daemons have told one another what they missed."""
        deadline = time.monotonic() + STUCK_S
        while left := self.clusters.run(SITE, "squeue", "-h", "-o", "%j %T"):
            if time.monotonic() > deadline:
                yield f"left behind: {left}"
                return
            time.sleep(0.2)


def servers_of(clusters: SlurmClusters, dice: random.Random) -> list[Server]:
    def node() -> str:
        return dice.choice(NODES)

    def all_nodes() -> None:
        for name in NODES:
            clusters.start_node(SITE, name)

    return [
        Server(
            name="slurmctld",
            kill=lambda: clusters.kill_controller(SITE),
            start=lambda: clusters.start_controller(SITE),
        ),
        Server(name="slurmd", kill=lambda: clusters.kill_daemon(SITE, node()), start=all_nodes),
        Server(name="node", kill=lambda: clusters.kill_node(SITE, node()), start=all_nodes),
    ]


def report(capsys: pytest.CaptureFixture[str], where: str, scene: Scene) -> None:
    made: Mapping[str, int] = scene.killer.made
    places, jobs = len(scene.killer.places), len(scene.wanted)
    with capsys.disabled():
        print(f"\n{where}: killed {dict(sorted(made.items()))} at {places} places, {jobs} jobs")
    if wrong := list(scene.wrong()):
        pytest.fail("\n".join(wrong))


@pytest.mark.timeout(KILLS * 2 + 300)
def test_servers_of_a_site_are_killed(
    slurm_clusters: SlurmClusters, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(1)
    killer = Killer(servers=servers_of(slurm_clusters, dice), kills=KILLS // 50, dice=dice)
    with closing(open_store(f"sqlite:///{tmp_path / 'grid.db'}")) as store:
        scene = Scene(folder=tmp_path, store=store, clusters=slurm_clusters, killer=killer)
        scene.play()
        report(capsys, "SQLite", scene)


@pytest.mark.timeout(KILLS * 2 + 300)
def test_the_database_server_is_killed_too(
    slurm_clusters: SlurmClusters, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = random.Random(2)
    server = PostgresServer()
    servers = servers_of(slurm_clusters, dice)
    killer = Killer(
        servers=[Server(name="postgres", kill=server.kill, start=server.start), *servers],
        kills=KILLS // 50,
        dice=dice,
    )
    with closing(open_store(f"postgresql://postgres@/postgres?host={server.folder}")) as store:
        scene = Scene(folder=tmp_path, store=store, clusters=slurm_clusters, killer=killer)
        scene.play()
        report(capsys, "PostgreSQL", scene)
    server.stop()
