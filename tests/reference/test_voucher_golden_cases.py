"""What published city programmes pay: Beijing 2023-25, Henan 2023, Chengdu 2025, Xiamen 2024, Shenzhen 2025-26.

The rules are those of the cities' public notices (ratio, cap per user and year, least spend), in CNY.
"""

from datetime import UTC, datetime
from fractions import Fraction

import pytest

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.reason import Reason
from suanwang.domain.voucher import Programme, Rate, Redemption, Rule, Voucher
from suanwang.settle.redeem import redeem

STARTUP = Rule(fact="tenant.stage", one_of=("startup",))
NOW = datetime(2025, 6, 1, tzinfo=UTC)


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def city(
    name: str, ratio: str, *, tenant: str = "", job: str = "", least: str = "", first: tuple[Rate, ...] = ()
) -> Programme:
    return Programme(
        id=name,
        version=1,
        name=name,
        issuer=name,
        currency="CNY",
        opens=datetime(2025, 1, 1, tzinfo=UTC),
        closes=datetime(2026, 1, 1, tzinfo=UTC),
        rates=(*first, Rate(ratio=Fraction(ratio))),
        cap_per_tenant=cny(tenant) if tenant else None,
        cap_per_job=cny(job) if job else None,
        minimum_spend=cny(least) if least else None,
        provenance=Provenance(source="public notice of the city", date="2025", confidence=Confidence.PRESS),
    )


BEIJING = city("beijing", "0.2", tenant="2_000_000")
HENAN = city("henan", "0.2", tenant="1_000_000")
CHENGDU = city("chengdu", "0.6", tenant="5_000_000")
XIAMEN = city("xiamen", "0.5", tenant="1_000_000", least="50_000")
SHENZHEN = city("shenzhen", "0.5", job="10_000_000", first=(Rate(ratio=Fraction("0.6"), when=(STARTUP,)),))


def paid(programme: Programme, spend: str, *, used: str = "0", stage: str = "") -> Redemption:
    voucher = Voucher(
        id="v",
        programme_id=programme.id,
        tenant="acme",
        face=Money.parse("100_000_000", programme.unit),
        issued=programme.opens,
        expires=programme.closes,
    )
    return redeem(
        programme,
        voucher,
        remaining=voucher.face,
        redeemed_by_tenant=Money.parse(used, programme.unit),
        fund_available=cny("1_000_000_000"),
        facts={"tenant.id": "acme", "tenant.stage": stage},
        amount_by_part={CostPart.RENT: cny(spend)},
        now=NOW,
    )


@pytest.mark.parametrize(
    ("programme", "spend", "expected"),
    [
        (BEIJING, "3_000_000", "600_000"),
        (BEIJING, "15_000_000", "2_000_000"),
        (HENAN, "2_000_000", "400_000"),
        (HENAN, "6_000_000", "1_000_000"),
        (CHENGDU, "10_000_000", "5_000_000"),
        (XIAMEN, "120_000", "60_000"),
        (XIAMEN, "3_000_000", "1_000_000"),
    ],
)
def test_published_cases(programme: Programme, spend: str, expected: str) -> None:
    result = paid(programme, spend)
    assert (result.amount, result.reason) == (cny(expected), None)


def test_a_further_contract_in_the_same_year_gets_nothing_above_the_cap() -> None:
    result = paid(BEIJING, "3_000_000", used="2_000_000")
    assert (result.amount, result.reason) == (cny("0"), Reason.VOUCHER_EXHAUSTED)


def test_what_is_left_below_the_cap_is_paid() -> None:
    assert paid(BEIJING, "3_000_000", used="1_700_000").amount == cny("300_000")


def test_below_the_least_spend_nothing_is_paid() -> None:
    result = paid(XIAMEN, "40_000")
    assert (result.amount, result.reason) == (cny("0"), Reason.VOUCHER_NOT_ELIGIBLE)


@pytest.mark.parametrize(("stage", "expected"), [("startup", "600_000"), ("listed", "500_000"), ("", "500_000")])
def test_the_first_rate_that_holds_applies(stage: str, expected: str) -> None:
    assert paid(SHENZHEN, "1_000_000", stage=stage).amount == cny(expected)
