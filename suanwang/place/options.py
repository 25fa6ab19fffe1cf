"""Options: which pools can have a workload at all, what moving its data there takes, and why others cannot have it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from functools import reduce
from math import ceil

from suanwang.domain.estimate import Estimate
from suanwang.domain.money import Money
from suanwang.domain.placement import Rejection
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.reason import Reason
from suanwang.domain.signal import MICROSECOND
from suanwang.domain.site import Grid, Link, Pool, Site
from suanwang.domain.workload import Demand, Workload
from suanwang.errors import Message, msg
from suanwang.units import MICRO

BYTES_PER_GB = 10**9

NO_NAME: Message | str = ""
"""What a list of names is told from."""

Links = Mapping[frozenset[str], Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Moving all data sets to a site: how long that takes and what it costs (both 0 when nothing is to move).

    `available`: when the last data set is where it comes from; None: all lie there already. What is at the site
    already takes no time, but the run waits until it is there.
    """

    duration: timedelta
    cost: Money
    available: datetime | None = None

    def ready(self, now: datetime) -> datetime | None:
        """When all data is at the site, if that is after `now`: the transfer begins when the last set is available."""
        when = max(now, self.available or now) + self.duration
        return when if when > now else None


def links_of(grid: Grid) -> Links:
    """The links by their two ends; of several between the same two places the first counts, as in `Grid.link`."""
    links: dict[frozenset[str], Link] = {}
    for link in grid.links:
        links.setdefault(frozenset((link.a, link.b)), link)
    return links


def refusal(
    workload: Workload, pool: Pool, site: Site, estimate: Estimate, round_trip_ms: float | None
) -> Rejection | None:
    """Why a pool cannot have a workload whatever the hour, or None. The first reason that holds is given."""

    def because(reason: Reason, detail: Message) -> Rejection:
        return Rejection(pool_id=pool.id, reason=reason, detail=detail)

    for label, admitted in workload.requires.items():
        if (value := label_of(pool, site, label)) not in admitted:
            detail = msg(
                "The workload requires {label} = {wanted}; pool {pool} has {found}.",
                label=label,
                wanted=reduce(_or, admitted, NO_NAME),
                pool=pool.id,
                found=value or msg("nothing"),
            )
            return because(Reason.LABEL_MISMATCH, detail)
    card, has, wanted = pool.accelerator.id, pool.accelerators, estimate.accelerators
    if lacking := _lacks(workload.demand, pool):
        return because(Reason.NO_ACCELERATOR_FITS, msg("{card} is not {lacking}.", card=card, lacking=lacking))
    if site.drained or pool.drained:
        name = msg("site {id}", id=site.id) if site.drained else msg("pool {id}", id=pool.id)
        return because(Reason.SITE_DRAINED, msg("{name} takes no new work.", name=name))
    limit, city = workload.limits.latency_ms_max, workload.limits.city
    if limit is not None and round_trip_ms is not None and round_trip_ms > limit:
        values = {"city": city, "site": site.id, "ms": f"{round_trip_ms:.1f}", "limit": f"{limit:.1f}"}
        detail = msg("The round trip from {city} to {site} is {ms} ms; the limit is {limit} ms.", **values)
        return because(Reason.EXCEEDS_LATENCY, detail)
    if wanted > has:
        detail = msg(
            "The gang needs {wanted} accelerators; pool {pool} has {has}.", wanted=wanted, pool=pool.id, has=has
        )
        return because(Reason.EXCEEDS_CAPACITY, detail)
    return None


def label_of(pool: Pool, site: Site, label: str) -> str | None:
    """A label's value: province, hub, site, pool, vendor and accelerator are known; others as pool, then site, say."""
    known = {
        "province": site.province,
        "hub": site.hub,
        "site": site.id,
        "pool": pool.id,
        "vendor": pool.accelerator.vendor,
        "accelerator": pool.accelerator.id,
    }
    return known.get(label) or pool.labels.get(label) or site.labels.get(label)


def _or(before: Message | str, name: str) -> Message | str:
    return msg("{before} or {name}", before=before, name=name) if before else name


def _and(before: Message | str, name: str) -> Message | str:
    return msg("{before} and {name}", before=before, name=name) if before else name


def _lacks(demand: Demand, pool: Pool) -> Message | str:
    """What of the demand the pool's accelerator is not; empty when it meets it."""
    card = pool.accelerator
    if demand.accelerators and card.id not in demand.accelerators:
        return reduce(_or, demand.accelerators, NO_NAME)
    if demand.vendors and card.vendor not in demand.vendors:
        return msg("made by {vendors}", vendors=reduce(_or, demand.vendors, NO_NAME))
    return reduce(_and, (c for c in demand.capabilities if c not in card.capabilities), NO_NAME)


def transfer(workload: Workload, links: Links, site: Site, currency: str) -> Transfer | None:
    """What moving the data to a site takes; None when no link carries a data set there.

    Data sets over the same link go one after another, over different links at once. Only direct links count.
    Raises MissingFigure for a link without a price, or with one in another currency.
    """
    seconds: dict[frozenset[str], Fraction] = {}
    cost = Money.zero(currency)
    for data in workload.data:
        if data.at == site.id:
            continue
        ends = frozenset((data.at, site.id))
        link = links.get(ends)
        if link is None:
            return None
        name = msg("link {a}-{b}", a=link.a, b=link.b)
        if link.price_per_gb is None:
            raise MissingFigure(name, msg("price per GB"))
        if link.price_per_gb.unit != currency:
            given = link.price_per_gb.unit
            raise MissingFigure(name, msg("price per GB in {wanted} (it is in {given})", wanted=currency, given=given))
        size = Fraction(data.size_bytes)
        seconds[ends] = seconds.get(ends, Fraction(0)) + size / Fraction(link.bytes_per_s)
        cost += link.price_per_gb.times(size / BYTES_PER_GB)
    longest = max(seconds.values(), default=Fraction(0))
    available = max((data.available for data in workload.data if data.available is not None), default=None)
    return Transfer(duration=ceil(longest * MICRO) * MICROSECOND, cost=cost, available=available)


def no_link(workload: Workload, links: Links, site: Site, pool_id: str) -> Rejection:
    """The rejection that names the first data set that no link carries to the site."""
    data = next(d for d in workload.data if d.at != site.id and frozenset((d.at, site.id)) not in links)
    return Rejection(
        pool_id=pool_id,
        reason=Reason.NO_LINK,
        detail=msg(
            "No link joins {at}, where data set {data} lies, with site {site}.",
            at=data.at,
            data=data.name,
            site=site.id,
        ),
    )


def too_late(pool_id: str, deadline: datetime, earliest_end: datetime) -> Rejection:
    """The rejection of a pool whose earliest run ends, at the high end of its estimate, after the deadline."""
    return Rejection(
        pool_id=pool_id,
        reason=Reason.MISSES_DEADLINE,
        detail=msg(
            "The earliest run ends by {end} at the high end of its estimate; the deadline is {deadline}.",
            end=earliest_end.isoformat(),
            deadline=deadline.isoformat(),
        ),
    )
