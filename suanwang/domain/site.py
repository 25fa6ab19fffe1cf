"""Sites, their pools, the links between them, and the grid that joins them."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from typing import Self, TypeVar

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.budget import Budget
from suanwang.domain.entitlement import Entitlements
from suanwang.domain.geography import City, LatencyModel, great_circle_km
from suanwang.domain.money import Money
from suanwang.domain.price import PriceBook, in_force
from suanwang.domain.programme import Programme
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.signal import Signal, overlaid
from suanwang.domain.tariff import Tariff
from suanwang.errors import Message, NotFound, msg


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An AI computing centre. Carbon in kg/kWh: location-based always, market-based where a contract gives it.

    `power`: price of a kWh at the meter where it is known otherwise than by the tariff (spot market, forecast).
    `told`: the signals that it had from elsewhere when it was read, by field.
    """

    id: str
    name: str
    zone: tzinfo
    latitude: float
    longitude: float
    tariff: Tariff
    pue: Signal
    carbon_location: Signal
    carbon_market: Signal | None = None
    power: Signal | None = None
    name_zh: str = ""
    province: str = ""
    hub: str = ""
    drained: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Signal] = field(default_factory=dict)

    def power_price(self, start: datetime, end: datetime) -> Signal:
        """Price of energy at the wall of the site, currency/kWh, in the site's own hours."""
        tariff = self.tariff.signal(self.zone, start, end)
        known = None if self.power is None else self.power.between(start, tariff.until)
        return tariff if known is None else tariff.under(known)

    def heard(self, signals: Mapping[str, Signal]) -> Self:
        """The site with what was heard from elsewhere (`power`, `pue`, `carbon`, `carbon_market`): that holds where it
        is known, and elsewhere what held before. Between two prices of power that leave a gap the tariff holds."""
        market, pue, carbon = (signals.get(name) for name in ("carbon_market", "pue", "carbon"))
        power = signals.get("power")
        if power is not None and self.power is not None:
            power = self._filled(self.power, power)
        if market is not None and self.carbon_market is not None:
            market = self.carbon_market.under(market)
        return replace(
            self,
            power=power or self.power,
            pue=self.pue.under(pue) if pue else self.pue,
            carbon_location=self.carbon_location.under(carbon) if carbon else self.carbon_location,
            carbon_market=market or self.carbon_market,
        )

    def _filled(self, known: Signal, heard: Signal) -> Signal:
        """Both prices of power as one, with the tariff between them; the later one where the tariff has none there."""
        gap = min(known.until, heard.until), max(known.edges[0], heard.edges[0])
        between: list[Signal] = []
        with suppress(MissingFigure):
            between += [self.tariff.signal(self.zone, *gap)] if gap[0] < gap[1] else []
        return overlaid([*between, known, heard])[-1]

    def power_price_it(self, start: datetime, end: datetime) -> Signal:
        """Price of a kWh that reaches the IT equipment: tariff x PUE, currency/kWh."""
        price = self.power_price(start, end)
        return price.product(self.pue, price.unit, start, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """Accelerators of a pool that the grid may not use in [start, end), aware UTC: a reservation, maintenance."""

    start: datetime
    end: datetime
    accelerators: int
    why: str = ""

    def __post_init__(self) -> None:
        if self.end <= self.start or self.accelerators < 1:
            raise ValueError("a closure is of at least one accelerator and ends after it starts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One kind of node at a site, with its engine and queue. `node_overhead_w`: watts of a node beside its cards.

    `software_factor`: achieved over modelled speed of the pool's software stack (1.0 until a run has been measured).
    `options`: how its engine is reached and asked, in the engine's own words.
    """

    id: str
    site_id: str
    accelerator: Accelerator
    nodes: int
    accelerators_per_node: int
    engine: str
    price_book_id: str
    queue: str = ""
    node_overhead_w: float | None = None
    node_network_bytes_per_s: float | None = None
    drained: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    software_factor: float = 1.0
    closures: tuple[Closure, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.nodes < 1 or self.accelerators_per_node < 1:
            raise ValueError(f"pool {self.id}: nodes and accelerators_per_node must be at least 1")

    @property
    def accelerators(self) -> int:
        return self.nodes * self.accelerators_per_node


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A line between two places (site or city ids), both ways alike. `price_per_gb` None = not priced: refuses."""

    a: str
    b: str
    bytes_per_s: float
    price_per_gb: Money | None = None
    round_trip_ms: float | None = None

    def joins(self, a: str, b: str) -> bool:
        return {self.a, self.b} == {a, b}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Who orders. `credit_limit`: how far the account may go below zero (0 = prepaid). `facts` feed voucher rules."""

    id: str
    name: str
    credit_limit: Money
    name_zh: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Everything that placement may choose from. Ids are unique and references resolve (checked where it is read).

    `policy`: the policy that admits its jobs. `entitlements`: who is entitled to how much. `zone`: on
    whose clock its months and years begin.
    """

    id: str
    currency: str
    sites: tuple[Site, ...]
    pools: tuple[Pool, ...]
    links: tuple[Link, ...]
    cities: tuple[City, ...]
    price_books: tuple[PriceBook, ...]
    tenants: tuple[Tenant, ...] = ()
    programmes: tuple[Programme, ...] = ()
    carbon_price_per_t: Money | None = None
    latency: LatencyModel = LatencyModel()
    policy: str = "fcfs"
    entitlements: Entitlements = Entitlements()
    budgets: tuple[Budget, ...] = ()
    zone: tzinfo = UTC

    def site(self, site_id: str) -> Site:
        return _one(self.sites, msg("site"), site_id)

    def pool(self, pool_id: str) -> Pool:
        return _one(self.pools, msg("pool"), pool_id)

    def city(self, city_id: str) -> City:
        return _one(self.cities, msg("city"), city_id)

    def tenant(self, tenant_id: str) -> Tenant:
        return _one(self.tenants, msg("tenant"), tenant_id)

    def programme(self, programme_id: str) -> Programme:
        return _one(self.programmes, msg("programme"), programme_id)

    def link(self, a: str, b: str) -> Link | None:
        return next((link for link in self.links if link.joins(a, b)), None)

    def price_book(self, book_id: str, when: datetime) -> PriceBook | None:
        """The version of a book in force at a time: the latest effective one; None where there is none yet."""
        return in_force(self.price_books, book_id, when)

    def price_book_of(self, pool: Pool, when: datetime) -> PriceBook:
        """The book in force for a pool. Raises MissingFigure: a missing price is never 0."""
        book = self.price_book(pool.price_book_id, when)
        if book is None:
            raise MissingFigure(
                msg("pool {id}", id=pool.id),
                msg("price at {when} (price book {book!r})", when=when.isoformat(), book=pool.price_book_id),
            )
        return book

    def round_trip_ms(self, city: City, site: Site) -> float:
        """Measured where a link says so, else modelled from the great circle."""
        link = self.link(city.id, site.id)
        if link is not None and link.round_trip_ms is not None:
            return link.round_trip_ms
        km = great_circle_km(city.latitude, city.longitude, site.latitude, site.longitude)
        return self.latency.round_trip_ms(km)


Thing = TypeVar("Thing", Site, Pool, City, Tenant, Programme)


def _one(things: tuple[Thing, ...], noun: Message, wanted: str) -> Thing:
    for thing in things:
        if thing.id == wanted:
            return thing
    known = ", ".join(sorted(t.id for t in things)) or msg("none")
    raise NotFound(
        "not-found",
        msg("no {noun} {wanted!r} in the grid", noun=noun, wanted=wanted),
        msg("The grid has: {known}.", known=known),
    )
