"""The price book file: every kind of price is read exactly, and all that is wrong is told at once with its place."""

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest

from suanwang.bootstrap import load_price_books
from suanwang.domain.money import Money
from suanwang.domain.price import Basis, Commitment, MarginalLink, Step, Tier, UsageBasis
from suanwang.errors import InvalidInput
from suanwang.schemas.price_book import read_price_book

BOOK = """\
apiVersion: suanwang/v1
kind: PriceBook
priceBook:
  id: list
  version: 3
  currency: CNY
  effective: 2026-11-01T00:00+08:00
  usage_basis: used
  minimum_per_job: 1 CNY
  prices:
    accelerator_hour:
      amount: 12 CNY
      times:
        - {name: night, hours: "23-7", amount: 6 CNY}
    million_tokens:
      amount: 2 CNY
      tiers: [{above: 1000, amount: 1.5 CNY}]
    delivered_pflop_hour:
      spot: [{since: 2026-11-01T00:00Z, amount: 9 CNY}]
      marginal: {factor: 1.1, floor: 5 CNY, cap: 20 CNY}
    kwh: pass-through
    data_gb: 0.1 CNY
  commitments: [{id: c1, tenant: me, quantity: 720, amount: 8 CNY}]
  discounts: [{name: schools, share: 10 %, when: [{fact: tenant.legal_form, one_of: university}]}]
  tax: {name: VAT, rate: 6 %, included: false}
  source: {text: invented for a test}
"""


def test_every_kind_of_price_is_read_exactly() -> None:
    book = read_price_book(BOOK, "list.yaml")
    hour = book.price(Basis.ACCELERATOR_HOUR)
    tokens = book.price(Basis.MILLION_TOKENS)
    delivered = book.price(Basis.DELIVERED_PFLOP_HOUR)
    power = book.price(Basis.KWH)
    assert hour is not None
    assert hour.times[0].period.minutes == ((1380, 1440), (0, 420))
    assert tokens is not None
    assert tokens.tiers == (Tier(Fraction(1000), Money.parse("1.5", "CNY")),)
    assert delivered is not None
    assert delivered.steps == (Step(datetime(2026, 11, 1, tzinfo=UTC), Money.parse("9", "CNY")),)
    assert delivered.link == MarginalLink(
        factor=Fraction(11, 10), floor=Money.parse("5", "CNY"), cap=Money.parse("20", "CNY")
    )
    assert power is not None
    assert power.passes_tariff
    assert book.usage_basis is UsageBasis.USED
    assert book.commitments == (
        Commitment(
            id="c1",
            tenant="me",
            basis=Basis.ACCELERATOR_HOUR,
            quantity=Fraction(720),
            amount=Money.parse("8", "CNY"),
        ),
    )
    assert book.discounts[0].share == Fraction(1, 10)
    assert book.tax is not None
    assert book.tax.ratio == Fraction(6, 100)
    assert not book.tax.included


BAD = [
    ("  currency: CNY\n", "", "priceBook.id", "has no currency"),
    ("amount: 12 CNY", "amount: 12 USD", "priceBook.prices.accelerator_hour.amount", "in USD, its book in CNY"),
    ("      amount: 12 CNY\n", "", "priceBook.prices.accelerator_hour", "needs an amount"),
    ("above: 1000", "above: -1", "priceBook.prices.million_tokens.tiers[0].above", "greater than 0"),
    ('hours: "23-7"', "hours: never", "priceBook.prices.accelerator_hour.times[0].hours", "not a list of hours"),
    ("share: 10 %", "share: 110 %", "priceBook.discounts[0].share", "out of range"),
    ("usage_basis: used", "usage_basis: guessed", "priceBook.usage_basis", "guessed"),
    ("quantity: 720", "quantity: 0", "priceBook.commitments[0].quantity", "greater than 0"),
    ("kwh: pass-through", "kwh: passed", "priceBook.prices.kwh", "not an amount"),
    ("minimum_per_job: 1 CNY", "minimum_per_job: 1", "priceBook.minimum_per_job", "not an amount"),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), BAD, ids=range(len(BAD)))
def test_what_is_wrong_is_told_with_its_place(old: str, new: str, place: str, message: str) -> None:
    assert BOOK.count(old) == 1, old
    with pytest.raises(InvalidInput) as raised:
        read_price_book(BOOK.replace(old, new), "list.yaml")
    (problem,) = raised.value.problems
    assert place in problem.place
    assert message in str(problem.message)


def test_the_examples_are_whole() -> None:
    folder = Path(__file__).parents[3] / "examples" / "price-books"
    assert sorted(b.id for b in load_price_books([folder])) == ["delivered", "npu-list", "spot"]


def test_a_folder_of_books_tells_all_its_problems_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(BOOK)
    (tmp_path / "b.yaml").write_text(BOOK.replace("share: 10 %", "share: 0 %"))
    with pytest.raises(InvalidInput, match=r"a share must be more than 0"):
        load_price_books([tmp_path, tmp_path / "none"])
    (tmp_path / "b.yaml").write_text(BOOK)
    with pytest.raises(InvalidInput, match="Version 3 of price book list is in two files"):
        load_price_books([tmp_path])
    (tmp_path / "b.yaml").write_text(BOOK.replace("version: 3", "version: 4"))
    assert [b.version for b in load_price_books([tmp_path])] == [3, 4]
