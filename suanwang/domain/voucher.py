"""Compute vouchers (算力券): programmes with rules as data, and the vouchers issued under them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.provenance import Provenance


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
        return f"VCH:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Voucher:
    """A face value that a tenant may redeem until it expires; what is left is the balance of its ledger account."""

    id: str
    programme_id: str
    tenant: str
    face: Money
    issued: datetime
    expires: datetime
