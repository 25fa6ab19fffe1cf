"""The walk with its sites at the other end of a line: two agents with spools, engines with journals, one hub.

All of it is in one process, so that a kill takes hub and agents at once, at any point of either; the messages are the
real ones, as text. What outlives the process is what would: the hub's database, the spools, the engines' journals.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from pathlib import Path

from suanwang.adapters.engines.agent import agent_engines
from suanwang.agent.agent import Agent
from suanwang.agent.spool import Kept, Spool
from suanwang.domain.agent import AGENT
from suanwang.domain.order import Capacity, Lacks, Observation, Order
from suanwang.domain.site import Grid, Pool
from suanwang.errors import Message
from suanwang.ports import Clock, Engine
from suanwang.schemas.sync import SyncReply, SyncRequest, Wish
from suanwang.service.exchange import exchange
from suanwang.service.hub import Hub
from tests.simulation.crash.failpoints import Watched, passed
from tests.simulation.crash.journalled_engine import JournalledEngine, started
from tests.simulation.crash.kills import Trial
from tests.simulation.crash.world import POOLS, JournalClock, course, database, open_hub, small_world, wishes

SITES = {"a": "east", "b": "west"}
"""Site -> its pool with an agent. Nobody speaks for `dark`."""
STEPS_A_CALL = 2
"""How often an agent takes its turn whenever the hub asks for its site."""


class WallClock(JournalClock):
    """Grid time is the wall's, as agents tell it."""

    def from_wall(self, wall_s: float) -> datetime:
        return datetime.fromtimestamp(wall_s, UTC)


class WatchedSpool(Spool):
    """Points before and after each write."""

    def take(self, wishes: Iterable[Wish]) -> None:
        self._around("take", lambda: super(WatchedSpool, self).take(wishes))

    def save(self, changed: Iterable[Kept]) -> None:
        self._around("save", lambda: super(WatchedSpool, self).save(changed))

    def set_pools(self, pools: Sequence[Pool]) -> None:
        self._around("pools", lambda: super(WatchedSpool, self).set_pools(pools))

    def forget(self, keep: int) -> None:
        self._around("forget", lambda: super(WatchedSpool, self).forget(keep))

    @staticmethod
    def _around(what: str, write: Callable[[], None]) -> None:
        passed(f"spool before {what}")
        write()
        passed(f"spool after {what}")


class DirectLink:
    """`Link` to a hub in this process; both ways the message is text."""

    def __init__(self, hub: Hub, site_id: str) -> None:
        self._hub = hub
        self._site_id = site_id

    def exchange(self, message: SyncRequest) -> SyncReply:
        passed("message leaves")
        arrived = SyncRequest.model_validate_json(message.model_dump_json())
        reply = exchange(self._hub, self._site_id, arrived)
        passed("answer leaves")
        return SyncReply.model_validate_json(reply.model_dump_json())

    def close(self) -> None:
        """Nothing is open."""


class AttendedEngine:
    """`Engine` of a site with an agent: whenever the hub asks, the agent has taken its turns just before."""

    def __init__(self, engine: Engine, agent: Agent) -> None:
        self._engine = engine
        self._agent = agent

    def _turns(self) -> None:
        for _ in range(STEPS_A_CALL):
            self._agent.step()

    def lacks(self) -> Lacks:
        return self._engine.lacks()

    def capacity(self, pool_id: str) -> Capacity:
        self._turns()
        return self._engine.capacity(pool_id)

    def submit(self, order: Order) -> None:
        self._engine.submit(order)

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        self._turns()
        return self._engine.observe(order_ids)

    def cancel(self, order_id: str) -> None:
        self._engine.cancel(order_id)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        return self._engine.logs(order_id, offset, limit)


def agent_grid() -> Grid:
    """The small world; the engines of east and west are at the sites."""
    grid, mine = small_world(), set(SITES.values())
    return replace(grid, pools=tuple(replace(p, engine=AGENT) if p.id in mine else p for p in grid.pools))


def site_engine(folder: Path, site_id: str, clock: Clock) -> JournalledEngine:
    """What runs at a site, whatever became of its agent."""
    pools = {SITES[site_id]: POOLS[SITES[site_id]]}
    return JournalledEngine(folder / f"engine-{site_id}", pools, clock, course, ("unsent",))


def open_with_agents(folder: Path) -> Hub:
    """A hub on what is in the folder, with the agents of its sites."""
    clock, store, grid = WallClock(folder / "clock"), database(folder), agent_grid()
    at_hub = agent_engines(grid.pools, store, clock)
    dark = JournalledEngine(folder / "dark", POOLS, clock, course, ())
    dark.reachable = False
    hub = replace(open_hub(folder, store=store, engines={}), clock=clock, grid=grid)
    agents = {pool_id: _agent(folder, site_id, hub, clock) for site_id, pool_id in SITES.items()}
    attended = {pool_id: AttendedEngine(at_hub[pool_id], agent) for pool_id, agent in agents.items()}
    return replace(hub, engines={**attended, "dark": dark})


def _agent(folder: Path, site_id: str, hub: Hub, clock: Clock) -> Agent:
    engine = Watched(site_engine(folder, site_id, clock), lambda what: passed(f"site {what}"))

    def say(_: Message) -> None:
        """Nobody listens."""

    return Agent(
        site_id,
        "journalled",
        WatchedSpool(folder / f"spool-{site_id}"),
        DirectLink(hub, site_id),
        lambda pools: {pool.id: engine for pool in pools},
        clock,
        say,
        settle_s=0.0,
        look_s=0.0,
        idle_s=0.0,
        look_share=inf,  # it looks at every turn: grid time may go on by a day before a second is over
    )


def starts(folder: Path) -> Counter[str]:
    return Counter(order for site_id in SITES for order in started(folder / f"engine-{site_id}"))


def really(folder: Path) -> Hub:
    """A hub that asks the engines of the sites themselves."""
    clock = WallClock(folder / "clock")
    engines = {pool_id: site_engine(folder, site_id, clock) for site_id, pool_id in SITES.items()}
    return replace(open_hub(folder, engines=engines), clock=clock)


def orphans(folder: Path) -> list[str]:
    """Orders that have not ended at their site, though the hub is done with all; reports that it never heard."""
    clock, wrong = WallClock(folder / "clock"), []
    for site_id in SITES:
        names = started(folder / f"engine-{site_id}")
        states = site_engine(folder, site_id, clock).observe(names)
        wrong += [f"{seen.order_id} is an orphan: {seen.state}" for seen in states if seen.ended is None]
        spool = Spool(folder / f"spool-{site_id}")
        wrong += [f"{kept.id} is {kept.stage} in the spool, told: {kept.reported}" for kept in spool.live()]
        spool.close()
    return wrong


AGENTS = Trial(wishes(), open_with_agents, starts, orphans, really)
