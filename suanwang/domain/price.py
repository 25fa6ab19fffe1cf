"""Price books and charges: what a site asks for use, and what was asked for one usage record."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from suanwang.domain.money import Money
from suanwang.domain.provenance import Provenance
from suanwang.domain.rule import Rule
from suanwang.domain.signal import EPOCH
from suanwang.domain.tariff import TariffPeriod, segments


class Basis(StrEnum):
    """What a price is per. The last two are no use of their own: they follow from the charges of a job."""

    ACCELERATOR_HOUR = "accelerator_hour"
    KWH = "kwh"
    DELIVERED_PFLOP_HOUR = "delivered_pflop_hour"
    MILLION_TOKENS = "million_tokens"
    DATA_GB = "data_gb"
    MINIMUM = "minimum"
    TAX = "tax"


PRICED = (Basis.ACCELERATOR_HOUR, Basis.KWH, Basis.DELIVERED_PFLOP_HOUR, Basis.MILLION_TOKENS, Basis.DATA_GB)
"""Bases that a book can price."""
COMPUTE = (Basis.ACCELERATOR_HOUR, Basis.DELIVERED_PFLOP_HOUR, Basis.MILLION_TOKENS)
"""Bases of which a book must price at least one: use of the cards is never free by omission."""


class UsageBasis(StrEnum):
    """What of an accelerator-hour counts: all the time that cards were reserved, or the share that they were busy."""

    RESERVED = "reserved"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePrice:
    """The amount in a period of the day, on the local clock of the site."""

    period: TariffPeriod
    amount: Money


@dataclass(frozen=True, slots=True)
class Tier:
    """The amount for what a tenant uses in a month above a quantity, in units of the basis."""

    above: Fraction
    amount: Money


@dataclass(frozen=True, slots=True)
class Step:
    """A published price from a time on (spot)."""

    start: datetime
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class HourPrice:
    """What an accelerator-hour costs whoever orders in [start, start + 1 h), in `unit` (a currency), by part."""

    start: datetime
    unit: str
    rent: float
    power: float
    congestion: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginalLink:
    """How the next published prices follow from the grid's marginal prices: factor x marginal, within floor and cap.

    Publishing makes a new version of the book whose steps are the result, so that a charge never depends on a
    calculation that cannot be repeated.
    """

    factor: Fraction
    floor: Money
    cap: Money | None = None

    def __post_init__(self) -> None:
        if self.factor <= 0 or (self.cap is not None and self.cap < self.floor):
            raise ValueError("a marginal link needs a factor above 0 and a cap not below its floor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount per unit of `basis`. `amount` None: the site's tariff is passed through (basis kwh only), or `steps`
    has every price.

    `times`: the first period that holds replaces the amount. `tiers`: above their quantities of a month. `steps`:
    spot prices; before the first there is no price, the last holds until a new version. One of the three at most.
    """

    basis: Basis
    amount: Money | None
    times: tuple[TimePrice, ...] = ()
    tiers: tuple[Tier, ...] = ()
    steps: tuple[Step, ...] = ()
    link: MarginalLink | None = None

    def __post_init__(self) -> None:
        if self.basis not in PRICED:
            raise ValueError(f"a book does not price {self.basis}")
        if self.amount is None and self.basis is not Basis.KWH and not self.steps and self.link is None:
            raise ValueError(f"a price per {self.basis} needs an amount")
        if any(m.micro < 0 for m in self.amounts):
            raise ValueError("a price is not negative")
        if sum(map(bool, (self.times, self.tiers, self.steps))) > 1:
            raise ValueError(f"a price per {self.basis} varies by time, by quantity or by steps, not by several")
        if (self.times or self.tiers) and self.amount is None:
            raise ValueError(f"a price per {self.basis} that varies needs the amount for the rest")
        if self.tiers and (self.tiers[0].above <= 0 or any(a.above >= b.above for a, b in pairwise(self.tiers))):
            raise ValueError("the quantities of tiers rise from above 0")
        if len({t.period.name for t in self.times}) < len(self.times):
            raise ValueError("each period of the day has one name and one price")
        if any(a.start >= b.start for a, b in pairwise(self.steps)):
            raise ValueError("the times of steps rise")

    @property
    def amounts(self) -> list[Money]:
        """Every amount that it may come to."""
        varying = [x.amount for part in (self.times, self.tiers, self.steps) for x in part]
        return [*([] if self.amount is None else [self.amount]), *varying]

    @property
    def passes_tariff(self) -> bool:
        """Whether the site's own power price is what is charged."""
        return self.amount is None and not self.steps and self.link is None

    def pieces(self, zone: tzinfo, start: datetime, end: datetime) -> list[tuple[datetime, datetime, int, str]]:
        """(from, to, millionths, name) of the price over [start, end), on the clock of `zone`; of tiers the dearest.

        `name` is that of the period of the day, or "spot"; "" for the amount itself. Before the first published step a
        marginal link's floor holds. Empty where it has no price at the start: steps that begin later, a tariff.
        """
        if self.steps or self.link is not None:
            return self._published(start, end)
        if self.amount is None:
            return []
        if not self.times:
            return [(start, end, max(m.micro for m in self.amounts), "")]
        amounts = {t.period.name: t.amount.micro for t in self.times} | {"": self.amount.micro}
        found = segments([t.period for t in self.times], "", zone, start, end)
        return [(max(a, start), min(b, end), amounts[name], name) for a, b, name in found if a < end]

    def _published(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime, int, str]]:
        steps = [(s.start, s.amount.micro, "spot") for s in self.steps]
        if self.link is not None:
            steps = [(EPOCH, self.link.floor.micro, "floor"), *steps]
        first = bisect_right([s[0] for s in steps], start) - 1
        if first < 0:
            return []
        cuts = [start, *(s[0] for s in steps[first + 1 :] if s[0] < end), end]
        return [(a, b, micro, name) for (a, b), (_, micro, name) in zip(pairwise(cuts), steps[first:], strict=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """A tenant takes `quantity` of a basis each month at `amount` per unit; what it does not use is billed at the end
    of the month, what it uses beyond costs the book's price."""

    id: str
    tenant: str
    basis: Basis
    quantity: Fraction
    amount: Money

    def __post_init__(self) -> None:
        if self.quantity <= 0 or self.amount.micro < 0:
            raise ValueError(f"commitment {self.id} needs a quantity above 0 and an amount that is not negative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A share off where all rules hold and the record begins in [starts, ends); the first discount that holds applies.

    `bases` empty: all of them.
    """

    name: str
    share: Fraction
    when: tuple[Rule, ...] = ()
    bases: tuple[Basis, ...] = ()
    starts: datetime | None = None
    ends: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"discount {self.name}: the share is within (0, 1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """A tax on what is charged. `included`: the prices have it in them already, and the invoice shows it."""

    name: str
    ratio: Fraction
    included: bool

    def __post_init__(self) -> None:
        if not 0 < self.ratio < 1:
            raise ValueError(f"tax {self.name}: the rate is within (0, 1)")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceBook:
    """Prices of a pool in one version, valid from `effective` on. Sealed once used: a change is a new version.

    `prices` has at most one price for each basis; what is not in it is not charged, and rating refuses a book that
    prices none of COMPUTE. `minimum_per_job`: what a job that started pays at least, before tax.
    """

    id: str
    version: int
    currency: str
    effective: datetime
    prices: tuple[Price, ...]
    provenance: Provenance
    channel: str = ""
    term: str = ""
    usage_basis: UsageBasis = UsageBasis.RESERVED
    minimum_per_job: Money | None = None
    commitments: tuple[Commitment, ...] = ()
    discounts: tuple[Discount, ...] = ()
    tax: Tax | None = None

    def __post_init__(self) -> None:
        bases = [p.basis for p in self.prices]
        if len(bases) != len(set(bases)):
            raise ValueError(f"price book {self.id}: a basis is priced twice")
        amounts = [m for p in self.prices for m in p.amounts] + [c.amount for c in self.commitments]
        amounts += [self.minimum_per_job] if self.minimum_per_job is not None else []
        if any(amount.unit != self.currency for amount in amounts):
            raise ValueError(f"price book {self.id}: prices must be in {self.currency}")

    def price(self, basis: Basis) -> Price | None:
        return next((p for p in self.prices if p.basis is basis), None)

    def gross(self, net: Money) -> Money:
        """An amount with the tax that the prices do not have in them."""
        return net if self.tax is None or self.tax.included else net.times(1 + self.tax.ratio)

    @property
    def terms(self) -> tuple[object, ...]:
        """All that decides what is charged: a sealed version keeps it."""
        rest = (self.usage_basis, self.minimum_per_job, self.commitments, self.discounts, self.tax)
        return (self.currency, frozenset(self.prices), *rest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """`quantity` (exact) of `basis` at `unit_price` = `amount`, for one usage record; the price is a snapshot.

    `rule` says which period, tier, commitment or discount made the price; `list_price` is what it would have been
    without (None: the same). A reversal has the quantity and amount of what it takes back, negative.
    """

    id: str
    job_id: str
    usage_id: str
    basis: Basis
    quantity: Fraction
    unit_price: Money
    amount: Money
    book_id: str
    book_version: int
    rule: str = ""
    list_price: Money | None = None


def reversal(charge: Charge, charge_id: str) -> Charge:
    """The charge that takes another one back."""
    return Charge(
        id=charge_id,
        job_id=charge.job_id,
        usage_id=charge.usage_id,
        basis=charge.basis,
        quantity=-charge.quantity,
        unit_price=charge.unit_price,
        amount=-charge.amount,
        book_id=charge.book_id,
        book_version=charge.book_version,
        rule=charge.rule,
        list_price=charge.list_price,
    )


def in_force(books: Sequence[PriceBook], book_id: str, when: datetime) -> PriceBook | None:
    """The version of a book in force at a time: the latest effective one; None where there is none yet."""
    versions = [b for b in books if b.id == book_id and b.effective <= when]
    return max(versions, key=lambda b: (b.effective, b.version), default=None)
