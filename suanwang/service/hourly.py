"""The grid in one hour of the past or the future: prices, carbon, how many accelerators work, which data moved where.

The past is what was metered, the future what is planned: placements of jobs that run or wait.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from suanwang.domain.job import ACTIVE, Job, JobState
from suanwang.domain.site import Site
from suanwang.errors import SuanwangError
from suanwang.ports import Transaction
from suanwang.service.hub import Hub

HOUR = timedelta(hours=1)
LONGEST = timedelta(days=14)
"""Records of use that began earlier are not looked for."""
AHEAD = (*ACTIVE, JobState.HELD, JobState.PREEMPTED)
JOBS_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteHour:
    """A site in that hour. Prices in the grid's currency per kWh, carbon location-based in kg/kWh; None where its
    signal does not reach so far. `working`: accelerators, mean of the hour, as metered or planned."""

    site_id: str
    power_price_per_kwh: float | None
    pue: float | None
    carbon_kg_per_kwh: float | None
    accelerators: int
    working: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Data that a job of that hour has, or will have, from elsewhere: from a city or site to a site."""

    job_id: str
    workload: str
    data_at: str
    site_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GridHour:
    """[start, start + 1 h), aware UTC. `planned`: it is not over yet."""

    start: datetime
    planned: bool
    sites: tuple[SiteHour, ...]
    flows: tuple[Flow, ...]


@dataclass(frozen=True, slots=True)
class _Work:
    """A job at a site in that hour, with the mean of its accelerators over it."""

    job: Job
    site_id: str
    working: float


def grid_hour(hub: Hub, tenant: str, hours: int) -> GridHour:
    """`hours` from the present one on, which is 0; of a tenant's jobs ("": everybody's)."""
    now = hub.clock.now()
    start = now.replace(minute=0, second=0, microsecond=0) + hours * HOUR
    with hub.store.transaction() as tx:
        work = _planned(tx, tenant, start) if hours >= 0 else _metered(tx, tenant, start)
    flows = [
        Flow(job_id=one.job.id, workload=one.job.workload.name, data_at=data.at, site_id=one.site_id)
        for one in work
        for data in one.job.workload.data
        if data.at != one.site_id
    ]
    return GridHour(
        start=start,
        planned=hours >= 0,
        sites=tuple(_site(hub, site, start, work) for site in hub.grid.sites),
        flows=tuple(flows),
    )


def _site(hub: Hub, site: Site, start: datetime, work: list[_Work]) -> SiteHour:
    return SiteHour(
        site_id=site.id,
        power_price_per_kwh=_known(lambda: site.power_price(start, start + HOUR).at(start)),
        pue=_known(lambda: site.pue.at(start)),
        carbon_kg_per_kwh=_known(lambda: site.carbon_location.at(start)),
        accelerators=sum(pool.accelerators for pool in hub.grid.pools if pool.site_id == site.id),
        working=sum(one.working for one in work if one.site_id == site.id),
    )


def _known(read: Callable[[], float]) -> float | None:
    try:
        return read()
    except SuanwangError:
        return None


def _share(begin: datetime, end: datetime, start: datetime) -> float:
    """How much of the hour lies in [begin, end)."""
    return max(timedelta(), min(end, start + HOUR) - max(begin, start)) / HOUR


def _planned(tx: Transaction, tenant: str, start: datetime) -> list[_Work]:
    found = []
    for job in tx.jobs.find(AHEAD, tenant, JOBS_MAX):
        if job.placement is not None:
            option = job.placement.option
            share = sum(_share(begin, end, start) for begin, end in option.spans)
            found += [_Work(job, option.site_id, share * option.accelerators)] if share else []
    return found


def _metered(tx: Transaction, tenant: str, start: datetime) -> list[_Work]:
    working: dict[tuple[str, str], float] = {}
    for record in tx.usage.between(start - LONGEST, start + HOUR, tenant):
        share = _share(record.start, record.end, start)
        if share:
            key = (record.job_id, record.site_id)
            working[key] = working.get(key, 0.0) + share * record.accelerators
    jobs: Mapping[str, Job] = {job_id: tx.jobs.get(job_id) for job_id, _ in list(working)[:JOBS_MAX]}
    return [_Work(jobs[job_id], site_id, cards) for (job_id, site_id), cards in working.items() if job_id in jobs]
