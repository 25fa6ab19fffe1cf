"""Rating: each basis by hand, the refusal of a book without a price, rounding to 10^-6 once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from suanwang.domain.money import Money
from suanwang.domain.price import Basis, Price, PriceBook
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.usage import Source, UsageRecord
from suanwang.domain.workload import DataSet
from suanwang.errors import Never
from suanwang.settle.rate import rate, rate_data

START = datetime(2026, 5, 1, 9, tzinfo=UTC)
HOUR_PRICE = Price(basis=Basis.ACCELERATOR_HOUR, amount=Money.parse("7.5", "CNY"))
PFLOP_PRICE = Price(basis=Basis.DELIVERED_PFLOP_HOUR, amount=Money.parse("0.9", "CNY"))
TARIFF = Price(basis=Basis.KWH, amount=None)
RECORD = UsageRecord(
    id="o1/7",
    order_id="o1",
    job_id="j1",
    tenant="acme",
    site_id="s",
    pool_id="p",
    accelerator_id="card",
    accelerators=8,
    start=START,
    end=START + timedelta(minutes=20),
    source=Source.ENGINE_ACCOUNTING,
    energy_kwh_it=Fraction(5, 4),
    energy_kwh=Fraction(5, 3),
    energy_source=Source.MODELLED,
    power_cost_micro=1_234_567,
    carbon_kg_location=0.0,
    carbon_kg_market=None,
    flops_delivered=7.2e18,
    flops_source=Source.MODELLED,
)


def book(*prices: Price) -> PriceBook:
    source = Provenance(source="test", confidence=Confidence.ESTIMATE)
    return PriceBook(id="b", version=3, currency="CNY", effective=START, prices=prices, provenance=source)


@pytest.mark.parametrize(
    ("price", "quantity", "amount"),
    [
        (HOUR_PRICE, Fraction(8, 3), "20"),
        (PFLOP_PRICE, Fraction(2), "1.8"),
        (Price(basis=Basis.ACCELERATOR_HOUR, amount=Money.parse("0.1", "CNY")), Fraction(8, 3), "0.266667"),
        (Price(basis=Basis.ACCELERATOR_HOUR, amount=Money.zero("CNY")), Fraction(8, 3), "0"),
    ],
)
def test_one_basis(price: Price, quantity: Fraction, amount: str) -> None:
    [charge] = rate(RECORD, book(price))
    assert (charge.quantity, charge.amount) == (quantity, Money.parse(amount, "CNY"))
    assert charge.unit_price == price.amount
    assert (charge.id, charge.usage_id, charge.job_id) == (f"o1/7:{price.basis}", "o1/7", "j1")
    assert (charge.book_id, charge.book_version) == ("b", 3)


def test_energy_at_a_price_is_that_of_the_sites_meter() -> None:
    _, charge = rate(RECORD, book(HOUR_PRICE, Price(basis=Basis.KWH, amount=Money.parse("0.6", "CNY"))))
    assert charge.amount == Money.parse("1", "CNY")


def test_energy_at_the_tariff_passes_the_records_own_cost_through() -> None:
    _, charge = rate(RECORD, book(HOUR_PRICE, TARIFF))
    assert charge.amount == Money(1_234_567, "CNY")
    assert charge.unit_price == Money(740_740, "CNY")  # 1.234567 / (5/3) = 0.7407402


def test_no_energy_costs_nothing_at_the_tariff() -> None:
    idle = replace(RECORD, power_cost_micro=0, energy_kwh=Fraction(0))
    _, charge = rate(idle, book(HOUR_PRICE, TARIFF))
    assert (charge.amount, charge.unit_price) == (Money.zero("CNY"), Money.zero("CNY"))


@pytest.mark.parametrize(("seconds", "micro"), [(225, 0), (675, 2), (226, 1)])
def test_half_a_millionth_goes_to_the_even_one(seconds: int, micro: int) -> None:
    # 8 cards x 225 s = 0.5 h, x 675 s = 1.5 h, at a millionth an hour
    record = replace(RECORD, end=START + timedelta(seconds=seconds))
    [charge] = rate(record, book(Price(basis=Basis.ACCELERATOR_HOUR, amount=Money(1, "CNY"))))
    assert charge.amount.micro == micro


@pytest.mark.parametrize(
    "prices", [(), (TARIFF,), (Price(basis=Basis.DATA_GB, amount=Money(1, "CNY")),)], ids=["none", "power", "data"]
)
def test_a_missing_price_refuses(prices: tuple[Price, ...]) -> None:
    with pytest.raises(Never, match="neither accelerator-hours nor delivered compute") as refused:
        rate(RECORD, book(*prices))
    assert refused.value.code == "price-missing"


def test_data_is_charged_by_job_and_data_set() -> None:
    corpus = DataSet(name="corpus", at="beijing", size_bytes=2.5e12)
    charge = rate_data(RECORD, corpus, Money.parse("0.02", "CNY"), book(HOUR_PRICE))
    assert (charge.id, charge.usage_id) == ("j1:data_gb:corpus", "o1/7")
    assert (charge.quantity, charge.amount) == (Fraction(2500), Money.parse("50", "CNY"))
    later = rate_data(replace(RECORD, id="o1/8"), corpus, Money.parse("0.02", "CNY"), book(HOUR_PRICE))
    assert later.id == charge.id
