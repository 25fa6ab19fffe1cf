"""The exchange between a site's agent and its hub, `POST /v1/agent/sync`: what goes up and what comes down.

Times on the wire are the wall's (aware UTC), durations are seconds of the wall: only the hub knows grid time. Both
sides read what they know and leave out what they do not, so that a peer one version older or newer is understood; a
field that a version adds has a default that means what the version before it did.
"""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from suanwang.domain.order import Capacity, Lacks, Observation, Order
from suanwang.domain.site import Pool
from suanwang.errors import Never, msg

PROTOCOL = 1
"""The version that this program speaks."""
REPORTS_MAX, WISHES_MAX = 1000, 500
"""How many of each one message carries; what is left follows at once."""
WAIT_S_MAX = 30.0

Name = Annotated[str, Field(min_length=1, max_length=200)]


class Wire(BaseModel):
    """What is not known is left out; what is sent is never changed."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants")


class Hello(Wire):
    """An agent introduces itself: a message with this begins an epoch.

    `agent_id` is kept on its disk, `session` is new in every process. `take_over`: speak for the site from now on,
    though another agent did so lately.
    """

    agent_id: Name
    session: Name
    engine: Name
    program: str = ""
    take_over: bool = False


class Report(Wire):
    """News of one order, under the fencing token of its attempt."""

    fence: int
    observation: Observation


class Answer(Wire):
    """The bytes that an inquiry asked for, as base64; empty where there are none."""

    id: Name
    data: str = ""


class SyncRequest(Wire):
    """One message of an agent. `number` rises by one with each; the hub applies each number of an epoch once, in order.

    `heard`: wishes up to this number are on the agent's disk. `sent`: its clock. `seen`: when its engine last answered;
    `trouble`: why it does not answer now, else "". `reports`: what the hub has not confirmed yet. `wait_s`: how long
    the hub may wait for something to say.
    """

    protocol: int
    site: Name
    epoch: int = Field(default=0, ge=0)
    number: int = Field(default=0, ge=0)
    heard: int = Field(default=0, ge=0)
    sent: datetime
    hello: Hello | None = None
    seen: datetime | None = None
    trouble: str = ""
    capacities: tuple[Capacity, ...] = ()
    reports: tuple[Report, ...] = Field(default=(), max_length=REPORTS_MAX)
    answers: tuple[Answer, ...] = ()
    policy: dict[str, str] = Field(default_factory=dict)
    lacks: Lacks = Field(default_factory=dict)
    wait_s: float = Field(default=0.0, ge=0.0, le=WAIT_S_MAX)


class Wish(Wire):
    """What the hub wants of one order: that it runs, or (`cancelled`) that it has ended or never starts."""

    number: int
    order: Order
    cancelled: bool = False


class Question(Wire):
    """A part of an order's log, or of a file in its output folder (`path`)."""

    id: Name
    order_id: Name
    path: str = ""
    offset: int = 0
    limit: int = 65536


class SyncReply(Wire):
    """The hub's answer. `number`: the last message of the epoch that was applied. `unknown`: reported orders that the
    hub never asked for, or under another token: they are to end. `more`: wishes are left; ask again at once. `pools`:
    the site's, as the grid file has them, in the answer to a hello."""

    protocol: int
    program: str = ""
    epoch: int
    number: int
    wishes: tuple[Wish, ...] = ()
    questions: tuple[Question, ...] = ()
    unknown: tuple[str, ...] = ()
    more: bool = False
    pools: tuple[Pool, ...] = ()


def require_protocol(theirs: int, who: str) -> None:
    """One version apart is understood. Raises Never(protocol-mismatch), naming both."""
    if abs(theirs - PROTOCOL) > 1:
        raise Never(
            "protocol-mismatch",
            msg(
                "the {who} speaks version {theirs} of the exchange, this program version {ours}",
                who=who,
                theirs=theirs,
                ours=PROTOCOL,
            ),
            msg("Bring the older of the two to within one version of the other."),
        )
