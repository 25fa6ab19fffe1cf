"""What published city programmes pay, by the data files that ship: published ratios, caps, least spends and splits.

The amounts are those of the cities' public notices (CNY).
"""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest

from suanwang.adapters.programmes import shipped_programme, shipped_programmes
from suanwang.domain.case import Case, Cost
from suanwang.domain.money import Money
from suanwang.domain.provenance import Confidence
from suanwang.domain.reason import Reason
from suanwang.domain.rule import Answer
from suanwang.domain.voucher import Granted
from suanwang.settle.grant import Assessment, assess

IN_BEIJING = {
    "tenant.registered_place": "北京",
    "tenant.sector": "software",
    "tenant.bad_credit_3y": "false",
    "contract.related_parties": "false",
    "contract.days": "300",
    "contract.signed": "2024-03-01",
}
IN_HENAN = {"tenant.legal_form": "firm", "provider.listed": "true"}
IN_HANGZHOU = {"tenant.legal_form": "firm", "provider.city_planned": "true", "tenant.sector": "industry"}
DOMESTIC, OTHER = {"accelerator.origin": "domestic"}, {"accelerator.origin": "imported"}
IN_SHENZHEN = {"tenant.legal_form": "firm", "workload.use": "training"}
IN_NANNING = {"tenant.legal_form": "firm", "provider.listed": "true", "contract.related_parties": "false"}


def cny(amount: str) -> Money:
    return Money.parse(amount, "CNY")


def case(spend: str, facts: dict[str, str], at: datetime, used: str = "0", job: str = "c2") -> Case:
    before = Granted(at=at - timedelta(days=30), amount=cny(used), tenant="acme", job="c1")
    return Case(
        id="case",
        at=at,
        facts={"tenant.id": "acme", "contract.id": job, **facts},
        costs=(Cost(line="rent", amount=cny(spend), paid=cny(spend)),),
        granted_before=(before,),
    )


def granted(programme: str, spend: str, facts: dict[str, str] | None = None, used: str = "0") -> Assessment:
    rules = shipped_programme(programme)
    return assess(rules, case(spend, facts or {}, rules.closes - timedelta(days=100), used))


@pytest.mark.parametrize(
    ("programme", "spend", "facts", "expected"),
    [
        ("beijing-2023", "3_000_000", IN_BEIJING, "600_000"),
        ("beijing-2023", "15_000_000", IN_BEIJING, "2_000_000"),
        ("henan-2023", "2_000_000", IN_HENAN, "400_000"),
        ("henan-2023", "6_000_000", IN_HENAN, "1_000_000"),
        ("hangzhou-2024", "10_000_000", IN_HANGZHOU | DOMESTIC, "3_000_000"),
        ("hangzhou-2024", "10_000_000", IN_HANGZHOU | OTHER, "2_000_000"),
        ("hangzhou-2024", "40_000_000", IN_HANGZHOU | DOMESTIC, "8_000_000"),
        ("hangzhou-2024", "40_000_000", IN_HANGZHOU | DOMESTIC | {"tenant.sector": "foundation_model"}, "12_000_000"),
        ("chengdu-2025", "10_000_000", {"contract.through_service_institution": "true"}, "5_000_000"),
        ("xiamen-2024", "40_000", {}, "0"),
        ("xiamen-2024", "120_000", {}, "60_000"),
        ("xiamen-2024", "3_000_000", {}, "1_000_000"),
        ("xiamen-2023", "299_999", {}, "0"),
        ("shenzhen-2025", "1_000_000", IN_SHENZHEN | {"tenant.stage": "startup"}, "600_000"),
        ("shenzhen-2025", "1_000_000", IN_SHENZHEN | {"tenant.stage": "listed"}, "500_000"),
        ("shenzhen-2025", "90_000_000", IN_SHENZHEN, "10_000_000"),
    ],
)
def test_published_cases(programme: str, spend: str, facts: dict[str, str], expected: str) -> None:
    result = granted(programme, spend, facts)
    assert result.granted == cny(expected)
    assert (result.answer is Answer.YES) == (expected != "0")


def test_a_further_contract_in_the_same_year_gets_nothing_above_the_cap() -> None:
    result = granted("beijing-2023", "3_000_000", IN_BEIJING, used="2_000_000")
    assert (result.granted, [w.reason for w in result.reasons]) == (cny("0"), [Reason.VOUCHER_CAPPED])
    assert granted("beijing-2023", "3_000_000", IN_BEIJING, used="1_700_000").granted == cny("300_000")


def test_a_contract_is_supported_once() -> None:
    rules, at = shipped_programme("beijing-2023"), datetime(2025, 6, 1, tzinfo=UTC)
    again = assess(rules, case("3_000_000", IN_BEIJING, at, used="1", job="c1"))
    assert (again.granted, again.answer) == (cny("0"), Answer.NO)


def test_the_year_begins_anew() -> None:
    rules = shipped_programme("beijing-2023")
    last_year = Granted(at=datetime(2024, 12, 31, 15, tzinfo=UTC), amount=cny("2_000_000"), tenant="acme", job="c0")
    base = case("3_000_000", IN_BEIJING, datetime(2024, 12, 31, 16, tzinfo=UTC))
    asked = Case(id="x", at=base.at, facts=base.facts, costs=base.costs, granted_before=(last_year,))
    assert assess(rules, asked).granted == cny("600_000")  # 16:00 UTC is the first moment of 2025 in Beijing


def test_province_and_city_bear_half_each() -> None:
    result = granted("henan-2023", "6_000_000", IN_HENAN)
    assert result.fund_lines == {"province": cny("500_000"), "city": cny("500_000")}


def test_days_in_the_window_cut_at_four_decimals_of_ten_thousand() -> None:
    """200 k over 729 days, 305 of them in the window: 20 x 305/729 = 8.3676, x 30 % = 2.5102 (10^4 CNY)."""
    rules, at = shipped_programme("nanning-2025"), datetime(2025, 6, 1, tzinfo=UTC)
    by_count = Cost(line="rent", amount=cny("200_000"), paid=cny("200_000"), days=729, days_counted=305)
    first, last = date(2024, 1, 2), date(2025, 12, 30)
    by_dates = Cost(line="rent", amount=cny("200_000"), paid=cny("200_000"), from_day=first, until_day=last)
    assert (last - first).days + 1 == 729
    facts = {"tenant.id": "acme", **IN_NANNING}
    result = assess(rules, Case(id="a", at=at, facts=facts, costs=(by_count,)))
    assert (result.recognised_cost, result.granted) == (cny("83_676"), cny("25_102"))
    other = assess(rules, Case(id="b", at=at, facts=facts, costs=(by_dates,)))
    assert other.recognised_cost == Money(int(Fraction(200_000 * 364, 729)) * 10**6, "CNY")


@pytest.mark.parametrize("missing", sorted(IN_BEIJING))
def test_what_is_not_known_asks_for_evidence_and_says_what_it_would_bring(missing: str) -> None:
    facts = {name: value for name, value in IN_BEIJING.items() if name != missing}
    result = granted("beijing-2023", "3_000_000", facts)
    assert (result.answer, result.granted, result.possible) == (Answer.NEEDS_EVIDENCE, cny("0"), cny("600_000"))
    assert [w.reason for w in result.reasons] == [Reason.VOUCHER_NEEDS_EVIDENCE]
    assert missing in str(result.reasons[0].detail)


def test_every_shipped_programme_says_how_far_it_can_be_trusted() -> None:
    found = shipped_programmes()
    assert len(found) >= 15
    assert {p.provenance.confidence for p in found} == {Confidence.PRESS, Confidence.ESTIMATE}
