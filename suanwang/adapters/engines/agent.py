"""The engine of a site that has an agent: what is wanted goes into the store, what the agent said last comes from it.

Nobody is called: the agent calls the hub (`service.exchange`). So `submit` and `cancel` always arrive, sooner or later;
a refusal that only the site can know of comes as an observation (ended, cause refused). While the agent is silent, or
its own engine does not answer, `observe` and `capacity` raise NotNow(engine-unreachable).
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from suanwang.adapters.engines.programs import NAME, check_names, check_program, check_room, refused
from suanwang.domain.agent import AGENT, SILENT_S, Inquiry, SiteAgent, SiteOrder
from suanwang.domain.order import Ability, Capacity, EndCause, Lacks, Observation, Order, OrderState
from suanwang.domain.site import Pool
from suanwang.errors import Message, NotNow, msg
from suanwang.hub_ports import HubStore
from suanwang.ports import Clock, Engine, Sites

ANSWER_S_MAX = 10.0
"""How long an inquiry waits for its answer, in seconds of the wall."""
ANSWER_PAUSE_S = 0.05
ANSWER_BYTES_MAX = 256 * 1024
"""So much of a log or file travels in one message."""


class AgentEngine:
    """`Engine` of the pools of one site that has an agent."""

    def __init__(
        self,
        site_id: str,
        pools: Mapping[str, int],
        store: HubStore,
        clock: Clock,
        *,
        silent_s: float = SILENT_S,
        answer_s_max: float = ANSWER_S_MAX,
    ) -> None:
        self._site_id = site_id
        self._pools = dict(pools)
        self._store = store
        self._clock = clock
        self._silent_s = silent_s
        self._answer_s_max = answer_s_max

    def lacks(self) -> Lacks:
        """What the site's own engine lacks, as its agent said; but many orders are always taken at once."""
        with self._store.reading() as tx:
            said = tx.sites.agent(self._site_id).lacks
        return {ability: why for ability, why in said.items() if ability is not Ability.ARRAYS}

    def capacity(self, pool_id: str) -> Capacity:
        """What the agent said last, less what it has not heard of yet. Raises Never, NotNow(engine-unreachable)."""
        if pool_id not in self._pools:
            raise refused(msg("site {site} has no pool {pool}", site=self._site_id, pool=pool_id))
        with self._store.reading() as tx:
            agent = self._heard(tx.sites)
            on_the_way = _on_the_way(tx.sites, agent, pool_id)
        said = agent.capacity(pool_id)
        if said is None:
            raise _unreachable(
                msg("the agent of site {site} does not have pool {pool}", site=agent.site_id, pool=pool_id)
            )
        return replace(said, free=max(0, said.free - on_the_way))

    def submit(self, order: Order) -> None:
        """Store the wish; a known id changes nothing.

        An order with a higher fence than before cancels the job's earlier orders. Raises Never(engine-refused): bad
        names, command or time, unknown pool, lower fence; NotNow(engine-full) by what the agent said.
        """
        self.submit_array([order])

    def submit_array(self, orders: Sequence[Order]) -> None:
        """As `submit` of each, in one transaction: all are taken or none."""
        free: dict[str, int | None] = {}
        with self._store.transaction() as tx:
            for order in orders:
                self._submit(tx.sites, order, free)

    def _submit(self, sites: Sites, order: Order, free: dict[str, int | None]) -> None:
        """`free`: what is left of the pools that were counted for this call."""
        check_names(order)
        known = sites.orders([order.id]).get(order.id)
        if known is not None and known.order is not None:
            return
        check_program(order)
        _check_text(order)
        check_room(order, self._pools, "agent")
        others = [o for o in sites.of_job(order.job_id) if o.order and o.id != order.id]
        if any(o.order and o.order.fence > order.fence for o in others):
            raise refused(msg("order {order} is older than another of job {job}", order=order.id, job=order.job_id))
        if known is not None:  # cancelled before it was submitted: it ends here, and the site never hears of it
            now = self._clock.now()
            ended = Observation(order_id=order.id, state=OrderState.ENDED, ended=now, cause=EndCause.CANCELLED)
            sites.put(replace(known, order=order, report=ended))
            return
        self._require_room(sites, order, free)
        for other in others:
            if other.order and other.order.fence < order.fence:
                _cancel(sites, other)
        number = _next(sites, self._site_id)
        sites.put(SiteOrder(id=order.id, site_id=self._site_id, number=number, order=order))

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id: what the agent said last, as of when its engine answered. Raises NotNow."""
        with self._store.reading() as tx:
            orders = tx.sites.orders(list(order_ids))
            live = any(not order.done for order in orders.values())
            seen = self._heard(tx.sites).seen if live else None
        return [_observation(order_id, orders.get(order_id), seen) for order_id in order_ids]

    def cancel(self, order_id: str) -> None:
        """Store the wish; an unknown order is noted as never to start."""
        with self._store.transaction() as tx:
            known = tx.sites.orders([order_id]).get(order_id)
            if known is not None:
                _cancel(tx.sites, known)
            elif NAME.fullmatch(order_id):
                number = _next(tx.sites, self._site_id)
                never = SiteOrder(
                    id=order_id, site_id=self._site_id, number=number, order=None, cancelled=True, done=True
                )
                tx.sites.put(never)

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """Ask the agent and wait for its answers. Raises NotNow(engine-unreachable) when one does not come in time."""
        return self._pieces(order_id, "", offset, limit)

    def result(self, order_id: str, path: str, offset: int = 0, limit: int = 65536) -> bytes:
        """A part of a file that the order wrote in its output folder; asked for like a log."""
        return self._pieces(order_id, path, offset, limit)

    def _pieces(self, order_id: str, path: str, offset: int, limit: int) -> bytes:
        """Ask until there is no more, or enough."""
        found = b""
        while len(found) < limit:
            wanted = min(limit - len(found), ANSWER_BYTES_MAX)
            piece = self._ask(order_id, path, offset + len(found), wanted)
            found += piece
            if len(piece) < wanted:
                break
        return found

    def _ask(self, order_id: str, path: str, offset: int, limit: int) -> bytes:
        with self._store.transaction() as tx:
            known = tx.sites.orders([order_id]).get(order_id)
            if known is None or known.order is None or offset < 0:
                return b""
            self._heard(tx.sites)
            question = Inquiry(
                id=secrets.token_hex(8),
                site_id=self._site_id,
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
            with self._store.reading() as tx:
                found = tx.sites.inquiry(question.id)
            if found is not None and found.answer is not None:
                return found.answer
            time.sleep(ANSWER_PAUSE_S)
            waited += ANSWER_PAUSE_S
        raise _unreachable(msg("the agent of site {site} did not answer in time", site=question.site_id))

    def _heard(self, sites: Sites) -> SiteAgent:
        """The site's agent. Raises NotNow(engine-unreachable): it is silent, or its engine is."""
        agent = sites.agent(self._site_id)
        quiet_s = self._clock.wall_seconds(agent.quiet_s(self._clock.now()))
        if agent.contact is None:
            raise _unreachable(msg("the agent of site {site} was never heard", site=agent.site_id))
        if quiet_s > self._silent_s:
            seconds = round(quiet_s)
            raise _unreachable(msg("the agent of site {site} is silent for {n} s", site=agent.site_id, n=seconds))
        if agent.trouble or agent.seen is None:
            why = agent.trouble or msg("not asked yet")
            raise _unreachable(msg("the engine of site {site} does not answer: {why}", site=agent.site_id, why=why))
        return agent

    def _require_room(self, sites: Sites, order: Order, free: dict[str, int | None]) -> None:
        """By what the agent said last, counted once a call. Where it has said nothing, the order waits at the hub."""
        if order.pool_id not in free:
            agent = sites.agent(self._site_id)
            said = agent.capacity(order.pool_id)
            free[order.pool_id] = None if said is None else said.free - _on_the_way(sites, agent, order.pool_id)
        left = free[order.pool_id]
        if left is None:
            return
        if order.accelerators > left:
            raise NotNow(
                "engine-full",
                msg("pool {pool} has {free} accelerators free", pool=order.pool_id, free=max(0, left)),
                msg("It is tried again when others have ended."),
            )
        free[order.pool_id] = left - order.accelerators


