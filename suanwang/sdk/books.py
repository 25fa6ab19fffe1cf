"""The books as Python calls: budgets, periods, price books, corrections, documents. `Client.books` gives them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from fractions import Fraction

from suanwang.domain.budget import BudgetState
from suanwang.domain.invoice import Invoice
from suanwang.domain.ledger import Transfer
from suanwang.domain.period import ClosedPeriod
from suanwang.domain.price import PriceBook, in_force
from suanwang.domain.usage import UsageRecord, corrected
from suanwang.errors import NotFound, msg
from suanwang.ports import Ledger
from suanwang.schemas.beancount import beancount
from suanwang.schemas.focus import Billed
from suanwang.service.budgets import budget_alerts, budget_states
from suanwang.service.corrections import Adjustment, rerate
from suanwang.service.delivered import DeliveredMonth, delivered_month
from suanwang.service.exporting import balance_json, billed
from suanwang.service.figures import Figure, figures
from suanwang.service.hub import Hub
from suanwang.service.invoices import is_issued, programme_statement, site_statement, tenant_documents
from suanwang.service.periods import close_month, closed_months
from suanwang.service.previews import PreviewRow, book_versions, preview, publish
from suanwang.service.reconciling import Reconciliation, apply_readings, reconcile
from suanwang.settle.budgets import Alert
from suanwang.settle.reconcile import Reading

PAGE = 10_000


class Books:
    """Raises SuanwangError for every refusal."""

    def __init__(self, hub: Hub) -> None:
        self._composed = hub

    @property
    def _hub(self) -> Hub:
        return self._composed

    def budgets(self, when: datetime | None = None, tenant: str = "") -> list[BudgetState]:
        """Every budget in the period that holds `when` (now), with what is used, reserved and free."""
        return budget_states(self._hub, when, tenant)

    def budget_alerts(self, when: datetime | None = None, tenant: str = "") -> Sequence[Alert]:
        """The warnings of those periods, in order of time."""
        return budget_alerts(self._hub, when, tenant)

    def price_books(self) -> list[tuple[PriceBook, bool]]:
        """Every version that the grid has or that was used, and whether it is sealed."""
        with self._hub.store.transaction() as tx:
            return book_versions(tx, self._hub)

    def preview(self, book: PriceBook, start: datetime, end: datetime, tenant: str = "") -> list[PreviewRow]:
        """What a book would have charged for the jobs that used anything in [start, end); nothing is stored."""
        return preview(self._hub, book, start, end, tenant)

    def rerate(self, job_id: str, book: PriceBook) -> Adjustment:
        """Charge a job by another book or version: reversal and new, posted in the open month."""
        return rerate(self._hub, job_id, book)

    def publish(self, book_id: str, hours: int) -> PriceBook:
        """The next version of a book that links its prices to the grid's marginal ones, for the coming hours."""
        now = self._hub.clock.now()
        known = [book for book, _ in self.price_books() if book.id == book_id]
        book = in_force(known, book_id, now)
        if book is None:
            near = ", ".join(sorted({b.id for b, _ in self.price_books()}))
            raise NotFound(
                "not-found", msg("there is no price book {id} in force", id=book_id), msg("Known: {known}.", known=near)
            )
        return publish(self._hub, replace(book, version=max(b.version for b in known)), hours)

    def reconcile(self, readings: Sequence[Reading], tolerance: Fraction) -> Reconciliation:
        """Readings of another meter beside the records; nothing is stored."""
        return reconcile(self._hub, readings, tolerance)

    def apply_readings(
        self, readings: Sequence[Reading], tolerance: Fraction, evidence: Mapping[str, str]
    ) -> Reconciliation:
        """The same, then corrections and late usage from the readings."""
        return apply_readings(self._hub, readings, tolerance, evidence)

    def usage(self, start: datetime, end: datetime, tenant: str = "") -> list[UsageRecord]:
        """The records that begin in [start, end), each in its last correction, in order of time."""
        with self._hub.store.transaction() as tx:
            found = tx.usage.between(start, end, tenant)
            corrections = [c for job in dict.fromkeys(r.job_id for r in found) for c in tx.usage.corrections(job)]
            return corrected(found, corrections)

    def delivered(self, tenant: str, month: str) -> DeliveredMonth:
        """A tenant's compute of a month: theoretical, lost to failures and inefficiency, delivered."""
        return delivered_month(self._hub, tenant, month)

    def invoices(self, tenant: str, month: str) -> list[Invoice]:
        """A tenant's invoice of a month and, where earlier months were corrected in it, its credit note."""
        return tenant_documents(self._hub, tenant, month)

    def statement(self, month: str, *, site: str = "", programme: str = "") -> Invoice:
        """What a site earned, or the fund of a programme paid, in a month."""
        if programme:
            return programme_statement(self._hub, programme, month)
        return site_statement(self._hub, site, month)

    def is_issued(self, document: Invoice) -> bool:
        """Whether a document is kept for good, or a draft of an open month."""
        return is_issued(self._hub, document)

    def billed(self, month: str, tenant: str = "") -> list[Billed]:
        """Every charge, credit and rounding of a month, as FOCUS and CSV have them."""
        return billed(self._hub, month, tenant)

    def balance_json(self, unit: str = "") -> dict[str, object]:
        """Open OnDemand's balance file, as of now."""
        return balance_json(self._hub, self._hub.clock.now(), unit)

    def figures(self) -> list[Figure]:
        """Counters and gauges of the books, as of now."""
        return list(figures(self._hub))

    def close_month(self, month: str) -> ClosedPeriod:
        """Close a month; a repeat gives what it was closed with."""
        return close_month(self._hub, month)

    def closed_months(self) -> list[ClosedPeriod]:
        """In order of time."""
        return closed_months(self._hub)

    def beancount(self) -> Iterator[str]:
        """The whole ledger as the lines of a Beancount file, in one state of it."""
        with self._hub.store.transaction() as tx:
            balances = tx.ledger.balances()
            accounts = [tx.ledger.account(b.account_id) for b in balances]
            yield from beancount(accounts, _all_transfers(tx.ledger), balances)


def _all_transfers(ledger: Ledger) -> Iterator[Transfer]:
    seen = 0
    while page := ledger.transfers(after=seen, limit=PAGE):
        yield from page
        seen += len(page)
