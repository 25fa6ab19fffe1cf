"""The agent: one thread that talks with the hub, acts at the engine, and looks what became of it, over and over.

It calls out only. While the hub is away it goes on with what it has; what happened meanwhile is told when the hub is
back. While it is away itself, the engine goes on; what happened meanwhile is seen when it looks again.
"""

import secrets
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Event
from time import monotonic

from suanwang import __version__
from suanwang.agent.driver import Driver, Look, Said
from suanwang.agent.link import Link
from suanwang.agent.spool import Spool
from suanwang.domain.order import Capacity
from suanwang.domain.site import Pool
from suanwang.errors import Conflict, NotNow, NotPermitted, msg
from suanwang.ports import Clock, Engine
from suanwang.schemas.sync import (
    PROTOCOL,
    REPORTS_MAX,
    WAIT_S_MAX,
    Answer,
    Hello,
    Question,
    Report,
    SyncReply,
    SyncRequest,
    require_protocol,
)

LOOK_S_MIN, LOOK_S_IDLE, LOOK_S_MAX, LOOK_SHARE = 0.3, 5.0, 10.0, 1 / 25
"""An engine that has orders is looked at so often, one that has none so often; where a look takes long, so seldom that
it is not more than this share of the time, but no more seldom than the third."""
AWAY_S_MIN, AWAY_S_MAX = 0.5, 5.0
"""How long a hub that does not answer is left alone: twice as long each time."""
KEPT_MAX = 10_000
"""Orders that are over stay in the spool, so that a late wish for one of them is known; the newest so many."""
OpenEngines = Callable[[Sequence[Pool]], Mapping[str, Engine]]


