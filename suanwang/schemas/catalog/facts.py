"""Rows of prices.csv, and of the tables whose rows are single figures with a unit of their own."""

from fractions import Fraction
from typing import ClassVar, Literal

from suanwang.domain.catalog import Fact, MarketPrice
from suanwang.domain.money import Money
from suanwang.schemas.catalog.cells import Count, Currency, Id, Number, Price, Row
from suanwang.units import MICRO

HOURS_PER_RENTED_MONTH = 720
"""A month of rent is 30 days: the survey that the monthly prices are from converts with it."""


class PriceRow(Row):
    """A dated sample of a rent: `price` for a card and hour, or for a node of `count` cards and a month."""

    id: Id
    accelerator: Id
    accelerator_as_published: str = ""
    price: Price
    currency: Currency
    unit: Literal["card-hour", "node-month"]
    count: Count
    provider: str
    channel: str
    term: str
    region: str

    def build(self) -> MarketPrice:
        """Per card and hour, rounded to millionths where a monthly price is divided."""
        hours = self.count * HOURS_PER_RENTED_MONTH if self.unit == "node-month" else 1
        return MarketPrice(
            id=self.id,
            accelerator=self.accelerator,
            per_accelerator_hour=Money(round(Fraction(self.price) * MICRO / hours), self.currency),
            channel=self.channel,
            term=self.term,
            region=self.region,
            count=self.count,
            provider=self.provider,
            note=self.note,
            provenance=self.provenance,
        )


class FactRow(Row):
    """A figure with its unit. Columns that a table has beside these become the attributes of the fact."""

    table: ClassVar[str]
    id: Id
    name: str
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    unit: str

    def build(self) -> Fact:
        own = [field for field in type(self).model_fields if field not in FactRow.model_fields]
        cells = {field: getattr(self, field) for field in own}
        known = {field: cell for field, cell in cells.items() if cell not in (None, "")}
        return Fact(
            id=self.id,
            table=self.table,
            name=self.name,
            value=self.value,
            low=self.low,
            high=self.high,
            unit=self.unit,
            attributes={field: f"{c:.10g}" if isinstance(c, float) else c for field, c in known.items()},
            note=self.note,
            provenance=self.provenance,
        )


class MeasuredRow(FactRow):
    """A rate that was measured where no nominal peak is published, so that no ratio can be given."""

    table = "measured"
    unit: Literal["TFLOPS", "GB/s", "W"]
    accelerator: Id
    dtype: str = ""
    method: str


class ItemRow(FactRow):
    """Operations of one item of work that is no text: an image, a clip, an utterance, a sample; `value` in GFLOP.

    `memory_traffic_mb` moves through device memory for it beyond what the cache keeps; `efficiency` is the share of the
    peak that such programs usually reach (a prior).
    """

    table = "items"
    unit: Literal["GFLOP"]
    domain: str
    memory_traffic_mb: Number | None = None
    efficiency: Number | None = None


class CoolingRow(FactRow):
    """PUE, WUE and capital cost by way of cooling."""

    table = "cooling"
    unit: Literal["ratio", "percent", "percent facility", "L/kWh", "USD/kW", "USD/kW IT", "CNY/kW IT", "CNY/rack"]
    item: str
    region: str = ""
    cooling: str = ""
    target: str = ""


class NetworkRow(FactRow):
    """Delays, rates, limits and prices of lines."""

    table = "network"
    unit: Literal[
        "us/km one way",
        "x great circle",
        "ms",
        "ms one way",
        "ms RTT",
        "Gb/s per node",
        "GB/s one way",
        "CNY/GB",
        "USD/GB",
        "USD/GiB",
        "CNY/month",
    ]
    kind: str
    applies_to: str = ""


class LatencyRow(FactRow):
    """Round trip between a hub cluster and a city: `value` by the route, `low` by the great circle."""

    table = "latency"
    unit: Literal["ms"]
    hub: Id
    city: Id
    great_circle_km: Number | None = None


class ProjectRow(FactRow):
    """What was published of a computing centre: its capacity or its cost. Precision and scope are often unstated."""

    table = "projects"
    unit: Literal["PFLOPS", "CNY"]
    project_zh: str
    city_zh: str = ""
    precision_note: str = ""
    racks_or_cards: str = ""


class PurchasePriceRow(FactRow):
    """What a card, node or rack was sold for. `unit` is the currency."""

    table = "purchase_prices"
    unit: Currency
    accelerator: Id
    system: Id | None = None
    scope: str


class TokenPriceRow(FactRow):
    """What a provider asks for a million tokens of a model, read (input) or written (output); a dated sample.

    The id is that of the sample and the side: `<sample>-input` and `<sample>-output`.
    """

    table = "token_prices"
    unit: Literal["CNY/Mtoken", "USD/Mtoken"]
    provider: str
    model: str
    side: Literal["input", "output"]


class PowerSpecialRow(FactRow):
    """Prices of power that were claimed or estimated for data centres."""

    table = "power_special"
    unit: Literal["CNY/kWh"]
    region_zh: str


class PowerComponentRow(FactRow):
    """Parts of a power bill and ratios of periods, each for its own voltage: they are not added to a tariff."""

    table = "power_components"
    unit: Literal["CNY/kWh", "ratio"]
    region: Id
    area_zh: str = ""
    voltage: str = ""
