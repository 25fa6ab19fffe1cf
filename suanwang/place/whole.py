"""Whole: a plan of several workloads at once, each with its explanation, and how far from the best the plan can be.

Linked workloads are placed first. The others go through the planner of slots (`plan`), whose prices of capacity tell
who should leave an hour to whom. Then each is taken out and placed again exactly, to the microsecond, by the code that
places a single workload, given where all others are: it can only get cheaper, and its refusals, alternatives and
reasons are those of that decision. The bound uses the planner's prices and exact starts, so that it holds for every
plan of the workloads that are placed, whatever their starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart, Occupancy, Option, Placement, Promise, Refused
from suanwang.domain.site import Grid
from suanwang.place.assign import by_hardness
from suanwang.place.baseline import nearest_east_at_once
from suanwang.place.board import Board, promises_of
from suanwang.place.bound import least_in_parts, least_total, worth
from suanwang.place.columns import Window, instance_of, span
from suanwang.place.instance import REFUSED, Floats
from suanwang.place.linked import groups, place_linked
from suanwang.place.offer import Ask, Offer, Request, offers
from suanwang.place.outlook import HOUR_US, Outlooks, from_us
from suanwang.place.place import place
from suanwang.place.plan import plan
from suanwang.units import MICRO

SLOTS_US = tuple(minutes * 60 * MICRO for minutes in (60, 30, 15, 5, 1))
SLOTS_MAX = 2500
PASSES = 2
ROUNDING = 1e-9
"""Exact starts are priced in double precision."""

Parts = Mapping[CostPart, Money]


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A plan: `decisions` in the order of the workloads; `cost` and what is `saved` against `east`, by part.

    No plan of the placed workloads costs less than `bound` (in currency). `east`: the option of each at its nearest
    eastern site, at once, None where there is none; `compared` workloads have both, and only they count in `saved`.
    `prices` (pools, slots) of an accelerator for a slot of `window`, beyond rent, power and carbon.
    """

    workloads: tuple[str, ...]
    decisions: tuple[Placement | Refused, ...]
    east: tuple[Option | None, ...]
    cost: Parts
    saved: Parts
    compared: int
    bound: float
    window: Window
    prices: Floats

    @property
    def total(self) -> Money:
        """What the plan costs in all."""
        return sum_of(self.cost, self.window.grid.currency)

    @property
    def placed(self) -> list[Placement]:
        return [d for d in self.decisions if isinstance(d, Placement)]

    @property
    def gap(self) -> float:
        """How much dearer than the bound the plan is at most, as a share."""
        return float(self.total.decimal) / self.bound - 1 if self.bound > 0 else 0.0


def sum_of(parts: Parts, currency: str) -> Money:
    """All parts together."""
    return sum(parts.values(), Money.zero(currency))


def plan_whole(
    grid: Grid, asks: Sequence[Ask], now: datetime, taken: Occupancy, horizon_h: int = 168, *, seed: int = 0
) -> Whole:
    """A plan within all limits and what is `taken`. Raises MissingFigure, and ValueError for a circle of
    dependencies or two workloads of one name."""
    names = [ask.workload.name for ask in asks]
    if len(set(names)) < len(names):
        raise ValueError("two workloads of a plan have one name")
    return _Planner(grid, asks, now, taken, horizon_h).whole(seed)


