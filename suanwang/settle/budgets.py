"""Budgets as accounts: allotted for a period, reserved when a job is admitted, captured when it is settled.

A budget has a unit of its own (`BUDGET:<currency>` or `BUDGET:accelerator-hour`), so what is counted here never mixes
with money. Each reservation is a pending transfer: no two jobs can take the same room, whoever asks first, and what a
job does not use comes back when it is settled.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from suanwang.domain.budget import Budget, BudgetState, OnLimit
from suanwang.domain.ledger import Account, AccountKind, Balance, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.period import Period
from suanwang.errors import Never, msg
from suanwang.settle.post import resolve
from suanwang.units import MICRO

PREFIX = "BUDGET:"
UNLIMITED_MICRO = 2**62
"""How far a budget that only warns may run below 0: farther than any sum that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A share of a budget that was passed for the first time, by which transfer and when."""

    budget: str
    period: str
    percent: int
    at: datetime
    transfer: str
    job_id: str


def unit_of(budget: Budget) -> str:
    """The unit of account of a budget."""
    return PREFIX + budget.limit.unit


def is_budget(transfer: Transfer) -> bool:
    """Whether a transfer moves room in a budget, and no money."""
    return transfer.amount.unit.startswith(PREFIX)


def budget_id(budget: Budget, period: Period) -> str:
    return f"budget:{budget.id}:{period.id}"


def budget_accounts(budget: Budget, period: Period) -> list[Account]:
    """The three accounts of a budget in a period."""
    unit, key = unit_of(budget), f"{budget.id}:{period.id}"
    limit = UNLIMITED_MICRO if budget.on_limit is OnLimit.WARN else 0
    outside = Account(
        id=f"allotted:{key}", kind=AccountKind.EXTERNAL, owner=budget.tenant, unit=unit, credit_limit_micro=None
    )
    return [
        outside,
        Account(id=f"budget:{key}", kind=AccountKind.BUDGET, owner=budget.tenant, unit=unit, credit_limit_micro=limit),
        Account(id=f"spent:{key}", kind=AccountKind.SPENT, owner=budget.tenant, unit=unit),
    ]


def allot(budget: Budget, period: Period, allotted: Balance, at: datetime) -> list[Transfer]:
    """What brings the period's allotment to the budget's limit: nothing, or one transfer either way.

    `allotted`: the balance of its `allotted` account. Lowering a limit below what is taken is refused by the ledger.
    """
    missing = budget.limit.micro + allotted.posted
    if not missing:
        return []
    key, unit = f"{budget.id}:{period.id}", unit_of(budget)
    ends = (f"allotted:{key}", f"budget:{key}")
    debit, credit = ends if missing > 0 else ends[::-1]
    turn = allotted.debits_posted + allotted.credits_posted
    return [
        Transfer(
            id=f"allot:{key}:{turn}",
            kind=TransferKind.SINGLE,
            debit=debit,
            credit=credit,
            amount=Money(abs(missing), unit),
            at=at,
            memo=f"limit of budget {budget.id} in {period.id}",
        )
    ]


def needed(budget: Budget, money: Money, accelerator_hours: Fraction) -> Money:
    """What a job may take of a budget at most: its hold on money, or its accelerator-hours, rounded up."""
    if budget.quota:
        return Money(-(-accelerator_hours.numerator * MICRO // accelerator_hours.denominator), budget.limit.unit)
    return money


def reserve(
    job_id: str, budget: Budget, period: Period, amount: Money, left: Balance, *, at: datetime, expires: datetime
) -> Transfer:
    """A pending transfer for what a job may take. `left`: the balance of the budget's account.

    Raises Never(budget-exhausted, quota-exhausted) where it is more than is free and the budget refuses.
    """
    if budget.on_limit is OnLimit.REFUSE and amount.micro > left.available:
        raise Never(
            "quota-exhausted" if budget.quota else "budget-exhausted",
            msg(
                "budget {budget} has {free} left in {period}; the job needs {needed}",
                budget=budget.id,
                free=str(Money(left.available, budget.limit.unit)),
                period=period.id,
                needed=str(amount),
            ),
            msg("Wait for running jobs to give room back, raise the limit in the grid file, or shorten the job."),
        )
    key = f"{budget.id}:{period.id}"
    return Transfer(
        id=f"hold:{job_id}:budget:{key}",
        kind=TransferKind.PENDING,
        debit=f"budget:{key}",
        credit=f"spent:{key}",
        amount=Money(amount.micro, unit_of(budget)),
        at=at,
        memo=f"budget {budget.id} in {period.id}",
        job_id=job_id,
        expires=expires,
    )


def capture(pending: Iterable[Transfer], money: Money, accelerator_hours: Fraction, *, at: datetime) -> list[Transfer]:
    """Post what a job really took of each of its budgets, at most what it reserved, and release the rest."""
    hours_micro = round(accelerator_hours * MICRO)
    return [
        resolve(
            held, min(held.amount.micro, money.micro if held.amount.unit == PREFIX + money.unit else hours_micro), at
        )
        for held in pending
    ]


def state_of(budget: Budget, period: Period, left: Balance, allotted: Balance, spent: Balance) -> BudgetState:
    """A budget as its three accounts say it is."""
    unit = budget.limit.unit
    return BudgetState(
        budget=budget,
        period=period,
        limit=Money(-allotted.posted, unit) if allotted.posted else budget.limit,
        used=Money(spent.posted, unit),
        reserved=Money(left.debits_pending, unit),
    )


def alerts(budget: Budget, period: Period, transfers: Sequence[Transfer]) -> list[Alert]:
    """When each of a budget's percentages was first passed, from the transfers of its account in order."""
    account, limit, taken = budget_id(budget, period), 0, 0
    held: dict[str, int] = {}
    found: list[Alert] = []
    due = list(budget.warn_percent)
    for t in transfers:
        if t.kind is TransferKind.SINGLE:
            limit += t.amount.micro if t.credit == account else -t.amount.micro
        elif t.kind is TransferKind.PENDING:
            held[t.id] = t.amount.micro
            taken += t.amount.micro
        else:
            taken += t.amount.micro - held.pop(t.pending_id)
        while due and limit > 0 and taken * 100 >= due[0] * limit:
            found.append(
                Alert(budget=budget.id, period=period.id, percent=due.pop(0), at=t.at, transfer=t.id, job_id=t.job_id)
            )
    return found
