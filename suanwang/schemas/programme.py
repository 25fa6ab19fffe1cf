"""The programme file (rules of compute vouchers), version 1: what contradicts itself, and to the domain."""

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart
from suanwang.domain.programme import (
    AT_ORDER,
    ORDER_UNITS,
    Bracket,
    Cap,
    FundLine,
    Priority,
    Procedure,
    Programme,
    Rate,
    Recognition,
    Scope,
    Score,
    Stacking,
)
from suanwang.domain.provenance import Provenance
from suanwang.domain.rule import Rule
from suanwang.errors import msg
from suanwang.schemas.findings import Findings, nearest
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.programme_fields import (
    CapSection,
    ProgrammeFile,
    ProgrammeSection,
    RateSection,
    RuleSection,
    SourceSection,
)
from suanwang.schemas.quantities import show
from suanwang.schemas.section import Section, read_section
from suanwang.schemas.yaml_file import Path, read_yaml

COST_PARTS = (CostPart.RENT.value, CostPart.POWER.value, CostPart.DATA.value)
ZONE = "Asia/Shanghai"


def programme_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the programme file."""
    return schema_of(ProgrammeFile, "programme")


def read_programme(text: str, name: str) -> Programme:
    """The programme of a YAML text; `name` is the file's name in messages. Raises InvalidInput with every problem."""
    findings = Findings(read_yaml(text, name))
    section = read_section(ProgrammeFile, findings).programme
    check_programme(section, findings, ("programme",))
    findings.raise_any()
    return make_programme(section)


def check_programme(section: ProgrammeSection, findings: Findings, path: Path, *, in_grid: bool = False) -> None:
    """Adds what contradicts itself; `section` may be partly read. `in_grid`: its vouchers pay orders of the grid."""
    if None not in (section.opens, section.closes) and section.closes <= section.opens:
        what = msg("the programme closes before it opens.")
        findings.add((*path, "closes"), what, msg("Give a time of closing after opens."))
    for where, amount in _amounts(section, path):
        if section.currency is not None and amount.unit != section.currency:
            field = str(where[-1])
            what = msg(
                "{field} is in {given}, not in {currency}.", field=field, given=amount.unit, currency=section.currency
            )
            findings.add(where, what, msg("Give it in the currency of the programme."))
    for where, rule in _rules_in(section, path):
        _check_rule(rule, findings, where)
    _check_rates(section, findings, path, in_grid=in_grid)
    for i, cap in enumerate(section.caps):
        if (cap.amount is None) == (cap.count is None):
            what = msg("a limit is either an amount or a count.")
            findings.add((*path, "caps", i), what, msg("Give one of the two."), (*path, "caps", i, "amount"))
    step = section.recognition.step if section.recognition is not None else None
    if step is not None and not step:
        findings.add((*path, "recognition", "step"), msg("the step is 0."), msg("Give a step such as 0.01 CNY."))
    shares = [line.share for line in section.fund_lines]
    findings.unique((*path, "fund_lines"), [line.id for line in section.fund_lines], "id")
    if shares and None not in shares and sum(shares) != 1:
        what = msg("the shares of the fund lines are {sum} % together.", sum=f"{float(sum(shares)) * 100:g}")
        findings.add((*path, "fund_lines"), what, msg("Make them 100 % together."))
    if in_grid and section.mode in AT_ORDER:
        for i, line in enumerate(section.recognised):
            if line not in COST_PARTS:
                near = nearest(line, COST_PARTS) or ", ".join(COST_PARTS)
                what = msg("{value} is not known here.", value=show(line))
                findings.add((*path, "recognised", i), what, msg("Write one of: {near}.", near=near))