class _Planner:
    def __init__(self, grid: Grid, asks: Sequence[Ask], now: datetime, taken: Occupancy, horizon_h: int) -> None:
        self.grid, self.asks, self.now, self.taken, self.horizon_h = grid, asks, now, taken, horizon_h
        self.outlooks, self.board = Outlooks(grid), Board(taken)
        self.decisions: list[Placement | Refused] = [Refused(rejections=())] * len(asks)
        self.alone = [self._offers(ask, Occupancy()) for ask in asks]
        self.order: list[int] = []
        self.window = Window(grid=grid, start=_hour(now), hours=horizon_h + 1, slot_us=self._slot_us())

    def whole(self, seed: int) -> Whole:
        linked = groups([ask.workload for ask in self.asks])
        for group in linked:
            self._place_group(group)
        single = sorted(set(range(len(self.asks))) - {i for group in linked for i in group})
        prices = self._guided(single, seed)
        for _ in range(PASSES):
            if not self._refine():
                break
        return self._told(prices)

    def _offers(self, ask: Ask, occupancy: Occupancy) -> list[Offer]:
        request = Request(
            workload=ask.workload,
            grid=self.grid,
            now=self.now,
            horizon=timedelta(hours=self.horizon_h),
            occupancy=occupancy,
        )
        return offers(request, ask.estimates, self.outlooks)[0]

    def _slot_us(self) -> int:
        """The longest slot that half of the workloads take at least twice, and that leaves not too many slots."""
        runs = sorted(min(o.bid.mid.duration_us for o in made) for made in self.alone if made)
        middle = runs[len(runs) // 2] if runs else HOUR_US
        fine = [s for s in SLOTS_US if (self.horizon_h + 1) * HOUR_US // s <= SLOTS_MAX]
        return next((slot for slot in fine if slot * 2 <= middle), fine[-1])

    def _place_group(self, group: Sequence[int]) -> None:
        asks = {i: self.asks[i] for i in group}
        made = place_linked(self.grid, asks, self.now, self.board, self.horizon_h, self.outlooks)
        for i in group:
            self.decisions[i] = made[self.asks[i].workload.name]

    def _guided(self, single: Sequence[int], seed: int) -> Floats:
        """Give each of the workloads the place that the planner of slots finds; the prices of capacity."""
        occupancy = self.board.occupancy
        asked = [self._offers(self.asks[i], occupancy) for i in single]
        instance = instance_of(self.window, asked, occupancy, self.outlooks)
        made = plan(instance, seed=seed)
        rows = _rows(self.window, asked)
        self.order = [single[i] for i in by_hardness(instance).tolist()]
        for i, option, start in zip(single, made.assignment.option, made.assignment.start, strict=True):
            if option != REFUSED:
                run = rows[option].bid.mid
                begin_us = int(self.window.edges[start])
                promise = Promise(
                    start=from_us(begin_us), end=from_us(begin_us + run.duration_us), accelerators=run.accelerators
                )
                self.board.place(i, rows[option].pool.id, [promise])
        return made.prices

    def _refine(self) -> int:
        """Place each again where it is cheapest, given the others; how many changed."""
        changed = 0
        for i in self.order:
            ask, before = self.asks[i], self.decisions[i]
            self.board.take_back(i)
            found = place(
                ask.workload,
                self.grid,
                ask.estimates,
                ask.rejections,
                self.now,
                self.board.occupancy,
                self.horizon_h,
                self.outlooks,
            )
            self.decisions[i] = found
            if isinstance(found, Placement):
                self.board.place(i, found.option.pool_id, promises_of(found.option))
                changed += not isinstance(before, Placement) or before.option != found.option
        return changed

    def _told(self, prices: Floats) -> Whole:
        horizon = timedelta(hours=self.horizon_h)
        east = nearest_east_at_once(self.grid, self.asks, self.now, self.taken, horizon, self.outlooks)
        zero = Money.zero(self.grid.currency)
        cost, saved, compared = dict[CostPart, Money](), dict[CostPart, Money](), 0
        for decision, other in zip(self.decisions, east, strict=True):
            if not isinstance(decision, Placement):
                continue
            for part, amount in decision.option.cost.items():
                cost[part] = cost.get(part, zero) + amount
                if other is not None:
                    saved[part] = saved.get(part, zero) + other.cost[part] - amount
            compared += other is not None
        return Whole(
            workloads=tuple(ask.workload.name for ask in self.asks),
            decisions=tuple(self.decisions),
            east=tuple(east),
            cost=cost,
            saved=saved,
            compared=compared,
            bound=self._bound(prices),
            window=self.window,
            prices=prices,
        )

    def _bound(self, prices: Floats) -> float:
        """Of the placed workloads; the greater one of those at the prices and at none."""
        placed = [i for i, d in enumerate(self.decisions) if isinstance(d, Placement)]
        at = {
            share: sum(self._least(i, share * prices) for i in placed) - worth(self.window, share * prices, self.taken)
            for share in (1.0, 0.0)
        }
        return max(at.values()) * (1 - ROUNDING)

    def _least(self, number: int, prices: Floats) -> float:
        """The least that a workload costs at these prices, in one go or, where it may be stopped, in parts."""
        workload = self.asks[number].workload
        least = least_in_parts if workload.stoppable else least_total
        return min(least(offer, self.window, prices, self.taken) for offer in self.alone[number])


def _hour(when: datetime) -> datetime:
    return when.replace(minute=0, second=0, microsecond=0)


def _rows(window: Window, asked: Sequence[Sequence[Offer]]) -> list[Offer]:
    """The offers in the order of the instance's options."""
    number = {pool.id: i for i, pool in enumerate(window.grid.pools)}
    keyed = [(number[o.pool.id], w, o) for w, made in enumerate(asked) for o in made if span(window, o) is not None]
    return [offer for _, _, offer in sorted(keyed, key=lambda row: row[:2])]
