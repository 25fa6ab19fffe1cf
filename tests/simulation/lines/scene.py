"""Hub, agents and the line between them as processes of their own, in real time: each can be killed alone.

What outlives a process is in the folder: the hub's database, the agents' spools, the journals of the sites' engines. A
scene is set up once, played until every job is settled, with whoever dies started again, and then judged by what the
engines themselves say.
"""

import asyncio
import json
import os
import signal
import socket
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path

from suanwang.adapters.clock import SystemClock
from suanwang.adapters.engines.simulated import course_of_environment
from suanwang.adapters.store.sql import SqlStore
from suanwang.agent.agent import Agent
from suanwang.agent.link import HttpLink
from suanwang.domain.agent import AGENT
from suanwang.domain.identity import Role, User, UserKind
from suanwang.domain.job import Job, JobState
from suanwang.domain.order import OrderState
from suanwang.domain.site import Grid, Tenant
from suanwang.domain.workload import Workload
from suanwang.interfaces.api.app import create_app
from suanwang.ports import Engine
from suanwang.schedule.policies.fcfs import FirstComeFirstServed
from suanwang.service.hub import Hub
from suanwang.service.identity import make_token
from suanwang.service.submit import cancel, submit
from suanwang.service.tenants import check_ledger, open_accounts, pay_in
from suanwang.service.tick import tick
from tests.fault_proxy import NONE, FaultProxy
from tests.live_hub import house_of, serving
from tests.simulation.crash.child import die
from tests.simulation.crash.failpoints import Failpoints, OnPoint, Watched, passed
from tests.simulation.crash.journalled_engine import JournalledEngine, started
from tests.simulation.crash.world import FLAT, workload
from tests.simulation.lines.faulty import TightSpool, TrueClock, jump
from tests.small_grid import book, cny, grid, pool, site

SITES = {"a": "east", "b": "west"}
CARDS = 64
TURN_S = 0.05
PLAY_S_MAX = 40.0