def _check_rates(section: ProgrammeSection, findings: Findings, path: Path, *, in_grid: bool) -> None:
    for i, rate in enumerate(section.rates):
        where = (*path, "rates", i)
        parts = tuple((*where, field) for field in ("ratio", "brackets", "face", "per_unit", "unit"))
        ways = sum((rate.ratio is not None, bool(rate.brackets), rate.face is not None, rate.per_unit is not None))
        if ways != 1:
            what = msg("a rate pays in exactly one way, this one in {count}.", count=ways)
            findings.add(where, what, msg("Give one of: ratio, brackets, face, per_unit."), *parts)
        elif (rate.per_unit is not None) != (rate.unit is not None):
            what = msg("an amount for each unit needs its unit, and only that does.")
            findings.add(where, what, msg("Give per_unit and unit together."), *parts)
        elif in_grid and section.mode in AT_ORDER and (rate.brackets or rate.unit not in (None, *ORDER_UNITS)):
            units = ", ".join(ORDER_UNITS)
            what = msg("vouchers cannot pay orders of the grid in this way.")
            remedy = msg("Give a ratio, a face value, an amount for each of: {units}; or another mode.", units=units)
            findings.add(where, what, remedy, *parts)
        _check_brackets(rate, findings, where)
        if i < len(section.rates) - 1 and not rate.when and not rate.kind and ways == 1:
            what = msg("the rates after this one never apply, because it always holds.")
            findings.add(where, what, msg("Put the rate without `when` last."), *parts)


def _check_brackets(rate: RateSection, findings: Findings, where: Path) -> None:
    tops = [b.up_to for b in rate.brackets]
    open_ended = [i for i, top in enumerate(tops[:-1]) if top is None]
    rising = [t.micro for t in tops if t is not None]
    if open_ended or rising != sorted(set(rising)):
        what = msg("the upper ends of the brackets must rise, and only the last may have none.")
        findings.add((*where, "brackets"), what, msg("Order them from the lowest part of the cost to the highest."))


def _check_rule(rule: RuleSection, findings: Findings, where: Path) -> None:
    of_fact = ("one_of", "not_one_of", "equals", "at_least", "at_most", "on_or_after", "on_or_before")
    tests = any(getattr(rule, name) not in (None, []) for name in of_fact)
    if tests and rule.fact is None:
        what = msg("the rule does not say which fact it tests.")
        findings.add(where, what, msg("Give `fact`, such as tenant.legal_form."), (*where, "fact"))
    elif rule.fact is not None and not tests:
        what = msg("the rule does not say what the fact must be.")
        remedy = msg("Give one of: one_of, equals, at_least, at_most, on_or_after, on_or_before.")
        findings.add(where, what, remedy, *((*where, name) for name in of_fact))
    elif not (tests or rule.any_of or rule.all_of or rule.none_of):
        findings.add(where, msg("the rule is empty."), msg("Give a fact and what it must be, or remove the rule."))
    for low, high in (("at_least", "at_most"), ("on_or_after", "on_or_before")):
        bottom, top = getattr(rule, low), getattr(rule, high)
        if bottom is not None and top is not None and bottom > top:
            what = msg("{low} is above {high}, so nothing can hold.", low=low, high=high)
            findings.add((*where, low), what, msg("Exchange or correct them."))


def _rules_in(section: Section, path: Path) -> Iterator[tuple[Path, RuleSection]]:
    """Every rule anywhere in a section, with its path."""
    for where, part in _parts(section, path):
        if isinstance(part, RuleSection):
            yield where, part


def _amounts(section: Section, path: Path) -> Iterator[tuple[Path, Money]]:
    """Every amount anywhere in a section, with its path."""
    for where, part in _parts(section, path):
        for name in type(part).model_fields:
            value = getattr(part, name, None)
            if isinstance(value, Money):
                yield (*where, name), value


def _parts(section: Section, path: Path) -> Iterator[tuple[Path, Section]]:
    """A section and all sections inside it, outermost first."""
    yield path, section
    for name in type(section).model_fields:
        value = getattr(section, name, None)
        if isinstance(value, Section):
            yield from _parts(value, (*path, name))
        elif isinstance(value, list):
            for i, item in enumerate(value):
                if isinstance(item, Section):
                    yield from _parts(item, (*path, name, i))


