"""The catalog: facts about accelerators, systems, places, tariffs, carbon, prices and models, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from suanwang.domain.accelerator import Accelerator, System
from suanwang.domain.geography import City
from suanwang.domain.model import ModelSpec
from suanwang.domain.money import Money
from suanwang.domain.provenance import MissingFigure, Provenance
from suanwang.domain.tariff import Tariff
from suanwang.errors import Message, NotFound, msg


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A cluster of one of the national hub nodes (枢纽节点), with the limits that its approval set."""

    id: str
    hub: str
    hub_zh: str
    name: str
    name_zh: str
    province: str
    latitude: float
    longitude: float
    role: str
    provenance: Provenance
    region: str = ""
    province_zh: str = ""
    start_zone_zh: str = ""
    pue_limit: float | None = None
    rack_utilisation_min_percent: float | None = None
    green_power_min_percent: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarbonFactor:
    """kg CO2 per kWh of a region in a year; `basis` says location-based average, market-based residual, and so on.

    `year` is None where the publisher does not say it.
    """

    id: str
    region: str
    name: str
    name_zh: str
    year: int | None
    kg_per_kwh: float
    basis: str
    provenance: Provenance
    scope: str = ""
    publisher: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketPrice:
    """A dated sample of what an accelerator rents for, per card and hour. Not a live feed."""

    id: str
    accelerator: str
    per_accelerator_hour: Money
    channel: str
    term: str
    region: str
    count: int
    provenance: Provenance
    provider: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A single figure (cooling, network, latency, project) with its unit; low and high where published.

    `value` is None for a gap that is known: nothing trustworthy was found, or only a range was published.
    """

    id: str
    table: str
    name: str
    value: float | None
    unit: str
    provenance: Provenance
    low: float | None = None
    high: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def value_or_raise(self) -> float:
        """The figure in `unit`. Raises MissingFigure."""
        if self.value is None:
            raise MissingFigure(
                msg("{table} {id}", table=self.table, id=self.id), msg("value in {unit}", unit=self.unit)
            )
        return self.value


TABLES = ("accelerators", "systems", "hubs", "cities", "tariffs", "carbon", "prices", "models", "facts")
"""The tables of a catalog that can be looked through, by the name of their field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Every table by id. A user's overlay has replaced or added rows; `origin[table/id]` says which file a row is from.

    `accelerator`, `model`, `tariff`, `carbon_factor`, `city`, `fact` raise NotFound with what is near.
    """

    accelerators: Mapping[str, Accelerator]
    systems: Mapping[str, System]
    hubs: Mapping[str, Hub]
    cities: Mapping[str, City]
    tariffs: Mapping[str, Tariff]
    carbon: Mapping[str, CarbonFactor]
    prices: Mapping[str, MarketPrice]
    models: Mapping[str, ModelSpec]
    facts: Mapping[str, Fact]
    origin: Mapping[str, str] = field(default_factory=dict)

    def accelerator(self, wanted: str) -> Accelerator:
        return find(self.accelerators, msg("accelerator"), wanted)

    def model(self, wanted: str) -> ModelSpec:
        return find(self.models, msg("model"), wanted)

    def tariff(self, wanted: str) -> Tariff:
        return find(self.tariffs, msg("tariff"), wanted)

    def carbon_factor(self, wanted: str) -> CarbonFactor:
        return find(self.carbon, msg("carbon factor"), wanted)

    def city(self, wanted: str) -> City:
        return find(self.cities, msg("city"), wanted)

    def fact(self, wanted: str) -> Fact:
        return find(self.facts, msg("fact"), wanted)


Row = TypeVar("Row")


def find(table: Mapping[str, Row], noun: Message, wanted: str) -> Row:
    """The row with that id. Raises NotFound, which lists the nearest ids."""
    if wanted in table:
        return table[wanted]
    near = get_close_matches(wanted, table, n=5, cutoff=0.4) or sorted(table)[:5]
    raise NotFound(
        "not-found",
        msg("the catalog has no {noun} {wanted!r}", noun=noun, wanted=wanted),
        msg("Nearest: {near}. See `suanwang catalog list`.", near=", ".join(near) or msg("none")),
    )
