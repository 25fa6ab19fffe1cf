"""Place: one workload on a grid, where and when it costs least within its limits, and why."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from suanwang.domain.estimate import Estimate
from suanwang.domain.money import Money
from suanwang.domain.placement import Occupancy, Option, Placement, Refused, Rejection
from suanwang.domain.signal import require_aware
from suanwang.domain.site import Grid
from suanwang.domain.workload import Workload
from suanwang.place.explain import reasons, savings
from suanwang.place.offer import Offer, Request, Waits, offers
from suanwang.place.outlook import Outlooks
from suanwang.place.paused import paused
from suanwang.place.starts import TIE_MICRO

ALTERNATIVES_MAX = 3

Ranked = tuple[Offer, Option]


def place(
    workload: Workload,
    grid: Grid,
    estimates: Sequence[Estimate],
    rejections: Sequence[Rejection],
    now: datetime,
    occupancy: Occupancy,
    horizon_h: int = 168,
    outlooks: Outlooks | None = None,
    only: frozenset[str] | None = None,
    waits: Waits | None = None,
) -> Placement | Refused:
    """The option of least total cost (ties: the earlier end, then the pool's id), or why there is none.

    `only`: pools that it is taken from where one of them can have it, because of what else runs there.

    `waits` predicts the wait in a site's own queue: a start is no sooner than its middle, and a deadline is kept at its
    high end.

    Every pool of the grid has estimates (one for each gang or layout worth trying) or one rejection; else ValueError.
    Starts are sought from `now`, the workload's earliest start or the arrival of its data, whichever is last, to
    `horizon_h` hours after now or the earliest start. A deadline is kept at the high end of the time band and a
    budget at the high end of what is billed; accelerators are taken for the expected run. A run that may be stopped is
    paused in dear hours where that saves enough (`paused`).
    `outlooks` of the same grid object, kept from call to call, save most of the work of reading tariffs and signals.
    Raises NotFound when the workload's city is not in the grid.
    """
    _check_complete(grid, estimates, rejections)
    if outlooks is not None and outlooks.grid is not grid:
        raise ValueError("the outlooks are of another grid")
    request = Request(
        workload=workload,
        grid=grid,
        now=require_aware(now),
        horizon=timedelta(hours=horizon_h),
        occupancy=occupancy,
        waits=waits,
    )
    made, refused = offers(request, estimates, outlooks or Outlooks(grid))
    able = {offer.pool.id for offer in made}
    first = {r.pool_id: r for r in reversed(refused) if r.pool_id not in able}
    refusals = tuple(sorted([*rejections, *first.values()], key=lambda r: r.pool_id))
    if not made:
        return Refused(rejections=refusals)
    meant = [offer for offer in made if only is None or offer.pool.id in only]
    if not meant:
        return Refused(rejections=refusals)
    (chosen, option) = _ranked(meant, 1)[0]
    chosen, option = paused(request, meant, option.total) or (chosen, option)
    others = [ranked for ranked in _ranked(made, 1 + ALTERNATIVES_MAX) if ranked[0].pool.id != chosen.pool.id]
    others = others[:ALTERNATIVES_MAX]
    alternatives = tuple(other for _, other in others)
    saved = savings(workload, grid, chosen, option, made)
    return Placement(
        option=option,
        alternatives=alternatives,
        rejections=refusals,
        savings=saved,
        reasons=reasons(workload, request.now, chosen, option, alternatives, saved),
    )


def _check_complete(grid: Grid, estimates: Sequence[Estimate], rejections: Sequence[Rejection]) -> None:
    estimated, rejected = {e.pool_id for e in estimates}, [r.pool_id for r in rejections]
    pools = {pool.id for pool in grid.pools}
    if estimated & set(rejected) or len(rejected) != len(set(rejected)) or estimated | set(rejected) != pools:
        raise ValueError("every pool of the grid has either estimates or one rejection")


def _ranked(made: Sequence[Offer], count: int) -> list[Ranked]:
    """The best option of each of the `count` best pools, in order of exact cost, earlier end, pool id.

    Floating point only says which offers cannot be among them.
    """
    floats = sorted(made, key=lambda o: o.found.cost_micro)
    least: dict[str, float] = {}
    for offer in floats:
        least.setdefault(offer.pool.id, offer.found.cost_micro)
    bound = sorted(least.values())[:count][-1] + 2 * TIE_MICRO
    exact = sorted(((o, o.best) for o in floats if o.found.cost_micro <= bound), key=lambda pair: _rank(pair[1]))
    best: dict[str, Ranked] = {}
    for offer, option in exact:
        best.setdefault(offer.pool.id, (offer, option))
    return list(best.values())[:count]


def _rank(option: Option) -> tuple[Money, datetime, str]:
    return option.total, option.end, option.pool_id