def make_programme(section: ProgrammeSection) -> Programme:
    """The domain's programme; `section` has no problems."""
    return Programme(
        id=section.id,
        version=section.version,
        name=section.name,
        name_zh=section.name_zh,
        issuer=section.issuer,
        currency=section.currency,
        mode=section.mode,
        opens=section.opens,
        closes=section.closes,
        zone=section.zone or ZoneInfo(ZONE),
        rates=tuple(_rate(r) for r in section.rates),
        provenance=make_provenance(section.source),
        eligibility=make_rules(section.eligibility),
        recognition=_recognition(section),
        minimum_spend=section.minimum_spend,
        caps=tuple(_caps(section)),
        fund_lines=tuple(FundLine(id=x.id, level=x.level, share=x.share) for x in section.fund_lines),
        stacking=_stacking(section),
        priority=_priority(section),
        procedure=_procedure(section),
        parameters=section.parameters,
    )


def make_provenance(source: SourceSection) -> Provenance:
    """The domain's provenance."""
    return Provenance(source=source.text, date=source.date, confidence=source.confidence)


def _rate(section: RateSection) -> Rate:
    return Rate(
        ratio=section.ratio,
        brackets=tuple(Bracket(ratio=b.ratio, up_to=b.up_to) for b in section.brackets),
        face=section.face,
        per_unit=section.per_unit,
        unit=section.unit or "",
        at_most=section.at_most,
        kind=section.kind or "",
        when=make_rules(section.when),
    )


def _caps(section: ProgrammeSection) -> Iterator[Cap]:
    """The two that have fields of their own, the further ones, and the budget: what everybody has together."""
    if section.cap_per_job is not None:
        yield Cap(scope=Scope.JOB, amount=section.cap_per_job)
    if section.cap_per_tenant is not None:
        yield Cap(scope=Scope.TENANT, amount=section.cap_per_tenant)
    yield from (_cap(cap) for cap in section.caps)
    for budget in section.budget:
        yield Cap(scope=Scope.PROGRAMME, amount=budget.amount, period=budget.period, kind=budget.kind or "")


def _cap(cap: CapSection) -> Cap:
    return Cap(
        scope=cap.scope,
        amount=cap.amount,
        count=cap.count,
        period=cap.period,
        counting=cap.counting,
        kind=cap.kind or "",
        when=make_rules(cap.when),
    )


def _recognition(section: ProgrammeSection) -> Recognition:
    given, lines = section.recognition, tuple(section.recognised)
    if given is None:
        return Recognition(lines=lines)
    return Recognition(
        lines=lines,
        paid_only=given.paid_only,
        prorate=given.prorate,
        from_day=given.from_day,
        until_day=given.until_day,
        step_micro=given.step.micro if given.step is not None else 1,
        rounding=given.rounding,
    )


def _stacking(section: ProgrammeSection) -> Stacking:
    given = section.stacking
    if given is None:
        return Stacking()
    some = given.together_with if isinstance(given.together_with, list) else []
    return Stacking(with_any=given.together_with == "any", programmes=tuple(some), at_most=given.at_most)


def _priority(section: ProgrammeSection) -> Priority:
    given = section.priority
    if given is None:
        return Priority()
    scores = tuple(Score(points=s.points, when=make_rules(s.when)) for s in given.scores)
    reserve, who = given.reserve or Priority().reserve, make_rules(given.reserve_for)
    return Priority(allocation=given.allocation, scores=scores, reserve=reserve, reserve_for=who)


def _procedure(section: ProgrammeSection) -> Procedure:
    given = section.procedure
    if given is None:
        return Procedure()
    return Procedure(
        second_person_above=given.second_person_above,
        publicity_days=given.publicity_days,
        claim_within_days=given.claim_within_days,
        evidence=tuple(given.evidence),
        valid_days=given.valid_days,
        warn_days=given.warn_days,
        clawback_days=given.clawback_days,
    )


def make_rules(rules: Sequence[RuleSection]) -> tuple[Rule, ...]:
    """The domain's rules."""
    return tuple(_rule(rule) for rule in rules)


def _rule(rule: RuleSection) -> Rule:
    return Rule(
        fact=rule.fact or "",
        one_of=(*(rule.one_of or ()), *((rule.equals,) if rule.equals is not None else ())),
        not_one_of=tuple(rule.not_one_of or ()),
        at_least=rule.at_least,
        at_most=rule.at_most,
        on_or_after=rule.on_or_after,
        on_or_before=rule.on_or_before,
        any_of=make_rules(rule.any_of),
        all_of=make_rules(rule.all_of),
        none_of=make_rules(rule.none_of),
    )
