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
from suanwang.domain.tariff import Tariff, TariffPeriod, period_name
from suanwang.errors import Message, msg

UNKNOWN = msg("unknown (not published)")
UNDATED = msg("undated")

Text = Message | str
"""A name or figure to show; a plain string is the same in every language."""

Thing = Accelerator | System | Hub | City | Tariff | CarbonFactor | MarketPrice | ModelSpec | Fact

HOLDS: Mapping[str, Message] = {
    "accelerators": msg("cards: dense peaks, memory, links, power, measured efficiency"),
    "systems": msg("servers and racks as sold"),
    "hubs": msg("clusters of the national hub nodes, with the limits of their approval"),
    "cities": msg("cities where users and data are, or sites may stand"),
    "tariffs": msg("samples of time-of-use power prices, with their hours"),
    "carbon": msg("kg CO2 per kWh by region, year and basis"),
    "prices": msg("dated samples of rent, per card and hour"),
    "models": msg("shapes of open models"),
    "measured": msg("measured rates of cards whose peak is not published"),
    "cooling": msg("PUE, WUE and capital cost by way of cooling"),
    "network": msg("delays, rates, limits and prices of lines"),
    "latency": msg("round trips between hub clusters and cities (modelled)"),
    "projects": msg("published capacity and cost of computing centres"),
    "purchase_prices": msg("what cards, nodes and racks were sold for"),
    "token_prices": msg("dated samples of what APIs ask for a million tokens"),
    "power_special": msg("claimed or estimated power prices for data centres"),
    "items": msg("items of work that are no text: operations, bytes, usual efficiency"),
    "power_components": msg("parts of a power bill, each for its own voltage"),
}
"""table -> what it holds, in the order in which they are listed."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a row; `value` None is not published."""

    name: Text
    value: Text | None
    unit: Text
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
            Figure(
                msg("measured / peak, {dtype} ({method})", dtype=e.dtype, method=e.method),
                number(e.ratio),
                msg("ratio"),
                e.provenance,
            )
            for e in thing.efficiencies
        ]
    if isinstance(thing, Tariff):
        own += [Figure(_hours_in(p.name), hours(p), msg("local time"), p.provenance) for p in thing.periods]
        own.append(Figure(msg("hours, any other"), period_name(thing.base), "", thing.provenance))
    return own


Cells = tuple[Text, Text | None, Text]


def _dense_peak(dtype: str) -> Message:
    return msg("dense peak, {dtype}", dtype=dtype)


def _price_in(period: str) -> Message:
    return msg("price, {period}", period=period_name(period))


def _hours_in(period: str) -> Message:
    return msg("hours, {period}", period=period_name(period))


def _accelerator(a: Accelerator) -> Iterator[Cells]:
    yield from (
        (msg("vendor"), a.vendor, ""),
        (msg("kind"), a.kind.value, ""),
        (msg("year"), str(a.year) if a.year else None, ""),
    )
    yield msg("form factor"), a.form_factor, ""
    for dtype in DTYPES:
        yield (
            _dense_peak(dtype),
            number(a.peak_flops_per_s.get(dtype), 1e12),
            "TOPS" if dtype == "int8" else "TFLOPS",
        )
    yield msg("memory"), number(a.memory_bytes, 1e9), "GB"
    yield msg("memory type"), a.memory_type, ""
    yield msg("memory bandwidth"), number(a.memory_bytes_per_s, 1e9), "GB/s"
    yield msg("link"), a.link, ""
    yield msg("link bandwidth, both ways"), number(a.link_bytes_per_s, 1e9), "GB/s"
    yield msg("power of the card"), number(a.power_w), "W"


def _system(s: System) -> Iterator[Cells]:
    yield from ((msg("vendor"), s.vendor, ""), (msg("accelerator"), s.accelerator_id, ""))
    yield msg("accelerators in a node"), str(s.accelerators_per_node), ""
    yield msg("power of the node"), number(s.node_power_w, 1000), "kW"
    yield (
        msg("network of the node, one way"),
        number(s.node_network_bytes_per_s and s.node_network_bytes_per_s * 8, 1e9),
        "Gbit/s",
    )
    yield msg("cooling"), s.cooling, ""


def _hub(h: Hub) -> Iterator[Cells]:
    yield from ((msg("hub node"), f"{h.hub} {h.hub_zh}", ""), (msg("province"), f"{h.province} {h.province_zh}", ""))
    yield from ((msg("region"), h.region, ""), (msg("start zone"), h.start_zone_zh, ""), (msg("role"), h.role, ""))
    yield from (
        (msg("latitude"), number(h.latitude), msg("degrees")),
        (msg("longitude"), number(h.longitude), msg("degrees")),
    )
    yield msg("PUE at most"), number(h.pue_limit), msg("ratio")
    yield msg("rack utilisation at least"), number(h.rack_utilisation_min_percent), msg("percent")
    yield msg("green power at least"), number(h.green_power_min_percent), msg("percent")


