"""What is left under the caps of a programme: each counts earlier grants of one scope in one period."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from suanwang.domain.money import Money
from suanwang.domain.programme import Cap, Programme, Scope
from suanwang.domain.rule import Answer, all_of
from suanwang.domain.voucher import Granted


def applies(cap: Cap, facts: Mapping[str, str], kind: str) -> bool:
    """Whether a cap counts here. One whose condition lacks evidence does: a cap is never lifted on a guess."""
    if cap.kind and cap.kind != kind:
        return False
    return all_of(rule.answer(facts) for rule in cap.when) is not Answer.NO


def left_under(cap: Cap, programme: Programme, mine: Granted, before: Iterable[Granted]) -> Money | None:
    """What the cap still lets `mine` (of amount 0, at its time) have; None for no bound (a count not yet reached)."""
    counted = [
        g for g in before if g.amount and _together(cap, mine, g) and _same_period(cap, programme, mine.at, g.at)
    ]
    zero = Money.zero(programme.currency)
    if cap.count is not None:
        return None if _number(cap, mine, counted) < cap.count else zero
    assert cap.amount is not None
    used = sum(g.amount.micro for g in counted)
    return max(zero, cap.amount - Money(used, programme.currency))


def _number(cap: Cap, mine: Granted, counted: Sequence[Granted]) -> int:
    """Earlier grants to the same job, for scope job; else other jobs that had grants."""
    if cap.scope is Scope.JOB:
        return len({g.at for g in counted if g.at < mine.at})
    return len({g.job or str(i) for i, g in enumerate(counted)} - {mine.job})


def _together(cap: Cap, mine: Granted, other: Granted) -> bool:
    if cap.kind and other.kind and cap.kind != other.kind:
        return False
    match cap.scope:
        case Scope.PROGRAMME:
            return True
        case Scope.JOB:
            return mine.job != "" and mine.job == other.job
        case Scope.TENANT:
            return mine.tenant == other.tenant
        case Scope.GROUP:
            return group_of(mine) == group_of(other)
        case Scope.PROVIDER:
            return mine.provider != "" and mine.provider == other.provider
        case Scope.PROJECT:
            return mine.project != "" and mine.project == other.project


def group_of(grant: Granted) -> str:
    """The group of related tenants; a tenant without one is a group of its own."""
    return grant.group or f"tenant {grant.tenant}"


def _same_period(cap: Cap, programme: Programme, at: datetime, other: datetime) -> bool:
    first, last = programme.period(cap.period, at)
    return first <= other.astimezone(programme.zone).date() <= last
