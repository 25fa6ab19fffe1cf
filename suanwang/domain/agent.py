"""What a hub keeps of the agents of its sites: who speaks for a site, what it was asked, what it said.

Every wish of the hub is numbered, per site, from 1; every message of an agent too, per epoch. An epoch begins when an
agent introduces itself; what an agent of an earlier epoch says is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from suanwang.domain.order import Capacity, Lacks, Observation, Order

AGENT = "agent"
"""What the grid file calls the engine of a pool whose site has an agent."""
SILENT_S = 60.0
"""A site whose agent was not heard for so long (seconds of the wall) counts as unreachable."""
SKEW_S_MAX = 5.0
"""Above this, the clocks of hub and site are worth mending: tariff hours are told by the engine's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAgent:
    """The agent that speaks for a site, as the hub knows it. Times are grid time.

    `agent_id` outlives the agent's process, `session` does not. `number`: its last message that was applied. `asked`:
    number of the hub's last wish; `heard`: wishes up to this one are on the agent's disk. `contact`: when it was last
    heard; `seen`: the time as of which its reports hold, None before its engine has answered. `trouble`: why the engine
    does not answer, else "". `skew_s`: its clock less the hub's, as of the last message; the way there counts in it.
    `policy`: what the site allows the grid, in words. `lacks`: what its engine cannot do.
    """

    site_id: str
    agent_id: str = ""
    session: str = ""
    epoch: int = 0
    number: int = 0
    asked: int = 0
    heard: int = 0
    contact: datetime | None = None
    seen: datetime | None = None
    trouble: str = ""
    capacities: tuple[Capacity, ...] = ()
    engine: str = ""
    program: str = ""
    protocol: int = 0
    skew_s: float = 0.0
    policy: Mapping[str, str] = field(default_factory=dict)
    lacks: Lacks = field(default_factory=dict)

    def quiet_s(self, now: datetime) -> float:
        """Seconds of grid time since it was last heard; inf when it never was."""
        return inf if self.contact is None else (now - self.contact).total_seconds()

    def capacity(self, pool_id: str) -> Capacity | None:
        """What it last said of a pool."""
        return next((c for c in self.capacities if c.pool_id == pool_id), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOrder:
    """What the hub wants of one order at a site, and what the site's agent said of it.

    `number` rises when the wish changes. `order` None: it was cancelled before it was submitted; no site knows of it.
    `done`: the agent has reported its end, or it never has to hear of it.
    """

    id: str
    site_id: str
    number: int
    order: Order | None
    cancelled: bool = False
    report: Observation | None = None
    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Inquiry:
    """Bytes that the hub wants to see now: of an order's log, or of a file that it made (`path` in its output folder).

    `answer` None: not yet. An inquiry is not kept: whoever asked forgets it, and may ask again.
    """

    id: str
    site_id: str
    order_id: str
    path: str = ""
    offset: int = 0
    limit: int = 65536
    answer: bytes | None = None
