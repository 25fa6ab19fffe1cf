"""The books as a machine: whatever is paid, held, settled, corrected and closed in whatever order, they balance.

20,000 steps here; `make nightly` takes a million (SUANWANG_BOOK_STEPS).
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from suanwang.adapters.store.memory import MemoryStore
from suanwang.domain.budget import Budget
from suanwang.domain.ledger import Account, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.period import ClosedPeriod, Period, Span, period_of
from suanwang.domain.price import Basis, Charge
from suanwang.domain.voucher import Redemption, Voucher
from suanwang.errors import SuanwangError
from suanwang.ports import Ledger, Transaction
from suanwang.settle.accounts import accounts_of, deposit, fund, issue, tax_account, voucher_account
from suanwang.settle.adjust import adjust, paid_of
from suanwang.settle.budgets import allot, budget_accounts, budget_id, capture, is_budget, reserve
from suanwang.settle.post import hold, money_of, release, settle, tax_transfer
from tests.month_world import HALF, START, World
from tests.small_grid import cny

if TYPE_CHECKING:
    from suanwang.domain.job import Job

STEPS = int(os.environ.get("SUANWANG_BOOK_STEPS", "20000"))
EACH = 100
WORLD = World()
SOME_JOB = WORLD.run()
ZONE = WORLD.hub.grid.zone
BUDGET = Budget(id="b", tenant="me", limit=cny("400"), span=Span.TOTAL)
VOUCHERS = tuple(
    Voucher(
        id=name,
        programme_id=HALF.id,
        tenant="me",
        face=cny("60"),
        issued=START,
        expires=START + timedelta(days=9000),
    )
    for name in ("v1", "v2")
)
amounts = st.integers(1, 30_000_000)


class BooksMachine(RuleBasedStateMachine):
    """A tenant that pays in advance, a site, a programme with two vouchers, a budget; time goes on by days."""

    @initialize()
    def begin(self) -> None:
        self.store, self.now, self.number = MemoryStore(), START, 0
        self.held: dict[str, tuple[Job, list[Transfer]]] = {}
        self.settled: dict[str, tuple[Job, Money, int]] = {}
        self.paid: Counter[str] = Counter()
        self.limits: dict[str, int | None] = {}
        self.sums: Counter[str] = Counter()
        self.open: dict[str, Transfer] = {}
        self.read = 0
        self.closed: list[ClosedPeriod] = []
        plan = replace(WORLD.hub.grid, tenants=(replace(WORLD.hub.grid.tenants[0], credit_limit=cny("0")),))
        chart = [*accounts_of(plan), *map(voucher_account, VOUCHERS), tax_account("a", "CNY")]
        with self.store.transaction() as tx:
            for account in [*chart, *budget_accounts(BUDGET, self.all_time)]:
                self.open_account(tx, account)
            tx.ledger.post([issue(voucher, self.now) for voucher in VOUCHERS])
            tx.ledger.post(allot(BUDGET, self.all_time, tx.ledger.balance("allotted:b:total"), self.now))

    def open_account(self, tx: Transaction, account: Account) -> None:
        tx.ledger.open(account)
        self.limits[account.id] = account.credit_limit_micro

    @property
    def all_time(self) -> Period:
        return period_of(Span.TOTAL, self.now, ZONE)

    def try_post(self, ledger: Ledger, transfers: list[Transfer]) -> bool:
        """All of them or none; the same again is the same, and with another body it is refused."""
        before = ledger.balances()
        if refused(lambda: ledger.post(transfers)) in ("insufficient-balance", "transfer-refused"):
            assert ledger.balances() == before
            return False
        after = ledger.balances()
        ledger.post(transfers)
        assert ledger.balances() == after
        if transfers:
            other = replace(transfers[0], memo="another")
            assert refused(lambda: ledger.post([other])) == "idempotency-conflict"
        return True

    @rule(amount=amounts, to_fund=st.booleans())
    def pay_in(self, amount: int, to_fund: bool) -> None:
        self.number += 1
        money, key = Money(amount, "CNY"), str(self.number)
        transfer = fund(HALF.id, money, key, self.now) if to_fund else deposit("me", money, key, self.now)
        with self.store.transaction() as tx:
            assert self.try_post(tx.ledger, [transfer])
        self.paid[transfer.credit] += amount

    @rule(cost=amounts, share=st.integers(0, 100), voucher=st.sampled_from(VOUCHERS))
    def admit(self, cost: int, share: int, voucher: Voucher) -> None:
        self.number += 1
        job_id = f"j{self.number}"
        placement = SOME_JOB.placement
        assert placement is not None
        option = replace(placement.option, billed_high=Money(cost, "CNY"))
        amount = Money(cost * share // 200, "CNY")
        redemption = Redemption(
            programme_id=HALF.id,
            programme_version=1,
            voucher_id=voucher.id,
            amount=amount,
            ratio=Fraction(1, 2),
            recognised=("rent", "power"),
        )
        used = (redemption,) if amount else ()
        job = replace(SOME_JOB, id=job_id, placement=replace(placement, option=option), redemptions=used)
        expires = self.now + timedelta(days=1)
        with self.store.transaction() as tx:
            transfers = hold(job, used, at=self.now, expires=expires)
            left = tx.ledger.balance(budget_id(BUDGET, self.all_time))
            money = money_of(transfers, "CNY")
            ask = partial(reserve, job_id, BUDGET, self.all_time, money, left, at=self.now, expires=expires)
            if money.micro > left.available:
                assert refused(ask) == "budget-exhausted"
                return
            if money:
                transfers.append(ask())
            if self.try_post(tx.ledger, transfers):
                self.held[job_id] = (job, transfers)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), used=st.integers(0, 130), taxed=st.booleans())
    def settle_one(self, data: st.DataObject, used: int, taxed: bool) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.held)))
        job, holds = self.held.pop(job_id)
        assert job.placement is not None
        charged = Money(job.placement.option.billed_high.micro * used // 100, "CNY")
        with self.store.transaction() as tx:
            if not charged:
                assert self.try_post(tx.ledger, release(holds, at=self.now))
                return
            money = [t for t in holds if not is_budget(t)]
            found = settle(job, [_charge(job_id, charged)], money, job.redemptions, at=self.now)
            tax = tax_transfer(job, charged.times(Fraction(6, 106) if taxed else 0), found, at=self.now)
            budget = capture([t for t in holds if is_budget(t)], found.by_money, Fraction(0), at=self.now)
            assert self.try_post(tx.ledger, [*found.transfers, *tax, *budget])
        self.settled[job_id] = (job, charged, 0)

    @precondition(lambda self: self.settled)
    @rule(data=st.data(), percent=st.integers(0, 200))
    def adjust_one(self, data: st.DataObject, percent: int) -> None:
        """Charged anew, up or down: what is asked or given back is the difference; what was posted stays."""
        job_id = data.draw(st.sampled_from(sorted(self.settled)))
        job, before, generation = self.settled[job_id]
        after = Money(before.micro * percent // 100, "CNY")
        with self.store.transaction() as tx:
            paid = paid_of(job, tx.ledger.transfers(job_id=job_id, limit=10**6), "CNY")
            tax = after.times(Fraction(6, 106))
            made = adjust(job, generation + 1, before=before, after=after, tax=tax, paid=paid, at=self.now)
            if self.try_post(tx.ledger, made):
                self.settled[job_id] = (job, after, generation + 1)
                now_paid = paid_of(job, tx.ledger.transfers(job_id=job_id, limit=10**6), "CNY").total
                assert now_paid <= max(paid.total, after)
                assert now_paid <= after or after == before

    @rule(days=st.integers(1, 20))
    def go_on(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def close(self) -> None:
        """The next month, where it is over."""
        start = self.closed[-1].period.end if self.closed else START
        period = period_of(Span.MONTH, start, ZONE)
        if period.end > self.now:
            return
        with self.store.transaction() as tx:
            position, link = tx.ledger.last()
            kept = {b.account_id: b.posted for b in tx.ledger.balances() if b.posted}
            closed = ClosedPeriod(period=period, closed=self.now, position=position, hash=link, balances=kept)
            tx.books.close(closed)
        self.closed.append(closed)

    @precondition(lambda self: self.closed)
    @rule(amount=amounts)
    def pay_late(self, amount: int) -> None:
        """Into a month that is closed: refused."""
        late = self.closed[-1].period.end - timedelta(seconds=1)
        with self.store.transaction() as tx:
            payment = deposit("me", Money(amount, "CNY"), f"late{self.number}", late)
            assert refused(lambda: tx.ledger.post([payment])) == "period-closed"

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "limits"):
            return
        with self.store.transaction() as tx:
            fresh = tx.ledger.transfers(after=self.read, limit=10**6)
            balances = {b.account_id: b for b in tx.ledger.balances()}
            if self.read % 7 == 0:
                tx.ledger.check()  # replay from the first transfer = stored balances; closed months as they were
        self.read += len(fresh)
        for t in fresh:
            self._follow(t)
        units: Counter[str] = Counter()
        pending: Counter[str] = Counter()
        for t in self.open.values():
            pending[t.debit] += t.amount.micro
        for name, balance in balances.items():
            assert type(balance.posted) is int
            assert balance.posted == self.sums[name]
            assert balance.debits_pending == pending[name]
            limit = self.limits[name]
            assert limit is None or balance.available >= -limit, name
            units[balance.unit] += balance.posted
        assert set(units.values()) == {0}
        left = {name: balances[f"voucher:{name}"].posted for name in ("v1", "v2")}
        assert sum(v.face.micro for v in VOUCHERS) == sum(left.values()) + balances["redeemed:half"].posted
        account = balances["fund:half:CNY"]
        spent = balances["redeemed:half"].posted
        assert self.paid["fund:half:CNY"] == account.available + account.debits_pending + spent
        budget = balances["budget:b:total"]
        assert BUDGET.limit.micro == budget.available + budget.debits_pending + balances["spent:b:total"].posted

    def _follow(self, t: Transfer) -> None:
        """The books in four lines: holds move nothing, the rest moves what it says, a hold is resolved once."""
        if t.pending_id:
            assert t.amount.micro <= self.open.pop(t.pending_id).amount.micro
        if t.kind is TransferKind.PENDING:
            self.open[t.id] = t
        else:
            self.sums[t.debit] -= t.amount.micro
            self.sums[t.credit] += t.amount.micro


def refused(call: Callable[[], object]) -> str:
    """The code of the refusal; "" for none."""
    try:
        call()
    except SuanwangError as refusal:
        return refusal.code
    return ""


def _charge(job_id: str, amount: Money) -> Charge:
    return Charge(
        id=f"{job_id}:c",
        job_id=job_id,
        usage_id="u",
        basis=Basis.ACCELERATOR_HOUR,
        quantity=Fraction(1),
        unit_price=amount,
        amount=amount,
        book_id="b",
        book_version=1,
    )


TestBooks = BooksMachine.TestCase
TestBooks.settings = settings(
    max_examples=max(1, STEPS // EACH),
    stateful_step_count=EACH,
    derandomize="SUANWANG_BOOK_STEPS" not in os.environ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
