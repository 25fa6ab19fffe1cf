"""Voucher programmes (券计划): who may have how much for what, as data. A new programme needs no code.

A programme is rules over facts (`rule.py`), rates and limits, and the money of its fund lines.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from fractions import Fraction

from suanwang.domain.money import Money
from suanwang.domain.provenance import Provenance
from suanwang.domain.rule import Rule


def voucher_unit(programme_id: str) -> str:
    """The unit of account of a programme's vouchers; one of it is worth one of the programme's currency."""
    return f"VCH:{programme_id}"


class Mode(StrEnum):
    """How a programme's money reaches a tenant: the seven ways that published programmes have."""

    APPLY = "apply"
    DEDUCT = "deduct"
    REIMBURSE = "reimburse"
    PROVIDER = "provider"
    TARGET = "target"
    POOL = "pool"
    AT_USE = "at_use"


AT_ORDER = (Mode.APPLY, Mode.DEDUCT, Mode.POOL, Mode.AT_USE)
"""The modes whose vouchers pay part of an order of the grid; the others pay after it."""
ORDER_UNITS = ("accelerator_hour", "pflop_hour")
"""The measured units that a voucher may pay for at an order: they are estimated before it runs, and metered after."""


class Period(StrEnum):
    """Over what a cap counts, in the programme's zone."""

    PROGRAMME = "programme"
    CALENDAR_YEAR = "calendar_year"
    PROGRAMME_YEAR = "programme_year"
    QUARTER = "quarter"
    MONTH = "month"


class Scope(StrEnum):
    """Whose grants a cap counts together."""

    JOB = "job"
    TENANT = "tenant"
    GROUP = "group"
    PROVIDER = "provider"
    PROJECT = "project"
    PROGRAMME = "programme"


class Counting(StrEnum):
    """What a cap counts: what was issued (granted), or what was redeemed of it."""

    ISSUED = "issued"
    REDEEMED = "redeemed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """At most `amount`, or at most `count` grants, for all grants of one `scope` in one `period`, where `when` holds.

    Scope `job` is one job or contract; `group` is the tenants that share the fact tenant.group (a tenant without it is
    a group of its own); `programme` is everybody: the budget.
    """

    scope: Scope
    amount: Money | None = None
    count: int | None = None
    period: Period = Period.PROGRAMME
    counting: Counting = Counting.ISSUED
    kind: str = ""
    when: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        if (self.amount is None) == (self.count is None):
            raise ValueError("a cap is an amount or a count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """`ratio` of the part of the recognised cost up to `up_to` (None = all the rest)."""

    ratio: Fraction
    up_to: Money | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What is granted when all of `when` hold; the first rate that holds applies. Exactly one of the four ways.

    `ratio` of the recognised cost; `brackets` of it (a ratio for each part); `face`: an amount as it stands;
    `per_unit`: an amount for each unit of the measured quantity `unit` (accelerator_hour, pflop_hour, kwh …).
    `at_most` caps this rate alone. `kind` names the kind of voucher (compute, model, corpus); "" is any.
    """

    ratio: Fraction | None = None
    brackets: tuple[Bracket, ...] = ()
    face: Money | None = None
    per_unit: Money | None = None
    unit: str = ""
    at_most: Money | None = None
    kind: str = ""
    when: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        ways = (self.ratio is not None, bool(self.brackets), self.face is not None, self.per_unit is not None)
        if sum(ways) != 1:
            raise ValueError("a rate is one of ratio, brackets, face or per_unit")
        if self.ratio is not None and not 0 < self.ratio <= 1:
            raise ValueError("a rate is within (0, 1]")
        if (self.per_unit is not None) != bool(self.unit):
            raise ValueError("an amount per unit names its unit")

    @property
    def share(self) -> Fraction:
        """The share of an order's recognised cost that it may pay: its ratio; all of it for a face value, and for an
        amount per unit, which pays no more than its units come to. Raises ValueError for brackets, which are of a whole
        contract."""
        if self.brackets:
            raise ValueError("a rate in brackets pays contracts, not orders")
        return Fraction(1) if self.ratio is None else self.ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class FundLine:
    """One level of government (or another source) that bears `share` of every grant."""

    id: str
    level: str
    share: Fraction


