"""Synthetic instances: a grid of sites and a week of workloads from one seed, for benchmarks and tests.

Invented, but shaped like the grid at hand: eastern sites are dear and near, western ones cheap and far; tariffs have
valley, flat and peak hours, at noon where there is much sun; four kinds of accelerator with a pool each at every site;
pre-training, fine-tuning, batch and serving differ in gangs, hours, slack, data and round-trip limits.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from suanwang.place.instance import Floats, Instance, Ints, Small

DAY = 24
KINDS = 4
"""Of accelerators, and of workloads: pre-training, fine-tuning, batch, serving."""
SPEED = np.array([1.0, 0.33, 0.25, 0.2])
POWER_KW = np.array([1.3, 0.65, 0.55, 0.6])
RENT = np.array([11.0, 3.0, 2.2, 1.8])
SHARE = np.array([0.4, 0.3, 0.18, 0.12])
"""Of a site's effective capacity, by kind of accelerator."""
RUNS_ON = np.array([1.0, 0.7, 0.45, 0.4])
"""Probability that a workload's program runs on a kind of accelerator."""
LOAD_OF_POWER = np.array([1.0, 0.92, 0.8, 0.65])
"""Power per accelerator over its most, by kind of workload."""
MIX = (0.06, 0.28, 0.46, 0.2)
HOURS = ((12, 72), (2, 24), (1, 12), (8, 48))
SLACK = ((12, 96), (6, 48), (4, 72), (0, 1))
DATA_GB_LOG10 = ((3.0, 4.5), (1.0, 3.0), (1.0, 3.3), (1.0, 2.2))
GANG_LOG2 = ((4, 8), (2, 6), (0, 5), (0, 5))
SERVING = 3
NODE = 8
"""Accelerators of a node: larger gangs are whole nodes."""
NEAR_MS = 2.0
"""Round trip to a site in the city itself."""
CARBON_PRICE_PER_KG = 0.09
DATA_PRICE_PER_GB = 0.1
LINK_GB_PER_H = 4500.0
POOL_ACCELERATORS = 2000
"""Accelerators of the fastest kind at a site of middling size."""
REFUSAL_FACTOR = 3.0
"""A workload is refused at this many times the cost of its dearest option."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is asked for. `load`: demand over effective capacity; `gang_max`: largest gang as a share of its pool.

    `day` 1 is the same grid a day later: workloads whose first hour has passed have made way for as many new ones at
    the end of the window.
    """

    workloads: int
    pools: int
    hours: int = 168
    load: float = 0.4
    seed: int = 0
    gang_max: float = 0.1
    day: int = 0


@dataclass(frozen=True, kw_only=True)
class _Sites:
    eastern: NDArray[np.bool_]
    power: Floats
    carbon: Floats
    rent: Floats
    size: Floats
    distance_ms: Floats


@dataclass(frozen=True, kw_only=True)
class _Work:
    """Columns of workloads; `gang`, `hours` on the fastest kind; `speed` (W, KINDS) of each kind, 0 = cannot."""

    kind: Ints
    gang: Floats
    hours: Ints
    first: Ints
    last: Ints
    speed: Floats
    home: Ints
    gigabytes: Floats
    round_trip_ms: Floats


def synthetic(case: Case) -> Instance:
    """The instance of a case: the same from the same case. Raises ValueError for a case that cannot be."""
    if min(case.workloads, case.pools, case.hours - 2 * DAY) < 1 or not (0 < case.gang_max <= 1 and case.load > 0):
        raise ValueError("a case has workloads, pools, more than 48 hours, a load and gangs of at most a whole pool")
    random = np.random.default_rng(case.seed)
    sites = _sites(case, random)
    site, kind = np.divmod(np.arange(case.pools), KINDS)
    size = POOL_ACCELERATORS * SHARE[kind] / SHARE[0] / SPEED[kind] * sites.size[site]
    pool_size = np.maximum(NODE, np.rint(size / NODE) * NODE).astype(np.int64)
    work = _work(case, random, sites, float((pool_size * SPEED[kind]).sum()))
    power_kw = np.outer(POWER_KW[kind], LOAD_OF_POWER).ravel()[:, None]
    rate_site = np.repeat(site, KINDS)
    rent = (RENT[kind] * sites.rent[site]).repeat(KINDS)[:, None]
    power, carbon = power_kw * sites.power[rate_site], power_kw * sites.carbon[rate_site]
    options = [_options(case, work, sites, pool, capacity) for pool, capacity in enumerate(pool_size.tolist())]
    return Instance(
        capacity=np.repeat(pool_size[:, None], case.hours, axis=1),
        rent=np.repeat(rent, case.hours, axis=1),
        power=power,
        carbon=carbon,
        rate_pool=np.repeat(np.arange(case.pools), KINDS).astype(np.int32),
        workload=np.concatenate([o.workload for o in options]),
        rate=np.concatenate([o.rate for o in options]),
        gang=np.concatenate([o.gang for o in options]),
        hours=np.concatenate([o.hours for o in options]),
        first=np.concatenate([o.first for o in options]),
        last=np.concatenate([o.last for o in options]),
        fixed=np.concatenate([o.fixed for o in options]),
        refusal=_refusals(work, options, (rent + power + carbon).max(axis=1)),
    )


