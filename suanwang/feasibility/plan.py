"""The plan of a site as figures: what is built when, what it costs, what it earns, how it is paid for and taxed.

A plan is a forecast, so its amounts are floating-point numbers of `currency`; nothing here is ever posted to a ledger.
Months count from the decision (month 0); a flow of month k falls on its end. A year is twelve months of 730 hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from suanwang.domain.provenance import Provenance
from suanwang.units import HOURS_PER_YEAR

MONTHS = 12
HOURS_PER_MONTH = HOURS_PER_YEAR / MONTHS
YEARS_MAX = 40
METHODS = ("straight", "declining", "exponential")
TERMS = ("reserved", "on_demand", "spot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """`accelerators` that are paid for in `month` and work from `months_to_build` later on."""

    month: int
    accelerators: int
    months_to_build: int = 0

    @property
    def opens(self) -> int:
        return self.month + self.months_to_build


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """Something bought: `cost` for each accelerator (`per_accelerator`), or for the site, with the first phase.

    `refresh`: bought again at the end of each life, at a price that changes by `price_change` a year.
    `salvage`: share of the cost of the newest one that is left at the end of the plan.
    """

    name: str
    cost: float
    life_years: int
    per_accelerator: bool = False
    method: str = "straight"
    half_year: bool = False
    orders_per_year: float = 0.14
    salvage: float = 0.0
    refresh: bool = False
    price_change: float = 0.0
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Power and cooling. kW at the wall of an accelerator with its share of the server; PUE by month of the year.

    `fixed_share` of the overhead (PUE - 1) does not fall when the load falls. `price` of a kWh by month of the year;
    `demand_charge` per kW of connected load and month; a `green_share` costs `green_premium` a kWh more.
    """

    kw_per_accelerator: float
    pue: tuple[float, ...]
    price: tuple[float, ...]
    idle_share: float = 0.0
    fixed_share: float = 0.0
    price_change: float = 0.0
    demand_charge: float = 0.0
    green_share: float = 0.0
    green_premium: float = 0.0
    cooling: str = ""
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A running cost a year: of the site, of each accelerator (`per_accelerator`), or a share of the capital cost."""

    name: str
    per_year: float = 0.0
    per_accelerator: bool = False
    of_capital: float = 0.0
    change: float = 0.0
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Demand of one kind: its share of the accelerator-hours at full ramp, its price, and how both go on.

    `ramp`: (months after opening, share of `share`), linear between. `path`: price of each year over that of the
    first; it reaches to the end of the plan. `tenants`: whose use in the ledger is of this segment.
    """

    name: str
    share: float
    price: float
    path: tuple[float, ...]
    ramp: tuple[tuple[float, float], ...] = ((0.0, 1.0),)
    term: str = "on_demand"
    tenants: tuple[str, ...] = ()
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """A loan of a `share` of the first capital cost, or, with `cover_ratio`, as large as the earnings carry.

    Level payments after `grace_years` of interest alone. `share` also caps a loan that is sized by its cover ratio.
    """

    share: float = 0.0
    rate: float = 0.0
    tenor_years: int = 1
    grace_years: int = 0
    payments_per_year: int = 1
    cover_ratio: float | None = None
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tax:
    """Income tax. `carry_years` None: a loss is refunded at once; else it lowers the profit of so many later years."""

    rate: float = 0.0
    carry_years: int | None = None
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Money given: `amount` in a month, or in each year from then on for `years`; taxed as income."""

    name: str
    amount: float
    month: int = 0
    years: int = 0
    source: Provenance | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouchers:
    """The share of the revenue that is paid by compute vouchers, and how many months later that money comes."""

    share: float = 0.0
    delay_months: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Sold accelerator-hours and revenue of months 1, 2, …: replayed or metered, in place of the assumed demand."""

    hours: tuple[float, ...]
    revenue: tuple[float, ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A site. `timing`: "yearly" discounts each year at its end (as published models do), "monthly" each month.

    `pflops_per_accelerator`: sustained PFLOP/s of one card; None where the catalog has no peak for it.
    `occupancy_delay`: months by which all demand comes later than the opening.
    `write_off`: what is not depreciated at the end of the plan lowers the last year's tax.
    `purchase_per_hour`: capacity that is bought from others for each sold hour (cloud), instead of being built.
    """

    id: str
    name: str
    currency: str
    years: int
    discount_rate: float
    phases: tuple[Phase, ...]
    assets: tuple[Asset, ...]
    power: Power
    costs: tuple[Cost, ...]
    segments: tuple[Segment, ...]
    name_zh: str = ""
    debt: Debt = field(default_factory=Debt)
    tax: Tax = field(default_factory=Tax)
    grants: tuple[Grant, ...] = ()
    vouchers: Vouchers = field(default_factory=Vouchers)
    timing: str = "yearly"
    occupancy_delay: float = 0.0
    degradation: float = 0.0
    goodput: float = 1.0
    reserve_months: float = 0.0
    write_off: bool = True
    purchase_per_hour: float = 0.0
    pflops_per_accelerator: float | None = None
    accelerator_id: str = ""
    series: Series | None = None
    sources: Mapping[str, Provenance] = field(default_factory=dict)

    @property
    def months(self) -> int:
        return self.years * MONTHS

    @property
    def accelerators(self) -> int:
        return sum(phase.accelerators for phase in self.phases)
