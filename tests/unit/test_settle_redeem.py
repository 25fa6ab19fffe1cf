"""Redeeming: eligibility with evidence, validity, caps, recognised parts, order of use, exact truncation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from types import MappingProxyType

import pytest

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart
from suanwang.domain.programme import Cap, Mode, Programme, Rate, Recognition, Scope
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.reason import Reason
from suanwang.domain.rule import Answer, Rule
from suanwang.domain.voucher import Granted, Redemption, Voucher
from suanwang.errors import Never
from suanwang.settle.redeem import Purse, order_of_use, redeem, redeem_in_order

NOW = datetime(2026, 5, 1, tzinfo=UTC)
DAY = timedelta(days=1)
PROGRAMME = Programme(
    id="city",
    version=2,
    name="City",
    issuer="bureau",
    currency="CNY",
    opens=NOW - 100 * DAY,
    closes=NOW + 100 * DAY,
    rates=(Rate(ratio=Fraction(1, 2)),),
    eligibility=(Rule(fact="tenant.legal_form", one_of=("firm",)),),
    provenance=Provenance(source="test", confidence=Confidence.ESTIMATE),
)
NEVER_HOLDS = Rate(ratio=Fraction(1), when=(Rule(fact="x", one_of=("y",)),))
FACTS = MappingProxyType({"tenant.id": "acme", "tenant.legal_form": "firm"})


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


COST = MappingProxyType(
    {
        CostPart.RENT: cny("100"),
        CostPart.POWER: cny("40"),
        CostPart.DATA: cny("10"),
        CostPart.CARBON: cny("1000"),
    }
)


def voucher(name: str = "v1", expires: datetime = NOW + 30 * DAY, programme_id: str = "city") -> Voucher:
    return Voucher(
        id=name,
        programme_id=programme_id,
        tenant="acme",
        face=cny("1000"),
        issued=NOW - 10 * DAY,
        expires=expires,
    )


def redeemed(
    programme: Programme = PROGRAMME,
    facts: dict[str, str] | None = None,
    paper: Voucher | None = None,
    remaining: str = "1000",
    used: str = "0",
    fund: str = "5000",
    now: datetime = NOW,
) -> Redemption:
    return redeem(
        programme,
        paper or voucher(),
        remaining=Money.parse(remaining, "VCH:city"),
        before=(Granted(at=NOW - DAY, amount=cny(used), tenant="acme", job="earlier"),),
        fund_available=cny(fund),
        facts=FACTS if facts is None else facts,
        amount_by_part=COST,
        now=now,
        quantities={"accelerator_hour": Fraction(7, 2), "pflop_hour": Fraction(1000)},
    )


def by_unit(amount: str, unit: str) -> Programme:
    return replace(PROGRAMME, rates=(Rate(per_unit=cny(amount), unit=unit),))


def capped(scope: Scope, amount: str) -> Programme:
    return replace(PROGRAMME, caps=(Cap(scope=scope, amount=cny(amount)),))


def recognising(*lines: str) -> Programme:
    return replace(PROGRAMME, recognition=Recognition(lines=lines))


AMOUNTS = {
    "ratio of rent and power": (redeemed(), "70"),
    "what is left": (redeemed(remaining="12.5"), "12.5"),
    "what the fund has": (redeemed(fund="3"), "3"),
    "rent only": (redeemed(recognising("rent")), "50"),
    "data too": (redeemed(recognising("rent", "power", "data")), "75"),
    "cap per job": (redeemed(capped(Scope.JOB, "20")), "20"),
    "cap per tenant": (redeemed(capped(Scope.TENANT, "90"), used="60"), "30"),
    "minimum just met": (redeemed(replace(PROGRAMME, minimum_spend=cny("140"))), "70"),
    "cut, not rounded": (redeemed(replace(PROGRAMME, rates=(Rate(ratio=Fraction(1, 3)),))), "46.666666"),
    "all of it": (redeemed(replace(PROGRAMME, rates=(Rate(ratio=Fraction(1)),))), "140"),
    "a face value pays all that counts": (redeemed(replace(PROGRAMME, rates=(Rate(face=cny("1000")),))), "140"),
    "a face value pays as far as it reaches": (
        redeemed(replace(PROGRAMME, rates=(Rate(face=cny("1000")),)), remaining="120"),
        "120",
    ),
    "by the accelerator-hour": (redeemed(by_unit("10.1", "accelerator_hour")), "35.35"),
    "by the PFLOP-hour, at most what it costs": (redeemed(by_unit("2", "pflop_hour")), "140"),
    "second rate": (redeemed(replace(PROGRAMME, rates=(NEVER_HOLDS, *PROGRAMME.rates))), "70"),
}


@pytest.mark.parametrize("case", AMOUNTS)
def test_amount(case: str) -> None:
    result, amount = AMOUNTS[case]
    assert (result.amount, result.reason) == (cny(amount), None)


NOT_ELIGIBLE, EXPIRED, EXHAUSTED = (
    Reason.VOUCHER_NOT_ELIGIBLE,
    Reason.VOUCHER_EXPIRED,
    Reason.VOUCHER_EXHAUSTED,
)
REFUSALS = {
    "a rule says no": (redeemed(facts={"tenant.id": "acme", "tenant.legal_form": "person"}), NOT_ELIGIBLE),
    "a rule lacks evidence": (redeemed(facts={"tenant.id": "acme"}), NOT_ELIGIBLE),
    "not the tenant's own": (redeemed(facts={"tenant.id": "other", "tenant.legal_form": "firm"}), NOT_ELIGIBLE),
    "too small": (redeemed(replace(PROGRAMME, minimum_spend=cny("140.000001"))), NOT_ELIGIBLE),
    "no rate holds": (redeemed(replace(PROGRAMME, rates=(NEVER_HOLDS,))), NOT_ELIGIBLE),
    "nothing recognised": (redeemed(recognising("support")), NOT_ELIGIBLE),
    "not yet issued": (redeemed(now=NOW - 11 * DAY), NOT_ELIGIBLE),
    "expired": (redeemed(now=NOW + 30 * DAY), EXPIRED),
    "programme closed": (redeemed(paper=voucher(expires=NOW + 900 * DAY), now=NOW + 100 * DAY), EXPIRED),
    "reimbursed later": (redeemed(replace(PROGRAMME, mode=Mode.REIMBURSE)), NOT_ELIGIBLE),
    "used up": (redeemed(remaining="0"), EXHAUSTED),
    "fund empty": (redeemed(fund="0"), EXHAUSTED),
    "cap reached": (redeemed(capped(Scope.TENANT, "60"), used="60"), EXHAUSTED),
    "cap exceeded": (redeemed(capped(Scope.TENANT, "60"), used="80"), EXHAUSTED),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusal(case: str) -> None:
    result, reason = REFUSALS[case]
    assert (result.amount, result.reason) == (cny("0"), reason)


def test_the_last_instant_before_expiry_counts() -> None:
    assert redeemed(now=NOW + 30 * DAY - timedelta(microseconds=1)).reason is None


def test_every_answer_is_kept_with_the_fact_as_it_was_known() -> None:
    startup = Rule(fact="tenant.stage", one_of=("startup",))
    programme = replace(PROGRAMME, rates=(Rate(ratio=Fraction(1), when=(startup,)), *PROGRAMME.rates))
    result = redeemed(programme, facts={"tenant.id": "acme", "tenant.legal_form": "person"})
    assert [(f.rule.fact, f.known, f.answer) for f in result.findings] == [
        ("tenant.id", "acme", Answer.YES),
        ("tenant.legal_form", "person", Answer.NO),
        ("tenant.stage", "", Answer.NEEDS_EVIDENCE),
    ]
    assert result.programme_version == 2


def test_units_do_not_mix() -> None:
    with pytest.raises(Never, match="different units"):
        redeem(
            PROGRAMME,
            voucher(),
            remaining=cny("5"),
            fund_available=cny("5"),
            facts=FACTS,
            amount_by_part=COST,
            now=NOW,
        )


def purse(name: str, remaining: str, expires: datetime = NOW + DAY, programme: Programme = PROGRAMME) -> Purse:
    paper = voucher(name, expires, programme.id)
    return Purse(voucher=paper, programme=programme, remaining=Money.parse(remaining, programme.unit))


def test_soonest_expiry_first_then_smallest_remainder_then_the_tenants_order() -> None:
    other = replace(PROGRAMME, id="other")
    late = NOW + 9 * DAY
    purses = [
        purse("late-small", "1", late),
        purse("soon-large", "9"),
        purse("soon-small", "2"),
        purse("a", "5", late),
        purse("b", "5", late, other),
    ]
    names = [p.voucher.id for p in order_of_use(purses, ("other", "city"))]
    assert names == ["soon-small", "soon-large", "late-small", "b", "a"]
    assert [p.voucher.id for p in order_of_use(purses, ("other",))] == ["b"]


def in_order(purses: list[Purse], funds: dict[str, Money]) -> list[tuple[str, Money, Reason | None]]:
    results = redeem_in_order(purses, before={}, fund_available=funds, facts=FACTS, amount_by_part=COST, now=NOW)
    return [(r.voucher_id, r.amount, r.reason) for r in results]


def test_vouchers_of_one_programme_share_its_ratio_and_unneeded_ones_are_left_out() -> None:
    purses = [purse("a", "30"), purse("b", "100"), purse("c", "100")]
    assert in_order(purses, {"city": cny("5000")}) == [("a", cny("30"), None), ("b", cny("40"), None)]


def test_vouchers_of_one_programme_share_its_fund_and_its_cap() -> None:
    purses = [purse("a", "30"), purse("b", "100")]
    assert in_order(purses, {"city": cny("50")}) == [("a", cny("30"), None), ("b", cny("20"), None)]
    least = capped(Scope.TENANT, "35")
    purses = [purse("a", "30", programme=least), purse("b", "100", programme=least)]
    assert in_order(purses, {"city": cny("5000")}) == [("a", cny("30"), None), ("b", cny("5"), None)]


def test_programmes_together_pay_no_more_than_the_cost() -> None:
    whole = replace(PROGRAMME, rates=(Rate(ratio=Fraction(1)),))
    other = replace(whole, id="other", recognition=Recognition(lines=("rent", "data")))
    funds = {"city": cny("5000"), "other": cny("5000")}
    result = in_order([purse("a", "1000", programme=whole), purse("b", "1000", programme=other)], funds)
    assert result == [("a", cny("140"), None), ("b", cny("10"), None)]


def test_a_programme_without_a_fund_pays_nothing() -> None:
    assert in_order([purse("a", "30")], {}) == [("a", cny("0"), EXHAUSTED)]
