"""The fields of the grid file, version 1 (those of a site are in site_fields)."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Strict, Tag

from suanwang.domain.budget import OnLimit
from suanwang.domain.period import Span
from suanwang.schemas.entitlements import EntitlementSection
from suanwang.schemas.price_book_fields import Number, PriceBookSection
from suanwang.schemas.programme_fields import ProgrammeSection
from suanwang.schemas.quantities import Amount, AmountPerGB, AmountPerTonne, Bandwidth, Currency, DurationOrZero, Power
from suanwang.schemas.section import API_VERSION, Argument, Name, Section, Text, Word
from suanwang.schemas.site_fields import Latitude, Longitude, SiteSection
from suanwang.schemas.times import Instant, Zone


class ClosureSection(Section):
    """A time in which the grid may not use some accelerators of a pool."""

    since: Instant = Field(alias="from", description="From then on.")
    until: Instant = Field(alias="to", description="Until then.")
    accelerators: Number | None = Field(None, description="How many; all of the pool if not given.")
    why: Text = Field("", description="Reservation, maintenance …")


class PoolSection(Section):
    """One kind of node at a site, with its engine and queue."""

    id: Word = Field(description="Id.")
    site: Name = Field(description="Site (id) that it stands at.")
    accelerator: Name | None = Field(None, description="Accelerator (catalog id); give it or system.")
    system: Name | None = Field(None, description="System (catalog id); gives accelerator, cards, overhead, network.")
    nodes: Number = Field(description="Nodes.")
    accelerators_per_node: Number | None = Field(None, description="Cards of a node; needed without system.")
    engine: Word = Field(description="Engine that runs the work: local, slurm, ray, kubernetes, simulated …")
    queue: Text = Field("", description="Queue or partition of the engine.")
    options: dict[Name, Argument] = Field({}, description="How the engine is reached and asked; each has its own.")
    price_book: Name = Field(description="Price book (id).")
    node_overhead: Power | None = Field(None, description="Power of a node beside its cards.")
    node_network: Bandwidth | None = Field(None, description="Network of a node, all its ports together.")
    software_factor: Annotated[float, Field(gt=0, le=10)] = Field(
        1.0, description="Achieved over modelled speed of its software; 1 until measured."
    )
    drained: bool = Field(False, description="Takes no new work.")
    closures: list[ClosureSection] = Field([], description="Reservations and maintenance.")
    labels: dict[Name, Argument] = Field({}, description="Labels that a workload may require.")


class LinkSection(Section):
    """A line between two places, both ways alike."""

    between: list[Name] = Field(min_length=2, max_length=2, description="Two ids of sites or cities.")
    bandwidth: Bandwidth = Field(description="Bytes that it carries.")
    price: AmountPerGB | None = Field(None, description="Price of a GB; without it, moving data is refused.")
    round_trip: DurationOrZero | None = Field(None, description="Measured round trip; modelled if not given.")


class CitySection(Section):
    """A place where users or data are, which the catalog does not have."""

    id: Word = Field(description="Id.")
    name: Name = Field(description="Name.")
    name_zh: Text = Field("", description="Chinese name.")
    latitude: Latitude = Field(description="Degrees north.")
    longitude: Longitude = Field(description="Degrees east.")
    province: Text = Field("", description="Province (ISO 3166-2).")


class TenantSection(Section):
    """Who orders."""

    id: Word = Field(description="Id.")
    name: Name = Field(description="Name.")
    name_zh: Text = Field("", description="Chinese name.")
    credit_limit: Amount | None = Field(None, description="How far its account may go below 0; prepaid if not given.")
    facts: dict[Name, Argument] = Field({}, description="Facts that voucher rules ask for, such as legal_form.")


class BudgetSection(Section):
    """How much a tenant, project or user may take in each period; give `money` or `accelerator_hours`."""

    id: Word = Field(description="Id.")
    tenant: Name = Field(description="Tenant (id).")
    project: Text = Field("", description="Only jobs with this label `project`; all of the tenant's if not given.")
    user: Text = Field("", description="Only jobs with this label `user`; all if not given.")
    period: Annotated[Span, Strict(False)] = Field(Span.MONTH, description="month, quarter, year or total.")
    money: Amount | None = Field(None, description="Most of the tenant's own money in a period.")
    accelerator_hours: Annotated[float, Field(gt=0, le=10**12)] | None = Field(
        None, description="Most accelerator-hours in a period (a quota)."
    )
    warn_percent: list[Annotated[int, Field(ge=1, le=1000)]] = Field(
        [50, 80, 100], description="Shares of the limit that are reported when they are passed."
    )
    on_limit: Annotated[OnLimit, Strict(False)] = Field(
        OnLimit.REFUSE, description="refuse: a job beyond the limit fails; warn: it is only reported."
    )


class LatencySection(Section):
    """How round trips are modelled where none was measured."""

    fibre_us_per_km: Annotated[float, Field(gt=0, le=100)] = Field(4.897, description="Delay of fibre, one way, us/km.")
    route_factor: Annotated[float, Field(ge=1, le=10)] = Field(1.4, description="Length of routes over great circle.")
    equipment: DurationOrZero | None = Field(None, description="Delay of equipment, both ways; 1 ms if not given.")


CityChoice = Annotated[
    Annotated[Name, Tag("<name>")] | Annotated[CitySection, Tag("<mapping>")],
    Discriminator(lambda value: "<name>" if isinstance(value, str) else "<mapping>"),
]


class GridSection(Section):
    """Sites, pools, links and prices that placement chooses from."""

    id: Word = Field(description="Id.")
    currency: Currency = Field(description="Currency of all prices (ISO 4217).")
    carbon_price: AmountPerTonne | None = Field(None, description="Price of a tonne of CO2; not counted if not given.")
    latency: LatencySection | None = Field(None, description="Model of round trips; its defaults if not given.")
    policy: Name = Field("fcfs", description="Policy that admits its jobs: fcfs, las(quantum=2h), fair_share …")
    sites: list[SiteSection] = Field(min_length=1, description="Sites.")
    pools: list[PoolSection] = Field(min_length=1, description="Pools.")
    links: list[LinkSection] = Field([], description="Links.")
    cities: list[CityChoice] | None = Field(
        None, description="Cities: catalog ids or one's own; all of the catalog if not given."
    )
    price_books: list[PriceBookSection] = Field([], description="Price books; files of their own add to them.")
    tenants: list[TenantSection] = Field([], description="Tenants.")
    entitlements: list[EntitlementSection] = Field([], description="Who is entitled to how much.")
    programmes: list[ProgrammeSection] = Field([], description="Voucher programmes.")
    budgets: list[BudgetSection] = Field([], description="Budgets and quotas.")
    zone: Zone | None = Field(None, description="On whose clock months and years begin; UTC if not given.")


class GridFile(Section):
    """A grid file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["Grid"] = Field(description="What the file describes.")
    grid: GridSection = Field(description="The grid.")
