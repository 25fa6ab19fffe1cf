"""What a programme grants in one case, and why: eligibility, recognised cost, first rate that holds, caps, fund lines.

granted = min(rate x recognised cost, the rate's own cap, what each cap leaves, what other subsidies leave), cut to the
programme's step. A case that lacks evidence is granted nothing yet; `possible` says what the evidence would bring.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from suanwang.domain.case import Case
from suanwang.domain.money import Money, total
from suanwang.domain.programme import FundLine, Programme, Rate
from suanwang.domain.reason import Reason
from suanwang.domain.rule import Answer, Rule, all_of
from suanwang.domain.voucher import Finding
from suanwang.errors import Message, msg
from suanwang.settle.caps import applies, left_under
from suanwang.settle.programme_words import cap_in_words, rate_in_words, rule_in_words
from suanwang.settle.recognise import recognised_cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One named reason for what was, or was not, granted."""

    reason: Reason
    detail: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """`answer` yes: `granted` is what the programme pays, split exactly over `fund_lines`; otherwise it is 0.

    `possible` is what would be granted once the missing evidence is there (equal to `granted` on yes, 0 on no).
    """

    case_id: str
    programme_id: str
    programme_version: int
    answer: Answer
    granted: Money
    possible: Money
    recognised_cost: Money
    rule: Message | None
    reasons: tuple[Why, ...]
    findings: tuple[Finding, ...]
    fund_lines: Mapping[str, Money]


def assess(programme: Programme, case: Case, *, budget: bool = True) -> Assessment:
    """Apply the rules of a programme to a case. `budget=False` leaves out the caps that count everybody together.

    Raises Never(unit-mismatch) for a cost in another currency.
    """
    findings = [find(rule, case.facts) for rule in programme.eligibility]
    reasons = [*_not_open(programme, case), *_eligibility(findings)]
    cost, missing = recognised_cost(programme, case)
    reasons += [Why(reason=Reason.VOUCHER_NEEDS_EVIDENCE, detail=msg("Not known: {what}.", what=m)) for m in missing]
    rate, asked = rate_for(programme, case.facts, case.kind)
    reasons += _rate_reasons(programme, rate, asked, cost)
    findings += asked
    answer = _answer(reasons, rate)
    possible = Money.zero(programme.currency)
    if rate is not None and answer is not Answer.NO:
        possible, capped = _capped(programme, case, rate, cost, budget=budget)
        reasons += capped
        if any(why.reason is Reason.VOUCHER_NEEDS_EVIDENCE for why in capped):
            answer = Answer.NEEDS_EVIDENCE
        elif not possible and answer is Answer.YES:
            answer = Answer.NO
    granted = possible if answer is Answer.YES else Money.zero(programme.currency)
    return Assessment(
        case_id=case.id,
        programme_id=programme.id,
        programme_version=programme.version,
        answer=answer,
        granted=granted,
        possible=possible if answer is not Answer.NO else Money.zero(programme.currency),
        recognised_cost=cost,
        rule=rate_in_words(rate) if rate is not None else None,
        reasons=tuple(reasons),
        findings=tuple(findings),
        fund_lines=split(programme, granted),
    )


def find(rule: Rule, facts: Mapping[str, str]) -> Finding:
    """A rule's answer with the facts that it saw."""
    seen = [(name, facts[name]) for name in dict.fromkeys(rule.facts()) if facts.get(name)]
    known = seen[0][1] if len(seen) == 1 and rule.fact else "; ".join(f"{name}={value}" for name, value in seen)
    return Finding(rule=rule, known=known, answer=rule.answer(facts))


def rate_for(programme: Programme, facts: Mapping[str, str], kind: str = "") -> tuple[Rate | None, list[Finding]]:
    """The first rate for this kind whose conditions all hold, and the answers that were given on the way there."""
    asked: list[Finding] = []
    for rate in programme.rates:
        if rate.kind and rate.kind != kind:
            continue
        answers = [find(rule, facts) for rule in rate.when]
        asked.extend(answers)
        if all(f.answer is Answer.YES for f in answers):
            return rate, asked
    return None, asked


def amount_of(rate: Rate, recognised: Money, quantities: Mapping[str, Fraction]) -> Fraction | None:
    """What a rate gives before any cap, in millionths, exactly; None where its measured quantity is not known."""
    if rate.ratio is not None:
        return recognised.micro * rate.ratio
    if rate.face is not None:
        return Fraction(rate.face.micro)
    if rate.per_unit is not None:
        quantity = quantities.get(rate.unit)
        return None if quantity is None else rate.per_unit.micro * quantity
    result, below = Fraction(0), 0
    for bracket in rate.brackets:
        top = recognised.micro if bracket.up_to is None else min(bracket.up_to.micro, recognised.micro)
        result += max(top - below, 0) * bracket.ratio
        below = max(top, below)
    return result


