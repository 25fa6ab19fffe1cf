"""Usage records, charges and sealed price books, in SQL (the port `Usage`)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, select

from suanwang.adapters.store import codec, tables
from suanwang.adapters.store.checks import check_correction, check_sealed, same_correction
from suanwang.adapters.store.refusals import refusals, refused, step
from suanwang.adapters.store.tables import insert_new, jobs, microseconds, usage_corrections, usage_records
from suanwang.domain.price import Charge, PriceBook
from suanwang.domain.usage import Correction, UsageRecord


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
            self._charge(charges)
        return True

    def records(self, job_id: str) -> list[UsageRecord]:
        table = usage_records
        query = select(table.c.body).where(table.c.job_id == job_id).order_by(table.c.start_us, table.c.id)
        with refusals():
            return [codec.load(UsageRecord, body) for body in self._connection.execute(query).scalars()]

    def between(self, start: datetime, end: datetime, tenant: str = "") -> list[UsageRecord]:
        table = usage_records
        query = select(table.c.body).where(
            table.c.start_us >= microseconds(start), table.c.start_us < microseconds(end)
        )
        if tenant:
            owned = select(jobs.c.id).where(jobs.c.tenant == tenant)
            query = query.where(table.c.job_id.in_(owned))
        with refusals():
            bodies = self._connection.execute(query.order_by(table.c.start_us, table.c.id)).scalars()
            return [codec.load(UsageRecord, body) for body in bodies]

    def correct(self, correction: Correction, charges: Sequence[Charge]) -> bool:
        record, table = correction.record, usage_corrections
        row = {
            "usage_id": record.id,
            "job_id": record.job_id,
            "sequence": correction.sequence,
            "at_us": microseconds(correction.at),
            "body": codec.dump(correction),
        }
        with step(self._connection):
            query = select(usage_records.c.body).where(usage_records.c.id == record.id)
            first = self._connection.execute(query).scalar()
            check_correction(correction, codec.load(UsageRecord, first) if first else None)
            if not insert_new(self._connection, table, [row]):
                this = (table.c.usage_id == record.id, table.c.sequence == correction.sequence)
                body = self._connection.execute(select(table.c.body).where(*this)).scalar_one()
                return same_correction(codec.load(Correction, body), correction)
            self._charge(charges)
        return True

    def corrections(self, job_id: str) -> list[Correction]:
        table = usage_corrections
        query = select(table.c.body).where(table.c.job_id == job_id).order_by(table.c.usage_id, table.c.sequence)
        with refusals():
            return [codec.load(Correction, body) for body in self._connection.execute(query).scalars()]

    def charge(self, charges: Sequence[Charge]) -> None:
        with step(self._connection):
            self._charge(charges)

    def _charge(self, charges: Sequence[Charge]) -> None:
        if charges:
            self._connection.execute(insert(tables.charges), [_charge_row(c) for c in charges])

    def charges(self, job_id: str) -> list[Charge]:
        table = tables.charges
        query = select(table.c.body).where(table.c.job_id == job_id).order_by(table.c.id)
        with refusals():
            return [codec.load(Charge, body) for body in self._connection.execute(query).scalars()]

    def charged(self, start: datetime, end: datetime, tenant: str = "") -> list[Charge]:
        table, of = tables.charges, usage_records
        own = (table.c.job_id == of.c.job_id) & (table.c.usage_id == of.c.id)
        query = select(table.c.body).join(of, own).order_by(table.c.id)
        query = query.where(of.c.start_us >= microseconds(start), of.c.start_us < microseconds(end))
        if tenant:
            query = query.join(jobs, jobs.c.id == of.c.job_id).where(jobs.c.tenant == tenant)
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

    def sealed(self) -> list[PriceBook]:
        table = tables.price_books
        query = select(table.c.body).order_by(table.c.id, table.c.version)
        with refusals():
            return [codec.load(PriceBook, body) for body in self._connection.execute(query).scalars()]


def _charge_row(charge: Charge) -> dict[str, str | int]:
    return {
        "id": charge.id,
        "usage_id": charge.usage_id,
        "job_id": charge.job_id,
        "unit": charge.amount.unit,
        "amount_micro": charge.amount.micro,
        "body": codec.dump(charge),
    }