def line_grid() -> Grid:
    """Two sites, each with an agent; a tenant who has money."""
    return grid(
        [site("a", tariff=FLAT), site("b", tariff=FLAT)],  # at any hour of the wall it costs the same
        [pool(pool_id, site_id, nodes=CARDS // 8, engine=AGENT) for site_id, pool_id in SITES.items()],
        price_books=(book(),),
        tenants=(Tenant(id="me", name="Me", credit_limit=cny("0")),),
    )


def job_of(name: str, pool_id: str, seconds: float, **environment: str) -> Workload:
    return workload(name, pool_id, seconds / 3600, **environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A job and what must become of it. `cancel`: it is cancelled as soon as it runs."""

    workload: Workload
    outcome: JobState
    cancel: bool = False


def wanted(padding: str = "") -> Mapping[str, Wanted]:
    """By key: jobs that succeed, fail, are refused and are cancelled, at both sites; `padding` makes them large."""
    done, failed, cancelled = JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED
    short = {f"short-{n}": job_of(f"short-{n}", ("east", "west")[n % 2], 0.2, PADDING=padding) for n in range(8)}
    return {key: Wanted(workload=work, outcome=done) for key, work in short.items()} | {
        "long": Wanted(workload=job_of("long", "east", 1.0), outcome=done),
        "fails": Wanted(workload=job_of("fails", "west", 0.3, SUANWANG_SIM_EXIT="3"), outcome=failed),
        "refused": Wanted(workload=job_of("refused", "west", 1.0, SUANWANG_SIM_DURATION="x"), outcome=failed),
        "stop": Wanted(workload=job_of("stop", "east", 600.0), outcome=cancelled, cancel=True),
    }


@dataclass(slots=True, kw_only=True)
class Part:
    """One process: how it is begun with what it does at its failpoints, and the stops that are left for it."""

    begin: Callable[[OnPoint], int]
    stops: list[int] = field(default_factory=list)
    pid: int = 0
    kills: int = 0


@dataclass(kw_only=True)
class Scene:
    """`stops`: for each process ("hub", "a", "b") the numbers of the failpoints at which it is killed, one a life.

    `faults`: what the line between agents and hub does. `engine`: what stands between an agent and its engine. `wrong`:
    for each process, by how much its clock jumps when. `each_turn`: done again and again while the scene is played.
    """

    folder: Path
    url: str = ""
    seed: int = 0
    stops: Mapping[str, Sequence[int]] = field(default_factory=dict)
    faults: Mapping[str, int] = field(default_factory=lambda: NONE)
    engine: Callable[[Engine], Engine] = lambda engine: engine
    wrong: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    each_turn: Callable[[], None] = lambda: None
    jobs: Mapping[str, Wanted] = field(default_factory=wanted)

    def __post_init__(self) -> None:
        self.url = self.url or f"sqlite:///{self.folder / 'hub.db'}"
        self.hub_port, self.line_port = _free_ports(2)
        self.parts = {
            "line": Part(begin=self._line),
            "hub": Part(begin=self._hub),
            **{site: Part(begin=partial(self._agent, site)) for site in SITES},
        }
        for name, numbers in self.stops.items():
            self.parts[name].stops = list(numbers)

    @property
    def kills(self) -> int:
        return sum(part.kills for part in self.parts.values())

    def play(self) -> list[str]:
        """Set up, play to the end, judge: everything that is wrong."""
        hub, store = self._set_up()
        try:
            for part in self.parts.values():
                self._start(part)
            left = self._until_settled(hub, store)
        finally:
            for name, part in self.parts.items():
                os.kill(part.pid, signal.SIGTERM if name == "line" else signal.SIGKILL)
                os.waitpid(part.pid, 0)
        wrong = left or self._judge(hub)
        store.close()
        return wrong

    def _set_up(self) -> tuple[Hub, SqlStore]:
        house, store = house_of(self.folder, line_grid(), SystemClock(), self.url)
        now = house.hub.clock.now()
        with store.transaction() as tx:
            for site_id in SITES:
                roles = frozenset({Role.AGENT})
                user = User(
                    id=f"agent-{site_id}", kind=UserKind.SERVICE, name=site_id, roles=roles, site=site_id, created=now
                )
                tx.identity.add_user(user)
                secret = make_token(tx.identity, user, "test", now, timedelta(days=3)).secret
                (self.folder / f"{site_id}.token").write_text(secret)
        open_accounts(house.hub)
        pay_in(house.hub, "me", cny("1000"), "first")
        for key, wish in self.jobs.items():
            submit(house.hub, wish.workload, key)
        store.engine.dispose()
        return house.hub, store

    def faults_made(self) -> Counter[str]:
        """What the line did, once it is over."""
        return Counter(json.loads((self.folder / "faults").read_text()))

    def _start(self, part: Part) -> None:
        stop = part.stops.pop(0) if part.stops else 0
        part.pid = part.begin(_dying(stop) if stop else _living)

    def _until_settled(self, hub: Hub, store: SqlStore) -> list[str]:
        """Start whoever died again until every job is settled; what is left when that takes too long."""
        until = time.monotonic() + PLAY_S_MAX
        while time.monotonic() < until:
            for name, part in self.parts.items():
                pid, status = os.waitpid(part.pid, os.WNOHANG)
                if pid:
                    if not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
                        return [f"{name} ended: {(self.folder / f'{name}.err').read_text()[-2000:]}"]
                    part.kills += 1
                    store.engine.dispose()  # a child must not have the parent's connections
                    self._start(part)
            jobs = _jobs(hub)
            for job in jobs:
                if self.jobs[job.key].cancel and job.state is JobState.RUNNING and not job.cancel_requested:
                    cancel(hub, job.id)
            if all(job.state is JobState.SETTLED for job in jobs):
                return []
            self.each_turn()
            time.sleep(TURN_S)
        return [f"{job.key} is {job.state}, {job.reason} {job.detail}" for job in _jobs(hub) if job.state != "settled"]

    def _judge(self, hub: Hub) -> list[str]:
        """By what the engines say: nothing lost, nothing doubled, billed seconds are engine seconds, no orphans."""
        wrong: list[str] = []
        check_ledger(hub)
        jobs = _jobs(hub)
        ran: dict[str, float] = {}
        for site_id, pool_id in SITES.items():
            names = started(self.folder / f"engine-{site_id}")
            wrong += [f"{name} started {count} times" for name, count in Counter(names).items() if count > 1]
            for seen in self._site_engine(site_id).observe(names):
                if seen.state not in (OrderState.ENDED, OrderState.LOST):
                    wrong.append(f"{seen.order_id} is an orphan in {pool_id}: {seen.state}")
                elif seen.started and seen.ended:
                    ran[seen.order_id] = (seen.ended - seen.started).total_seconds()
        for job in jobs:
            if job.outcome is not self.jobs[job.key].outcome:
                wrong.append(f"{job.key} is {job.outcome} because of {job.reason} {job.detail}")
            with hub.store.transaction() as tx:
                billed = sum((r.end - r.start).total_seconds() for r in tx.usage.records(job.id))
                orders = [order.id for order, _ in tx.jobs.orders(job_id=job.id)]
            engine_s = sum(ran.pop(order_id, 0.0) for order_id in orders)
            if abs(billed - engine_s) > 1e-6:
                wrong.append(f"{job.key} ran {engine_s} s and is billed {billed} s")
        wrong += [f"{order_id} ran, and nobody was billed" for order_id in ran]
        return wrong

    def _site_engine(self, site_id: str) -> JournalledEngine:
        journal = self.folder / f"engine-{site_id}"
        return JournalledEngine(journal, {SITES[site_id]: CARDS}, TrueClock(), course_of_environment, ())

    def _hub(self, on_point: OnPoint) -> int:
        def work() -> None:
            Failpoints(on_point).listen()
            house, _ = house_of(self.folder, line_grid(), SystemClock(), self.url)
            with serving(create_app(house), self.hub_port):
                while True:
                    tick(house.hub, FirstComeFirstServed())
                    time.sleep(TURN_S)

        return self._fork("hub", work)

    def _agent(self, site_id: str, on_point: OnPoint) -> int:
        def work() -> None:
            Failpoints(on_point).listen()
            inner = self.engine(self._site_engine(site_id))
            engine = Watched(inner, lambda what: passed(f"site {what}"))
            address, token = f"http://127.0.0.1:{self.line_port}", self.folder / f"{site_id}.token"
            with closing(HttpLink(address, token)) as link:
                agent = Agent(
                    site_id,
                    "journalled",
                    TightSpool(self.folder / f"spool-{site_id}"),
                    link,
                    lambda pools: {p.id: engine for p in pools},
                    SystemClock(),
                    lambda message: _tell(str(message)),
                    settle_s=0.1,
                    look_s=0.05,
                    idle_s=0.2,
                )
                while True:
                    agent.step()
                    time.sleep(min(0.2, agent.pause_s()))

        return self._fork(site_id, work)

    def _line(self, _: OnPoint) -> int:
        proxy = FaultProxy(port=self.line_port, hub_port=self.hub_port, seed=self.seed, faults=self.faults)

        def work() -> None:
            signal.signal(signal.SIGTERM, lambda *_: _note(self.folder / "faults", proxy))
            asyncio.run(proxy.serve())

        return self._fork("line", work)

    def _fork(self, name: str, work: Callable[[], None]) -> int:
        pid = os.fork()
        if pid:
            return pid
        errors = os.open(self.folder / f"{name}.err", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(errors, 1)
        os.dup2(errors, 2)
        try:
            jump(self.wrong.get(name, ()))
            work()
        except BaseException:  # noqa: BLE001 - whatever it was, the parent reads it
            traceback.print_exc()
        finally:
            os._exit(1)


def _living(number: int, what: str) -> None:
    """Goes on."""


def _dying(stop: int) -> OnPoint:
    """Dies at that point."""

    def on_point(number: int, what: str) -> None:
        if number == stop:
            die()

    return on_point


def _tell(text: str) -> None:
    """Into the file that the process's output goes to, whoever else listens to what is printed."""
    os.write(1, f"{text}\n".encode())


def _jobs(hub: Hub) -> list[Job]:
    with hub.store.transaction() as tx:
        return tx.jobs.find()


def _note(path: Path, proxy: FaultProxy) -> None:
    path.write_text(json.dumps(proxy.done))
    os._exit(0)


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
