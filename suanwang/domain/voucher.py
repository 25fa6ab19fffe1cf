"""Compute vouchers (算力券): programmes with rules as data, and the vouchers issued under them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.provenance import Provenance
from suanwang.domain.reason import Reason


def voucher_unit(programme_id: str) -> str:
    """The unit of account of a programme's vouchers; one of it is worth one of the programme's currency."""
    return f"VCH:{programme_id}"


class Answer(StrEnum):
    """Three-valued: a rule that lacks its evidence does not say no."""

    YES = "yes"
    NO = "no"
    NEEDS_EVIDENCE = "needs_evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`fact` (a dotted name such as tenant.legal_form or provider.province) must be one of `one_of`."""

    fact: str
    one_of: tuple[str, ...]

    def answer(self, facts: Mapping[str, str]) -> Answer:
        if not facts.get(self.fact):
            return Answer.NEEDS_EVIDENCE
        return Answer.YES if facts[self.fact] in self.one_of else Answer.NO


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Share of the recognised cost that is paid when all of `when` hold; the first rate that holds applies."""

    ratio: Fraction
    when: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.ratio <= 1:
            raise ValueError("a rate is within (0, 1]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Rules of one voucher programme, deducted at order. Valid in [opens, closes)."""

    id: str
    version: int
    name: str
    issuer: str
    currency: str
    opens: datetime
    closes: datetime
    rates: tuple[Rate, ...]
    provenance: Provenance
    name_zh: str = ""
    eligibility: tuple[Rule, ...] = ()
    recognised: tuple[str, ...] = ("rent", "power")
    cap_per_job: Money | None = None
    cap_per_tenant: Money | None = None
    minimum_spend: Money | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.closes <= self.opens:
            raise ValueError(f"programme {self.id} closes before it opens")
        if not self.rates:
            raise ValueError(f"programme {self.id} has no rate")

    @property
    def unit(self) -> str:
        """The unit of account of its vouchers."""
        return voucher_unit(self.id)


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
class Redemption:
    """What one voucher takes over of one job, decided at order: `amount` (in the programme's currency) is held.

    `ratio` of the cost parts in `recognised` is what it pays once the real cost is known, never above `amount`.
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

    def __post_init__(self) -> None:
        if self.amount.micro < 0 or not 0 <= self.ratio <= 1:
            raise ValueError(f"voucher {self.voucher_id} redeems a negative amount or more than the cost")
        if self.amount and self.reason:
            raise ValueError(f"voucher {self.voucher_id} is both redeemed and refused")
