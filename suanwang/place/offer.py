"""Offer: one pool's answer to a workload, with its least-cost start and its earliest one, or its rejection."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from suanwang.domain.estimate import Band, Estimate
from suanwang.domain.placement import Occupancy, Option, Rejection
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.reason import Reason
from suanwang.domain.signal import MICROSECOND, require_aware
from suanwang.domain.site import Grid, Pool, Site
from suanwang.domain.workload import Workload
from suanwang.errors import msg
from suanwang.place.objective import Bid, bid, carbon_kg, delivered_pflops_per_s, energy_kwh
from suanwang.place.options import Links, Transfer, links_of, no_link, refusal, too_late, transfer
from suanwang.place.outlook import Outlook, Outlooks, from_us, to_us
from suanwang.place.starts import Blocked, Bounds, Found, search


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A pool that can have the workload. `first`: the earliest start if the pool were empty; `last_us`: the latest."""

    workload: Workload
    pool: Pool
    site: Site
    estimate: Estimate
    bid: Bid
    outlook: Outlook
    found: Found
    first: datetime
    last_us: int
    data_ready: datetime | None
    round_trip_ms: float | None
    queue_wait: Band | None = None

    def option(self, start_us: int) -> Option:
        """The exact option at a start."""
        run = self.bid.mid
        market = self.outlook.market is not None
        return Option(
            pool_id=self.pool.id,
            site_id=self.site.id,
            accelerators=self.estimate.accelerators,
            start=from_us(start_us),
            end=from_us(start_us + run.duration_us),
            estimate=self.estimate,
            cost=self.bid.cost(self.outlook, start_us),
            billed_high=self.bid.billed_high(self.outlook, start_us),
            energy_kwh=float(energy_kwh(self.outlook, run, start_us)),
            carbon_kg_location=float(carbon_kg(self.outlook, run, start_us)),
            carbon_kg_market=float(carbon_kg(self.outlook, run, start_us, market=True)) if market else None,
            round_trip_ms=self.round_trip_ms,
            data_ready=self.data_ready,
        )

    @property
    def best(self) -> Option:
        return self.option(self.found.best_us)

    @property
    def at_once(self) -> Option:
        return self.option(self.found.at_once_us)


