"""Agents of sites, the orders asked of them, and inquiries, in memory: the twin of `sites`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from suanwang.adapters.store.journal import Journal
from suanwang.adapters.store.refusals import refused
from suanwang.domain.agent import Inquiry, SiteAgent, SiteOrder


@dataclass(frozen=True, slots=True)
class SiteTables:
    """Agents by site, orders and inquiries by id."""

    agents: dict[str, SiteAgent] = field(default_factory=dict)
    orders: dict[str, SiteOrder] = field(default_factory=dict)
    inquiries: dict[str, Inquiry | None] = field(default_factory=dict)


class MemorySites:
    """The port `Sites` on dicts; a forgotten inquiry leaves None."""

    def __init__(self, tables: SiteTables, journal: Journal) -> None:
        self._tables = tables
        self._put = journal.put

    def agent(self, site_id: str) -> SiteAgent:
        return self._tables.agents.get(site_id) or SiteAgent(site_id=site_id)

    def agents(self) -> list[SiteAgent]:
        return [agent for site_id, agent in sorted(self._tables.agents.items()) if site_id]

    def keep(self, agent: SiteAgent) -> None:
        self._put(self._tables.agents, agent.site_id, agent)

    def put(self, order: SiteOrder) -> None:
        number = (order.site_id, order.number)
        if any((o.site_id, o.number) == number and o.id != order.id for o in self._tables.orders.values()):
            raise refused("key_site_orders_site_id_number")
        self._put(self._tables.orders, order.id, order)

    def orders(self, order_ids: Sequence[str]) -> dict[str, SiteOrder]:
        return {id_: self._tables.orders[id_] for id_ in order_ids if id_ in self._tables.orders}

    def of_job(self, job_id: str) -> list[SiteOrder]:
        return self._sorted(o for o in self._tables.orders.values() if o.order and o.order.job_id == job_id)

    def wishes(self, site_id: str, after: int, limit: int = 1000) -> list[SiteOrder]:
        mine = (o for o in self._tables.orders.values() if o.site_id == site_id and not o.done)
        return self._sorted(o for o in mine if o.number > after)[:limit]

    def inquire(self, inquiry: Inquiry) -> None:
        self._put(self._tables.inquiries, inquiry.id, inquiry)

    def inquiry(self, inquiry_id: str) -> Inquiry | None:
        return self._tables.inquiries.get(inquiry_id)

    def inquiries(self, site_id: str) -> list[Inquiry]:
        kept = (i for _, i in sorted(self._tables.inquiries.items()) if i is not None)
        return [i for i in kept if i.site_id == site_id and i.answer is None]

    def forget(self, inquiry_id: str) -> None:
        self._put(self._tables.inquiries, inquiry_id, None)

    @staticmethod
    def _sorted(orders: Iterable[SiteOrder]) -> list[SiteOrder]:
        return sorted(orders, key=lambda order: order.number)
