"""Plans: several workloads placed together on what is free, without storing anything."""

from collections.abc import Iterable, Sequence

from suanwang.domain.workload import Workload
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.place.linked import in_order
from suanwang.place.offer import Ask
from suanwang.place.whole import Whole, plan_whole
from suanwang.service.hub import Hub
from suanwang.service.outages import grid_with_outages
from suanwang.service.planning import estimate_all, learned_of, occupancy_of


def plan_workloads(hub: Hub, workloads: Sequence[Workload], horizon_h: int = 168, seed: int = 0) -> Whole:
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
    return plan_whole(hub.grid, asks, now, taken, horizon_h, seed=seed)


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
