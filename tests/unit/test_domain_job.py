"""The moves of a job, the rules of transfers, and the records of a run: tables of cases."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from suanwang.domain.job import ACTIVE, OUTCOMES, TRANSITIONS, JobState, check_transition
from suanwang.domain.ledger import Balance, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.order import EndCause, Observation, OrderState
from suanwang.domain.usage import Source, UsageRecord
from suanwang.errors import Never

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def reachable(state: JobState) -> set[JobState]:
    """Every state that a job in `state` can still come to, itself included."""
    seen, todo = {state}, [state]
    while todo:
        new = TRANSITIONS[todo.pop()] - seen
        seen |= new
        todo += new
    return seen


def test_every_state_has_its_moves() -> None:
    assert set(TRANSITIONS) == set(JobState)
    assert all(state not in TRANSITIONS[state] for state in JobState)


def test_every_state_is_reachable_and_settled_is_the_end() -> None:
    assert reachable(JobState.SUBMITTED) == set(JobState)
    assert [state for state in JobState if not TRANSITIONS[state]] == [JobState.SETTLED]
    assert all(JobState.SETTLED in reachable(state) for state in JobState)


def test_a_job_is_settled_only_after_its_outcome() -> None:
    assert {state for state in JobState if JobState.SETTLED in TRANSITIONS[state]} == OUTCOMES
    assert all(TRANSITIONS[state] == {JobState.SETTLED} for state in OUTCOMES)


def test_nothing_runs_that_is_not_paid_for() -> None:
    """Without the hold, no way leads from submitted to a state that occupies accelerators."""
    seen, todo = {JobState.SUBMITTED}, [JobState.SUBMITTED]
    while todo:
        new = TRANSITIONS[todo.pop()] - seen - {JobState.HELD}
        seen |= new
        todo += new
    assert not seen & ACTIVE


def test_whatever_is_not_over_can_be_cancelled_or_fail() -> None:
    for state in set(JobState) - OUTCOMES - {JobState.SETTLED}:
        assert {JobState.CANCELLED, JobState.FAILED} <= TRANSITIONS[state]


@pytest.mark.parametrize("before", JobState)
def test_check_transition_admits_the_table_and_nothing_else(before: JobState) -> None:
    for after in JobState:
        if after in TRANSITIONS[before]:
            check_transition("j1", before, after)
        else:
            with pytest.raises(Never, match=f"job j1 cannot go from {before.value} to {after.value}") as caught:
                check_transition("j1", before, after)
            assert caught.value.code == "transition-refused"


def transfer(**changed: Any) -> Transfer:
    fields: dict[str, Any] = {
        "id": "t1",
        "kind": TransferKind.SINGLE,
        "debit": "tenant:a",
        "credit": "site:b",
        "amount": Money(5, "CNY"),
        "at": NOON,
        "memo": "test",
    }
    return Transfer(**(fields | changed))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"kind": TransferKind.PENDING},
        {"kind": TransferKind.PENDING, "expires": NOON + HOUR},
        {"kind": TransferKind.POST, "pending_id": "t0"},
        {"kind": TransferKind.VOID, "pending_id": "t0", "amount": Money(0, "CNY")},
    ],
)
def test_transfer_is_made(changed: dict[str, object]) -> None:
    assert transfer(**changed).id == "t1"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"credit": "tenant:a"}, "same account"),
        ({"amount": Money(0, "CNY")}, "must be positive"),
        ({"amount": Money(-1, "CNY")}, "must be positive"),
        ({"kind": TransferKind.PENDING, "amount": Money(0, "CNY")}, "must be positive"),
        ({"kind": TransferKind.POST, "pending_id": "t0", "amount": Money(0, "CNY")}, "must be positive"),
        ({"kind": TransferKind.VOID, "pending_id": "t0"}, "moves nothing"),
        ({"kind": TransferKind.VOID, "pending_id": "t0", "amount": Money(-1, "CNY")}, "must be positive"),
        ({"kind": TransferKind.POST}, "name a pending transfer"),
        ({"kind": TransferKind.VOID, "amount": Money(0, "CNY")}, "name a pending transfer"),
        ({"pending_id": "t0"}, "name a pending transfer"),
        ({"kind": TransferKind.PENDING, "pending_id": "t0"}, "name a pending transfer"),
        ({"expires": NOON}, "only a pending transfer expires"),
    ],
)
def test_transfer_is_refused(changed: dict[str, object], says: str) -> None:
    with pytest.raises(Never, match=says) as caught:
        transfer(**changed)
    assert caught.value.code == "transfer-refused"


def test_holds_count_against_what_is_available() -> None:
    balance = Balance(
        account_id="a", unit="CNY", debits_posted=3, credits_posted=10, debits_pending=4, credits_pending=9
    )
    assert (balance.posted, balance.available) == (7, 3)


@pytest.mark.parametrize(
    ("state", "started", "ended", "cause"),
    [
        (OrderState.ENDED, NOON, None, EndCause.EXITED),
        (OrderState.ENDED, NOON, NOON, None),
        (OrderState.ENDED, NOON, NOON - HOUR, EndCause.EXITED),
        (OrderState.LOST, NOON, NOON - HOUR, EndCause.LOST),
    ],
)
def test_impossible_observations_are_refused(
    state: OrderState, started: datetime, ended: datetime | None, cause: EndCause | None
) -> None:
    with pytest.raises(ValueError, match="order o1 ended"):
        Observation(order_id="o1", state=state, started=started, ended=ended, cause=cause)


def usage(**changed: Any) -> UsageRecord:
    fields: dict[str, Any] = {
        "id": "u1",
        "order_id": "o1",
        "job_id": "j1",
        "tenant": "a",
        "site_id": "s",
        "pool_id": "p",
        "accelerator_id": "x",
        "accelerators": 8,
        "start": NOON,
        "end": NOON + HOUR,
        "source": Source.MEASURED,
        "energy_kwh_it": Fraction(5),
        "energy_kwh": Fraction(6),
        "energy_source": Source.MODELLED,
        "power_cost_micro": 0,
        "carbon_kg_location": 1.0,
        "carbon_kg_market": None,
        "flops_delivered": 1e18,
        "flops_source": Source.MODELLED,
    }
    return UsageRecord(**(fields | changed))


@pytest.mark.parametrize(
    ("length", "hours"),
    [
        (HOUR, Fraction(8)),
        (timedelta(microseconds=1), Fraction(8, 3_600_000_000)),
        (timedelta(seconds=1), Fraction(8, 3600)),
    ],
)
def test_accelerator_hours_are_exact(length: timedelta, hours: Fraction) -> None:
    assert usage(end=NOON + length).accelerator_hours == hours


@pytest.mark.parametrize(
    "changed",
    [
        {"end": NOON},
        {"end": NOON - HOUR},
        {"accelerators": 0},
        {"energy_kwh_it": Fraction(-1)},
        {"flops_delivered": -1.0},
    ],
)
def test_impossible_usage_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="usage record u1"):
        usage(**changed)
