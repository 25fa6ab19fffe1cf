"""The fields of a model plan: what a model is wanted for, and the ways to get it."""

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from suanwang.domain.accelerator import DTYPES
from suanwang.domain.money import Money
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.plan_figures import Change, HourPrice, Rate
from suanwang.schemas.programme_fields import SourceSection
from suanwang.schemas.quantities import Amount, AmountPerKwh, Count, Currency, Duration, amount_schema, read_amount
from suanwang.schemas.section import API_VERSION, Name, Section, Text, Word, choice

TokenPrice = Annotated[Money, PlainValidator(partial(read_amount, per="Mtoken")), amount_schema("Mtoken")]
"""Of a million tokens."""
Dtype = Annotated[str, choice(*DTYPES), Field(json_schema_extra={"enum": list(DTYPES)})]
Cards = Annotated[int, Field(ge=1, le=10**6)]
MonthCount = Annotated[float, Field(ge=0, le=120)]
Source = Annotated[SourceSection | None, Field(description="Where these figures come from.")]


class UseSection(Section):
    """How much the model is used."""

    input_tokens_per_month: Count = Field(description="Tokens read in the first month of use.")
    output_tokens_per_month: Count = Field(description="Tokens written in the first month of use.")
    input_tokens: Annotated[int, Field(ge=1, le=10**7)] = Field(description="Mean tokens of a request.")
    output_tokens: Annotated[int, Field(ge=1, le=10**7)] = Field(description="Mean tokens of an answer.")
    growth_per_year: Change = Field(0.0, description="Growth a year.")
    source: Source = None


class EnergySection(Section):
    """Power, to tell it from the rest of what an accelerator-hour costs."""

    price: AmountPerKwh = Field(description="Price of a kWh.")
    pue: Annotated[float, Field(ge=1, le=5)] = Field(description="PUE of the site.")
    source: Source = None


class ExchangeSection(Section):
    """What one unit of another currency costs, for samples that are in it."""

    currency: Currency = Field(description="The other currency.")
    rate: Annotated[float, Field(gt=0, le=1e6)] = Field(description="Units of the plan's currency for one of it.")
    source: SourceSection = Field(description="Where the rate comes from.")


class CardSection(Section):
    """Accelerators that something runs on, and what an hour of one costs. One of `price` and `sample`."""

    accelerator: Name = Field(description="Catalog id.")
    dtype: Dtype = Field("bf16", description="Number format.")
    price: HourPrice | None = Field(None, description="Price of an accelerator-hour, power included.")
    sample: Name | None = Field(None, description="Or a dated price sample (catalog id, prices).")
    source: Source = None


class TrainingSection(CardSection):
    """The run that makes the model."""

    accelerators: Cards = Field(description="How many work on it.")
    tokens: Count = Field(description="Tokens that it is trained on.")
    sequence_length: Annotated[int, Field(ge=1, le=10**7)] = Field(description="Tokens of a sequence.")
    global_batch: Annotated[int, Field(ge=1, le=10**7)] = Field(description="Sequences of a step.")
    method: Literal["full", "lora", "qlora"] = Field("full", description="How a fine-tuning changes the weights.")
    runs: Annotated[float, Field(ge=1, le=1000)] = Field(1, description="All experiments and it, as so many runs.")
    every_months: Annotated[int, Field(ge=0, le=120)] = Field(0, description="Trained anew so often; 0 is once.")


class ModelServingSection(CardSection):
    """Copies of the model that answer."""

    first_token_max: Duration | None = Field(None, description="Objective: time to the first token.")
    per_token_max: Duration | None = Field(None, description="Objective: time for each further token.")
    peak: Annotated[float, Field(ge=1, le=100)] = Field(1.0, description="Load of the busiest hours over the mean.")
    replicas_min: Annotated[int, Field(ge=1, le=10_000)] = Field(1, description="At least so many copies.")


class TokensSection(Section):
    """Tokens that are bought from an API. `sample`, or `input` and `output`."""

    sample: Name | None = Field(None, description="Dated sample (catalog, token_prices) without -input and -output.")
    input: TokenPrice | None = Field(None, description="Price of a million tokens that are read.")
    output: TokenPrice | None = Field(None, description="Price of a million tokens that are written.")
    source: Source = None


class TeamSection(Section):
    """People."""

    name: Name = Field(description="Research, data, operation …")
    people: Annotated[float, Field(gt=0, le=100_000)] = Field(description="How many.")
    per_year: Amount = Field(description="What one costs a year, with everything.")
    during: Literal["building", "use"] = Field(description="While it is built, or as long as it is used.")
    source: Source = None


class DataCostSection(Section):
    """Data: buying, cleaning, labelling."""

    cost: Amount = Field(description="Again with each training.")
    source: Source = None


class WaySection(Section):
    """A way to get the model."""

    name: Name = Field(description="Name.")
    kind: Literal["pretrain", "finetune", "rent", "api"] = Field(
        description="Train from nothing, fine-tune an open model, serve one on rented cards, buy tokens."
    )
    model: Name | None = Field(None, description="Model (catalog id); its shape decides what it needs.")
    training: TrainingSection | None = Field(None, description="For pretrain and finetune.")
    serving: ModelServingSection | None = Field(None, description="For all but api.")
    tokens: TokensSection | None = Field(None, description="For api.")
    data: DataCostSection | None = Field(None, description="Cost of data.")
    team: list[TeamSection] = Field([], max_length=20, description="People.")
    preparation_months: MonthCount = Field(0, description="Months of preparation and experiments before the run.")


class ModelPlanSection(Section):
    """A model plan."""

    id: Word = Field(description="Id.")
    name: Name = Field(description="Name.")
    name_zh: Text = Field("", description="Chinese name.")
    currency: Currency = Field(description="Currency of every amount (ISO 4217).")
    months: Annotated[int, Field(ge=1, le=120)] = Field(description="Horizon, in months.")
    discount_rate: Rate = Field(description="Nominal discount rate a year.")
    use: UseSection = Field(description="How much it is used.")
    energy: EnergySection = Field(description="Power.")
    exchange: list[ExchangeSection] = Field([], max_length=10, description="Rates of other currencies.")
    ways: list[WaySection] = Field(min_length=1, max_length=12, description="Ways to get it, side by side.")


class ModelPlanFile(Section):
    """A model plan file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["ModelPlan"] = Field(description="What the file describes.")
    model_plan: ModelPlanSection = Field(description="The plan.")


def model_plan_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the model plan file."""
    return schema_of(ModelPlanFile, "model-plan")
