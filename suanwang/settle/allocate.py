"""A programme over many cases: who gets what, in order of time, and how a budget that does not reach is shared out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256

from suanwang.domain.case import Case
from suanwang.domain.money import Money, total
from suanwang.domain.programme import Allocation, Cap, Programme, Scope
from suanwang.domain.reason import Reason
from suanwang.domain.rule import Answer, all_of
from suanwang.errors import msg
from suanwang.settle.grant import Assessment, Why, assess, split

Row = tuple[Case, Assessment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a programme did, or would have done, in each case; sums in its currency."""

    programme: Programme
    rows: tuple[Assessment, ...]

    @property
    def granted(self) -> Money:
        return total([row.granted for row in self.rows], self.programme.currency)

    @property
    def recognised_cost(self) -> Money:
        return total([row.recognised_cost for row in self.rows], self.programme.currency)

    def count(self, answer: Answer) -> int:
        return sum(row.answer is answer for row in self.rows)

    def by_fund_line(self) -> dict[str, Money]:
        lines = list(split(self.programme, Money.zero(self.programme.currency)))
        return {x: total([r.fund_lines[x] for r in self.rows], self.programme.currency) for x in lines}

    def by_reason(self) -> dict[Reason, int]:
        """In how many cases each reason was named."""
        named = [reason for row in self.rows for reason in dict.fromkeys(why.reason for why in row.reasons)]
        return {reason: named.count(reason) for reason in dict.fromkeys(named)}


def simulate(programme: Programme, cases: Sequence[Case]) -> Outcome:
    """Decide all cases in order of time; each sees what was granted before it.

    First come, first served is decided case by case. Any other allocation, or a reserve, first finds what each case may
    have, and then shares each budget out over the cases of its period.
    """
    ordered = sorted(cases, key=lambda case: (case.at, case.id))
    at_once = programme.priority.allocation is Allocation.FIRST_COME and not programme.priority.reserve
    before = list(dict.fromkeys(grant for case in ordered for grant in case.granted_before))
    rows: list[Row] = []
    for case in ordered:
        row = assess(programme, replace(case, granted_before=tuple(before)), budget=at_once)
        rows.append((case, row))
        if row.granted:
            before.append(case.granted(row.granted))
    if not at_once:
        for cap in programme.caps:
            if cap.scope is Scope.PROGRAMME and cap.amount is not None:
                rows = _share_out(programme, cap, cap.amount, rows)
    return Outcome(programme=programme, rows=tuple(row for _, row in rows))


def _share_out(programme: Programme, cap: Cap, budget: Money, rows: Sequence[Row]) -> list[Row]:
    """Grants under one budget, period by period."""
    periods: dict[object, list[int]] = {}
    for i, (case, row) in enumerate(rows):
        if row.granted and cap.kind in ("", case.kind):
            periods.setdefault(programme.period(cap.period, case.at), []).append(i)
    shared = list(rows)
    for members in periods.values():
        wanted = [rows[i] for i in members]
        for i, amount in zip(members, allocate(programme, budget, wanted), strict=True):
            case, row = rows[i]
            shared[i] = (case, row if amount == row.granted else _reduced(programme, row, amount))
    return shared


def allocate(programme: Programme, budget: Money, wanted: Sequence[Row]) -> list[Money]:
    """What each gets of a budget, in the order given; never more than it wanted, nor together more than there is.

    The reserve serves those it is kept for first; what they want beyond it competes with everybody for the rest.
    """
    rules = programme.priority
    reserve = Money(int(budget.micro * rules.reserve), budget.unit)
    kept = [all_of(rule.answer(case.facts) for rule in rules.reserve_for) is Answer.YES for case, _ in wanted]
    zero = Money.zero(budget.unit)
    asked = [row.granted if mine and rules.reserve else zero for (_, row), mine in zip(wanted, kept, strict=True)]
    first = _served(programme, reserve, [case for case, _ in wanted], asked)
    rest = [row.granted - got for (_, row), got in zip(wanted, first, strict=True)]
    second = _served(programme, budget - reserve, [case for case, _ in wanted], rest)
    return [a + b for a, b in zip(first, second, strict=True)]


def _served(programme: Programme, money: Money, cases: Sequence[Case], asked: Sequence[Money]) -> list[Money]:
    if programme.priority.allocation is Allocation.PRO_RATA:
        sum_asked = sum(amount.micro for amount in asked)
        share = min(Fraction(1), Fraction(money.micro, sum_asked)) if sum_asked else Fraction(0)
        step = programme.recognition.step_micro
        return [Money(int(amount.micro * share) // step * step, money.unit) for amount in asked]
    got = [Money.zero(money.unit)] * len(cases)
    for i in sorted(range(len(cases)), key=lambda i: _rank(programme)(cases[i])):
        got[i] = min(asked[i], money)
        money -= got[i]
    return got


def _rank(programme: Programme) -> Callable[[Case], tuple[object, ...]]:
    """The order in which cases are served; ties by time, then id."""
    match programme.priority.allocation:
        case Allocation.SCORE:
            return lambda case: (-score(programme, case), case.at, case.id)
        case Allocation.LOTTERY:
            seed = programme.parameters.get("lottery_seed", programme.id)
            return lambda case: (sha256(f"{seed}\0{case.id}".encode()).hexdigest(), case.id)
        case _:
            return lambda case: (case.at, case.id)


def score(programme: Programme, case: Case) -> Fraction:
    """The points of a case: all scores whose rules hold."""
    scores = programme.priority.scores
    return sum(
        (s.points for s in scores if all_of(r.answer(case.facts) for r in s.when) is Answer.YES), start=Fraction(0)
    )


def _reduced(programme: Programme, row: Assessment, amount: Money) -> Assessment:
    detail = msg("The budget did not reach: {amount} of {wanted}.", amount=str(amount), wanted=str(row.granted))
    return replace(
        row,
        granted=amount,
        possible=amount,
        answer=Answer.YES if amount else Answer.NO,
        reasons=(*row.reasons, Why(reason=Reason.VOUCHER_EXHAUSTED, detail=detail)),
        fund_lines=split(programme, amount),
    )
