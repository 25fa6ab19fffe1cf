"""Budgets at work: opened for a period when they are first needed, reserved with the hold, captured at settlement."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from fractions import Fraction

from suanwang.domain.budget import Budget, BudgetState
from suanwang.domain.job import Job
from suanwang.domain.ledger import Balance, Transfer
from suanwang.domain.money import Money
from suanwang.domain.period import Period, period_of
from suanwang.domain.placement import Option
from suanwang.domain.signal import MICROSECOND
from suanwang.errors import NotFound
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.settle.budgets import Alert, alerts, allot, budget_accounts, budget_id, needed, reserve, state_of
from suanwang.units import MICRO, SECONDS_PER_HOUR


def budgets_of(hub: Hub, job: Job) -> list[Budget]:
    """Every budget that a job counts against: its tenant's, its project's, its user's."""
    return [b for b in hub.grid.budgets if b.covers(job.tenant, job.workload.labels)]


def reserve_budgets(hub: Hub, tx: Transaction, job: Job, option: Option, money: Money, expires: datetime) -> None:
    """Reserve room for a job in each of its budgets, in the period that its planned start lies in: all, or none.

    `money`: what is held of the tenant's money. Raises Never(budget-exhausted, quota-exhausted).
    """
    now = hub.clock.now()
    hours = longest_hours(option)
    for budget in budgets_of(hub, job):
        period = period_of(budget.span, option.start, hub.grid.zone)
        left = _opened(tx, budget, period, now)
        amount = needed(budget, money, hours)
        if amount:
            tx.ledger.post([reserve(job.id, budget, period, amount, left, at=now, expires=expires)])


def longest_hours(option: Option) -> Fraction:
    """Accelerator-hours at the high end of an option's time."""
    high = timedelta(seconds=option.estimate.time_s.high)
    return Fraction(-(-high // MICROSECOND) * option.accelerators, SECONDS_PER_HOUR * MICRO)


def _opened(tx: Transaction, budget: Budget, period: Period, now: datetime) -> Balance:
    """The balance of a budget's account, opened and allotted as the grid file now says."""
    for account in budget_accounts(budget, period):
        tx.ledger.open(account)
    tx.ledger.post(allot(budget, period, tx.ledger.balance(f"allotted:{budget.id}:{period.id}"), now))
    return tx.ledger.balance(budget_id(budget, period))


def budget_states(hub: Hub, when: datetime | None = None, tenant: str = "") -> list[BudgetState]:
    """Every budget (of a tenant) in the period that holds `when` (now)."""
    at = when or hub.clock.now()
    with hub.store.transaction() as tx:
        return [
            _state(tx, budget, period_of(budget.span, at, hub.grid.zone))
            for budget in hub.grid.budgets
            if tenant in ("", budget.tenant)
        ]


def _state(tx: Transaction, budget: Budget, period: Period) -> BudgetState:
    """A budget that was not needed yet in a period is whole."""
    balances: list[Balance] = []
    for account in budget_accounts(budget, period):
        try:
            balances.append(tx.ledger.balance(account.id))
        except NotFound:
            balances.append(Balance(account_id=account.id, unit=account.unit))
    allotted, left, spent = balances
    return state_of(budget, period, left, allotted, spent)


def budget_alerts(hub: Hub, when: datetime | None = None, tenant: str = "") -> Sequence[Alert]:
    """Every warning (of a tenant's budgets) in the periods that hold `when` (now), in order of time."""
    at = when or hub.clock.now()
    found: list[Alert] = []
    with hub.store.transaction() as tx:
        for budget in (b for b in hub.grid.budgets if tenant in ("", b.tenant)):
            period = period_of(budget.span, at, hub.grid.zone)
            found += alerts(budget, period, _all(tx, budget_id(budget, period)))
    return sorted(found, key=lambda a: (a.at, a.budget, a.percent))


def _all(tx: Transaction, account_id: str) -> list[Transfer]:
    found: list[Transfer] = []
    while page := tx.ledger.transfers(account_id=account_id, after=len(found)):
        found += page
    return found
