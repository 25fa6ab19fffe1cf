"""Plans: several workloads placed together on what is free, without storing anything."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart, Option, Placement, Rejection
from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.place.linked import in_order
from suanwang.place.offer import Ask
from suanwang.place.whole import Whole, plan_whole
from suanwang.service.hub import Hub
from suanwang.service.outages import grid_with_outages
from suanwang.service.planning import estimate_all, learned_of, occupancy_of

MICROSECONDS_PER_HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One workload of a plan: its place, or None and why no pool can have it. `east`: at its nearest eastern site, at
    once; None where there is none."""

    workload: str
    placement: Placement | None
    rejections: tuple[Rejection, ...]
    east: Option | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Congestion:
    """What an accelerator-hour costs beyond rent, power and carbon, in currency, by pool and slot from `start` on."""

    start: datetime
    slot_hours: float
    pools: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Workloads placed together. `cost` and what is `saved` against the nearest eastern site by part; `compared`
    workloads can run there. No plan of them costs less than `bound`; `gap` is a share of it."""

    currency: str
    planned: tuple[Planned, ...]
    cost: Mapping[CostPart, Money]
    saved: Mapping[CostPart, Money]
    compared: int
    bound: Money
    gap: float
    congestion: Congestion

    @property
    def placed(self) -> list[Placement]:
        return [each.placement for each in self.planned if each.placement is not None]

    @property
    def total(self) -> Money:
        """What the plan costs in all."""
        return sum(self.cost.values(), Money.zero(self.currency))

    @property
    def saved_total(self) -> Money:
        return sum(self.saved.values(), Money.zero(self.currency))

    @property
    def carbon_kg(self) -> tuple[float, float]:
        """Location-based kg of the compared workloads in the plan, and at their nearest eastern site."""
        both = [(p.placement.option, p.east) for p in self.planned if p.placement is not None and p.east is not None]
        return sum(mine.carbon_kg_location for mine, _ in both), sum(east.carbon_kg_location for _, east in both)


def plan_workloads(hub: Hub, workloads: Sequence[Workload], horizon_h: int = 168, seed: int = 0) -> Plan:
    """A plan of all of them, given what is promised. Raises InvalidInput for links that cannot be, MissingFigure."""
    if problems := list(_problems(workloads)):
        raise InvalidInput(problems)
    now = hub.clock.now()
    grid = grid_with_outages(hub, now)
    with hub.store.transaction() as tx:
        taken = occupancy_of(tx, now, grid)
    asks, learned = [], learned_of(hub)
    for workload in workloads:
        estimates, rejections = estimate_all(hub, workload, learned=learned)
        asks.append(Ask(workload=workload, estimates=estimates, rejections=rejections))
    return _told(plan_whole(hub.grid, asks, now, taken, horizon_h, seed=seed))


def _told(whole: Whole) -> Plan:
    """What a reader needs of the plan: no columns of numbers, and nothing of the grid but ids."""
    window = whole.window
    hours = window.slot_us / MICROSECONDS_PER_HOUR
    return Plan(
        currency=window.grid.currency,
        planned=tuple(
            Planned(
                workload=name,
                placement=decision if isinstance(decision, Placement) else None,
                rejections=decision.rejections,
                east=east,
            )
            for name, decision, east in zip(whole.workloads, whole.decisions, whole.east, strict=True)
        ),
        cost=whole.cost,
        saved=whole.saved,
        compared=whole.compared,
        bound=Money.parse(f"{whole.bound:.6f}", window.grid.currency),
        gap=whole.gap,
        congestion=Congestion(
            start=window.start,
            slot_hours=hours,
            pools={
                pool.id: tuple(round(float(price) / hours, 6) for price in whole.prices[row])
                for row, pool in enumerate(window.grid.pools)
            },
        ),
    )


def _problems(workloads: Sequence[Workload]) -> Iterable[Problem]:
    """Names given twice, links to workloads that are not there, dependencies in a circle."""
    names = [workload.name for workload in workloads]
    for name in sorted({name for name in names if names.count(name) > 1}):
        what = msg("{count} workloads have this name.", count=names.count(name))
        yield Problem(name, what, msg("Give each its own; others are linked to it by name."))
    known = ", ".join(sorted(set(names)))
    broken = False
    for workload in workloads:
        linked = [("after", d.workload) for d in workload.after]
        linked += [("near", name) for name in workload.near] + [("apart", name) for name in workload.apart]
        for field, name in linked:
            if name not in names:
                broken = True
                what = msg("no workload of the plan is named {name}.", name=name)
                yield Problem(f"{workload.name}: {field}", what, msg("The plan has: {known}.", known=known))
    if broken or len(set(names)) < len(names):
        return
    try:
        in_order(workloads)
    except ValueError:
        waiting = ", ".join(w.name for w in workloads if w.after)
        what = msg("the workloads wait for one another in a circle.")
        yield Problem(waiting, what, msg("Remove one of their `after`."))