class Agent:
    """One site's agent. `engine`: the name that its engine goes by."""

    def __init__(
        self,
        site_id: str,
        engine: str,
        spool: Spool,
        link: Link,
        open_engines: OpenEngines,
        clock: Clock,
        said: Said,
        *,
        take_over: bool = False,
        settle_s: float = 2.0,
        look_s: float = LOOK_S_MIN,
        idle_s: float = LOOK_S_IDLE,
        look_share: float = LOOK_SHARE,
    ) -> None:
        spool.bind(site_id)
        self._site_id = site_id
        self._spool = spool
        self._link = link
        self._open_engines = open_engines
        self._clock = clock
        self._said = said
        self._settle_s = settle_s
        self._look_s = look_s
        self._idle_s = idle_s
        self._look_share = look_share
        self._hello = Hello(
            agent_id=spool.agent_id(),
            session=secrets.token_hex(8),
            engine=engine,
            program=__version__,
            take_over=take_over,
        )
        self._epoch = self._number = self._heard = 0
        self._driver: Driver | None = None
        self._look: Look | None = None
        self._look_at = 0.0
        self._hub_at = 0.0
        self._away_s = 0.0
        self._answers: tuple[Answer, ...] = ()
        self._more = False
        self._trouble = ""

    def run(self, stop: Event) -> None:
        """Work until `stop` is set. Raises what the hub refuses for good: another agent has the site, the token is not
        known, the versions are too far apart."""
        while not stop.is_set():
            self.step()
            stop.wait(self.pause_s())

    def pause_s(self) -> float:
        """How long there is nothing to do but wait for the hub: 0 while it answers, since it is what waits then."""
        return 0.0 if monotonic() >= self._hub_at else max(0.0, min(self._hub_at, self._look_at) - monotonic())

    def step(self) -> None:
        """Talk, act, look: each if it is due."""
        if self._driver is None:
            pools = self._spool.pools()
            if pools:
                self._open(pools)
        if monotonic() >= self._hub_at:
            self._talk()
        if self._driver is None:
            return
        policy = self._spool.policy()
        try:
            self._more = self._driver.act(policy)
            self._trouble = ""
        except NotNow as full:
            if not self._trouble:
                self._said(full.message)
            self._trouble = str(full)
        if monotonic() >= self._look_at:
            began = monotonic()
            self._look = self._driver.look(policy)
            took_s = monotonic() - began
            least_s = self._look_s if self._driver.busy else self._idle_s
            self._look_at = monotonic() + max(least_s, min(took_s / self._look_share, LOOK_S_MAX))

    def _open(self, pools: Sequence[Pool]) -> None:
        self._driver = Driver(self._open_engines(pools), self._spool, self._clock, self._said, settle_s=self._settle_s)
        self._look_at = 0.0

    def _talk(self) -> None:
        """One exchange, or an introduction; a hub that is away is left alone for a while."""
        try:
            if self._epoch:
                self._exchange()
            else:
                self._introduce()
        except NotNow as silence:
            self._away(silence)
        except Conflict as refusal:
            if refusal.code != "fenced":
                raise
            self._epoch = 0  # perhaps a late message of an earlier run came between: the hub knows who speaks
        except NotPermitted as refusal:
            if self._epoch == 0 and self._driver is None:
                raise
            self._away(refusal)
        else:
            if self._away_s:
                self._said(msg("The hub answers again."))
            self._away_s = 0.0

    def _away(self, why: NotNow | NotPermitted) -> None:
        if not self._away_s:
            self._said(why.message)
        self._away_s = min(AWAY_S_MAX, max(AWAY_S_MIN, 2 * self._away_s))
        self._hub_at = monotonic() + self._away_s

    def _introduce(self) -> None:
        reply = self._link.exchange(self._message(hello=self._hello))
        require_protocol(reply.protocol, "hub")
        self._epoch, self._number, self._heard = reply.epoch, reply.number, 0
        if reply.pools != self._spool.pools() or self._driver is None:
            self._spool.set_pools(reply.pools)
            self._open(reply.pools)
        self._spool.forget(KEPT_MAX)
        self._said(msg("The hub knows the agent of site {site}; run {epoch}.", site=self._site_id, epoch=reply.epoch))
        self._keep(reply)
        self._look_at = 0.0

    def _exchange(self) -> None:
        """Tell the news, hear the wishes. What was told counts as known only when the hub has said so."""
        assert self._driver is not None
        told = [(kept, kept.report) for kept in self._driver.news()[:REPORTS_MAX] if kept.report is not None]
        answers = self._answers
        message = self._message(
            reports=tuple(Report(fence=kept.fence, observation=report) for kept, report in told),
            answers=answers,
            wait_s=self._wait_s(),
        )
        asked_at = monotonic()
        reply = self._link.exchange(message)
        early_s = message.wait_s - (monotonic() - asked_at)
        if early_s > 0 and not (reply.wishes or reply.questions or reply.unknown):  # a hub that does not hold answers
            self._hub_at = monotonic() + min(early_s, AWAY_S_MIN)
        if reply.number >= message.number:
            self._answers = self._answers[len(answers) :]
            self._driver.confirmed(told)
        self._driver.end_unknown(reply.unknown)
        self._keep(reply)

    def _message(
        self,
        *,
        hello: Hello | None = None,
        reports: tuple[Report, ...] = (),
        answers: tuple[Answer, ...] = (),
        wait_s: float = 0.0,
    ) -> SyncRequest:
        look = self._look
        self._number += 1  # whatever becomes of it: a message that is sent anew has other news
        return SyncRequest(
            protocol=PROTOCOL,
            site=self._site_id,
            epoch=self._epoch,
            number=self._number,
            heard=self._heard,
            sent=self._clock.now(),
            hello=hello,
            seen=look.seen if look else None,
            trouble=look.trouble if look else "",
            capacities=tuple(self._shown(c) for c in look.capacities) if look else (),
            reports=reports,
            answers=answers,
            policy=self._spool.policy().in_words(),
            lacks=self._driver.lacks() if self._driver else {},
            wait_s=wait_s,
        )

    def _shown(self, capacity: Capacity) -> Capacity:
        """While the spool is in trouble the site takes nothing new."""
        return replace(capacity, healthy=False, detail=self._trouble) if self._trouble else capacity

    def _wait_s(self) -> float:
        """How long the hub may hold the answer: until the next look, and not at all when there is more to do."""
        if self._more or self._look is None or (self._driver is not None and len(self._driver.news()) > REPORTS_MAX):
            return 0.0
        return max(0.0, min(WAIT_S_MAX, self._look_at - monotonic()))

    def _keep(self, reply: SyncReply) -> None:
        """Store the wishes; only then are they heard. Answer the questions."""
        assert self._driver is not None
        if reply.wishes:
            self._driver.take(reply.wishes)
            self._heard = reply.wishes[-1].number
            self._look_at = min(self._look_at, monotonic() + self._look_s)
        if reply.questions:
            self._answers = tuple(self._answer(question) for question in reply.questions)

    def _answer(self, question: Question) -> Answer:
        """What the engine has of it; nothing where it has none."""
        assert self._driver is not None
        engine = self._driver.engine_of(question.order_id)
        data = b""
        if engine is not None:
            try:
                data = engine.logs(question.order_id, question.offset, question.limit)
            except NotNow:
                return Answer(id=question.id)
        return Answer(id=question.id, data=b64encode(data).decode("ascii"))
