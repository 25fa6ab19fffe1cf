"""Usage records, charges and sealed price books, in SQL (the port `Usage`)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from suanwang.adapters.store import codec, tables
from suanwang.adapters.store.checks import check_sealed
from suanwang.adapters.store.refusals import refusals, refused, step
from suanwang.adapters.store.tables import insert_new, microseconds, usage_records
from suanwang.domain.price import Charge, PriceBook
from suanwang.domain.usage import UsageRecord


class SqlUsage:
    """One transaction's view of usage."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, record: UsageRecord, charges: Sequence[Charge]) -> bool:
        row = {
            "id": record.id,
            "order_id": record.order_id,
            "job_id": record.job_id,
            "start_us": microseconds(record.start),
            "end_us": microseconds(record.end),
            "body": codec.dump(record),
        }
        with step(self._connection):
            if not insert_new(self._connection, usage_records, [row]):
                known = select(usage_records.c.id).where(usage_records.c.id == record.id)
                if self._connection.execute(known).scalar() is None:
                    raise refused("usage_records_overlap")
                return False
            if charges:
                self._connection.execute(insert(tables.charges), [_charge_row(c) for c in charges])
        return True

    def records(self, job_id: str) -> list[UsageRecord]:
        table = usage_records
        query = select(table.c.body).where(table.c.job_id == job_id).order_by(table.c.start_us, table.c.id)
        with refusals():
            return [codec.load(UsageRecord, body) for body in self._connection.execute(query).scalars()]

    def since(self, when: datetime) -> list[UsageRecord]:
        table = usage_records
        query = select(table.c.body).where(table.c.end_us > microseconds(when)).order_by(table.c.end_us, table.c.id)
        with refusals():
            return [codec.load(UsageRecord, body) for body in self._connection.execute(query).scalars()]

    def charges(self, job_id: str) -> list[Charge]:
        table = tables.charges
        query = select(table.c.body).where(table.c.job_id == job_id).order_by(table.c.id)
        with refusals():
            return [codec.load(Charge, body) for body in self._connection.execute(query).scalars()]

    def seal(self, book: PriceBook) -> None:
        table = tables.price_books
        row = {"id": book.id, "version": book.version, "body": codec.dump(book)}
        with step(self._connection):
            if insert_new(self._connection, table, [row]):
                return
            query = select(table.c.body).where(table.c.id == book.id, table.c.version == book.version)
            body = self._connection.execute(query).scalar_one()
        check_sealed(codec.load(PriceBook, body), book)


def _charge_row(charge: Charge) -> dict[str, str | int]:
    return {
        "id": charge.id,
        "usage_id": charge.usage_id,
        "job_id": charge.job_id,
        "unit": charge.amount.unit,
        "amount_micro": charge.amount.micro,
        "body": codec.dump(charge),
    }
