"""A hub on a real socket in this process, and agents that call it: for tests of what happens between them."""

import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import uvicorn
from fastapi import FastAPI

from suanwang.adapters.engines.agent import agent_engines
from suanwang.adapters.store.sql import SqlStore, open_store
from suanwang.agent.agent import Agent
from suanwang.agent.link import HttpLink
from suanwang.agent.spool import Spool
from suanwang.bootstrap import House
from suanwang.domain.catalog import Catalog
from suanwang.domain.identity import Role, User, UserKind
from suanwang.domain.site import Grid, Pool
from suanwang.errors import Message
from suanwang.interfaces.api.app import create_app
from suanwang.ports import Clock, Engine
from suanwang.service.hub import Hub
from suanwang.service.identity import make_token
from suanwang.settings import read_settings
from tests.small_grid import CARD

NOTHING = Catalog(
    accelerators={CARD.id: CARD}, systems={}, hubs={}, cities={}, tariffs={}, carbon={}, prices={}, models={}, facts={}
)
LOOK_S, IDLE_S = 0.01, 0.2


@dataclass(frozen=True, kw_only=True)
class LiveHub:
    """A hub that serves at `address`. `store` is its own."""

    folder: Path
    house: House
    store: SqlStore
    address: str

    @property
    def hub(self) -> Hub:
        return self.house.hub

    def token_file(self, site_id: str) -> Path:
        """A new token of the site's agent, in a file."""
        now = self.hub.clock.now()
        user = User(
            id=f"agent-{site_id}",
            kind=UserKind.SERVICE,
            name=site_id,
            roles=frozenset({Role.AGENT}),
            site=site_id,
            created=now,
        )
        with self.store.transaction() as tx:
            if not any(known.id == user.id for known in tx.identity.users()):
                tx.identity.add_user(user)
            secret = make_token(tx.identity, user, "test", now, timedelta(days=300)).secret
        path = self.folder / f"{site_id}.token"
        path.write_text(f"{secret}\n")
        return path


def house_of(folder: Path, grid: Grid, clock: Clock, url: str = "") -> tuple[House, SqlStore]:
    """A composed hub without a catalog; every pool of the grid whose engine is `agent` has one."""
    if not url:
        (folder / "hub.db").write_bytes(_empty_database())
    store = open_store(url or f"sqlite:///{folder / 'hub.db'}")
    engines = agent_engines(grid.pools, store, clock)
    hub = Hub(store=store, clock=clock, grid=grid, engines=engines, accelerators={CARD.id: CARD})
    settings = read_settings({"SUANWANG_HOME": str(folder)})
    return House(settings=settings, catalog=NOTHING, hub=hub, store=store), store


@cache
def _empty_database() -> bytes:
    """A database file with its tables: to copy one is quicker than to make it."""
    with TemporaryDirectory() as folder:
        open_store(f"sqlite:///{folder}/hub.db").close()
        return Path(folder, "hub.db").read_bytes()


@contextmanager
def live_hub(folder: Path, grid: Grid, clock: Clock) -> Iterator[LiveHub]:
    """Serve until the end of the block."""
    house, store = house_of(folder, grid, clock)
    with serving(create_app(house)) as address:
        yield LiveHub(folder=folder, house=house, store=store, address=address)
    house.close()


@contextmanager
def serving(app: FastAPI, port: int = 0) -> Iterator[str]:
    """Serve an application on this machine, by HTTP; gives its address."""
    with closing(socket.socket()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1, ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.002)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(5)


@dataclass(kw_only=True)
class LiveAgent:
    """An agent in a thread of this process. `said`: its remarks; `failed`: what ended it."""

    agent: Agent
    said: list[str]
    failed: list[Exception] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.agent.run(self.stop)
        except Exception as error:  # noqa: BLE001 - a test looks at it
            self.failed.append(error)

    def end(self) -> None:
        self.stop.set()
        if self.thread is not None:
            self.thread.join(40)


@contextmanager
def live_agent(
    folder: Path,
    address: str,
    token_file: Path,
    site_id: str,
    engines: Mapping[str, Engine],
    clock: Clock,
    *,
    take_over: bool = False,
    settle_s: float = 0.1,
    start: bool = True,
) -> Iterator[LiveAgent]:
    """An agent with its spool in the folder, until the end of the block."""
    said: list[str] = []

    def say(message: Message) -> None:
        said.append(str(message))

    def open_all(pools: Sequence[Pool]) -> Mapping[str, Engine]:
        return {pool.id: engines[pool.id] for pool in pools}

    spool = Spool(folder)
    with closing(HttpLink(address, token_file)) as link:
        agent = Agent(
            site_id,
            "test",
            spool,
            link,
            open_all,
            clock,
            say,
            take_over=take_over,
            settle_s=settle_s,
            look_s=LOOK_S,
            idle_s=IDLE_S,
        )
        live = LiveAgent(agent=agent, said=said)
        if start:
            live.start()
        try:
            yield live
        finally:
            live.end()
            spool.close()
