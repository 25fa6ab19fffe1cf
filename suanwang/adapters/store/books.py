"""Closed periods and issued documents, in SQL (the port `Books`)."""

from sqlalchemy import Connection, select

from suanwang.adapters.store import codec
from suanwang.adapters.store.checks import other_body
from suanwang.adapters.store.refusals import refusals, step
from suanwang.adapters.store.tables import closed_periods, documents, insert_new, microseconds
from suanwang.domain.invoice import Invoice
from suanwang.domain.period import ClosedPeriod
from suanwang.errors import msg


class SqlBooks:
    """One transaction's view of what is closed and issued."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def close(self, closed: ClosedPeriod) -> None:
        row = {
            "id": closed.period.id,
            "hash": closed.hash,
            "body": codec.dump(closed),
            "start_us": microseconds(closed.period.start),
            "end_us": microseconds(closed.period.end),
            "closed_us": microseconds(closed.closed),
            "position": closed.position,
        }
        with step(self._connection):
            if insert_new(self._connection, closed_periods, [row]):
                return
        stored = next(c for c in self.closed() if c.period.id == closed.period.id)
        if stored.period != closed.period:
            raise other_body(msg("period"), closed.period.id)

    def closed(self) -> list[ClosedPeriod]:
        query = select(closed_periods.c.body).order_by(closed_periods.c.start_us)
        with refusals():
            return [codec.load(ClosedPeriod, body) for body in self._connection.execute(query).scalars()]

    def issue(self, invoice: Invoice) -> Invoice:
        row = {
            "id": invoice.id,
            "kind": invoice.kind.value,
            "subject": invoice.tenant,
            "period": invoice.period,
            "at_us": microseconds(invoice.issued),
            "body": codec.dump(invoice),
        }
        with step(self._connection):
            if insert_new(self._connection, documents, [row]):
                return invoice
            body = self._connection.execute(select(documents.c.body).where(documents.c.id == invoice.id)).scalar_one()
        return codec.load(Invoice, body)

    def issued(self, period: str = "", subject: str = "") -> list[Invoice]:
        query = select(documents.c.body).order_by(documents.c.id)
        if period:
            query = query.where(documents.c.period == period)
        if subject:
            query = query.where(documents.c.subject == subject)
        with refusals():
            return [codec.load(Invoice, body) for body in self._connection.execute(query).scalars()]