def _city(c: City) -> Iterator[Cells]:
    yield from (
        (msg("province"), f"{c.province} {c.province_zh}".strip(), ""),
        (msg("region"), c.region, ""),
        (msg("role"), c.role, ""),
    )
    yield from (
        (msg("latitude"), number(c.latitude), msg("degrees")),
        (msg("longitude"), number(c.longitude), msg("degrees")),
    )


def _tariff(t: Tariff) -> Iterator[Cells]:
    yield from ((msg("region"), t.region, ""), (msg("voltage"), t.voltage, ""))
    for name in dict.fromkeys((*(p.name for p in t.periods), t.base, *t.prices)):
        yield _price_in(name), number(t.prices.get(name)), f"{t.currency}/kWh"


def hours(period: TariffPeriod) -> Text:
    """ "07:00-09:00 17:00-23:00, months 7 8" of a period."""
    text: Text = " ".join(f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in period.minutes)
    if len(period.months) < 12:
        text = msg("{hours}, months {months}", hours=text, months=" ".join(map(str, sorted(period.months))))
    if len(period.weekdays) < 7:
        text = msg("{hours}, weekdays {days}", hours=text, days=" ".join(map(str, sorted(period.weekdays))))
    return text


def _carbon(c: CarbonFactor) -> Iterator[Cells]:
    yield from (
        (msg("region"), c.region, ""),
        (msg("scope"), c.scope, ""),
        (msg("year"), str(c.year) if c.year else None, ""),
    )
    yield from (
        (msg("carbon"), number(c.kg_per_kwh), "kg/kWh"),
        (msg("basis"), c.basis, ""),
        (msg("publisher"), c.publisher, ""),
    )


def _price(p: MarketPrice) -> Iterator[Cells]:
    yield msg("accelerator"), p.accelerator, ""
    yield (
        msg("rent"),
        number(p.per_accelerator_hour.decimal),
        msg("{currency} per card and hour", currency=p.per_accelerator_hour.unit),
    )
    yield from (
        (msg("provider"), p.provider, ""),
        (msg("channel"), p.channel, ""),
        (msg("term"), p.term, ""),
        (msg("region"), p.region, ""),
    )
    yield msg("cards of the offer"), str(p.count), ""


def _model(m: ModelSpec) -> Iterator[Cells]:
    yield msg("parameters, published"), number(m.parameters_published), ""
    for name in ("layers", "hidden", "heads", "kv_heads", "head_size", "ffn", "vocab"):
        yield name, number(getattr(m, name)), ""
    yield from ((msg("gated"), str(m.gated).lower(), ""), (msg("tied embeddings"), str(m.tied_embeddings).lower(), ""))
    yield msg("context"), number(m.context), msg("tokens")
    names = "sliding_window experts experts_per_token shared_experts expert_ffn dense_layers"
    for name in (*names.split(), "kv_latent", "query_latent", "rope_size"):
        if getattr(m, name):
            yield name, number(getattr(m, name)), ""


def _fact(f: Fact) -> Iterator[Cells]:
    yield from (
        (msg("value"), number(f.value), f.unit),
        (msg("low"), number(f.low), f.unit),
        (msg("high"), number(f.high), f.unit),
    )
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

COLUMNS: Mapping[str, Sequence[Text]] = {
    "accelerators": (
        msg("vendor"),
        msg("kind"),
        _dense_peak("bf16"),
        _dense_peak("fp16"),
        msg("memory"),
        msg("power of the card"),
    ),
    "systems": (msg("accelerator"), msg("accelerators in a node"), msg("power of the node")),
    "hubs": (msg("region"), msg("PUE at most"), msg("green power at least")),
    "cities": (msg("region"), msg("role")),
    "tariffs": (_price_in("peak"), _price_in("flat"), _price_in("valley"), _hours_in("valley")),
    "carbon": (msg("carbon"), msg("basis"), msg("year")),
    "prices": (msg("accelerator"), msg("rent"), msg("channel"), msg("term")),
    "models": (msg("parameters, published"), "layers", "hidden", msg("context")),
}
"""Figures that a list shows beside id and confidence; a table of facts shows value, low, high."""


def listing(table: str, rows: Mapping[str, Thing], shown: Callable[[Text], str]) -> tuple[list[Text], list[list[Text]]]:
    """Header and lines of a table, by id; each figure with its unit; unknown ones as "?". `shown`: a text as read."""
    wanted = COLUMNS.get(table, (msg("value"), msg("low"), msg("high")))
    lines: list[list[Text]] = []
    for key in sorted(rows):
        known = {f.name: f for f in reversed(figures(rows[key]))}
        cells = [
            f"{shown(f.value)} {shown(f.unit)}".strip() if (f := known.get(n)) and f.value else "?" for n in wanted
        ]
        source = rows[key].provenance
        lines.append(
            [key, *cells, (source.date if source else "") or UNDATED, source.confidence.value if source else ""]
        )
    return ["id", *wanted, msg("date"), msg("confidence")], lines


def as_json(thing: object) -> object:
    """A row as JSON: figures in the base units that the names of the fields end with, money and prices as text."""
    if isinstance(thing, Message):
        return str(thing)
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
