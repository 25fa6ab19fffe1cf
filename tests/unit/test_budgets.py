"""Budgets as accounts: nested, reserved, captured, released, warned, never overspent by concurrent work."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from suanwang.adapters.store.sql import SqlStore
from suanwang.domain.budget import ACCELERATOR_HOUR, Budget, OnLimit
from suanwang.domain.ledger import Transfer
from suanwang.domain.money import Money
from suanwang.domain.period import Period, Span, period_of, read_month
from suanwang.errors import InvalidInput, Never
from suanwang.ports import Store, Transaction
from suanwang.settle.budgets import alerts, allot, budget_accounts, budget_id, capture, needed, reserve, state_of
from tests.small_grid import SHANGHAI, cny

NOW = datetime(2026, 11, 25, 8, tzinfo=UTC)
NOVEMBER = period_of(Span.MONTH, NOW, SHANGHAI)
TEAM = Budget(id="team", tenant="me", limit=cny("100"), span=Span.MONTH)


def opened(tx: Transaction, budget: Budget, period: Period = NOVEMBER) -> None:
    for account in budget_accounts(budget, period):
        tx.ledger.open(account)
    tx.ledger.post(allot(budget, period, tx.ledger.balance(f"allotted:{budget.id}:{period.id}"), NOW))


def taken(tx: Transaction, job: str, budget: Budget, amount: Money) -> Transfer:
    opened(tx, budget)
    left = tx.ledger.balance(budget_id(budget, NOVEMBER))
    held = reserve(job, budget, NOVEMBER, amount, left, at=NOW, expires=NOW + timedelta(hours=1))
    tx.ledger.post([held])
    return held


def numbers(tx: Transaction, budget: Budget) -> tuple[str, str, str, int]:
    left, allotted, spent = (
        tx.ledger.balance(f"{part}:{budget.id}:{NOVEMBER.id}") for part in ("budget", "allotted", "spent")
    )
    state = state_of(budget, NOVEMBER, left, allotted, spent)
    return str(state.used.decimal), str(state.reserved.decimal), str(state.free.decimal), state.percent


def test_a_budget_is_reserved_captured_and_released(store: Store) -> None:
    with store.transaction() as tx:
        held = taken(tx, "j1", TEAM, cny("60"))
        assert numbers(tx, TEAM) == ("0", "60", "40", 60)
        with pytest.raises(Never, match=r"budget team has 40\.00 CNY left in 2026-11; the job needs 40\.01") as refusal:
            taken(tx, "j2", TEAM, cny("40.01"))
        assert refusal.value.code == "budget-exhausted"
        tx.ledger.post(capture([held], cny("25.5"), Fraction(3), at=NOW))
        assert numbers(tx, TEAM) == ("25.5", "0", "74.5", 25)
        other = taken(tx, "j3", TEAM, cny("74.5"))
        tx.ledger.post(capture([other], cny("0"), Fraction(0), at=NOW))
        assert numbers(tx, TEAM) == ("25.5", "0", "74.5", 25)
        assert tx.ledger.check()["sum_micro:BUDGET:CNY"] == 0


def test_a_quota_counts_accelerator_hours(store: Store) -> None:
    quota = replace(TEAM, id="cards", limit=Money(10_000_000, ACCELERATOR_HOUR))
    asked = needed(quota, cny("1"), Fraction(20, 3))
    assert asked == Money(6_666_667, ACCELERATOR_HOUR)
    with store.transaction() as tx:
        held = taken(tx, "j1", quota, asked)
        with pytest.raises(Never) as refusal:
            taken(tx, "j2", quota, asked)
        assert refusal.value.code == "quota-exhausted"
        tx.ledger.post(capture([held], cny("99"), Fraction(1, 3), at=NOW))
        assert numbers(tx, quota)[0] == "0.333333"


def test_a_budget_that_only_warns_may_be_passed(store: Store) -> None:
    soft = replace(TEAM, on_limit=OnLimit.WARN)
    with store.transaction() as tx:
        taken(tx, "j1", soft, cny("150"))
        assert numbers(tx, soft) == ("0", "150", "-50", 150)


def test_a_limit_may_be_raised_and_lowered_down_to_what_is_taken(store: Store) -> None:
    with store.transaction() as tx:
        taken(tx, "j1", TEAM, cny("60"))
        for limit in ("200", "80", "200", "80"):
            opened(tx, replace(TEAM, limit=cny(limit)))
        assert numbers(tx, TEAM)[2] == "20"
        with pytest.raises(Never, match="can spend"):
            opened(tx, replace(TEAM, limit=cny("59")))


def test_each_warning_is_given_once_when_it_is_passed(store: Store) -> None:
    with store.transaction() as tx:
        first = taken(tx, "j1", TEAM, cny("49.99"))
        taken(tx, "j2", TEAM, cny("30.01"))
        tx.ledger.post(capture([first], cny("1"), Fraction(0), at=NOW))
        taken(tx, "j3", TEAM, cny("60"))
        taken(tx, "j4", TEAM, cny("8.99"))
        moved = tx.ledger.transfers(account_id=budget_id(TEAM, NOVEMBER))
    found = [(a.percent, a.job_id) for a in alerts(TEAM, NOVEMBER, moved)]
    assert found == [(50, "j2"), (80, "j2"), (100, "j4")]


NESTED: Mapping[str, tuple[Mapping[str, str], list[str]]] = {
    "nothing said": ({}, ["all"]),
    "project": ({"project": "llm"}, ["all", "llm"]),
    "project and user": ({"project": "llm", "user": "li"}, ["all", "llm", "li"]),
    "another": ({"project": "cv", "user": "li"}, ["all"]),
}


@pytest.mark.parametrize(("labels", "expected"), NESTED.values(), ids=NESTED)
def test_a_job_counts_against_all_that_cover_it(labels: Mapping[str, str], expected: list[str]) -> None:
    budgets = [
        replace(TEAM, id="all"),
        replace(TEAM, id="llm", project="llm"),
        replace(TEAM, id="li", project="llm", user="li"),
    ]
    assert [b.id for b in budgets if b.covers("me", labels)] == expected
    assert not budgets[0].covers("other", labels)


def test_sixty_four_at_once_never_take_more_than_there_is(sqlite_store: SqlStore) -> None:
    with sqlite_store.transaction() as tx:
        opened(tx, TEAM)

    def take(number: int) -> int:
        try:
            with sqlite_store.transaction() as tx:
                taken(tx, f"j{number}", TEAM, cny("3"))
        except Never:
            return 0
        return 1

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(take, range(64))) == 33
    with sqlite_store.transaction() as tx:
        assert numbers(tx, TEAM) == ("0", "99", "1", 99)


def test_periods_begin_on_the_clock_of_the_zone() -> None:
    late = datetime(2026, 10, 31, 16, tzinfo=UTC)
    assert period_of(Span.MONTH, late, SHANGHAI).id == "2026-11"
    assert period_of(Span.MONTH, late, SHANGHAI).start == late
    assert period_of(Span.MONTH, late, UTC).id == "2026-10"
    assert period_of(Span.QUARTER, late, SHANGHAI).id == "2026-Q4"
    year = period_of(Span.YEAR, late, SHANGHAI)
    assert (year.id, year.end - year.start) == ("2026", timedelta(days=365))
    assert period_of(Span.TOTAL, late, SHANGHAI).holds(late)
    assert read_month("2026-12", SHANGHAI).end == datetime(2026, 12, 31, 16, tzinfo=UTC)
    for wrong in ("2026-13", "2026", "november", "1969-01", ""):
        with pytest.raises(InvalidInput, match="is not a month"):
            read_month(wrong, SHANGHAI)