def _sites(case: Case, random: Generator) -> _Sites:
    """(S,) and (S, T) columns; prices and carbon are per kWh at the IT equipment: PUE applied."""
    count = ceil(case.pools / KINDS)
    eastern = np.arange(count) % 3 == 0
    hour = (np.arange(case.hours) + case.day * DAY) % DAY
    night = np.select([hour < 8, ((hour >= 10) & (hour < 12)) | ((hour >= 17) & (hour < 21))], [0.45, 1.6], 1.0)
    noon = np.select([(hour >= 10) & (hour < 16), (hour >= 17) & (hour < 22)], [0.55, 1.4], 1.0)
    sunny = ~eastern & (random.random(count) < 0.6)
    level = np.where(eastern, random.uniform(0.6, 0.75, count), random.uniform(0.35, 0.58, count))
    pue = np.where(eastern, random.uniform(1.18, 1.28, count), random.uniform(1.1, 1.2, count))[:, None]
    warm = 0.03 * np.sin((hour - 9) / DAY * 2 * np.pi)
    clean = np.where(eastern, 0.08, 0.25)[:, None] * ((hour >= 9) & (hour < 17))
    carbon = random.uniform(0.15, 0.7, count)[:, None] * (1 - clean) * CARBON_PRICE_PER_KG
    return _Sites(
        eastern=eastern,
        power=(pue + warm) * level[:, None] * np.where(sunny[:, None], noon, night),
        carbon=(pue + warm) * carbon,
        rent=np.where(eastern, 1.0, random.uniform(0.9, 0.98, count)),
        size=np.where(eastern, 0.75, 1.15) * random.uniform(0.7, 1.3, count),
        distance_ms=np.where(eastern, random.uniform(3, 12, count), random.uniform(22, 36, count)),
    )


def _work(case: Case, random: Generator, sites: _Sites, effective: float) -> _Work:
    """Workloads whose gangs are scaled until their work is `load` of the effective capacity."""
    w = case.workloads
    kind = random.choice(KINDS, w, p=MIX)
    shape = random.random((4, w))

    def between(bounds: tuple[tuple[float, float], ...], at: Floats) -> Floats:
        low, high = np.array(bounds, np.float64)[kind].T
        return np.asarray(low + at * (high - low))

    demand = case.load * effective * case.hours
    most = case.gang_max * POOL_ACCELERATORS * 0.5
    hours = np.rint(between(HOURS, shape[0]))
    stretch = max(1.0, 1.25 * demand / (most * hours.sum()))
    hours = np.minimum(np.rint(hours * stretch), case.hours - 2 * DAY).astype(np.int64)
    raw = 2 ** between(GANG_LOG2, shape[1])
    gang = _scaled(raw, hours, demand, most)
    slack = np.rint(0.15 * hours + between(SLACK, shape[2])).astype(np.int64)
    room = np.maximum(case.hours - hours - slack, 1)
    first = (np.floor(random.random(w) * room).astype(np.int64) - case.day * DAY) % room
    speed = SPEED * random.uniform(0.85, 1.0, (w, KINDS)) * (random.random((w, KINDS)) < RUNS_ON)
    speed[:, 0] = 1.0
    return _Work(
        kind=kind,
        gang=gang,
        hours=hours,
        first=first,
        last=np.minimum(first + hours + slack, case.hours),
        speed=speed,
        home=random.choice(np.flatnonzero(sites.eastern), w),
        gigabytes=10 ** between(DATA_GB_LOG10, shape[3]),
        round_trip_ms=np.where(kind == SERVING, random.choice([10.0, 20.0, 40.0], w, p=[0.2, 0.5, 0.3]), np.inf),
    )


def _scaled(raw: Floats, hours: Ints, demand: float, most: float) -> Floats:
    """`raw` times a factor found by bisection, each between 1 and `most`, so that gang x hours sums up to `demand`."""
    low, high = 0.0, most
    for _ in range(60):
        factor = (low + high) / 2
        low, high = (factor, high) if (np.clip(raw * factor, 1, most) * hours).sum() < demand else (low, factor)
    return np.asarray(np.clip(raw * high, 1, most))


@dataclass(frozen=True, kw_only=True)
class _Options:
    workload: Small
    rate: Small
    gang: Small
    hours: Small
    first: Small
    last: Small
    fixed: Floats


def _options(case: Case, work: _Work, sites: _Sites, pool: int, size: int) -> _Options:
    """The options on a pool: of workloads whose program runs there, near enough, in time, within the gang limit."""
    site, kind = divmod(pool, KINDS)
    speed = np.maximum(work.speed[:, kind], 1e-9)
    gang = np.ceil(work.gang / speed)
    gang = np.where(gang >= NODE, np.ceil(gang / NODE) * NODE, gang)
    hours = np.ceil(work.gang * work.hours / (gang * speed) - 1e-9)
    away = work.home != site
    first = work.first + np.where(away & (work.kind != SERVING), np.ceil(work.gigabytes / LINK_GB_PER_H), 0)
    trip = np.where(away, sites.distance_ms[site], NEAR_MS)
    fits = (work.speed[:, kind] > 0) & (gang <= case.gang_max * size) & (trip <= work.round_trip_ms)
    chosen = np.flatnonzero(fits & (first + hours <= work.last))
    return _Options(
        workload=chosen.astype(np.int32),
        rate=(pool * KINDS + work.kind[chosen]).astype(np.int32),
        gang=gang[chosen].astype(np.int32),
        hours=hours[chosen].astype(np.int32),
        first=first[chosen].astype(np.int32),
        last=(work.last - hours)[chosen].astype(np.int32),
        fixed=(work.gigabytes * DATA_PRICE_PER_GB * away)[chosen],
    )


def _refusals(work: _Work, options: list[_Options], most: Floats) -> Floats:
    """REFUSAL_FACTOR times the dearest option at the dearest hour of its rate, `most` (R,)."""
    dearest = np.zeros(len(work.gang))
    for o in options:
        full = o.gang * o.hours * most[o.rate] + o.fixed
        dearest[o.workload] = np.maximum(dearest[o.workload], full)
    alone = work.gang * work.hours * RENT[0]
    return np.asarray(REFUSAL_FACTOR * np.where(dearest > 0, dearest, alone))
