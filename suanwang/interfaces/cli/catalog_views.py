"""What the catalog commands show: which tables there are, the columns of a list, the figures of one row."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from suanwang.domain.accelerator import DTYPES, Accelerator, System
from suanwang.domain.catalog import CarbonFactor, Catalog, Fact, Hub, MarketPrice
from suanwang.domain.geography import City
from suanwang.domain.model import ModelSpec
from suanwang.domain.money import Money
from suanwang.domain.provenance import Provenance
from suanwang.domain.tariff import Tariff, TariffPeriod

UNKNOWN = "unknown (not published)"

Thing = Accelerator | System | Hub | City | Tariff | CarbonFactor | MarketPrice | ModelSpec | Fact

HOLDS: Mapping[str, str] = {
    "accelerators": "cards: dense peaks, memory, links, power, measured efficiency",
    "systems": "servers and racks as sold",
    "hubs": "clusters of the national hub nodes, with the limits of their approval",
    "cities": "cities where users and data are, or sites may stand",
    "tariffs": "samples of time-of-use power prices, with their hours",
    "carbon": "kg CO2 per kWh by region, year and basis",
    "prices": "dated samples of rent, per card and hour",
    "models": "shapes of open models",
    "measured": "measured rates of cards whose peak is not published",
    "cooling": "PUE, WUE and capital cost by way of cooling",
    "network": "delays, rates, limits and prices of lines",
    "latency": "round trips between hub clusters and cities (modelled)",
    "projects": "published capacity and cost of computing centres",
    "purchase_prices": "what cards, nodes and racks were sold for",
    "power_special": "claimed or estimated power prices for data centres",
    "power_components": "parts of a power bill, each for its own voltage",
}
"""table -> what it holds, in the order in which they are listed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row; `value` None is not published."""

    name: str
    value: str | None
    unit: str
    provenance: Provenance | None


def tables(catalog: Catalog) -> dict[str, Mapping[str, Thing]]:
    """Every table by name, in the order of HOLDS."""
    found: dict[str, Mapping[str, Thing]] = {
        name: getattr(catalog, name) for name in HOLDS if name in Catalog.__dataclass_fields__
    }
    for name in HOLDS:
        found.setdefault(name, {key: fact for key, fact in catalog.facts.items() if fact.table == name})
    return found


def number(value: float | Decimal | None, factor: float = 1) -> str | None:
    """A figure for reading: at most 10 digits, grouped by thousands; None stays None."""
    return None if value is None else f"{float(value) / factor:,.10g}"


def figures(thing: Thing) -> list[Figure]:
    """Every figure of a row with its unit and where it is from."""
    own = [Figure(name, value or None, unit, thing.provenance) for name, value, unit in _FIGURES[type(thing)](thing)]
    if isinstance(thing, Accelerator):
        own += [
            Figure(f"measured / peak, {e.dtype} ({e.method})", number(e.ratio), "ratio", e.provenance)
            for e in thing.efficiencies
        ]
    if isinstance(thing, Tariff):
        own += [Figure(f"hours, {p.name}", hours(p), "local time", p.provenance) for p in thing.periods]
        own.append(Figure("hours, any other", thing.base, "", thing.provenance))
    return own


Cells = tuple[str, str | None, str]


def _accelerator(a: Accelerator) -> Iterator[Cells]:
    yield from (("vendor", a.vendor, ""), ("kind", a.kind.value, ""), ("year", str(a.year) if a.year else None, ""))
    yield "form factor", a.form_factor, ""
    for dtype in DTYPES:
        yield (
            f"dense peak, {dtype}",
            number(a.peak_flops_per_s.get(dtype), 1e12),
            "TOPS" if dtype == "int8" else "TFLOPS",
        )
    yield "memory", number(a.memory_bytes, 1e9), "GB"
    yield "memory type", a.memory_type, ""
    yield "memory bandwidth", number(a.memory_bytes_per_s, 1e9), "GB/s"
    yield "link", a.link, ""
    yield "link bandwidth, both ways", number(a.link_bytes_per_s, 1e9), "GB/s"
    yield "power of the card", number(a.power_w), "W"


def _system(s: System) -> Iterator[Cells]:
    yield from (("vendor", s.vendor, ""), ("accelerator", s.accelerator_id, ""))
    yield "accelerators in a node", str(s.accelerators_per_node), ""
    yield "power of the node", number(s.node_power_w, 1000), "kW"
    yield (
        "network of the node, one way",
        number(s.node_network_bytes_per_s and s.node_network_bytes_per_s * 8, 1e9),
        "Gbit/s",
    )
    yield "cooling", s.cooling, ""


def _hub(h: Hub) -> Iterator[Cells]:
    yield from (("hub node", f"{h.hub} {h.hub_zh}", ""), ("province", f"{h.province} {h.province_zh}", ""))
    yield from (("region", h.region, ""), ("start zone", h.start_zone_zh, ""), ("role", h.role, ""))
    yield from (("latitude", number(h.latitude), "degrees"), ("longitude", number(h.longitude), "degrees"))
    yield "PUE at most", number(h.pue_limit), "ratio"
    yield "rack utilisation at least", number(h.rack_utilisation_min_percent), "percent"
    yield "green power at least", number(h.green_power_min_percent), "percent"


def _city(c: City) -> Iterator[Cells]:
    yield from (
        ("province", f"{c.province} {c.province_zh}".strip(), ""),
        ("region", c.region, ""),
        ("role", c.role, ""),
    )
    yield from (("latitude", number(c.latitude), "degrees"), ("longitude", number(c.longitude), "degrees"))


def _tariff(t: Tariff) -> Iterator[Cells]:
    yield from (("region", t.region, ""), ("voltage", t.voltage, ""))
    for name in dict.fromkeys((*(p.name for p in t.periods), t.base, *t.prices)):
        yield f"price, {name}", number(t.prices.get(name)), f"{t.currency}/kWh"


def hours(period: TariffPeriod) -> str:
    """ "07:00-09:00 17:00-23:00, months 7 8" of a period."""
    clock = " ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in period.minutes)
    months = "" if len(period.months) == 12 else ", months " + " ".join(map(str, sorted(period.months)))
    days = "" if len(period.weekdays) == 7 else ", weekdays " + " ".join(map(str, sorted(period.weekdays)))
    return clock + months + days


def _carbon(c: CarbonFactor) -> Iterator[Cells]:
    yield from (("region", c.region, ""), ("scope", c.scope, ""), ("year", str(c.year) if c.year else None, ""))
    yield from (("carbon", number(c.kg_per_kwh), "kg/kWh"), ("basis", c.basis, ""), ("publisher", c.publisher, ""))


def _price(p: MarketPrice) -> Iterator[Cells]:
    yield "accelerator", p.accelerator, ""
    yield "rent", number(p.per_accelerator_hour.decimal), f"{p.per_accelerator_hour.unit} per card and hour"
    yield from (
        ("provider", p.provider, ""),
        ("channel", p.channel, ""),
        ("term", p.term, ""),
        ("region", p.region, ""),
    )
    yield "cards of the offer", str(p.count), ""


def _model(m: ModelSpec) -> Iterator[Cells]:
    yield "parameters, published", number(m.parameters_published), ""
    for name in ("layers", "hidden", "heads", "kv_heads", "head_size", "ffn", "vocab"):
        yield name, number(getattr(m, name)), ""
    yield from (("gated", str(m.gated).lower(), ""), ("tied embeddings", str(m.tied_embeddings).lower(), ""))
    yield "context", number(m.context), "tokens"
    names = "sliding_window experts experts_per_token shared_experts expert_ffn dense_layers"
    for name in (*names.split(), "kv_latent", "query_latent", "rope_size"):
        if getattr(m, name):
            yield name, number(getattr(m, name)), ""


def _fact(f: Fact) -> Iterator[Cells]:
    yield from (("value", number(f.value), f.unit), ("low", number(f.low), f.unit), ("high", number(f.high), f.unit))
    yield from ((name, value, "") for name, value in f.attributes.items())


_FIGURES: Mapping[type, Callable[..., Iterator[Cells]]] = {
    Accelerator: _accelerator,
    System: _system,
    Hub: _hub,
    City: _city,
    Tariff: _tariff,
    CarbonFactor: _carbon,
    MarketPrice: _price,
    ModelSpec: _model,
    Fact: _fact,
}

COLUMNS: Mapping[str, Sequence[str]] = {
    "accelerators": ("vendor", "kind", "dense peak, bf16", "dense peak, fp16", "memory", "power of the card"),
    "systems": ("accelerator", "accelerators in a node", "power of the node"),
    "hubs": ("region", "PUE at most", "green power at least"),
    "cities": ("region", "role"),
    "tariffs": ("price, peak", "price, flat", "price, valley", "hours, valley"),
    "carbon": ("carbon", "basis", "year"),
    "prices": ("accelerator", "rent", "channel", "term"),
    "models": ("parameters, published", "layers", "hidden", "context"),
}
"""Figures that a list shows beside id and confidence; a table of facts shows value, low, high."""


def listing(table: str, rows: Mapping[str, Thing]) -> tuple[list[str], list[list[str]]]:
    """Header and lines of a table, by id; each figure with its unit; unknown ones as "?"."""
    wanted = COLUMNS.get(table, ("value", "low", "high"))
    lines = []
    for key in sorted(rows):
        known = {f.name: f for f in reversed(figures(rows[key]))}
        cells = [f"{f.value} {f.unit}".strip() if (f := known.get(n)) and f.value else "?" for n in wanted]
        source = rows[key].provenance
        lines.append(
            [key, *cells, (source.date if source else "") or "undated", source.confidence.value if source else ""]
        )
    return ["id", *wanted, "date", "confidence"], lines


def as_json(thing: object) -> object:
    """A row as JSON: figures in the base units that the names of the fields end with, money and prices as text."""
    if isinstance(thing, Money):
        return {"amount": str(thing.decimal), "unit": thing.unit}
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return {f.name: as_json(getattr(thing, f.name)) for f in dataclasses.fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): as_json(value) for key, value in thing.items()}
    if isinstance(thing, Enum):
        return thing.value
    if isinstance(thing, Decimal):
        return str(thing)
    if isinstance(thing, frozenset):
        return sorted(thing)
    if isinstance(thing, tuple | list):
        return [as_json(part) for part in thing]
    return thing
