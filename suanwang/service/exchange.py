"""One exchange with a site's agent: its news are stored, the hub's wishes are told. Every message may come twice.

A message of an earlier epoch is refused; one whose number was applied already changes nothing, and is answered like
the first. What an order's news means for its job is left to the tick, which hears it through the agent engine.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from suanwang import __version__
from suanwang.domain.agent import AGENT, SILENT_S, SiteAgent, SiteOrder
from suanwang.domain.order import Observation, Order, OrderState
from suanwang.domain.site import Pool
from suanwang.errors import Conflict, msg
from suanwang.hub_ports import HubStore
from suanwang.ports import Clock, Sites
from suanwang.schemas.sync import (
    PROTOCOL,
    WISHES_MAX,
    Question,
    Report,
    SyncReply,
    SyncRequest,
    Wish,
    require_protocol,
)
from suanwang.service.hub import Hub

WISHES_LETTERS_MAX = 1_000_000
"""How long commands and environments of one message may be together, unless a single one is longer."""
OVER = (OrderState.ENDED, OrderState.LOST)


def exchange(hub: Hub, site_id: str, message: SyncRequest) -> SyncReply:
    """Apply a message, unless it was, and say what the site is asked for now. `site_id` is the token's.

    Raises NotFound for a site that the grid does not have, Never(protocol-mismatch), Conflict(fenced) when the epoch
    is over, Conflict(site-has-agent) when another agent speaks for the site, and Conflict(wrong-site).
    """
    site = hub.grid.site(site_id)
    require_protocol(message.protocol, "agent")
    if message.site != site.id:
        raise Conflict(
            "wrong-site",
            msg("the token is of site {site}, the message of site {other}", site=site.id, other=message.site),
            msg("Start the agent with the site of its token."),
        )
    now = hub.clock.now()
    with hub.store.transaction() as tx:
        agent = tx.sites.agent(site.id)
        unknown: list[str] = []
        if message.hello is not None:
            agent = _introduce(agent, message, now, hub.clock)
        elif message.epoch != agent.epoch:
            raise _fenced(site.id)
        elif message.number > agent.number:
            unknown = _apply(tx.sites, hub.clock, message)
            agent = _news(agent, message, now, hub.clock)
        tx.sites.keep(replace(agent, contact=now))
        return _reply(hub, tx.sites, agent, message, unknown)


def waiting(store: HubStore, site_id: str, heard: int) -> bool:
    """Whether the hub has something to say to an agent that has heard its wishes up to a number."""
    with store.reading() as tx:
        return bool(tx.sites.wishes(site_id, heard, 1) or tx.sites.inquiries(site_id))


def _introduce(agent: SiteAgent, message: SyncRequest, now: datetime, clock: Clock) -> SiteAgent:
    """A new epoch, unless it is this very process again. Raises Conflict(site-has-agent)."""
    hello = message.hello
    assert hello is not None
    if (hello.agent_id, hello.session) == (agent.agent_id, agent.session):
        return agent
    quiet = clock.wall_seconds(agent.quiet_s(now)) > SILENT_S
    if agent.agent_id not in ("", hello.agent_id) and not quiet and not hello.take_over:
        raise Conflict(
            "site-has-agent",
            msg("another agent speaks for site {site}", site=agent.site_id),
            msg("End it first, or start this one with --take-over: the other is refused from then on."),
        )
    return replace(
        SiteAgent(site_id=agent.site_id, asked=agent.asked),
        agent_id=hello.agent_id,
        session=hello.session,
        epoch=agent.epoch + 1,
        engine=hello.engine,
        program=hello.program,
        protocol=message.protocol,
        skew_s=_skew_s(message, now, clock),
    )


def _fenced(site_id: str) -> Conflict:
    return Conflict(
        "fenced",
        msg("an agent that introduced itself later speaks for site {site}", site=site_id),
        msg("Introduce this one again; it is refused where another agent has taken over."),
    )


def _news(agent: SiteAgent, message: SyncRequest, now: datetime, clock: Clock) -> SiteAgent:
    """What the message says of the site itself."""
    return replace(
        agent,
        number=message.number,
        heard=message.heard,
        seen=None if message.seen is None else clock.from_wall(message.seen.timestamp()),
        trouble=message.trouble,
        capacities=message.capacities,
        policy=message.policy,
        lacks=message.lacks,
        skew_s=_skew_s(message, now, clock),
    )


def _skew_s(message: SyncRequest, now: datetime, clock: Clock) -> float:
    ahead = (clock.from_wall(message.sent.timestamp()) - now).total_seconds()
    return round(clock.wall_seconds(ahead), 3)


def _apply(sites: Sites, clock: Clock, message: SyncRequest) -> list[str]:
    """Store reports and answers; returns the reported orders that the hub did not ask this site for."""
    unknown: list[str] = []
    known = sites.orders([report.observation.order_id for report in message.reports])
    for report in message.reports:
        wanted = known.get(report.observation.order_id)
        if not _is_asked(wanted, message.site, report):
            unknown.append(report.observation.order_id)
        elif wanted is not None and not wanted.done:
            seen = _in_grid_time(report.observation, clock)
            sites.put(replace(wanted, report=seen, done=seen.state in OVER))
    for answer in message.answers:
        question = sites.inquiry(answer.id)
        if question is not None and question.site_id == message.site:
            sites.inquire(replace(question, answer=_decoded(answer.data)))
    return unknown


def _is_asked(wanted: SiteOrder | None, site_id: str, report: Report) -> bool:
    """Whether the site was asked for that order, under that fencing token."""
    return (
        wanted is not None
        and wanted.site_id == site_id
        and wanted.order is not None
        and wanted.order.fence == report.fence
    )


def _decoded(data: str) -> bytes:
    try:
        return b64decode(data, validate=True)
    except NotBase64:
        return b""


def _in_grid_time(observation: Observation, clock: Clock) -> Observation:
    def grid(when: datetime | None) -> datetime | None:
        return None if when is None else clock.from_wall(when.timestamp())

    return replace(
        observation, started=grid(observation.started), ended=grid(observation.ended), seen=grid(observation.seen)
    )


def _reply(hub: Hub, sites: Sites, agent: SiteAgent, message: SyncRequest, unknown: list[str]) -> SyncReply:
    """The wishes that the agent has not heard, the questions that it has not answered, and its pools at a beginning."""
    wishes = sites.wishes(agent.site_id, 0 if message.hello else message.heard, WISHES_MAX + 1)
    told = _that_fit(wishes)
    return SyncReply(
        protocol=PROTOCOL,
        program=__version__,
        epoch=agent.epoch,
        number=agent.number,
        wishes=tuple(_wish(w.number, w.order, w.cancelled, hub.clock) for w in told if w.order),
        questions=tuple(
            Question(id=i.id, order_id=i.order_id, path=i.path, offset=i.offset, limit=i.limit)
            for i in sites.inquiries(agent.site_id)
        ),
        unknown=tuple(unknown),
        more=len(wishes) > len(told),
        pools=_pools(hub, agent.site_id) if message.hello else (),
    )


def _that_fit(wishes: Sequence[SiteOrder]) -> Sequence[SiteOrder]:
    """The first of them, as many as one message carries; a large one travels alone."""
    size = 0
    for count, wish in enumerate(wishes[:WISHES_MAX]):
        if wish.order is not None:
            size += sum(map(len, wish.order.command)) + sum(map(len, wish.order.environment.values()))
        if count and size > WISHES_LETTERS_MAX:
            return wishes[:count]
    return wishes[:WISHES_MAX]


def _wish(number: int, order: Order, cancelled: bool, clock: Clock) -> Wish:
    order = replace(order, time_limit_s=clock.wall_seconds(order.time_limit_s))
    return Wish(number=number, order=order, cancelled=cancelled)


def _pools(hub: Hub, site_id: str) -> tuple[Pool, ...]:
    return tuple(pool for pool in hub.grid.pools if pool.site_id == site_id and pool.engine == AGENT)
