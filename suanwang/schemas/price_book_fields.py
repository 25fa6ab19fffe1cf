"""The fields of a price book, version 1: in a file of its own, or in a grid file."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Strict, Tag

from suanwang.domain.price import PRICED, UsageBasis
from suanwang.schemas.programme_fields import RuleSection, SourceSection
from suanwang.schemas.quantities import Amount, Currency, Ratio
from suanwang.schemas.section import API_VERSION, Name, Section, Text, Word, choice
from suanwang.schemas.site_fields import PeriodSection
from suanwang.schemas.times import Instant

Number = Annotated[int, Field(ge=1, le=10**7)]
Quantity = Annotated[float, Field(gt=0, le=10**12)]
BasisName = Annotated[
    str, choice(*(b.value for b in PRICED)), Field(json_schema_extra={"enum": [b.value for b in PRICED]})
]


class TimeSection(PeriodSection):
    """A price in hours of the day, on the local clock of the site."""

    amount: Amount = Field(description="Price in these hours.")


class TierSection(Section):
    """A price for what a tenant uses in a month above a quantity."""

    above: Quantity = Field(description="Quantity of the month, in units of the price.")
    amount: Amount = Field(description="Price of what is above.")


class StepSection(Section):
    """A spot price, published from an instant on."""

    since: Instant = Field(description="From then on.")
    amount: Amount = Field(description="Price.")


class MarginalSection(Section):
    """How published prices follow from the grid's marginal prices (`suanwang prices`)."""

    factor: Annotated[float, Field(gt=0, le=1000)] = Field(1.0, description="Times the marginal price.")
    floor: Amount = Field(description="Never below.")
    cap: Amount | None = Field(None, description="Never above; no cap if not given.")


class VaryingSection(Section):
    """A price that varies by hours of the day, by quantity, or by published steps: one of the three."""

    amount: Amount | None = Field(None, description="Price where nothing else applies; needed with times or tiers.")
    times: list[TimeSection] = Field([], max_length=50, description="Hours of the day; the first that holds applies.")
    tiers: list[TierSection] = Field([], max_length=50, description="Prices above quantities of a month, rising.")
    spot: list[StepSection] = Field([], max_length=100_000, description="Published prices, in order of time.")
    marginal: MarginalSection | None = Field(None, description="How `suanwang book publish` makes the next prices.")


def _kind(value: object) -> str:
    if isinstance(value, dict | VaryingSection):
        return "<varying>"
    return "<passed>" if value == "pass-through" else "<amount>"


PriceChoice = Annotated[
    Annotated[VaryingSection, Tag("<varying>")] | Annotated[Amount, Tag("<amount>")],
    Discriminator(lambda value: "<varying>" if _kind(value) == "<varying>" else "<amount>"),
]
PowerChoice = Annotated[
    Annotated[Literal["pass-through"], Tag("<passed>")]
    | Annotated[VaryingSection, Tag("<varying>")]
    | Annotated[Amount, Tag("<amount>")],
    Discriminator(_kind),
]


class PricesSection(Section):
    """Prices of a book; what is not in it is not charged."""

    accelerator_hour: PriceChoice | None = Field(None, description="For an accelerator and hour.")
    delivered_pflop_hour: PriceChoice | None = Field(None, description="For 10^15 FLOP/s delivered over an hour.")
    million_tokens: PriceChoice | None = Field(None, description="For 10^6 tokens, where a meter counts them.")
    kwh: PowerChoice | None = Field(None, description="For a kWh at the wall; pass-through = the site's tariff.")
    data_gb: Amount | None = Field(None, description="For a GB moved in or out.")


class CommitmentSection(Section):
    """What a tenant takes each month at a price; what it does not use is billed at the end of the month."""

    id: Word = Field(description="Id.")
    tenant: Name = Field(description="Tenant (id).")
    basis: BasisName = Field("accelerator_hour", description="What is committed to.")
    quantity: Quantity = Field(description="Units of the basis in a month.")
    amount: Amount = Field(description="Price of a unit.")


class DiscountSection(Section):
    """A share off where all rules hold; the first discount that holds applies."""

    name: Name = Field(description="Name, shown on the bill.")
    share: Ratio = Field(description="Share that is taken off.")
    when: list[RuleSection] = Field([], description="Rules that must all hold; none means always.")
    bases: list[BasisName] = Field([], description="Prices that it is taken off; all if not given.")
    starts: Instant | None = Field(None, description="For use from then on.")
    ends: Instant | None = Field(None, description="For use before then.")


class TaxSection(Section):
    """A tax on what is charged."""

    name: Name = Field(description="Name, such as VAT.")
    rate: Ratio = Field(description="Share of the net amount.")
    included: bool = Field(description="Whether the prices have it in them.")


class PriceBookSection(Section):
    """Prices of a pool in one version. A change is a new version."""

    id: Word = Field(description="Id; versions of a book share it.")
    version: Number = Field(1, description="Version.")
    currency: Currency | None = Field(None, description="Currency; the grid's if not given.")
    effective: Instant = Field(description="Valid from.")
    prices: PricesSection = Field(description="Prices.")
    usage_basis: Annotated[UsageBasis, Strict(False)] = Field(
        UsageBasis.RESERVED, description="reserved: all the time of the cards; used: the share that they were busy."
    )
    minimum_per_job: Amount | None = Field(None, description="What a job that started pays at least, before tax.")
    commitments: list[CommitmentSection] = Field([], description="What tenants are committed to.")
    discounts: list[DiscountSection] = Field([], description="Shares off, the first that holds applies.")
    tax: TaxSection | None = Field(None, description="Tax on what is charged; none if not given.")
    channel: Text = Field("", description="How it is sold: list, reseller, contract …")
    term: Text = Field("", description="For how long: on demand, month, year …")
    source: SourceSection = Field(description="Where the prices come from.")


class PriceBookFile(Section):
    """A price book file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["PriceBook"] = Field(description="What the file describes.")
    price_book: PriceBookSection = Field(alias="priceBook", description="The price book.")
