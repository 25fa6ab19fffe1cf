"""The books as Python calls: budgets, periods, price books, corrections, documents. `Client.books` gives them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from suanwang.domain.budget import BudgetState
from suanwang.domain.ledger import Transfer
from suanwang.domain.period import ClosedPeriod
from suanwang.ports import Ledger
from suanwang.schemas.beancount import beancount
from suanwang.service.budgets import budget_alerts, budget_states
from suanwang.service.hub import Hub
from suanwang.service.periods import close_month, closed_months
from suanwang.settle.budgets import Alert

PAGE = 10_000


class Books:
    """Raises SuanwangError for every refusal."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def budgets(self, when: datetime | None = None, tenant: str = "") -> list[BudgetState]:
        """Every budget in the period that holds `when` (now), with what is used, reserved and free."""
        return budget_states(self._hub, when, tenant)

    def budget_alerts(self, when: datetime | None = None) -> Sequence[Alert]:
        """The warnings of those periods, in order of time."""
        return budget_alerts(self._hub, when)

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
