"""The store in memory: the twin of the SQL one, with the same rules and the same refusals, for trials and tests."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Self

from suanwang.adapters.store.audit import audit
from suanwang.adapters.store.checks import (
    check_move,
    check_new,
    lost_race,
    missing,
    other_body,
    same_workload,
)
from suanwang.adapters.store.comparisons import MemoryComparisons
from suanwang.adapters.store.memory_dockets import MemoryDockets
from suanwang.adapters.store.memory_sites import MemorySites
from suanwang.adapters.store.memory_tables import StoredOrder, Tables
from suanwang.adapters.store.memory_usage import MemoryBooks, MemoryUsage
from suanwang.adapters.store.posting import Standing, apply, distinct, hold_of, require_limit, require_postable
from suanwang.adapters.store.refusals import refused, unavailable
from suanwang.domain.job import Job, JobEvent, JobState
from suanwang.domain.ledger import Account, Balance, Transfer, TransferKind
from suanwang.domain.order import Observation, Order, OrderState
from suanwang.domain.voucher import Voucher
from suanwang.errors import msg

PATIENCE_S = 30.0
"""How long a transaction waits for the one before it."""


class MemoryJobs:
    """The port `Jobs` on dicts."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._put = tables.journal.put

    def add(self, job: Job) -> Job:
        check_new(job)
        known = self._tables.jobs_by_key.get((job.tenant, job.key))
        if known is not None:
            return same_workload(self._tables.jobs[known], job)
        if job.id in self._tables.jobs:
            raise other_body(msg("job"), job.id)
        self._put(self._tables.jobs, job.id, job)
        self._put(self._tables.jobs_by_key, (job.tenant, job.key), job.id)
        return job

    def get(self, job_id: str) -> Job:
        if job_id not in self._tables.jobs:
            raise missing(msg("job"), job_id)
        return self._tables.jobs[job_id]

    def find(
        self,
        states: Sequence[JobState] = (),
        tenant: str = "",
        limit: int = 1000,
        after: str = "",
        *,
        newest: bool = False,
    ) -> list[Job]:
        found = [
            job
            for id_, job in sorted(self._tables.jobs.items(), reverse=newest)
            if (not after or (id_ < after if newest else id_ > after))
            and (not states or job.state in states)
            and (not tenant or job.tenant == tenant)
        ]
        return found[:limit]

    def move(self, job: Job, event: JobEvent) -> None:
        before = self.get(job.id)
        if event.sequence <= before.version:
            raise lost_race(job.id)
        check_move(before, job, event)
        self._put(self._tables.events, (job.id, event.sequence), event)
        self._put(self._tables.jobs, job.id, job)

    def note(self, job: Job) -> None:
        stored = self.get(job.id)
        if (stored.version, stored.state) != (job.version, job.state):
            raise lost_race(job.id)
        self._put(self._tables.jobs, job.id, job)

    def events(self, job_id: str) -> list[JobEvent]:
        return sorted((e for e in self._tables.events.values() if e.job_id == job_id), key=lambda e: e.sequence)

    def add_order(self, order: Order, at: datetime) -> None:
        stored = self._tables.orders.get(order.id)
        if stored is not None:
            if stored.order != order:
                raise other_body(msg("order"), order.id)
            return
        attempt = (order.job_id, order.attempt)
        if attempt in self._tables.orders_by_attempt:
            raise refused("key_orders_job_id_attempt")
        if order.job_id not in self._tables.jobs:
            raise refused("orders_job_id")
        self._put(self._tables.orders, order.id, StoredOrder(order, at))
        self._put(self._tables.orders_by_attempt, attempt, order.id)

    def orders(self, *, open_only: bool = False, job_id: str = "") -> list[tuple[Order, Observation | None]]:
        kept = [
            stored
            for stored in self._tables.orders.values()
            if not (open_only and stored.closed) and job_id in ("", stored.order.job_id)
        ]
        return [(s.order, s.observation) for s in sorted(kept, key=lambda s: (s.at, s.order.id))]

    def observe(self, observation: Observation, at: datetime) -> None:
        stored = self._order(observation.order_id)
        if stored.observation is None or stored.observation.state is not OrderState.ENDED:
            self._put(self._tables.orders, observation.order_id, replace(stored, observation=observation, observed=at))

    def close_order(self, order_id: str) -> None:
        self._put(self._tables.orders, order_id, replace(self._order(order_id), closed=True))

    def _order(self, order_id: str) -> StoredOrder:
        if order_id not in self._tables.orders:
            raise missing(msg("order"), order_id)
        return self._tables.orders[order_id]


