"""The fields of a site plan: what is built, powered, sold, paid for, taxed, and what is asked of it."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from suanwang.domain.accelerator import DTYPES
from suanwang.errors import msg
from suanwang.feasibility.levers import LEVERS
from suanwang.feasibility.plan import YEARS_MAX
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.plan_figures import CapitalCost, Change, HourPrice, MonthRent, Rate, RunningCost, Share
from suanwang.schemas.programme_fields import SourceSection
from suanwang.schemas.quantities import Amount, AmountPerKwh, Currency, Power, show
from suanwang.schemas.section import API_VERSION, Name, Names, Section, Text, Word, choice
from suanwang.schemas.times import Zone
from suanwang.schemas.wrong import Wrong

Month = Annotated[int, Field(ge=0, le=YEARS_MAX * 12)]
Years = Annotated[int, Field(ge=1, le=YEARS_MAX)]
Variable = Annotated[str, choice(*LEVERS), Field(json_schema_extra={"enum": list(LEVERS)})]


def _read_pue(value: object) -> tuple[float, ...]:
    """One PUE, or twelve, January first. Raises Wrong."""
    values: list[Any] = value if isinstance(value, list) else [value]
    remedy = msg("Give a PUE from 1 to 5, or a list of twelve, January first.")
    if len(values) not in (1, 12):
        raise Wrong(msg("{count} values are not one PUE a month.", count=len(values)), remedy)
    for each in values:
        if isinstance(each, bool) or not isinstance(each, int | float) or not 1 <= each <= 5:
            raise Wrong(msg("{value} is not a PUE.", value=show(each)), remedy)
    return tuple(float(v) for v in values) * (12 // len(values))


_PUE = {"type": "number", "minimum": 1, "maximum": 5}
MonthlyPue = Annotated[
    tuple[float, ...],
    PlainValidator(_read_pue),
    WithJsonSchema(
        {"anyOf": [_PUE, {"type": "array", "items": _PUE, "minItems": 12, "maxItems": 12}], "examples": [1.25]}
    ),
]
Source = Annotated[SourceSection | None, Field(description="Where these figures come from.")]


class AcceleratorSection(Section):
    """The accelerator of the site."""

    id: Name = Field(description="Catalog id.")
    system: Name | None = Field(None, description="System (catalog id) that it comes in; gives its power at the wall.")
    power: Power | None = Field(None, description="Power at the wall of one accelerator with its share of the server.")
    idle_share: Share = Field(0.0, description="Share of that power that an accelerator draws when nothing is sold.")
    dtype: Annotated[str, choice(*DTYPES), Field(json_schema_extra={"enum": list(DTYPES)})] = Field(
        "fp16", description="Number format in which delivered compute is counted."
    )
    efficiency: Share | None = Field(None, description="Sustained share of the peak; the catalog's if not given.")
    source: Source = None


class PhaseSection(Section):
    """Accelerators that are bought together."""

    month: Month = Field(description="Month in which they are paid for; 0 is now.")
    accelerators: Annotated[int, Field(ge=1, le=10**7)] = Field(description="How many.")
    months_to_build: Month = Field(0, description="Months from then until they work.")


class CapitalSection(Section):
    """Something that is bought."""

    name: Name = Field(description="Servers, network, storage, shell, power and cooling, land …")
    cost: CapitalCost = Field(description="Of the site, of each accelerator or of each kW of IT power.")
    life_years: Annotated[int, Field(ge=0, le=YEARS_MAX)] = Field(description="Life; 0 is not depreciated (land).")
    depreciation: Literal["straight", "declining", "exponential"] = Field("straight", description="Method.")
    half_year: bool = Field(False, description="Straight with half a share in the first year and after the last.")
    salvage: Share = Field(0.0, description="Share of its cost that is left at the end of the plan.")
    refresh: bool = Field(False, description="Bought again at the end of each life.")
    price_change: Change = Field(0.0, description="Change of its price a year, for refreshes.")
    source: Source = None


class CoolingSection(Section):
    """Cooling; its capital cost is an item of `capital`."""

    kind: Literal["air", "cold_plate", "immersion"] = Field(description="How heat is taken away.")
    pue: MonthlyPue = Field(description="PUE at full load: one, or twelve, January first.")
    fixed_share: Share = Field(0.0, description="Share of the overhead that does not fall with the load.")
    source: Source = None


class PowerSection(Section):
    """Power. One of `tariff` and `price`."""

    tariff: Name | None = Field(None, description="Tariff (catalog id); its mean over each month is paid.")
    zone: Zone | None = Field(None, description="Time zone that its hours are read in; needed with `tariff`.")
    price: AmountPerKwh | None = Field(None, description="Price of a kWh, where no tariff is named.")
    change_per_year: Change | None = Field(None, description="Change of the price a year; the inflation if not given.")
    demand_charge: CapitalCost | None = Field(None, description="Charge for a kW of connected load and month.")
    green_share: Share = Field(0.0, description="Share that is bought as green power.")
    green_premium: AmountPerKwh | None = Field(None, description="What a green kWh costs more.")
    source: Source = None


class RunningSection(Section):
    """A running cost."""

    name: Name = Field(description="People, upkeep, rent of land, bandwidth …")
    per_year: RunningCost = Field(description="Of the site, of each accelerator or kW, or a share of the capital cost.")
    change_per_year: Change | None = Field(None, description="Change a year; the inflation if not given.")
    source: Source = None


class RampStep(Section):
    """A point of the ramp."""

    month: Month = Field(description="Months after the opening.")
    share: Share = Field(description="Share of the full demand that is there.")


class DemandSection(Section):
    """Demand of one kind."""

    name: Name = Field(description="Who buys.")
    term: Literal["reserved", "on_demand", "spot"] = Field(description="How it is bought.")
    share: Share = Field(description="Share of all accelerator-hours, at full ramp.")
    price: HourPrice = Field(description="Price of an accelerator-hour in the first year.")
    change_per_year: Change | None = Field(None, description="Change of the price a year.")
    prices: list[HourPrice] = Field([], max_length=YEARS_MAX, description="Price of each year, instead of both.")
    ramp: list[RampStep] = Field([], max_length=100, description="How it grows; all at once if not given.")
    tenants: Names = Field([], description="Tenants of the grid whose use in the ledger is of this demand.")
    source: Source = None


class FinancingSection(Section):
    """How it is paid for; what the loan does not cover is equity."""

    debt_share: Share = Field(0.0, description="Loan over the first capital cost; the cap where a ratio is given.")
    cover_ratio: Annotated[float, Field(ge=1, le=10)] | None = Field(
        None, description="Size the loan so that earnings cover its service so many times each year."
    )
    rate: Rate = Field(0.0, description="Interest a year.")
    tenor_years: Years = Field(1, description="Years until it is repaid.")
    grace_years: Annotated[int, Field(ge=0, le=YEARS_MAX)] = Field(0, description="Of them, years of interest alone.")
    payments_per_year: Literal[1, 2, 4, 12] = Field(1, description="Payments a year.")
    reserve_months: Annotated[float, Field(ge=0, le=60)] = Field(
        0, description="Running costs kept as working capital."
    )
    source: Source = None


class TaxSection(Section):
    """Income tax."""

    rate: Share = Field(description="Rate.")
    losses: Literal["carry", "refund"] = Field("carry", description="Carried to later years, or refunded at once.")
    carry_years: Years = Field(5, description="Years that a loss is carried; ten for high-tech firms in China.")
    source: Source = None


class GrantSection(Section):
    """A subsidy; taxed as income."""

    name: Name = Field(description="Name.")
    amount: Amount = Field(description="Once, or each year.")
    month: Month = Field(0, description="Month in which it comes, or after which the years count.")
    years: Annotated[int, Field(ge=0, le=YEARS_MAX)] = Field(0, description="Years in which it comes; 0 is once.")
    source: Source = None


class VoucherSection(Section):
    """Compute vouchers."""

    share: Share = Field(description="Share of the revenue that is paid by vouchers.")
    delay_months: Month = Field(0, description="Months until that money comes.")


class UncertaintySection(Section):
    """What is known of a variable."""

    variable: Variable = Field(description="Which.")
    low: float = Field(description="Lowest; the P10 of a normal one.")
    likely: float | None = Field(None, description="Likeliest; as planned if not given.")
    high: float = Field(description="Highest; the P90 of a normal one.")
    shape: Literal["uniform", "triangular", "normal"] = Field("triangular", description="Distribution.")


class CorrelationSection(Section):
    """Two uncertain variables that move together."""

    between: list[Variable] = Field(min_length=2, max_length=2, description="The two.")
    value: Annotated[float, Field(ge=-0.99, le=0.99)] = Field(description="Rank correlation.")


class ScenarioSection(Section):
    """A scenario."""

    name: Name = Field(description="Name.")
    set: dict[Name, float] = Field(min_length=1, description="Variables and their values.")


class WaysSection(Section):
    """Other ways to serve the same demand."""

    lease: MonthRent | None = Field(None, description="Rent of an accelerator, power and upkeep by the lessor.")
    cloud: HourPrice | None = Field(None, description="Price at which capacity is bought from a cloud.")
    join_share: Share | None = Field(None, description="Share of the demand that idle capacity of others can take.")
    join_fee: Share = Field(0.0, description="Share of its revenue that stays with us.")
    idle_accelerators: Annotated[int, Field(ge=1, le=10**7)] | None = Field(
        None, description="Accelerators of our own that stand idle and would join the grid, instead of building."
    )
    grid_fee: Share = Field(0.0, description="Share of their revenue that the grid keeps.")


class ChangeSection(Section):
    """Something done to the site: a retrofit of the cooling, a move to another province."""

    name: Name = Field(description="Name.")
    set: dict[Name, float] = Field({}, description="Variables and their new values.")
    tariff: Name | None = Field(None, description="Tariff (catalog id) of the new place.")
    cooling: CoolingSection | None = Field(None, description="The new cooling, with its PUE by month.")
    cost: CapitalCost = Field(description="What it costs at once.")
    life_years: Years = Field(10, description="Life of what is built for it.")
    per_year: CapitalCost | None = Field(None, description="What it costs a year, such as a line between the places.")


class EffectSection(Section):
    """What others say that spending brings about in the region. There is no multiplier of our own."""

    name: Name = Field(description="Name.")
    of: Literal["capital", "running", "revenue"] = Field(
        description="Of what is spent on capital, of what is spent on running the site, or of what is earned."
    )
    multiplier: Annotated[float, Field(gt=0, le=1e6)] = Field(description="Units for each `per` of it.")
    unit: Name = Field(description="Of what: CNY of output, jobs …")
    per: Amount | None = Field(None, description="Amount that the multiplier is for; 1 if not given.")
    source: SourceSection = Field(description="Where the multiplier comes from.")


class PlanSection(Section):
    """A site plan."""

    id: Word = Field(description="Id.")
    name: Name = Field(description="Name.")
    name_zh: Text = Field("", description="Chinese name.")
    currency: Currency = Field(description="Currency of every amount (ISO 4217).")
    years: Years = Field(description="Horizon.")
    discount_rate: Rate = Field(description="Nominal discount rate a year.")
    inflation: Change = Field(0.0, description="Change a year of costs that do not say theirs.")
    timing: Literal["yearly", "monthly"] = Field(
        "monthly", description="Discount each month, or each year, at its end."
    )
    accelerator: AcceleratorSection = Field(description="What is sold.")
    phases: list[PhaseSection] = Field(min_length=1, max_length=50, description="When it is built.")
    capital: list[CapitalSection] = Field(min_length=1, max_length=100, description="What is bought.")
    cooling: CoolingSection = Field(description="Cooling.")
    power: PowerSection = Field(description="Power.")
    operations: list[RunningSection] = Field([], max_length=100, description="Running costs beside power.")
    demand: list[DemandSection] = Field(min_length=1, max_length=50, description="Who buys how much for what.")
    goodput: Share = Field(1.0, description="Share of the sold hours that can be charged, after failures.")
    degradation: Share = Field(0.0, description="Capacity lost a year.")
    financing: FinancingSection | None = Field(None, description="Debt; all equity if not given.")
    tax: TaxSection | None = Field(None, description="Income tax; none if not given.")
    grants: list[GrantSection] = Field([], max_length=50, description="Subsidies.")
    vouchers: VoucherSection | None = Field(None, description="Compute vouchers.")
    uncertainty: list[UncertaintySection] = Field([], max_length=20, description="What is uncertain, for Monte-Carlo.")
    correlations: list[CorrelationSection] = Field([], max_length=100, description="What moves together.")
    scenarios: list[ScenarioSection] = Field([], max_length=20, description="Scenarios side by side.")
    alternatives: WaysSection | None = Field(None, description="Lease, cloud, join.")
    changes: list[ChangeSection] = Field([], max_length=20, description="Retrofits and moves.")
    regional: list[EffectSection] = Field([], max_length=10, description="Regional effect; an optional page.")
    margin: Share = Field(0.1, description="Margin over cost, for the price advice.")


class SitePlanFile(Section):
    """A site plan file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["SitePlan"] = Field(description="What the file describes.")
    plan: PlanSection = Field(description="The plan.")


def site_plan_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the site plan file."""
    return schema_of(SitePlanFile, "site-plan")
