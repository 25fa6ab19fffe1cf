"""Price books and charges: what a site asks for use, and what was asked for one usage record."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.provenance import Provenance


class Basis(StrEnum):
    """What a price is per."""

    ACCELERATOR_HOUR = "accelerator_hour"
    KWH = "kwh"
    DELIVERED_PFLOP_HOUR = "delivered_pflop_hour"
    DATA_GB = "data_gb"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount per unit of `basis`. `amount` None means the site's tariff is passed through (basis kwh only)."""

    basis: Basis
    amount: Money | None

    def __post_init__(self) -> None:
        if self.amount is None and self.basis is not Basis.KWH:
            raise ValueError(f"a price per {self.basis} needs an amount")
        if self.amount is not None and self.amount.micro < 0:
            raise ValueError("a price is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """Prices of a pool in one version, valid from `effective` on. Sealed once used: a change is a new version.

    `prices` has at most one price for each basis; what is not in it is not charged, and rating refuses a book that
    prices neither accelerator-hours nor delivered compute.
    """

    id: str
    version: int
    currency: str
    effective: datetime
    prices: tuple[Price, ...]
    provenance: Provenance
    channel: str = ""
    term: str = ""

    def __post_init__(self) -> None:
        bases = [p.basis for p in self.prices]
        if len(bases) != len(set(bases)):
            raise ValueError(f"price book {self.id}: a basis is priced twice")
        if any(p.amount is not None and p.amount.unit != self.currency for p in self.prices):
            raise ValueError(f"price book {self.id}: prices must be in {self.currency}")

    def price(self, basis: Basis) -> Price | None:
        return next((p for p in self.prices if p.basis is basis), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """`quantity` (exact) of `basis` at `unit_price` = `amount`, for one usage record; the price is a snapshot."""

    id: str
    job_id: str
    usage_id: str
    basis: Basis
    quantity: Fraction
    unit_price: Money
    amount: Money
    book_id: str
    book_version: int