class MemoryLedger:
    """The port `Ledger` on dicts; `transfers` keeps the order in which they were posted."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._put = tables.journal.put

    def open(self, account: Account) -> None:
        require_limit(account)
        there = self._tables.accounts.get(account.id)
        if there is not None:
            if (there.kind, there.unit) != (account.kind, account.unit):
                raise other_body(msg("account"), account.id)
            return
        self._put(self._tables.accounts, account.id, account)
        self._put(self._tables.balances, account.id, Standing(account).balance())

    def post(self, transfers: Sequence[Transfer]) -> None:
        tables = self._tables
        batch = distinct(transfers)
        sides = {side for t in batch for side in (t.debit, t.credit) if side in tables.accounts}
        standings = {side: _standing(tables.accounts[side], tables.balances[side]) for side in sides}
        require_postable(batch, standings)
        with tables.journal.step():
            for transfer in batch:
                if self._is_new(transfer):
                    hold = tables.transfers.get(transfer.pending_id)
                    pending = hold is not None and hold.kind is TransferKind.PENDING
                    apply(transfer, hold_of(hold) if hold is not None and pending else None, standings)
                    self._put(tables.transfers, transfer.id, transfer)
            for side, standing in standings.items():
                self._put(tables.balances, side, standing.balance())

    def _is_new(self, transfer: Transfer) -> bool:
        """Also notes which hold it resolves. Raises Conflict, and Never(transfer-refused) for a second resolution."""
        stored = self._tables.transfers.get(transfer.id)
        if stored is not None:
            if stored != transfer:
                raise other_body(msg("transfer"), transfer.id)
            return False
        if transfer.pending_id:
            if transfer.pending_id in self._tables.resolved:
                raise refused("key_transfers_pending_id")
            self._put(self._tables.resolved, transfer.pending_id, transfer.id)
        if any(transfer.at < c.period.end for c in self._tables.closed.values()):
            raise refused("transfers_closed")
        return True

    def last(self) -> tuple[int, str]:
        return len(self._tables.transfers), ""

    def account(self, account_id: str) -> Account:
        if account_id not in self._tables.accounts:
            raise missing(msg("account"), account_id)
        return self._tables.accounts[account_id]

    def balance(self, account_id: str) -> Balance:
        return self._tables.balances[self.account(account_id).id]

    def balances(self) -> list[Balance]:
        return [balance for _, balance in sorted(self._tables.balances.items())]

    def transfer(self, transfer_id: str) -> Transfer:
        if transfer_id not in self._tables.transfers:
            raise missing(msg("transfer"), transfer_id)
        return self._tables.transfers[transfer_id]

    def transfers(self, job_id: str = "", account_id: str = "", after: int = 0, limit: int = 10000) -> list[Transfer]:
        found = [
            t
            for t in self._tables.transfers.values()
            if job_id in ("", t.job_id) and account_id in ("", t.debit, t.credit)
        ]
        return found[after : after + limit]

    def pending(self, job_id: str) -> list[Transfer]:
        return [
            t
            for t in self._tables.transfers.values()
            if t.job_id == job_id and t.kind is TransferKind.PENDING and t.id not in self._tables.resolved
        ]

    def add_voucher(self, voucher: Voucher) -> None:
        if voucher.id not in self._tables.vouchers:
            self._put(self._tables.vouchers, voucher.id, voucher)
        elif self._tables.vouchers[voucher.id] != voucher:
            raise other_body(msg("voucher"), voucher.id)

    def vouchers(self, tenant: str = "", programme_id: str = "") -> list[Voucher]:
        found = [
            v
            for v in self._tables.vouchers.values()
            if tenant in ("", v.tenant) and programme_id in ("", v.programme_id)
        ]
        return sorted(found, key=lambda v: (v.expires, v.id))

    def check(self) -> Mapping[str, int]:
        stored = [(account, self._tables.balances[id_]) for id_, account in sorted(self._tables.accounts.items())]
        return audit(stored, self._tables.transfers.values(), self._tables.closed.values())


def _standing(account: Account, balance: Balance) -> Standing:
    return Standing(
        account,
        balance.debits_posted,
        balance.credits_posted,
        balance.debits_pending,
        balance.credits_pending,
    )


@dataclass(frozen=True, slots=True)
class MemoryTransaction:
    """The ports on one set of tables."""

    jobs: MemoryJobs
    usage: MemoryUsage
    ledger: MemoryLedger
    books: MemoryBooks
    sites: MemorySites
    dockets: MemoryDockets
    comparisons: MemoryComparisons

    @classmethod
    def on(cls, tables: Tables) -> Self:
        return cls(
            jobs=MemoryJobs(tables),
            usage=MemoryUsage(tables),
            ledger=MemoryLedger(tables),
            books=MemoryBooks(tables),
            sites=MemorySites(tables.sites, tables.journal),
            dockets=MemoryDockets(tables.dockets, tables.journal),
            comparisons=MemoryComparisons(tables.comparisons, tables.journal),
        )


class MemoryStore:
    """The port `Store`; what it keeps ends with it."""

    def __init__(self) -> None:
        self._tables = Tables()
        self._lock = Lock()

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise unavailable("another transaction does not end")
        try:
            with self._tables.journal.step():
                yield MemoryTransaction.on(self._tables)
            self._tables.journal.forget()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Nothing to end."""
