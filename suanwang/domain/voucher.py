"""Compute vouchers (算力券) issued under a programme, what they take over, and the answers that were given for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.reason import Reason
from suanwang.domain.rule import Answer, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """A face value that a tenant may redeem until it expires; what is left is the balance of its ledger account."""

    id: str
    programme_id: str
    tenant: str
    face: Money
    issued: datetime
    expires: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule's answer for one order, with the fact as it was known then ("" = unknown): kept as evidence."""

    rule: Rule
    known: str
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a programme gave before, as its caps count it: an amount of the programme's currency, and to whom."""

    at: datetime
    amount: Money
    tenant: str
    job: str = ""
    group: str = ""
    provider: str = ""
    project: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """What one voucher takes over of one job, decided at order: `amount` (in the programme's currency) is held.

    `ratio` of the cost parts in `recognised` is what it pays once the real cost is known, never above `amount`, nor
    above `per_unit` for each `unit` that was metered, where it has one.
    `reason` says why the amount is 0; it is None at 0 only when other vouchers already cover the job's share.
    """

    programme_id: str
    programme_version: int
    voucher_id: str
    amount: Money
    ratio: Fraction
    recognised: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    reason: Reason | None = None
    per_unit: Money | None = None
    unit: str = ""

    def entitled(self, recognised: Money, quantities: Mapping[str, Fraction]) -> Money:
        """What the rate gives for a recognised cost and the quantities behind it, cut to 10^-6 toward zero."""
        share = recognised.micro * self.ratio
        if self.per_unit is not None:
            share = min(share, self.per_unit.micro * quantities.get(self.unit, Fraction(0)))
        return Money(int(share), recognised.unit)

    def __post_init__(self) -> None:
        if self.amount.micro < 0 or not 0 <= self.ratio <= 1:
            raise ValueError(f"voucher {self.voucher_id} redeems a negative amount or more than the cost")
        if self.amount and self.reason:
            raise ValueError(f"voucher {self.voucher_id} is both redeemed and refused")
