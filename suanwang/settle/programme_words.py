"""A programme in plain words: every rule that was read, said again, so that its author sees what was understood."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.programme import Allocation, Cap, Counting, Mode, Period, Programme, Rate, Rounding, Scope
from suanwang.domain.rule import Rule
from suanwang.errors import Message, msg

MODES = {
    Mode.APPLY: msg("apply, then use, then redeem"),
    Mode.DEDUCT: msg("deducted from the order"),
    Mode.REIMBURSE: msg("the tenant pays and is reimbursed"),
    Mode.PROVIDER: msg("paid to the provider"),
    Mode.TARGET: msg("a contract with a target, paid after its assessment"),
    Mode.POOL: msg("a pool or quota for selected firms"),
    Mode.AT_USE: msg("subsidised at use, by the meter"),
}
PERIODS = {
    Period.PROGRAMME: msg("over the whole programme"),
    Period.CALENDAR_YEAR: msg("in a calendar year"),
    Period.PROGRAMME_YEAR: msg("in a year of the programme"),
    Period.QUARTER: msg("in a quarter"),
    Period.MONTH: msg("in a month"),
}
SCOPES = {
    Scope.JOB: msg("one job or contract"),
    Scope.TENANT: msg("one tenant"),
    Scope.GROUP: msg("one group of related tenants"),
    Scope.PROVIDER: msg("one provider"),
    Scope.PROJECT: msg("one project"),
    Scope.PROGRAMME: msg("everybody together (the budget)"),
}
ROUNDINGS = {
    Rounding.DOWN: msg("cut off"),
    Rounding.NEAREST: msg("rounded to the nearest"),
    Rounding.UP: msg("rounded up"),
}
ALLOCATIONS = {
    Allocation.FIRST_COME: msg("first come, first served"),
    Allocation.SCORE: msg("highest score first"),
    Allocation.PRO_RATA: msg("everybody in proportion"),
    Allocation.LOTTERY: msg("by lot, with a published seed"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One sentence about one part of the programme file; `place` is the part's path in it."""

    place: str
    text: Message


def programme_in_words(programme: Programme) -> list[Line]:
    """What was read, in the order of the file."""
    zone = programme.zone
    opens, closes = (f"{t.astimezone(zone):%Y-%m-%d %H:%M}" for t in (programme.opens, programme.closes))
    lines = [
        Line(place="mode", text=msg("How it pays: {mode}.", mode=MODES[programme.mode])),
        Line(
            place="opens",
            text=msg("Open from {opens} until before {closes} ({zone}).", opens=opens, closes=closes, zone=str(zone)),
        ),
    ]
    lines += [
        Line(place=f"eligibility[{i}]", text=msg("Who may have it: {rule}.", rule=rule_in_words(rule)))
        for i, rule in enumerate(programme.eligibility)
    ]
    lines.append(_recognition(programme))
    if programme.minimum_spend is not None:
        least = str(programme.minimum_spend)
        lines.append(
            Line(place="minimum_spend", text=msg("Nothing is paid below a recognised cost of {least}.", least=least))
        )
    lines += [Line(place=f"rates[{i}]", text=_rate_line(i, rate)) for i, rate in enumerate(programme.rates)]
    lines += [
        Line(place=f"caps[{i}]", text=msg("Limit: {cap}.", cap=cap_in_words(cap)))
        for i, cap in enumerate(programme.caps)
    ]
    lines += [
        Line(
            place=f"fund_lines[{i}]",
            text=msg(
                "{share} of every grant is borne by {line} ({level}).", share=percent(x.share), line=x.id, level=x.level
            ),
        )
        for i, x in enumerate(programme.fund_lines)
    ]
    return [*lines, *_stacking(programme), *_priority(programme), *_procedure(programme)]


def rule_in_words(rule: Rule) -> Message:
    """One rule; its parts are joined by "and"."""
    parts: list[Message] = []
    name = rule.fact
    if rule.one_of:
        parts.append(msg("{fact} is {values}", fact=name, values=_or(rule.one_of)))
    if rule.not_one_of:
        parts.append(msg("{fact} is not {values}", fact=name, values=_or(rule.not_one_of)))
    if rule.at_least is not None:
        parts.append(msg("{fact} is at least {value}", fact=name, value=number(rule.at_least)))
    if rule.at_most is not None:
        parts.append(msg("{fact} is at most {value}", fact=name, value=number(rule.at_most)))
    if rule.on_or_after is not None:
        parts.append(msg("{fact} is {day} or later", fact=name, day=rule.on_or_after.isoformat()))
    if rule.on_or_before is not None:
        parts.append(msg("{fact} is {day} or earlier", fact=name, day=rule.on_or_before.isoformat()))
    if rule.any_of:
        parts.append(msg("one of these: {rules}", rules=_joined([rule_in_words(r) for r in rule.any_of], either=True)))
    parts += [rule_in_words(r) for r in rule.all_of]
    parts += [msg("not so: {rule}", rule=rule_in_words(r)) for r in rule.none_of]
    return _joined(parts, either=False)


