"""Usage, charges, price books, closed periods and documents in memory: twins of the SQL ones."""

from collections.abc import Sequence
from datetime import datetime

from suanwang.adapters.store.checks import check_correction, check_sealed, other_body, same_correction
from suanwang.adapters.store.memory_tables import Tables
from suanwang.adapters.store.refusals import refused
from suanwang.domain.invoice import Invoice
from suanwang.domain.period import ClosedPeriod
from suanwang.domain.price import Charge, PriceBook
from suanwang.domain.usage import Correction, UsageRecord
from suanwang.errors import msg


class MemoryUsage:
    """The port `Usage` on dicts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._put = tables.journal.put

    def add(self, record: UsageRecord, charges: Sequence[Charge]) -> bool:
        if record.id in self._tables.records:
            return False
        if record.order_id not in self._tables.orders:
            raise refused("usage_records_order_id")
        others = (r for r in self._tables.records.values() if r.order_id == record.order_id)
        if any(r.start < record.end and record.start < r.end for r in others):
            raise refused("usage_records_overlap")
        with self._tables.journal.step():
            self._put(self._tables.records, record.id, record)
            self._charge(charges)
        return True

    def charge(self, charges: Sequence[Charge]) -> None:
        with self._tables.journal.step():
            self._charge(charges)

    def _charge(self, charges: Sequence[Charge]) -> None:
        for charge in charges:
            if charge.id in self._tables.charges:
                raise refused("key_charges_id")
            if charge.usage_id not in self._tables.records:
                raise refused("charges_usage_id")
            self._put(self._tables.charges, charge.id, charge)

    def between(self, start: datetime, end: datetime, tenant: str = "") -> list[UsageRecord]:
        found = [r for r in self._tables.records.values() if start <= r.start < end and tenant in ("", r.tenant)]
        return sorted(found, key=lambda r: (r.start, r.id))

    def correct(self, correction: Correction, charges: Sequence[Charge]) -> bool:
        key = (correction.record.id, correction.sequence)
        check_correction(correction, self._tables.records.get(correction.record.id))
        if key in self._tables.corrections:
            return same_correction(self._tables.corrections[key], correction)
        if correction.sequence != 1 + sum(usage == key[0] for usage, _ in self._tables.corrections):
            raise refused("usage_corrections_sequence")
        with self._tables.journal.step():
            self._put(self._tables.corrections, key, correction)
            self._charge(charges)
        return True

    def corrections(self, job_id: str) -> list[Correction]:
        return [c for _, c in sorted(self._tables.corrections.items()) if c.record.job_id == job_id]

    def records(self, job_id: str) -> list[UsageRecord]:
        return sorted((r for r in self._tables.records.values() if r.job_id == job_id), key=lambda r: (r.start, r.id))

    def charges(self, job_id: str) -> list[Charge]:
        return sorted((c for c in self._tables.charges.values() if c.job_id == job_id), key=lambda c: c.id)

    def charged(self, start: datetime, end: datetime, tenant: str = "") -> list[Charge]:
        records = {record.id for record in self.between(start, end, tenant)}
        return sorted((c for c in self._tables.charges.values() if c.usage_id in records), key=lambda c: c.id)

    def seal(self, book: PriceBook) -> None:
        key = (book.id, book.version)
        if key in self._tables.books:
            check_sealed(self._tables.books[key], book)
        else:
            self._put(self._tables.books, key, book)

    def sealed(self) -> list[PriceBook]:
        return [book for _, book in sorted(self._tables.books.items())]


class MemoryBooks:
    """The port `Books` on dicts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._put = tables.journal.put

    def close(self, closed: ClosedPeriod) -> None:
        stored = self._tables.closed.get(closed.period.id)
        if stored is not None:
            if stored.period != closed.period:
                raise other_body(msg("period"), closed.period.id)
            return
        ends = [c.period.end for c in self._tables.closed.values()]
        if ends and max(ends) != closed.period.start:
            raise refused("closed_periods_order")
        self._put(self._tables.closed, closed.period.id, closed)

    def closed(self) -> list[ClosedPeriod]:
        return sorted(self._tables.closed.values(), key=lambda c: c.period.start)

    def issue(self, invoice: Invoice) -> Invoice:
        if invoice.id not in self._tables.documents:
            self._put(self._tables.documents, invoice.id, invoice)
        return self._tables.documents[invoice.id]

    def issued(self, period: str = "", subject: str = "") -> list[Invoice]:
        found = self._tables.documents.values()
        kept = [i for i in found if period in ("", i.period) and subject in ("", i.tenant)]
        return sorted(kept, key=lambda i: i.id)
