"""Rules over facts, caps, rates and recognition: each alone, in tables of cases."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from suanwang.domain.case import Case, Cost
from suanwang.domain.money import Money
from suanwang.domain.programme import (
    Allocation,
    Bracket,
    Cap,
    FundLine,
    Period,
    Priority,
    Programme,
    Rate,
    Recognition,
    Rounding,
    Scope,
    Score,
    Stacking,
)
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.reason import Reason
from suanwang.domain.rule import Answer, Rule, number_in
from suanwang.domain.voucher import Granted
from suanwang.settle.allocate import simulate
from suanwang.settle.grant import assess

YES, NO, OPEN = Answer.YES, Answer.NO, Answer.NEEDS_EVIDENCE
NOW = datetime(2027, 6, 1, tzinfo=UTC)
SMALL = Rule(fact="tenant.size", one_of=("small",))
FACTS = {"a": "x", "n": "12.5", "p": "30 %", "m": "5,000 CNY", "d": "2025-03-01", "empty": "", "odd": "about five"}


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        (Rule(fact="a", one_of=("x", "y")), YES),
        (Rule(fact="a", one_of=("y",)), NO),
        (Rule(fact="b", one_of=("y",)), OPEN),
        (Rule(fact="empty", one_of=("y",)), OPEN),
        (Rule(fact="a", not_one_of=("x",)), NO),
        (Rule(fact="a", not_one_of=("y",)), YES),
        (Rule(fact="n", at_least=Fraction(12), at_most=Fraction(13)), YES),
        (Rule(fact="n", at_least=Fraction("12.5"), at_most=Fraction("12.5")), YES),
        (Rule(fact="n", at_most=Fraction("12.4")), NO),
        (Rule(fact="odd", at_most=Fraction("12.4")), OPEN),
        (Rule(fact="p", at_least=Fraction("0.3")), YES),
        (Rule(fact="m", at_least=Fraction(5000)), YES),
        (Rule(fact="d", on_or_after=date(2025, 3, 1), on_or_before=date(2025, 3, 1)), YES),
        (Rule(fact="d", on_or_after=date(2025, 3, 2)), NO),
        (Rule(fact="a", on_or_after=date(2025, 3, 2)), OPEN),
        (Rule(any_of=(Rule(fact="a", one_of=("y",)), Rule(fact="b", one_of=("z",)))), OPEN),
        (Rule(any_of=(Rule(fact="a", one_of=("x",)), Rule(fact="b", one_of=("z",)))), YES),
        (Rule(all_of=(Rule(fact="a", one_of=("y",)), Rule(fact="b", one_of=("z",)))), NO),
        (Rule(none_of=(Rule(fact="b", one_of=("z",)),)), OPEN),
        (Rule(none_of=(Rule(fact="a", one_of=("x",)),)), NO),
        (Rule(fact="a", one_of=("x",), none_of=(Rule(fact="n", at_least=Fraction(20)),)), YES),
    ],
)
def test_rules_have_three_answers(rule: Rule, answer: Answer) -> None:
    assert rule.answer(FACTS) is answer


@pytest.mark.parametrize(("text", "number"), [("1,200.5", "1200.5"), ("7", "7"), ("-3", "-3"), ("30%", "0.3")])
def test_numbers_are_read_exactly(text: str, number: str) -> None:
    assert number_in(text) == Fraction(number)


@pytest.mark.parametrize("text", ["", "x", "5 apples", "1/0", "5 cny"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number_in(text) is None


BASE = Programme(
    id="p",
    version=1,
    name="p",
    issuer="office",
    currency="CNY",
    opens=datetime(2027, 1, 1, tzinfo=UTC),
    closes=datetime(2028, 1, 1, tzinfo=UTC),
    rates=(Rate(ratio=Fraction(1, 2)),),
    recognition=Recognition(lines=("rent",)),
    provenance=Provenance(source="test", confidence=Confidence.ESTIMATE),
)


def case(rent: str = "100", case_id: str = "c", at: datetime = NOW, facts: dict[str, str] | None = None) -> Case:
    known = {"tenant.id": "t", "provider.id": "s", "project.id": "j", "contract.id": case_id, **(facts or {})}
    return Case(id=case_id, at=at, facts=known, costs=(Cost(line="rent", amount=cny(rent)),))


def had(amount: str, **more: str) -> Granted:
    return Granted(at=NOW - timedelta(days=40), amount=cny(amount), **{"tenant": "t", "job": "old", **more})


CAPPED = {
    "tenant": (Cap(scope=Scope.TENANT, amount=cny("30")), had("20"), "10"),
    "another tenant": (Cap(scope=Scope.TENANT, amount=cny("30")), had("20", tenant="u"), "30"),
    "the group": (Cap(scope=Scope.GROUP, amount=cny("30")), had("20", tenant="u", group="g"), "10"),
    "another group": (Cap(scope=Scope.GROUP, amount=cny("30")), had("20", tenant="u", group="h"), "30"),
    "provider": (Cap(scope=Scope.PROVIDER, amount=cny("30")), had("20", tenant="u", provider="s"), "10"),
    "project": (Cap(scope=Scope.PROJECT, amount=cny("30")), had("20", tenant="u", project="j"), "10"),
    "budget": (Cap(scope=Scope.PROGRAMME, amount=cny("30")), had("29", tenant="u"), "1"),
    "another kind": (Cap(scope=Scope.TENANT, amount=cny("30"), kind="model"), had("20"), "50"),
    "last month": (Cap(scope=Scope.TENANT, amount=cny("30"), period=Period.MONTH), had("20"), "30"),
    "this quarter": (Cap(scope=Scope.TENANT, amount=cny("30"), period=Period.QUARTER), had("20"), "10"),
    "this year": (Cap(scope=Scope.TENANT, amount=cny("30"), period=Period.PROGRAMME_YEAR), had("20"), "10"),
    "two contracts": (Cap(scope=Scope.TENANT, count=2), had("20"), "50"),
    "one contract": (Cap(scope=Scope.TENANT, count=1), had("20"), "0"),
    "not for small ones": (Cap(scope=Scope.JOB, amount=cny("5"), when=(Rule(none_of=(SMALL,)),)), had("20"), "50"),
    "when not known": (
        Cap(scope=Scope.JOB, amount=cny("5"), when=(Rule(fact="tenant.stage", one_of=("old",)),)),
        had("20"),
        "5",
    ),
}


@pytest.mark.parametrize("name", CAPPED)
def test_caps_count_what_they_are_for(name: str) -> None:
    cap, before, expected = CAPPED[name]
    asked = replace(case(facts={"tenant.group": "g", "tenant.size": "small"}), granted_before=(before,))
    result = assess(replace(BASE, caps=(cap,)), asked)
    assert result.granted == cny(expected)
    assert (Reason.VOUCHER_CAPPED in [w.reason for w in result.reasons]) == (expected != "50")


@pytest.mark.parametrize(
    ("rate", "spend", "expected"),
    [
        (Rate(ratio=Fraction(1, 3)), "100", "33.33"),
        (Rate(face=cny("70")), "100", "70"),
        (Rate(per_unit=cny("1.5"), unit="accelerator_hour"), "100", "15"),
        (Rate(ratio=Fraction(1, 2), at_most=cny("20")), "100", "20"),
        (Rate(brackets=(Bracket(up_to=cny("40"), ratio=Fraction(1, 2)), Bracket(ratio=Fraction(1, 10)))), "100", "26"),
        (Rate(brackets=(Bracket(up_to=cny("40"), ratio=Fraction(1, 2)),)), "100", "20"),
        (Rate(brackets=(Bracket(up_to=cny("40"), ratio=Fraction(1, 2)),)), "30", "15"),
    ],
)
def test_the_four_ways_of_a_rate(rate: Rate, spend: str, expected: str) -> None:
    rules = replace(BASE, rates=(rate,), recognition=Recognition(lines=("rent",), step_micro=10_000))
    asked = replace(case(spend), quantities={"accelerator_hour": Fraction(10)})
    assert assess(rules, asked).granted == cny(expected)


def test_a_measured_rate_without_its_measure_needs_evidence() -> None:
    rules = replace(BASE, rates=(Rate(per_unit=cny("1.5"), unit="pflop_hour"),))
    result = assess(rules, case())
    assert (result.answer, [w.reason for w in result.reasons]) == (OPEN, [Reason.VOUCHER_NEEDS_EVIDENCE])


@pytest.mark.parametrize(
    ("rounding", "expected"), [(Rounding.DOWN, "33"), (Rounding.NEAREST, "33"), (Rounding.UP, "34")]
)
def test_one_step_and_one_direction(rounding: Rounding, expected: str) -> None:
    rules = replace(
        BASE,
        rates=(Rate(ratio=Fraction(1, 3)),),
        recognition=Recognition(lines=("rent",), step_micro=10**6, rounding=rounding),
        fund_lines=(
            FundLine(id="a", level="x", share=Fraction(1, 2)),
            FundLine(id="b", level="y", share=Fraction(1, 2)),
        ),
    )
    result = assess(rules, case())
    assert result.granted == cny(expected)
    assert sum(amount.micro for amount in result.fund_lines.values()) == result.granted.micro


def test_other_subsidies_leave_less_or_nothing() -> None:
    asked = replace(case(), other_subsidies={"national": cny("30")})
    assert assess(BASE, asked).granted == cny("50")
    assert assess(replace(BASE, stacking=Stacking(at_most=Fraction(7, 10))), asked).granted == cny("40")
    assert assess(replace(BASE, stacking=Stacking(with_any=False)), asked).granted == cny("0")
    assert assess(replace(BASE, stacking=Stacking(with_any=False, programmes=("national",))), asked).granted == cny(
        "50"
    )


def test_a_case_before_it_opens_is_refused_by_name() -> None:
    result = assess(BASE, case(at=datetime(2026, 12, 31, tzinfo=UTC)))
    assert (result.answer, [w.reason for w in result.reasons]) == (NO, [Reason.VOUCHER_NOT_OPEN])


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.CALENDAR_YEAR, date(2028, 1, 1), date(2028, 12, 31)),
        (Period.PROGRAMME_YEAR, date(2027, 3, 1), date(2028, 2, 28)),
        (Period.QUARTER, date(2028, 1, 1), date(2028, 3, 31)),
        (Period.MONTH, date(2028, 1, 1), date(2028, 1, 31)),
    ],
)
def test_periods_are_days_of_the_programmes_zone(period: Period, first: date, last: date) -> None:
    zone = ZoneInfo("Asia/Shanghai")
    leap = replace(BASE, opens=datetime(2024, 2, 29, tzinfo=zone), closes=datetime(2030, 1, 1, tzinfo=zone), zone=zone)
    assert leap.period(period, datetime(2027, 12, 31, 16, tzinfo=UTC)) == (first, last)


def shared(allocation: Allocation, *, reserve: str = "0", budget: str = "100") -> dict[str, Money]:
    rules = replace(
        BASE,
        caps=(Cap(scope=Scope.PROGRAMME, amount=cny(budget)),),
        priority=Priority(
            allocation=allocation,
            scores=(Score(points=Fraction(5), when=(SMALL,)),),
            reserve=Fraction(reserve),
            reserve_for=(SMALL,),
        ),
    )
    cases = [
        case("120", "first", NOW),
        case("120", "second", NOW + timedelta(days=1)),
        case("120", "small", NOW + timedelta(days=2), {"tenant.size": "small"}),
    ]
    outcome = simulate(rules, cases)
    assert outcome.granted <= cny(budget)
    return {row.case_id: row.granted for row in outcome.rows}


def test_a_budget_that_does_not_reach_is_shared_out_as_the_rules_say() -> None:
    first, second, small = cny("60"), cny("40"), cny("0")
    assert shared(Allocation.FIRST_COME) == {"first": first, "second": second, "small": small}
    assert shared(Allocation.SCORE) == {"first": cny("40"), "second": cny("0"), "small": cny("60")}
    assert set(shared(Allocation.PRO_RATA).values()) == {Money(33_333_333, "CNY")}
    lot = shared(Allocation.LOTTERY)
    assert sorted(lot.values()) == [cny("0"), cny("40"), cny("60")]
    assert lot == shared(Allocation.LOTTERY)
    assert shared(Allocation.FIRST_COME, reserve="0.3") == {"first": first, "second": cny("10"), "small": cny("30")}
