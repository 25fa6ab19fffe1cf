"""The engine of a site that has an agent: what is wanted goes into the store, what the agent said last comes from it.

Nobody is called: the agent calls the hub (`service.exchange`). So `submit` and `cancel` always arrive, sooner or later;
a refusal that only the site can know of comes as an observation (ended, cause refused). While the agent is silent, or
its own engine does not answer, `observe` and `capacity` raise NotNow(engine-unreachable).
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from suanwang.domain.agent import SILENT_S, Inquiry, SiteAgent, SiteOrder
from suanwang.domain.order import Capacity, EndCause, Observation, Order, OrderState
from suanwang.domain.site import Pool
from suanwang.errors import Message, Never, NotNow, msg
from suanwang.ports import Clock, Sites, Store

NOBODY = ""
"""The site of an order that was cancelled before it was submitted."""
ANSWER_S_MAX = 10.0
"""How long an inquiry waits for its answer, in seconds of the wall."""
ANSWER_PAUSE_S = 0.05


class AgentEngine:
    """`Engine` of pools whose sites have agents."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        store: Store,
        clock: Clock,
        *,
        silent_s: float = SILENT_S,
        answer_s_max: float = ANSWER_S_MAX,
    ) -> None:
        self._pools = dict(pools)
        self._store = store
        self._clock = clock
        self._silent_s = silent_s
        self._answer_s_max = answer_s_max

    def capacity(self, pool_id: str) -> Capacity:
        """What the agent said last, less what it has not heard of yet. Raises Never, NotNow(engine-unreachable)."""
        site_id = self._site(pool_id)
        with self._store.transaction() as tx:
            agent = tx.sites.agent(site_id)
            self._require_heard(agent)
            on_the_way = self._on_the_way(tx.sites, agent, pool_id)
        said = agent.capacity(pool_id)
        if said is None:
            raise _unreachable(msg("the agent of site {site} does not have pool {pool}", site=site_id, pool=pool_id))
        return replace(said, free=max(0, said.free - on_the_way))

    def submit(self, order: Order) -> None:
        """Store the wish; a known id changes nothing.

        An order with a higher fence than before cancels the job's earlier orders. Raises Never(engine-refused): bad
        command or time, unknown pool, lower fence, more than the pool has; NotNow(engine-full) by what the agent said.
        """
        with self._store.transaction() as tx:
            known = tx.sites.orders([order.id]).get(order.id)
            if known is not None and known.order is not None:
                return
            site_id = self._site(order.pool_id)
            self._check(order)
            older = [o for o in tx.sites.of_job(order.job_id) if o.order and o.order.fence != order.fence]
            if any(o.order and o.order.fence > order.fence for o in older):
                raise _refused(msg("order {order} is older than another of job {job}", order=order.id, job=order.job_id))
            if known is not None:
                tx.sites.put(self._never(order, known))
                return
            self._require_room(tx.sites, order, site_id)
            for old in older:
                _cancel(tx.sites, old)
            tx.sites.put(SiteOrder(id=order.id, site_id=site_id, number=_next(tx.sites, site_id), order=order))

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id: what the agent said last, as of when its engine answered. Raises NotNow."""
        with self._store.transaction() as tx:
            orders = tx.sites.orders(list(order_ids))
            agents = {o.site_id: tx.sites.agent(o.site_id) for o in orders.values() if not o.done}
        for agent in agents.values():
            if agent.site_id != NOBODY:
                self._require_heard(agent)
        return [_observation(order_id, orders.get(order_id), agents) for order_id in order_ids]

    def cancel(self, order_id: str) -> None:
        """Store the wish; an unknown order is noted as never to start."""
        with self._store.transaction() as tx:
            known = tx.sites.orders([order_id]).get(order_id)
            if known is not None:
                _cancel(tx.sites, known)
                return
            number = _next(tx.sites, NOBODY)
            tx.sites.put(SiteOrder(id=order_id, site_id=NOBODY, number=number, order=None, cancelled=True))

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Ask the agent and wait for its answer. Raises NotNow(engine-unreachable) when none comes in time."""
        return self._ask(order_id, "", offset, limit)

    def result(self, order_id: str, path: str, offset: int = 0, limit: int = 65536) -> bytes:
        """A part of a file that the order wrote in its output folder; asked for like a log."""
        return self._ask(order_id, path, offset, limit)

    def _ask(self, order_id: str, path: str, offset: int, limit: int) -> bytes:
        with self._store.transaction() as tx:
            known = tx.sites.orders([order_id]).get(order_id)
            if known is None or known.order is None or offset < 0 or limit <= 0:
                return b""
            self._require_heard(tx.sites.agent(known.site_id))
            question = Inquiry(
                id=secrets.token_hex(8),
                site_id=known.site_id,
                order_id=order_id,
                path=path,
                offset=offset,
                limit=limit,
            )
            tx.sites.inquire(question)
        try:
            return self._answer(question)
        finally:
            with self._store.transaction() as tx:
                tx.sites.forget(question.id)

    def _answer(self, question: Inquiry) -> bytes:
        waited = 0.0
        while waited < self._answer_s_max:
            with self._store.transaction() as tx:
                found = tx.sites.inquiry(question.id)
            if found is not None and found.answer is not None:
                return found.answer
            time.sleep(ANSWER_PAUSE_S)
            waited += ANSWER_PAUSE_S
        raise _unreachable(msg("the agent of site {site} did not answer in time", site=question.site_id))

    def _site(self, pool_id: str) -> str:
        if pool_id not in self._pools:
            raise _refused(msg("no site with an agent has pool {pool}", pool=pool_id))
        return self._pools[pool_id].site_id

    def _require_heard(self, agent: SiteAgent) -> None:
        """Raises NotNow(engine-unreachable): the agent is silent, or its engine is."""
        quiet_s = self._clock.wall_seconds(agent.quiet_s(self._clock.now()))
        if agent.contact is None:
            raise _unreachable(msg("the agent of site {site} was never heard", site=agent.site_id))
        if quiet_s > self._silent_s:
            raise _unreachable(
                msg("the agent of site {site} is silent for {seconds} s", site=agent.site_id, seconds=round(quiet_s))
            )
        if agent.trouble or agent.seen is None:
            why = agent.trouble or msg("not asked yet")
            raise _unreachable(msg("the engine of site {site} does not answer: {why}", site=agent.site_id, why=why))

    def _check(self, order: Order) -> None:
        """What needs no agent to be refused."""
        pool = self._pools[order.pool_id]
        if not order.command or not order.command[0]:
            raise _refused(msg("order {order} has no command", order=order.id))
        if not order.time_limit_s > 0:
            raise _refused(msg("order {order} has no time to run", order=order.id))
        if not 0 <= order.accelerators <= pool.accelerators:
            raise _refused(
                msg("pool {pool} does not have {count} accelerators", pool=pool.id, count=order.accelerators)
            )

    def _require_room(self, sites: Sites, order: Order, site_id: str) -> None:
        """By what the agent said last. Where it has said nothing, the order waits at the hub."""
        agent = sites.agent(site_id)
        said = agent.capacity(order.pool_id)
        if said is None:
            return
        free = said.free - self._on_the_way(sites, agent, order.pool_id)
        if order.accelerators > free:
            raise NotNow(
                "engine-full",
                msg("pool {pool} has {free} accelerators free", pool=order.pool_id, free=max(0, free)),
                msg("It is tried again when others have ended."),
            )

    def _on_the_way(self, sites: Sites, agent: SiteAgent, pool_id: str) -> int:
        """Accelerators of the orders of a pool that the agent had not heard of when it counted."""
        wishes = sites.wishes(agent.site_id, agent.heard, 1_000_000)
        return sum(w.order.accelerators for w in wishes if w.order and w.order.pool_id == pool_id and not w.cancelled)

    def _never(self, order: Order, known: SiteOrder) -> SiteOrder:
        """An order that was cancelled before it was submitted: it ends here, and no site hears of it."""
        ended = Observation(
            order_id=order.id, state=OrderState.ENDED, ended=self._clock.now(), cause=EndCause.CANCELLED
        )
        return replace(known, order=order, report=ended, done=True)


def _next(sites: Sites, site_id: str) -> int:
    """The number of a site's next wish."""
    agent = sites.agent(site_id)
    sites.keep(replace(agent, asked=agent.asked + 1))
    return agent.asked + 1


def _cancel(sites: Sites, order: SiteOrder) -> None:
    if not order.done and not order.cancelled:
        sites.put(replace(order, cancelled=True, number=_next(sites, order.site_id)))


def _observation(order_id: str, order: SiteOrder | None, agents: Mapping[str, SiteAgent]) -> Observation:
    if order is None or order.order is None:
        return Observation(order_id=order_id, state=OrderState.UNKNOWN)
    if order.report is None:
        return Observation(order_id=order_id, state=OrderState.PENDING)
    return order.report if order.done else replace(order.report, seen=agents[order.site_id].seen)


def _refused(message: Message) -> Never:
    return Never("engine-refused", message, msg("Correct the order; a repeat as it is will not work."))


def _unreachable(message: Message) -> NotNow:
    return NotNow("engine-unreachable", message, msg("It is tried again; see `suanwang sites`."))
