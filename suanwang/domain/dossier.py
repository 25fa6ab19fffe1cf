"""A dossier: what a voucher office knows of firms, contracts, payments and metering when it looks for abuse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from suanwang.domain.money import Money
from suanwang.errors import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Firm:
    """A tenant or provider as registers show it. `holders`: who owns which share (0 to 1) of it; `persons`: legal
    representative, managers; `accounts`: bank accounts."""

    id: str
    holders: Mapping[str, float]
    persons: tuple[str, ...] = ()
    address: str = ""
    phone: str = ""
    accounts: tuple[str, ...] = ()
    registered: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """Compute that a firm bought of a provider on days [from_day, until_day]: `hours` accelerator-hours of `item` for
    `amount`. `granted` is above 0 where a programme supports it; then `claimed` is the day of the claim and `paid_out`
    the day on which the office paid. `fingerprint` is a hash of the contract's text, `invoice` its invoice number."""

    id: str
    firm: str
    provider: str
    item: str
    hours: float
    amount: Money
    signed: date
    from_day: date
    until_day: date
    granted: Money
    programme: str = ""
    claimed: date | None = None
    paid_out: date | None = None
    invoice: str = ""
    fingerprint: str = ""

    @property
    def price(self) -> float:
        """Price of an accelerator-hour, in the contract's currency."""
        return self.amount.micro / 1e6 / self.hours

    @property
    def subsidised(self) -> bool:
        return bool(self.granted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """Money from one bank account to another."""

    payer: str
    payee: str
    amount: Money
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """What the meter saw of a contract: accelerator-hours, mean utilisation and its variation (standard deviation over
    mean, both 0 to 1), bytes moved in and out, and the share of the hours that others than the firm's people used."""

    contract: str
    hours: float
    utilisation: float
    variation: float
    bytes_moved: float
    foreign_share: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """Accelerators of one kind that a provider has."""

    provider: str
    item: str
    accelerators: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """Everything together. `thresholds`: amounts of a contract above which a programme asks for more."""

    firms: tuple[Firm, ...]
    contracts: tuple[Contract, ...]
    payments: tuple[Payment, ...] = ()
    metered: tuple[Metered, ...] = ()
    installed: tuple[Installed, ...] = ()
    thresholds: tuple[Money, ...] = ()

    def subsidised(self) -> tuple[Contract, ...]:
        """Contracts that a programme supports."""
        return tuple(c for c in self.contracts if c.subsidised)


class Pattern(StrEnum):
    """The seven signs of abuse."""

    AFFILIATE = "affiliate"
    FAKE_USAGE = "fake_usage"
    RAISED_PRICE = "raised_price"
    RESALE = "resale"
    SPLITTING = "splitting"
    DOUBLE_SUBSIDY = "double_subsidy"
    CASH_OUT = "cash_out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """A scored finding for a person to look at; nothing is ever refused by it. `score` is from 0 to 1."""

    pattern: Pattern
    score: float
    contracts: tuple[str, ...]
    firms: tuple[str, ...]
    at_stake: Money
    evidence: tuple[Message, ...]
