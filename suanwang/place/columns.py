"""Columns: workloads with their offers on a grid, made into an instance of whole slots; its costs are the objective's.

A slot is an hour unless told otherwise. A run takes its expected duration, rounded up to whole slots, and starts on
whole slots after `start`. A rate is a pool with a power and a delivered compute per accelerator; its costs are
integrals over each slot of what the outlook asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import numpy as np

from suanwang.domain.placement import Occupancy
from suanwang.domain.site import Grid
from suanwang.place.instance import Floats, Instance, Ints
from suanwang.place.objective import KG_PER_T
from suanwang.place.offer import Offer
from suanwang.place.outlook import HOUR_US, Column, Outlook, Outlooks, to_us
from suanwang.units import MICRO

REFUSAL_FACTOR = 3.0
"""A workload is left out where it would drive up others' costs by more than this many times its dearest option; with
priority, times `importance`."""

Rate = tuple[int, Fraction, Fraction]
"""Pool, kW at the IT equipment and delivered PFLOP/s, both per accelerator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`hours` whole hours of a grid from `start` on, in slots of `slot_us` microseconds."""

    grid: Grid
    start: datetime
    hours: int
    slot_us: int = HOUR_US

    @property
    def slots(self) -> int:
        return self.hours * HOUR_US // self.slot_us

    @property
    def edges(self) -> Ints:
        """(slots + 1,) times in microseconds since the epoch."""
        return to_us(self.start) + np.arange(self.slots + 1) * self.slot_us

    @property
    def end(self) -> datetime:
        return self.start + timedelta(hours=self.hours)

    def outlook(self, kept: Outlooks, pool: int) -> Outlook:
        """Of a pool, by its number, over the window, or as much of it as is known. Raises MissingFigure."""
        found = self.grid.pools[pool]
        return kept.get(self.grid.site(found.site_id), found.price_book_id, self.start, self.end)


def by_slot(window: Window, outlook: Outlook, *columns: Column) -> Floats:
    """(T,) integral over each slot of the product of columns of an outlook, in units x hours: for slots of an hour
    the mean. NaN for slots that are not inside the outlook."""
    edges = window.edges
    value = np.prod([column / MICRO for column in columns], axis=0)
    total = np.concatenate([[0.0], np.cumsum(value * np.diff(outlook.edges))])
    found = np.diff(np.interp(edges, outlook.edges, total)) / HOUR_US
    inside = (edges[:-1] >= outlook.edges[0]) & (edges[1:] <= outlook.edges[-1])
    return np.where(inside, found, np.nan)


def free(window: Window, taken: Occupancy) -> Ints:
    """(P, T) accelerators of each pool that are not promised at any time of each slot; 0 where it is drained."""
    drained = {site.id for site in window.grid.sites if site.drained}
    result = np.zeros((len(window.grid.pools), window.slots), np.int64)
    for number, pool in enumerate(window.grid.pools):
        if pool.drained or pool.site_id in drained:
            continue
        result[number] = pool.accelerators
        for promise in taken.promises.get(pool.id, ()):
            first = max((to_us(promise.start) - to_us(window.start)) // window.slot_us, 0)
            stop = max(-((to_us(window.start) - to_us(promise.end)) // window.slot_us), 0)
            result[number, first:stop] -= promise.accelerators
    return np.maximum(result, 0)


def instance_of(window: Window, asked: Sequence[Sequence[Offer]], taken: Occupancy, kept: Outlooks) -> Instance:
    """The instance of workloads, each with its offers; `taken` is promised and stays. Raises MissingFigure."""
    number = {pool.id: i for i, pool in enumerate(window.grid.pools)}
    rows = [
        (number[offer.pool.id], workload, offer, within)
        for workload, offers in enumerate(asked)
        for offer in offers
        if (within := span(window, offer)) is not None
    ]
    rows.sort(key=lambda row: row[:2])
    keys = [_rate(pool, offer) for pool, _, offer, _ in rows]
    rates = sorted(set(keys))
    place = {rate: i for i, rate in enumerate(rates)}
    rent, power, carbon = _tables(window, rates, {pool: window.outlook(kept, pool) for pool, _, _ in rates})
    workload = np.array([w for _, w, _, _ in rows], np.int32)
    rate = np.array([place[key] for key in keys], np.int32)
    gang = np.array([offer.bid.mid.accelerators for _, _, offer, _ in rows], np.int32)
    first, last, hours = np.array([within for *_, within in rows], np.int32).reshape(-1, 3).T
    fixed = np.array([offer.bid.data.micro / MICRO for _, _, offer, _ in rows], np.float64)
    refusal = np.zeros(len(asked))
    most = (rent + power + carbon).max(axis=1, initial=0.0)[rate]
    weight = np.array([importance(offers[0].workload.priority) if offers else 1.0 for offers in asked])
    np.maximum.at(refusal, workload, REFUSAL_FACTOR * weight[workload] * (gang * hours * most + fixed))
    return Instance(
        capacity=free(window, taken),
        rent=rent,
        power=power,
        carbon=carbon,
        rate_pool=np.array([pool for pool, _, _ in rates], np.int32),
        workload=workload,
        rate=rate,
        gang=gang,
        hours=hours,
        first=first,
        last=last,
        fixed=fixed,
        refusal=refusal,
    )


def importance(priority: int) -> float:
    """How many times more a refusal counts than at priority 0: 1 + priority, or 1 / (1 - priority) below 0."""
    return 1.0 + priority if priority >= 0 else 1.0 / (1 - priority)


def span(window: Window, offer: Offer) -> tuple[int, int, int] | None:
    """First and last slot of start, and slots, of an offer; None where no whole slot is left for it."""
    slots = -(-offer.bid.mid.duration_us // window.slot_us)
    first = max(-((to_us(window.start) - to_us(offer.first)) // window.slot_us), 0)
    last = min(window.slots - slots, (offer.last_us - to_us(window.start)) // window.slot_us)
    return (first, last, slots) if first <= last else None


def _rate(pool: int, offer: Offer) -> Rate:
    run = offer.bid.mid
    return pool, run.power_kw_it / run.accelerators, run.delivered_pflops_per_s / run.accelerators


def _tables(window: Window, rates: Sequence[Rate], outlooks: Mapping[int, Outlook]) -> tuple[Floats, Floats, Floats]:
    """(R, T) rent, power and carbon per accelerator and slot; 0 in slots without figures, where no option lies."""
    per_t = window.grid.carbon_price_per_t
    per_kg = 0.0 if per_t is None else per_t.micro / MICRO / KG_PER_T
    rent, power, carbon = np.zeros((3, len(rates), window.slots))
    for i, (pool, kw, pflops_per_s) in enumerate(rates):
        o = outlooks[pool]
        rent[i] = by_slot(window, o, o.rent) + float(pflops_per_s) * by_slot(window, o, o.delivered)
        power[i] = float(kw) * by_slot(window, o, o.pue, o.power)
        carbon[i] = float(kw) * per_kg * by_slot(window, o, o.pue, o.carbon)
    return np.nan_to_num(rent), np.nan_to_num(power), np.nan_to_num(carbon)