def split(programme: Programme, granted: Money) -> Mapping[str, Money]:
    """A grant over the fund lines by their shares, each in whole steps; the last line has the remainder."""
    lines = programme.fund_lines or (FundLine(id=programme.id, level="", share=Fraction(1)),)
    parts = {x.id: programme.recognition.rounded(granted.micro * x.share, granted.unit) for x in lines[:-1]}
    return parts | {lines[-1].id: granted - total(list(parts.values()), granted.unit)}


def _not_open(programme: Programme, case: Case) -> list[Why]:
    if programme.opens <= case.at < programme.closes:
        return []
    spoken = {"opens": f"{programme.opens.astimezone(programme.zone):%Y-%m-%d}"}
    spoken["closes"] = f"{programme.closes.astimezone(programme.zone):%Y-%m-%d}"
    detail = msg("The programme is open from {opens} to {closes} (not included).", **spoken)
    return [Why(reason=Reason.VOUCHER_NOT_OPEN, detail=detail)]


def _eligibility(findings: Sequence[Finding]) -> list[Why]:
    reasons = []
    for f in findings:
        rule = rule_in_words(f.rule)
        if f.answer is Answer.NO:
            detail = msg("Required: {rule}; it is {known}.", rule=rule, known=f.known)
            reasons.append(Why(reason=Reason.VOUCHER_NOT_ELIGIBLE, detail=detail))
        elif f.answer is Answer.NEEDS_EVIDENCE:
            detail = msg("Required: {rule}; there is no evidence of it yet.", rule=rule)
            reasons.append(Why(reason=Reason.VOUCHER_NEEDS_EVIDENCE, detail=detail))
    return reasons


def _rate_reasons(programme: Programme, rate: Rate | None, asked: Sequence[Finding], cost: Money) -> list[Why]:
    least = programme.minimum_spend
    if least is not None and cost < least:
        detail = msg("The recognised cost {cost} is below the least, {least}.", cost=str(cost), least=str(least))
        return [Why(reason=Reason.VOUCHER_BELOW_MINIMUM, detail=detail)]
    if rate is not None:
        return []
    open_rules = [rule_in_words(f.rule) for f in asked if f.answer is Answer.NEEDS_EVIDENCE]
    if open_rules:
        detail = msg("A rate depends on this, of which there is no evidence yet: {rule}.", rule=open_rules[0])
        return [Why(reason=Reason.VOUCHER_NEEDS_EVIDENCE, detail=detail)]
    return [Why(reason=Reason.VOUCHER_NOT_ELIGIBLE, detail=msg("No rate of the programme holds."))]


def _answer(reasons: Sequence[Why], rate: Rate | None) -> Answer:
    evidence = {Reason.VOUCHER_NEEDS_EVIDENCE: Answer.NEEDS_EVIDENCE}
    answer = all_of(evidence.get(why.reason, Answer.NO) for why in reasons)
    return answer if rate is not None or answer is not Answer.YES else Answer.NO


def _capped(programme: Programme, case: Case, rate: Rate, cost: Money, *, budget: bool) -> tuple[Money, list[Why]]:
    """The rate's amount under every cap; each cap that binds is a reason."""
    exact = amount_of(rate, cost, case.quantities)
    if exact is None:
        detail = msg("Not known: {what}.", what=msg("the measured quantity {unit}", unit=rate.unit))
        return Money.zero(programme.currency), [Why(reason=Reason.VOUCHER_NEEDS_EVIDENCE, detail=detail)]
    wanted = programme.recognition.rounded(exact, programme.currency)
    mine = case.granted(Money.zero(programme.currency))
    limits: list[tuple[Money, Message]] = []
    if rate.at_most is not None:
        limits.append((rate.at_most, msg("at most {amount} at this rate", amount=str(rate.at_most))))
    for cap in programme.caps:
        if applies(cap, case.facts, case.kind) and (budget or cap.scope != "programme"):
            left = left_under(cap, programme, mine, case.granted_before)
            if left is not None:
                limits.append((left, cap_in_words(cap)))
    stacked = _stacked(programme, case)
    limits += [stacked] if stacked else []
    granted = min([wanted, *(left for left, _ in limits)])
    binding = [Why(reason=Reason.VOUCHER_CAPPED, detail=words) for left, words in limits if left < wanted]
    return programme.recognition.rounded(Fraction(granted.micro), granted.unit), binding


def _stacked(programme: Programme, case: Case) -> tuple[Money, Message] | None:
    """What other subsidies on the same contract leave."""
    if not case.other_subsidies:
        return None
    rules = programme.stacking
    zero = Money.zero(programme.currency)
    barred = [p for p in case.other_subsidies if not rules.with_any and p not in rules.programmes]
    if barred:
        return zero, msg("not together with {others} on one contract", others=", ".join(sorted(barred)))
    cost = total([c.amount for c in case.costs], programme.currency)
    others = total(list(case.other_subsidies.values()), programme.currency)
    room = max(zero, Money(int(cost.micro * rules.at_most), cost.unit) - others)
    return room, msg("all subsidies together at most {share} of the cost", share=f"{float(rules.at_most):.0%}")