def agent_engines(pools: Sequence[Pool], store: HubStore, clock: Clock) -> dict[str, Engine]:
    """One engine a site, for those of the pools that the grid file gives to agents."""
    mine = [pool for pool in pools if pool.engine == AGENT]
    by_site: dict[str, dict[str, int]] = {}
    for pool in mine:
        by_site.setdefault(pool.site_id, {})[pool.id] = pool.accelerators
    engines = {site_id: AgentEngine(site_id, counts, store, clock) for site_id, counts in by_site.items()}
    return {pool.id: engines[pool.site_id] for pool in mine}


def _on_the_way(sites: Sites, agent: SiteAgent, pool_id: str) -> int:
    """Accelerators of the orders of a pool that the agent had not heard of when it counted."""
    wishes = sites.wishes(agent.site_id, agent.heard, 1_000_000)
    return sum(w.order.accelerators for w in wishes if w.order and w.order.pool_id == pool_id and not w.cancelled)


def _next(sites: Sites, site_id: str) -> int:
    """The number of a site's next wish."""
    agent = sites.agent(site_id)
    sites.keep(replace(agent, asked=agent.asked + 1))
    return agent.asked + 1


def _cancel(sites: Sites, order: SiteOrder) -> None:
    if not order.done and not order.cancelled:
        sites.put(replace(order, cancelled=True, number=_next(sites, order.site_id)))


def _observation(order_id: str, order: SiteOrder | None, seen: datetime | None) -> Observation:
    if order is None or order.order is None:
        return Observation(order_id=order_id, state=OrderState.UNKNOWN)
    if order.report is None:
        return Observation(order_id=order_id, state=OrderState.PENDING)
    report = order.report
    return replace(report, started=_utc(report.started), ended=_utc(report.ended), seen=None if order.done else seen)


def _utc(when: datetime | None) -> datetime | None:
    return None if when is None else when.astimezone(UTC)


def _check_text(order: Order) -> None:
    """Raises Never(engine-refused) for what cannot be written down as text, so that no message can carry it."""
    texts = [*order.command, order.directory, *order.environment, *order.environment.values()]
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        what = msg("the command or environment of order {order} is not Unicode text", order=order.id)
        raise refused(what) from None


def _unreachable(message: Message) -> NotNow:
    return NotNow("engine-unreachable", message, msg("It is tried again; see `suanwang sites`."))
