"""What lists and pages of the hub show: one line of a job, a site and its pools as they are now, the books of a tenant.

Figures of one moment: price of power in currency/kWh, carbon in kg/kWh (location-based), PUE as a ratio.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from suanwang.domain.job import Job, JobState
from suanwang.domain.ledger import Balance, Transfer
from suanwang.domain.money import Money
from suanwang.domain.order import Capacity
from suanwang.domain.reason import Reason
from suanwang.domain.site import Pool, Site
from suanwang.domain.voucher import Voucher
from suanwang.domain.workload import WorkloadKind
from suanwang.errors import Message, NotNow, SuanwangError
from suanwang.service.hub import Hub
from suanwang.settle import tenant_id, voucher_id


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """A job in a list: what it is, where it stands and why, where and when it runs, what it costs at most."""

    id: str
    name: str
    kind: WorkloadKind
    tenant: str
    project: str
    state: JobState
    outcome: JobState | None
    reason: Reason | None
    detail: Message | None
    cancel_requested: bool
    attempt: int
    created: datetime
    updated: datetime
    site_id: str
    pool_id: str
    accelerators: int
    start: datetime | None
    end: datetime | None
    billed: Money | None
    billed_high: Money | None

    @classmethod
    def of(cls, job: Job) -> "JobLine":
        option = job.placement.option if job.placement else None
        return cls(
            id=job.id,
            name=job.workload.name,
            kind=job.workload.kind,
            tenant=job.tenant,
            project=job.workload.labels.get("project", ""),
            state=job.state,
            outcome=job.outcome,
            reason=job.reason,
            detail=job.detail,
            cancel_requested=job.cancel_requested,
            attempt=job.attempt,
            created=job.created,
            updated=job.updated,
            site_id=option.site_id if option else "",
            pool_id=option.pool_id if option else "",
            accelerators=option.accelerators if option else 0,
            start=option.start if option else None,
            end=option.end if option else None,
            billed=option.billed if option else None,
            billed_high=option.billed_high if option else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatus:
    """A pool now. `present` and `free` accelerators as its engine says; None where it does not answer."""

    id: str
    site_id: str
    accelerator_id: str
    accelerators: int
    engine: str
    queue: str
    price_book_id: str
    labels: Mapping[str, str]
    drained: bool
    healthy: bool
    present: int | None
    free: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteStatus:
    """A site now. A figure is None where the site's signal does not reach this moment."""

    id: str
    name: str
    name_zh: str
    province: str
    hub: str
    zone: str
    latitude: float
    longitude: float
    labels: Mapping[str, str]
    drained: bool
    power_price_per_kwh: float | None
    power_price_unit: str
    pue: float | None
    carbon_kg_per_kwh: float | None
    pools: tuple[PoolStatus, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherLeft:
    """A voucher and what is left of it."""

    voucher: Voucher
    left: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherList:
    """Vouchers, soonest expiry first."""

    vouchers: tuple[VoucherLeft, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteList:
    """Sites in the order of the grid file."""

    sites: tuple[SiteStatus, ...]


def site_status(hub: Hub, site: Site, capacities: Mapping[str, Capacity | None]) -> SiteStatus:
    """A site with its pools; `capacities` as `ask_pools` gives them."""
    now = hub.clock.now()
    power = _at(lambda: site.power_price(now, now + timedelta(hours=1)).at(now))
    return SiteStatus(
        id=site.id,
        name=site.name,
        name_zh=site.name_zh,
        province=site.province,
        hub=site.hub,
        zone=str(site.zone),
        latitude=site.latitude,
        longitude=site.longitude,
        labels=site.labels,
        drained=site.drained,
        power_price_per_kwh=power,
        power_price_unit=f"{hub.grid.currency}/kWh",
        pue=_at(lambda: site.pue.at(now)),
        carbon_kg_per_kwh=_at(lambda: site.carbon_location.at(now)),
        pools=tuple(_pool_status(p, capacities.get(p.id)) for p in hub.grid.pools if p.site_id == site.id),
    )


def _at(read: Callable[[], float]) -> float | None:
    try:
        return read()
    except SuanwangError:
        return None


def _pool_status(pool: Pool, capacity: Capacity | None) -> PoolStatus:
    return PoolStatus(
        id=pool.id,
        site_id=pool.site_id,
        accelerator_id=pool.accelerator.id,
        accelerators=pool.accelerators,
        engine=pool.engine,
        queue=pool.queue,
        price_book_id=pool.price_book_id,
        labels=pool.labels,
        drained=pool.drained,
        healthy=capacity.healthy if capacity else False,
        present=capacity.accelerators if capacity else None,
        free=capacity.free if capacity else None,
    )


def ask_pools(hub: Hub, pool_ids: Iterable[str]) -> dict[str, Capacity | None]:
    """What each pool's engine has now; None where it does not answer, or is not driven by this hub."""
    return {pool_id: _ask(hub, pool_id) for pool_id in pool_ids}


def _ask(hub: Hub, pool_id: str) -> Capacity | None:
    if pool_id not in hub.engines:
        return None
    try:
        return hub.engine(pool_id).capacity(pool_id)
    except NotNow:
        return None


def vouchers_left(hub: Hub, tenant: str) -> tuple[VoucherLeft, ...]:
    """A tenant's vouchers ("": everybody's) with what is left of each, soonest expiry first."""
    with hub.store.transaction() as tx:
        found = tx.ledger.vouchers(tenant=tenant)
        left = [tx.ledger.balance(voucher_id(v.id)) for v in found]
    return tuple(VoucherLeft(voucher=v, left=Money(b.available, b.unit)) for v, b in zip(found, left, strict=True))


def balance_of(hub: Hub, tenant: str) -> Balance:
    """The money of a tenant, in the grid's currency. Raises NotFound."""
    with hub.store.transaction() as tx:
        return tx.ledger.balance(tenant_id(tenant, hub.grid.currency))


def transfers_of(hub: Hub, tenant: str, after: int, limit: int) -> list[Transfer]:
    """What moved a tenant's money, in the order it was posted."""
    with hub.store.transaction() as tx:
        return tx.ledger.transfers(account_id=tenant_id(tenant, hub.grid.currency), after=after, limit=limit)
