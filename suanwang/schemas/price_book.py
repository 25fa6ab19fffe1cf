"""The price book file to the domain: `read_price_book` gives a PriceBook, or all problems at once."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from suanwang.domain.money import Money
from suanwang.domain.price import (
    COMPUTE,
    PRICED,
    Basis,
    Commitment,
    Discount,
    MarginalLink,
    Price,
    PriceBook,
    Step,
    Tax,
    Tier,
    TimePrice,
)
from suanwang.domain.tariff import TariffPeriod
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.price_book_fields import (
    CommitmentSection,
    DiscountSection,
    PriceBookFile,
    PriceBookSection,
    VaryingSection,
)
from suanwang.schemas.programme import make_provenance, make_rules
from suanwang.schemas.section import read_section
from suanwang.schemas.yaml_file import Path, read_yaml

ROOT: Path = ("priceBook",)


def price_book_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the price book file."""
    return schema_of(PriceBookFile, "price-book")


def read_price_book(text: str, name: str, currency: str | None = None) -> PriceBook:
    """The price book of a YAML text; `name` is the file's name in messages, `currency` the grid's where there is one.

    Raises InvalidInput with every problem.
    """
    findings = Findings(read_yaml(text, name))
    section = read_section(PriceBookFile, findings).price_book
    if section.currency is None and currency is None:
        what = msg("the price book has no currency.")
        findings.add((*ROOT, "id"), what, msg("Give its currency; a file of its own has no grid's to take."))
    book = make_price_book(section, ROOT, findings, currency)
    findings.raise_any()
    assert book is not None
    return book


def make_price_book(
    book: PriceBookSection, path: Path, findings: Findings, grid_currency: str | None
) -> PriceBook | None:
    """The domain's book, in the grid's currency; None, with problems, where it contradicts itself."""
    currency = book.currency or grid_currency
    if None not in (currency, grid_currency) and currency != grid_currency:
        what = msg("the price book is in {unit}, the grid in {currency}.", unit=currency, currency=grid_currency)
        findings.add((*path, "currency"), what, msg("Give it in the currency of the grid."))
    for place, amount in _amounts(book):
        if currency is not None and amount.unit != currency:
            what = msg("this price is in {unit}, its book in {currency}.", unit=amount.unit, currency=currency)
            findings.add((*path, *place), what, msg("Give it in the currency of the book."), (*path, "currency"))
    if all(getattr(book.prices, basis.value) is None for basis in COMPUTE):
        what = msg("the price book prices neither accelerator_hour nor delivered_pflop_hour.")
        parts = [(*path, "prices", basis.value) for basis in COMPUTE]
        findings.add((*path, "prices"), what, msg("Add one of them; a missing price is never 0."), *parts)
    findings.unique((*path, "commitments"), [f"{c.tenant} {c.basis}" for c in book.commitments], "tenant")
    prices = [
        price
        for basis in PRICED
        if (price := _price(basis, getattr(book.prices, basis.value), (*path, "prices", basis.value), findings))
    ]
    if any(amount.unit != currency for _, amount in _amounts(book)):
        return None
    return findings.build(
        path,
        lambda: PriceBook(
            id=book.id,
            version=book.version,
            currency=currency or "",
            effective=book.effective,
            prices=tuple(prices),
            provenance=make_provenance(book.source),
            channel=book.channel,
            term=book.term,
            usage_basis=book.usage_basis,
            minimum_per_job=book.minimum_per_job,
            commitments=tuple(map(_commitment, book.commitments)),
            discounts=tuple(map(_discount, book.discounts)),
            tax=None if book.tax is None else Tax(name=book.tax.name, ratio=book.tax.rate, included=book.tax.included),
        ),
        (path[0], "currency"),
    )


def _amounts(book: PriceBookSection) -> Iterator[tuple[Path, Money]]:
    """Every amount of a book with its place."""
    for basis in PRICED:
        price, place = getattr(book.prices, basis.value), ("prices", basis.value)
        if isinstance(price, Money):
            yield place, price
        elif isinstance(price, VaryingSection):
            yield from (((*place, name), m) for name, m in _varying_amounts(price) if m is not None)
    if book.minimum_per_job is not None:
        yield ("minimum_per_job",), book.minimum_per_job
    for i, commitment in enumerate(book.commitments):
        if commitment.amount is not None:
            yield ("commitments", i, "amount"), commitment.amount


def _varying_amounts(price: VaryingSection) -> Iterator[tuple[str, Money | None]]:
    yield "amount", price.amount
    for part in ("times", "tiers", "spot"):
        yield from ((part, item.amount) for item in getattr(price, part))
    if price.marginal is not None:
        yield from (("marginal", m) for m in (price.marginal.floor, price.marginal.cap))


def _price(basis: Basis, given: object, path: Path, findings: Findings) -> Price | None:
    if given is None:
        return None
    if not isinstance(given, VaryingSection):
        return Price(basis=basis, amount=given if isinstance(given, Money) else None)
    link = given.marginal
    return findings.build(
        path,
        lambda: Price(
            basis=basis,
            amount=given.amount,
            times=tuple(
                TimePrice(
                    period=TariffPeriod(
                        name=t.name, minutes=t.hours, months=frozenset(t.months), weekdays=frozenset(t.weekdays)
                    ),
                    amount=t.amount,
                )
                for t in given.times
            ),
            tiers=tuple(Tier(exact(t.above), t.amount) for t in given.tiers),
            steps=tuple(Step(s.since, s.amount) for s in given.spot),
            link=None if link is None else MarginalLink(factor=exact(link.factor), floor=link.floor, cap=link.cap),
        ),
    )


def _commitment(given: CommitmentSection) -> Commitment:
    return Commitment(
        id=given.id,
        tenant=given.tenant,
        basis=Basis(given.basis),
        quantity=exact(given.quantity),
        amount=given.amount,
    )


def _discount(given: DiscountSection) -> Discount:
    return Discount(
        name=given.name,
        share=given.share,
        when=make_rules(given.when),
        bases=tuple(map(Basis, given.bases)),
        starts=given.starts,
        ends=given.ends,
    )


def exact(figure: float) -> Fraction:
    """The decimal that a float is written as."""
    return Fraction(str(figure))
