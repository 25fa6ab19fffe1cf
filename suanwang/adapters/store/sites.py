"""Agents of sites, the orders asked of them, and inquiries, in SQL (the port `Sites`)."""

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, TableClause, delete, select, update

from suanwang.adapters.store import codec
from suanwang.adapters.store.refusals import refusals, refused, step
from suanwang.adapters.store.tables import insert_new, site_agents, site_inquiries, site_orders
from suanwang.domain.agent import Inquiry, SiteAgent, SiteOrder

IDS_MAX = 1000
"""How many ids one statement names."""
REMEMBERED_LETTERS_MAX = 10_000


class SqlSites:
    """One transaction's view of sites."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def agent(self, site_id: str) -> SiteAgent:
        with refusals():
            query = select(site_agents.c.body).where(site_agents.c.site_id == site_id)
            body = self._connection.execute(query).scalar()
        return codec.load(SiteAgent, body) if body else SiteAgent(site_id=site_id)

    def agents(self) -> list[SiteAgent]:
        query = select(site_agents.c.body).where(site_agents.c.site_id != "").order_by(site_agents.c.site_id)
        with refusals():
            return [codec.load(SiteAgent, body) for body in self._connection.execute(query).scalars()]

    def keep(self, agent: SiteAgent) -> None:
        self._put(site_agents, "site_id", {"site_id": agent.site_id, "body": codec.dump(agent)})

    def put(self, order: SiteOrder) -> None:
        row = {
            "id": order.id,
            "site_id": order.site_id,
            "job_id": order.order.job_id if order.order else "",
            "number": order.number,
            "done": int(order.done),
            "body": codec.dump(order),
        }
        self._put(site_orders, "id", row)

    def orders(self, order_ids: Sequence[str]) -> dict[str, SiteOrder]:
        found: dict[str, SiteOrder] = {}
        for first in range(0, len(order_ids), IDS_MAX):
            some = order_ids[first : first + IDS_MAX]
            query = select(site_orders.c.id, site_orders.c.body).where(site_orders.c.id.in_(some))
            with refusals():
                found |= {id_: _order(body) for id_, body in self._connection.execute(query)}
        return found

    def of_job(self, job_id: str) -> list[SiteOrder]:
        query = select(site_orders.c.body).where(site_orders.c.job_id == job_id).order_by(site_orders.c.number)
        with refusals():
            return [_order(body) for body in self._connection.execute(query).scalars()]

    def wishes(self, site_id: str, after: int, limit: int = 1000) -> list[SiteOrder]:
        query = (
            select(site_orders.c.body)
            .where(site_orders.c.site_id == site_id, site_orders.c.done == 0, site_orders.c.number > after)
            .order_by(site_orders.c.number)
            .limit(limit)
        )
        with refusals():
            return [_order(body) for body in self._connection.execute(query).scalars()]

    def inquire(self, inquiry: Inquiry) -> None:
        answer = None if inquiry.answer is None else b64encode(inquiry.answer).decode("ascii")
        row = {"id": inquiry.id, "site_id": inquiry.site_id, "body": _question(inquiry), "answer": answer}
        self._put(site_inquiries, "id", row)

    def inquiry(self, inquiry_id: str) -> Inquiry | None:
        found = self._inquiries(site_inquiries.c.id == inquiry_id)
        return found[0] if found else None

    def inquiries(self, site_id: str) -> list[Inquiry]:
        return self._inquiries(site_inquiries.c.site_id == site_id, site_inquiries.c.answer.is_(None))

    def forget(self, inquiry_id: str) -> None:
        with refusals():
            self._connection.execute(delete(site_inquiries).where(site_inquiries.c.id == inquiry_id))

    def _inquiries(self, *conditions: Any) -> list[Inquiry]:
        query = select(site_inquiries.c.body, site_inquiries.c.answer).where(*conditions).order_by(site_inquiries.c.id)
        with refusals():
            rows = self._connection.execute(query).all()
        return [_inquiry(body, answer) for body, answer in rows]

    def _put(self, table: TableClause, key: str, row: dict[str, Any]) -> None:
        """Insert the row, or replace the one that has its key."""
        with step(self._connection):
            if insert_new(self._connection, table, [row]):
                return
            change = update(table).where(table.c[key] == row[key]).values(**row)
            if not self._connection.execute(change).rowcount:  # what stands in its way is another row's number
                raise refused("key_site_orders_site_id_number")


def _order(body: str) -> SiteOrder:
    """An order's text changes only with its news, and every tick reads every open one: it is read once."""
    return _read(body) if len(body) < REMEMBERED_LETTERS_MAX else codec.load(SiteOrder, body)


@lru_cache(maxsize=20_000)
def _read(body: str) -> SiteOrder:
    return codec.load(SiteOrder, body)


def _question(inquiry: Inquiry) -> str:
    """The inquiry without its answer, which is bytes."""
    return codec.dump(replace(inquiry, answer=None))


def _inquiry(body: str, answer: str | None) -> Inquiry:
    return replace(codec.load(Inquiry, body), answer=None if answer is None else b64decode(answer))