class Rounding(StrEnum):
    DOWN = "down"
    NEAREST = "nearest"
    UP = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """Which part of a cost counts.

    `lines` of the cost; `basis`: the amount of the contract, or what was actually paid. `prorate`: only the days inside
    [`from_day`, `until_day`] count, by days with both ends included. Recognised cost and grant are both cut to a whole
    `step` in the direction `rounding` (the step of the ledger, 10^-6, unless the programme says so).
    """

    lines: tuple[str, ...] = ("rent", "power")
    paid_only: bool = False
    prorate: bool = False
    from_day: date | None = None
    until_day: date | None = None
    step_micro: int = 1
    rounding: Rounding = Rounding.DOWN

    def rounded(self, amount: Fraction, unit: str) -> Money:
        """Millionths to a whole step: the only place where a grant is rounded."""
        steps = amount / self.step_micro
        match self.rounding:
            case Rounding.DOWN:
                whole = steps.numerator // steps.denominator
            case Rounding.UP:
                whole = -(-steps.numerator // steps.denominator)
            case Rounding.NEAREST:
                whole = (2 * steps.numerator + steps.denominator) // (2 * steps.denominator)
        return Money(whole * self.step_micro, unit)


class Allocation(StrEnum):
    """Who comes first when the budget does not reach."""

    FIRST_COME = "first_come"
    SCORE = "score"
    PRO_RATA = "pro_rata"
    LOTTERY = "lottery"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Points that an application has when all of `when` hold."""

    points: Fraction
    when: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How a budget that does not reach is shared out; `reserve` of it is kept for those where `reserve_for` holds."""

    allocation: Allocation = Allocation.FIRST_COME
    scores: tuple[Score, ...] = ()
    reserve: Fraction = Fraction(0)
    reserve_for: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """Who signs and how long things take: `second_person_above` (None = always two persons), days of publicity, days
    within which a claim must be filed, evidence that a claim must bring, days a voucher lives, days of warning before
    it expires, days within which money can be claimed back."""

    second_person_above: Money | None = None
    publicity_days: int = 0
    claim_within_days: int | None = None
    evidence: tuple[str, ...] = ()
    valid_days: int | None = None
    warn_days: int = 30
    clawback_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacking:
    """With which other subsidies on the same contract it may come together, and up to which share of the cost."""

    with_any: bool = True
    programmes: tuple[str, ...] = ()
    at_most: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Rules of one voucher programme, version `version`. Valid in [opens, closes); its days are those of `zone`."""

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
    mode: Mode = Mode.DEDUCT
    zone: tzinfo = UTC
    eligibility: tuple[Rule, ...] = ()
    recognition: Recognition = field(default_factory=Recognition)
    minimum_spend: Money | None = None
    caps: tuple[Cap, ...] = ()
    fund_lines: tuple[FundLine, ...] = ()
    stacking: Stacking = field(default_factory=Stacking)
    priority: Priority = field(default_factory=Priority)
    procedure: Procedure = field(default_factory=Procedure)
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.closes <= self.opens:
            raise ValueError(f"programme {self.id} closes before it opens")
        if not self.rates:
            raise ValueError(f"programme {self.id} has no rate")
        if self.fund_lines and sum(line.share for line in self.fund_lines) != 1:
            raise ValueError(f"the fund lines of programme {self.id} do not sum to 1")

    @property
    def unit(self) -> str:
        """The unit of account of its vouchers."""
        return voucher_unit(self.id)

    @property
    def recognised(self) -> tuple[str, ...]:
        """The lines of a cost that count."""
        return self.recognition.lines

    def period(self, period: Period, at: datetime) -> tuple[date, date]:
        """The days [first, last] of the period that `at` lies in."""
        day, first = at.astimezone(self.zone).date(), self.opens.astimezone(self.zone).date()
        match period:
            case Period.PROGRAMME:
                return date.min, date.max
            case Period.CALENDAR_YEAR:
                return date(day.year, 1, 1), date(day.year, 12, 31)
            case Period.PROGRAMME_YEAR:
                years = day.year - first.year - ((day.month, day.day) < (first.month, first.day))
                return _anniversary(first, years), _anniversary(first, years + 1) - timedelta(days=1)
            case Period.QUARTER:
                month = 3 * ((day.month - 1) // 3) + 1
                return date(day.year, month, 1), _month_end(day.year, month + 2)
            case Period.MONTH:
                return date(day.year, day.month, 1), _month_end(day.year, day.month)


def _anniversary(first: date, years: int) -> date:
    """The same day `years` later; 1 March where that year has no 29 February."""
    try:
        return first.replace(year=first.year + years)
    except ValueError:
        return date(first.year + years, 3, 1)


def _month_end(year: int, month: int) -> date:
    return (date(year, month, 28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