def rate_in_words(rate: Rate) -> Message:
    """What a rate gives and when."""
    if rate.ratio is not None:
        gives = msg("{share} of the recognised cost", share=percent(rate.ratio))
    elif rate.face is not None:
        gives = msg("{amount} as it stands", amount=str(rate.face))
    elif rate.per_unit is not None:
        gives = msg("{amount} for each {unit}", amount=str(rate.per_unit), unit=rate.unit)
    else:
        gives = _joined(
            [
                msg("{share} up to {amount}", share=percent(b.ratio), amount=str(b.up_to))
                if b.up_to is not None
                else msg("{share} of the rest", share=percent(b.ratio))
                for b in rate.brackets
            ],
            either=False,
        )
    if rate.at_most is not None:
        gives = msg("{gives}, at most {amount}", gives=gives, amount=str(rate.at_most))
    if rate.kind:
        gives = msg("{gives}, for vouchers of kind {kind}", gives=gives, kind=rate.kind)
    if not rate.when:
        return gives
    return msg("{gives}, when {rules}", gives=gives, rules=_joined([rule_in_words(r) for r in rate.when], either=False))


def cap_in_words(cap: Cap) -> Message:
    """What a cap limits, for whom, over what time."""
    limit = str(cap.amount) if cap.amount is not None else msg("{count} grants", count=cap.count or 0)
    words = msg(
        "at most {limit} for {scope} {period}", limit=limit, scope=SCOPES[cap.scope], period=PERIODS[cap.period]
    )
    if cap.counting is Counting.REDEEMED:
        words = msg("{cap}, counting what was redeemed", cap=words)
    if cap.kind:
        words = msg("{cap}, for vouchers of kind {kind}", cap=words, kind=cap.kind)
    if not cap.when:
        return words
    return msg("{cap}, when {rules}", cap=words, rules=_joined([rule_in_words(r) for r in cap.when], either=False))


def percent(share: Fraction) -> str:
    """A share in per cent, exact where that is short."""
    return f"{number(share * 100)} %"


def number(value: Fraction) -> str:
    """A number as short as it can be said, to six decimals."""
    return f"{float(value):,.6f}".rstrip("0").rstrip(".")


def _rate_line(index: int, rate: Rate) -> Message:
    first = msg("Pays {rate}.", rate=rate_in_words(rate))
    return first if index == 0 else msg("Else pays {rate}.", rate=rate_in_words(rate))


def _recognition(programme: Programme) -> Line:
    rules = programme.recognition
    lines = ", ".join(rules.lines)
    text = msg("What counts: {lines} of the contract.", lines=lines)
    if rules.paid_only:
        text = msg("What counts: {lines}, as far as it was actually paid.", lines=lines)
    if rules.prorate:
        text = msg("{text} Only the days inside the window count, first and last included.", text=text)
    if rules.step_micro > 1:
        step = str(Money(rules.step_micro, programme.currency))
        text = msg(
            "{text} Recognised cost and grant are {rounding} at {step}.",
            text=text,
            rounding=ROUNDINGS[rules.rounding],
            step=step,
        )
    return Line(place="recognised", text=text)


def _stacking(programme: Programme) -> Iterable[Line]:
    rules = programme.stacking
    if not rules.with_any:
        others = ", ".join(rules.programmes)
        text = (
            msg("On one contract only together with: {others}.", others=others)
            if others
            else msg("Not together with another subsidy on one contract.")
        )
        yield Line(place="stacking", text=text)
    if rules.at_most < 1:
        yield Line(
            place="stacking.at_most",
            text=msg("All subsidies together are at most {share} of the cost.", share=percent(rules.at_most)),
        )


def _priority(programme: Programme) -> Iterable[Line]:
    rules = programme.priority
    if rules.allocation is not Allocation.FIRST_COME or rules.reserve:
        yield Line(
            place="priority",
            text=msg("Where the budget does not reach: {allocation}.", allocation=ALLOCATIONS[rules.allocation]),
        )
    if rules.reserve:
        who = _joined([rule_in_words(r) for r in rules.reserve_for], either=False)
        yield Line(
            place="priority.reserve",
            text=msg("{share} of the budget is kept for those where {rules}.", share=percent(rules.reserve), rules=who),
        )


def _procedure(programme: Programme) -> Iterable[Line]:
    rules = programme.procedure
    limit = rules.second_person_above
    text = (
        msg("Two persons sign every grant.")
        if limit is None
        else msg("Two persons sign grants above {limit}.", limit=str(limit))
    )
    yield Line(place="procedure", text=text)
    if rules.publicity_days:
        yield Line(
            place="procedure.publicity_days",
            text=msg("Grants are public for {days} days before they hold.", days=rules.publicity_days),
        )
    if rules.claim_within_days is not None:
        yield Line(
            place="procedure.claim_within_days",
            text=msg("A claim is filed within {days} days of the use.", days=rules.claim_within_days),
        )
    if rules.evidence:
        yield Line(
            place="procedure.evidence", text=msg("A claim brings: {evidence}.", evidence=", ".join(rules.evidence))
        )
    if rules.valid_days is not None:
        yield Line(
            place="procedure.valid_days",
            text=msg(
                "A voucher lives {days} days; its tenant is warned {warn} days before.",
                days=rules.valid_days,
                warn=rules.warn_days,
            ),
        )
    if rules.clawback_days is not None:
        yield Line(
            place="procedure.clawback_days",
            text=msg("Money can be claimed back for {days} days.", days=rules.clawback_days),
        )


def _or(values: Sequence[str]) -> Message:
    result = msg("{value}", value=values[0])
    for value in values[1:]:
        result = msg("{left} or {right}", left=result, right=value)
    return result


def _joined(parts: Sequence[Message], *, either: bool) -> Message:
    """Parts joined by "; or " or " and "; one that says it always holds where there are none."""
    if not parts:
        return msg("always")
    result = parts[0]
    for part in parts[1:]:
        result = (
            msg("{left}; or {right}", left=result, right=part)
            if either
            else msg("{left} and {right}", left=result, right=part)
        )
    return result