Waits = Callable[[str, Estimate], Band | None]
"""The wait in s in the queue of a pool's engine for a run of an estimate, or None where none is expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A workload that asks for a place, with estimates or a rejection for each pool of the grid."""

    workload: Workload
    estimates: Sequence[Estimate]
    rejections: Sequence[Rejection]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A workload that asks a grid, at `now`, for a start within `horizon` of its earliest one.

    `waits` predicts what others than the grid's jobs keep it waiting in a site's own queue.
    """

    workload: Workload
    grid: Grid
    now: datetime
    horizon: timedelta
    occupancy: Occupancy
    waits: Waits | None = None

    @property
    def earliest(self) -> datetime:
        asked = self.workload.limits.earliest_start
        return self.now if asked is None else max(self.now, require_aware(asked))

    @property
    def deadline(self) -> datetime | None:
        asked = self.workload.limits.deadline
        return None if asked is None else require_aware(asked)


def offers(request: Request, estimates: Sequence[Estimate], outlooks: Outlooks) -> tuple[list[Offer], list[Rejection]]:
    """For each estimate, in order, an offer or a rejection. Pools and sites of the estimates are in the grid."""
    grid, links = request.grid, links_of(request.grid)
    pools = {pool.id: pool for pool in grid.pools}
    sites = {site.id: site for site in grid.sites}
    made: list[Offer] = []
    rejected: list[Rejection] = []
    for estimate in estimates:
        pool = pools[estimate.pool_id]
        desk = _Desk(request, links, outlooks, pool, sites[pool.site_id])
        answer = desk.answer(estimate)
        if isinstance(answer, Offer):
            made.append(answer)
        else:
            rejected.append(answer)
    return made, rejected


@dataclass(frozen=True, slots=True)
class _Desk:
    """Answers for one pool."""

    request: Request
    links: Links
    outlooks: Outlooks
    pool: Pool
    site: Site

    def answer(self, estimate: Estimate) -> Offer | Rejection:
        """An offer, or the first limit that no start keeps."""
        workload, grid = self.request.workload, self.request.grid
        city = workload.limits.city
        trip = grid.round_trip_ms(grid.city(city), self.site) if city else None
        if refused := refusal(workload, self.pool, self.site, estimate, trip):
            return refused
        try:
            moved = transfer(workload, self.links, self.site, grid.currency)
            if moved is None:
                return no_link(workload, self.links, self.site, self.pool.id)
            return self._offer(estimate, moved, trip)
        except MissingFigure as missing:
            return Rejection(pool_id=self.pool.id, reason=Reason.MISSING_FIGURE, detail=missing.message)

    def _offer(self, estimate: Estimate, moved: Transfer, trip: float | None) -> Offer | Rejection:
        request, deadline = self.request, self.request.deadline
        asked = bid(estimate, moved.cost, request.grid.carbon_price_per_t)
        longest = asked.high.duration_us * MICROSECOND
        data_ready = moved.ready(request.now)
        first = max(request.earliest, data_ready or request.earliest)
        queued = request.waits(self.pool.id, estimate) if request.waits else None
        late = timedelta()
        if queued is not None and request.now + timedelta(seconds=queued.mid) > first:
            first = request.now + timedelta(seconds=queued.mid)
            late = timedelta(seconds=queued.high - queued.mid)
        last = max(first, request.earliest + request.horizon)
        if deadline is not None:
            last = min(last, deadline - longest)
            if last < first + late:
                return too_late(self.pool.id, deadline, first + late + longest)
        outlook = self.outlooks.get(self.site, self.pool.price_book_id, request.earliest, last + longest)
        bounds = self._bounds(outlook, estimate, (to_us(first), to_us(last)), asked.high.duration_us)
        if outlook.charges_delivered(bounds.first_us, bounds.last_us + asked.high.duration_us):
            dtype = request.workload.task.dtype
            asked = asked.delivering(delivered_pflops_per_s(self.pool.accelerator, dtype, estimate.accelerators))
        found = search(asked, outlook, bounds)
        if isinstance(found, Blocked):
            return self._blocked(found, bounds, longest)
        return Offer(
            workload=request.workload,
            pool=self.pool,
            site=self.site,
            estimate=estimate,
            bid=asked,
            outlook=outlook,
            found=found,
            first=from_us(bounds.first_us),
            last_us=bounds.last_us,
            data_ready=data_ready,
            round_trip_ms=trip,
            queue_wait=queued,
        )

    def _bounds(self, outlook: Outlook, estimate: Estimate, starts_us: tuple[int, int], high_us: int) -> Bounds:
        """The starts that every figure is known for. Raises MissingFigure when a signal ends before the first run."""
        first_us = max(starts_us[0], int(outlook.edges[0]))
        known_us = int(outlook.edges[-1])
        where = msg("site {id} with price book {book}", id=self.site.id, book=self.pool.price_book_id)
        if first_us > starts_us[1]:
            when = from_us(first_us).isoformat()
            raise MissingFigure(where, msg("price, PUE or carbon figure before {when}", when=when))
        if first_us + high_us > known_us:
            when = from_us(known_us).isoformat()
            raise MissingFigure(where, msg("price, PUE or carbon figure after {when}", when=when))
        full = self.request.occupancy.full(self.pool.id, self.pool.accelerators, estimate.accelerators)
        return Bounds(
            first_us=first_us,
            last_us=min(starts_us[1], known_us - high_us),
            full=[(to_us(a), to_us(b)) for a, b in full],
            budget=self.request.workload.limits.budget,
        )

    def _blocked(self, blocked: Blocked, bounds: Bounds, longest: timedelta) -> Rejection:
        deadline, budget = self.request.deadline, self.request.workload.limits.budget
        if blocked.reason is Reason.OVER_BUDGET:
            least = str(blocked.least_high)
            detail = msg(
                "The least that would be held is {least}; the budget is {budget}.", least=least, budget=str(budget)
            )
            return Rejection(pool_id=self.pool.id, reason=blocked.reason, detail=detail)
        free_again, last = from_us(bounds.full[-1][1]), from_us(bounds.last_us)
        if deadline is not None and last == deadline - longest:
            return too_late(self.pool.id, deadline, free_again + longest)
        detail = msg(
            "Pool {pool} is full for every start until {last}; it is free again at {free}.",
            pool=self.pool.id,
            last=last.isoformat(),
            free=free_again.isoformat(),
        )
        return Rejection(pool_id=self.pool.id, reason=blocked.reason, detail=detail)
