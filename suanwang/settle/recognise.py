"""The part of a case's cost that a programme recognises: eligible lines, actually paid, pro rata by days."""

from datetime import date
from fractions import Fraction

from suanwang.domain.case import Case, Cost
from suanwang.domain.money import Money
from suanwang.domain.programme import Programme
from suanwang.errors import Message, msg


def recognised_cost(programme: Programme, case: Case) -> tuple[Money, tuple[Message, ...]]:
    """The recognised cost in the programme's currency, and what is missing to know it (which counts as nothing).

    Each line counts in full, or its days inside the window over all of its days, both ends included; the sum is rounded
    once to the programme's step.
    """
    rules = programme.recognition
    exact, missing = Fraction(0), list[Message]()
    for cost in case.costs:
        if cost.line not in rules.lines:
            continue
        amount = cost.paid if rules.paid_only else cost.amount
        if amount is None:
            missing.append(msg("what was paid of {line}", line=cost.line))
            continue
        share = days_share(cost, *_window(programme)) if rules.prorate else Fraction(1)
        if share is None:
            missing.append(msg("the days that {line} covers", line=cost.line))
            continue
        exact += (Money.zero(programme.currency) + min(amount, cost.amount)).micro * share
    return rules.rounded(exact, programme.currency), tuple(missing)


def days_share(cost: Cost, first: date, last: date) -> Fraction | None:
    """Days of a cost inside [first, last] over all its days; None where they are not given."""
    if cost.days is not None and cost.days_counted is not None:
        return Fraction(min(cost.days_counted, cost.days), cost.days)
    if cost.from_day is None or cost.until_day is None:
        return None
    inside = (min(cost.until_day, last) - max(cost.from_day, first)).days + 1
    return Fraction(max(inside, 0), (cost.until_day - cost.from_day).days + 1)


def _window(programme: Programme) -> tuple[date, date]:
    """The days in which costs count: the programme's window, else its whole term."""
    rules = programme.recognition
    opens, closes = (t.astimezone(programme.zone) for t in (programme.opens, programme.closes))
    last = date.fromordinal(closes.date().toordinal() - (closes.hour == closes.minute == closes.second == 0))
    return rules.from_day or opens.date(), rules.until_day or last
