"""Every kind of price: hours of the day, tiers, commitments, spot, links, used basis, minimum, discounts, tax."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from suanwang.domain.money import Money
from suanwang.domain.price import (
    Basis,
    Charge,
    Commitment,
    Discount,
    MarginalLink,
    Price,
    PriceBook,
    Step,
    Tax,
    Tier,
    TimePrice,
    UsageBasis,
)
from suanwang.domain.rule import Rule
from suanwang.domain.tariff import TariffPeriod
from suanwang.domain.usage import UsageRecord
from suanwang.errors import Never
from suanwang.schemas.price_book import read_price_book
from suanwang.schemas.price_book_text import price_book_text
from suanwang.settle import Circumstances, closing, rate, tax_of
from suanwang.settle.adjust import generation_of, live, reverse
from suanwang.settle.synthetic import usage
from tests.small_grid import INVENTED, SHANGHAI, cny

START = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
"""22:30 in China."""
(ONE,) = usage(1)
RECORD: UsageRecord = replace(ONE, id="o/1", tenant="me", accelerators=4, start=START, end=START + timedelta(hours=1))
HOUR = Basis.ACCELERATOR_HOUR


def book(price: Price | None = None, **changes: Any) -> PriceBook:
    base = PriceBook(
        id="b",
        version=1,
        currency="CNY",
        effective=datetime(2026, 1, 1, tzinfo=UTC),
        prices=(price or Price(basis=HOUR, amount=cny("10")),),
        provenance=INVENTED,
    )
    return replace(base, **changes)


def told(charges: list[Charge]) -> list[tuple[str, str, str, str]]:
    """Quantity, price, amount and rule of each charge."""
    return [
        (f"{float(c.quantity):g}", f"{c.unit_price.decimal.normalize():f}", f"{c.amount.decimal.normalize():f}", c.rule)
        for c in charges
    ]


NIGHT = TimePrice(period=TariffPeriod(name="night", minutes=((1380, 1440), (0, 420))), amount=cny("6"))


def test_hours_of_the_day_are_those_of_the_site() -> None:
    price = Price(basis=HOUR, amount=cny("10"), times=(NIGHT,))
    charges = rate(RECORD, book(price), Circumstances(zone=SHANGHAI))
    assert told(charges) == [("2", "10", "20", ""), ("2", "6", "12", "night")]
    assert [c.id for c in charges] == ["o/1:accelerator_hour", "o/1:accelerator_hour:1"]
    assert told(rate(RECORD, book(price))) == [("4", "10", "40", "")]  # 14:30 to 15:30 in UTC


def test_a_tier_begins_within_a_record() -> None:
    price = Price(basis=HOUR, amount=cny("10"), tiers=(Tier(Fraction(100), cny("8")), Tier(Fraction(103), cny("5"))))
    used = Circumstances(before={HOUR: Fraction(99)})
    assert told(rate(RECORD, book(price), used)) == [
        ("1", "10", "10", ""),
        ("3", "8", "24", "above 100"),
    ]
    used = Circumstances(before={HOUR: Fraction(102)})
    assert told(rate(RECORD, book(price), used))[-1] == ("3", "5", "15", "above 103")


def test_what_is_committed_comes_first_and_only_for_its_tenant() -> None:
    commitment = Commitment(id="c1", tenant="me", basis=HOUR, quantity=Fraction(3), amount=cny("7"))
    charges = rate(RECORD, book(commitments=(commitment,)))
    assert told(charges) == [("3", "7", "21", "commitment c1"), ("1", "10", "10", "")]
    assert charges[0].list_price == cny("10")
    other = replace(commitment, tenant="other")
    assert told(rate(RECORD, book(commitments=(other,)))) == [("4", "10", "40", "")]


def test_spot_prices_hold_from_their_time_and_a_missing_one_refuses() -> None:
    steps = (Step(START, cny("3")), Step(START + timedelta(minutes=45), cny("9")))
    price = Price(basis=HOUR, amount=None, steps=steps)
    assert told(rate(RECORD, book(price))) == [("3", "3", "9", "spot"), ("1", "9", "9", "spot")]
    early = replace(RECORD, start=START - timedelta(minutes=1))
    with pytest.raises(Never, match="no accelerator_hour price published for 2026-11-25T14:29") as refusal:
        rate(early, book(price))
    assert refusal.value.code == "price-missing"
    linked = Price(basis=HOUR, amount=None, steps=steps, link=MarginalLink(factor=Fraction(1), floor=cny("2")))
    half = replace(RECORD, start=START - timedelta(minutes=30), end=START + timedelta(minutes=30))
    assert told(rate(half, book(linked))) == [("2", "2", "4", "floor"), ("2", "3", "6", "spot")]


def test_used_time_is_billed_only_where_it_was_measured() -> None:
    used = book(usage_basis=UsageBasis.USED)
    with pytest.raises(Never, match="o/1 has no measured utilisation"):
        rate(RECORD, used)
    busy = replace(RECORD, utilisation=Fraction(3, 4))
    assert told(rate(busy, used)) == [("3", "10", "30", "")]
    assert told(rate(busy, book())) == [("4", "10", "40", "")]


def test_tokens_are_billed_only_where_they_were_counted() -> None:
    tokens = book(Price(basis=Basis.MILLION_TOKENS, amount=cny("2")))
    with pytest.raises(Never, match="o/1 has no count of tokens"):
        rate(RECORD, tokens)
    assert told(rate(replace(RECORD, tokens=1_500_000), tokens)) == [("1.5", "2", "3", "")]


def test_the_first_discount_that_holds_is_taken_off() -> None:
    school = Rule(fact="tenant.legal_form", one_of=("university",))
    discounts = (
        Discount(name="schools", share=Fraction(1, 4), when=(school,)),
        Discount(name="autumn", share=Fraction(1, 10), ends=START),
        Discount(name="power", share=Fraction(1, 2), bases=(Basis.KWH,)),
    )
    kwh = Price(basis=Basis.KWH, amount=None)
    priced = book(prices=(Price(basis=HOUR, amount=cny("10")), kwh), discounts=discounts)
    record = replace(RECORD, power_cost_micro=1_000_001, energy_kwh=Fraction(2))
    facts = Circumstances(facts={"tenant.legal_form": "university"})
    hour, power = rate(record, priced, facts)
    assert told([hour]) == [("4", "7.5", "30", "discount schools")]
    assert hour.list_price == cny("10")
    assert (power.amount.micro, power.rule) == (750_001, "tariff + discount schools")
    hour, power = rate(record, priced)
    assert (hour.amount, power.amount.micro) == (cny("40"), 500_000)
    assert power.rule == "tariff + discount power"


def test_the_minimum_and_the_tax_are_due_once_a_job() -> None:
    priced = book(minimum_per_job=cny("50"), tax=Tax(name="VAT", ratio=Fraction(6, 100), included=False))
    charges = rate(RECORD, priced)
    once = closing("j", charges, priced, "o/1")
    assert told(once) == [("1", "10", "10", "minimum 50.00 CNY"), ("50", "0.06", "3", "VAT")]
    assert tax_of([*charges, *once], priced) == cny("3")
    assert closing("j", [], priced, "") == []  # only started jobs cost
    assert told(closing("j", [*charges, *charges], priced, "o/1")) == [("80", "0.06", "4.8", "VAT")]


def test_a_tax_that_is_included_is_shown_and_not_added() -> None:
    priced = book(tax=Tax(name="VAT", ratio=Fraction(6, 100), included=True))
    charges = rate(RECORD, priced)
    assert closing("j", charges, priced, "o/1") == []
    assert tax_of(charges, priced) == cny("2.264151")


def test_24_per_cent_on_14_29_and_14_27_is_one_total_however_it_is_summed() -> None:
    priced = book(tax=Tax(name="tax", ratio=Fraction(24, 100), included=False))
    parts = [replace(rate(RECORD, priced)[0], id=f"c{i}", amount=cny(a)) for i, a in enumerate(("14.29", "14.27"))]
    together = closing("j", parts, priced, "o/1")[0].amount
    apart = [closing("j", [part], priced, "o/1")[0].amount for part in parts]
    assert together == apart[0] + apart[1] == cny("6.8544")
    assert cny("14.29") + cny("14.27") + together == cny("35.4144")


def test_a_reversal_takes_back_exactly_and_is_not_counted() -> None:
    first = rate(RECORD, book())
    fresh = [replace(c, id=f"{c.id}@1", amount=cny("12")) for c in first]
    charges = [*first, *reverse(first, 1), *fresh]
    assert sum(c.amount.micro for c in charges) == cny("12").micro
    assert live(charges) == fresh
    assert [generation_of(c) for c in charges] == [0, 1, 1]
    again = [*charges, *reverse(fresh, 2)]
    assert live(again) == []


def test_a_book_is_written_as_it_is_read() -> None:
    whole = book(
        prices=(
            Price(basis=HOUR, amount=cny("10"), times=(NIGHT,)),
            Price(basis=Basis.KWH, amount=None),
            Price(
                basis=Basis.DELIVERED_PFLOP_HOUR,
                amount=None,
                steps=(Step(START, cny("3")),),
                link=MarginalLink(factor=Fraction(11, 10), floor=cny("1"), cap=cny("9")),
            ),
            Price(basis=Basis.MILLION_TOKENS, amount=cny("2.5"), tiers=(Tier(Fraction(5, 2), cny("1")),)),
        ),
        minimum_per_job=cny("1"),
        commitments=(Commitment(id="c", tenant="me", basis=HOUR, quantity=Fraction(7), amount=cny("1")),),
        discounts=(Discount(name="d", share=Fraction(1, 8), when=(Rule(fact="tenant.id", one_of=("me",)),)),),
        tax=Tax(name="VAT", ratio=Fraction(6, 100), included=True),
    )
    assert read_price_book(price_book_text(whole), "b.yaml") == whole


WRONG = [
    {"basis": HOUR, "amount": cny("1"), "times": (NIGHT,), "tiers": (Tier(Fraction(1), cny("1")),)},
    {"basis": HOUR, "amount": None, "times": (NIGHT,)},
    {"basis": HOUR, "amount": cny("1"), "tiers": (Tier(Fraction(2), cny("1")), Tier(Fraction(1), cny("1")))},
    {"basis": HOUR, "amount": cny("1"), "times": (NIGHT, NIGHT)},
    {"basis": HOUR, "amount": Money(-1, "CNY")},
    {"basis": Basis.TAX, "amount": cny("1")},
    {"basis": HOUR, "amount": None, "steps": (Step(START, cny("1")), Step(START, cny("2")))},
]


@pytest.mark.parametrize("fields", WRONG, ids=range(len(WRONG)))
def test_a_price_that_contradicts_itself_is_none(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Price(**fields)
