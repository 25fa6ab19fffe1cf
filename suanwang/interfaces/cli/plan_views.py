"""How a plan of several workloads is shown: where each runs, what it costs, what no plan can beat, what it saves."""

from collections.abc import Mapping
from typing import Any

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart, Placement, Refused
from suanwang.errors import msg
from suanwang.interfaces import figures
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.cli.views import why as reason_of
from suanwang.place.whole import Whole, sum_of
from suanwang.schemas.wire import plain

PARTS = (CostPart.RENT, CostPart.POWER, CostPart.CARBON, CostPart.DATA)


def show_plan(terminal: Terminal, made: Whole, *, why: bool) -> None:
    """A row for each workload, those without a place with their reasons, and the figures of the whole."""
    rows = [
        _row(made, name, d) for name, d in zip(made.workloads, made.decisions, strict=True) if isinstance(d, Placement)
    ]
    names = [msg("workload"), msg("pool"), msg(">cards"), msg("start"), msg(">run time")]
    money = [msg(">rent"), msg(">power"), msg(">CO₂ price"), msg(">data"), msg(">total"), msg(">next best")]
    terminal.table([*names, *money], rows)
    for name, decision in zip(made.workloads, made.decisions, strict=True):
        if isinstance(decision, Refused):
            terminal.say(msg("No pool of the grid can have {name}:", name=name), fg="red")
        elif why:
            terminal.say(f"{name}:", bold=True)
            for reason in decision.reasons:
                terminal.say(f"  · {terminal.text(reason)}")
        if why or isinstance(decision, Refused):
            for refusal in decision.rejections:
                terminal.say(f"  ✗ {refusal.pool_id}: {terminal.text(reason_of(refusal.reason, refusal.detail))}")
    _show_whole(terminal, made)


def _row(made: Whole, name: str, placement: Placement) -> tuple[str, ...]:
    option = placement.option
    zone = made.window.grid.site(option.site_id).zone
    parts = [figures.money(option.cost[part]) if part in option.cost else "–" for part in PARTS]
    dearer = "–"
    if placement.alternatives:
        more = placement.alternatives[0].total - option.total
        dearer = f"{'+' if more.micro >= 0 else ''}{figures.money(more)}"
    return (
        name,
        option.pool_id,
        str(option.accelerators),
        figures.moment(option.start, zone),
        figures.durations(option.estimate.time_s),
        *parts,
        figures.money(option.total),
        dearer,
    )


def _show_whole(terminal: Terminal, made: Whole) -> None:
    currency = made.window.grid.currency
    bound = Money.parse(f"{made.bound:.6f}", currency)
    count = len(made.decisions)
    terminal.say(
        msg(
            "{placed} of {count} placed for {cost}; no plan of them costs less than {bound}: the gap is {gap}.",
            placed=len(made.placed),
            count=count,
            cost=figures.money(made.total),
            bound=figures.money(bound),
            gap=f"{made.gap:.2%}",
        ),
        bold=True,
    )
    if not made.compared:
        terminal.say(msg("None of them could run at an eastern site: nothing to compare with."))
        return
    rows = [
        (terminal.text(label), *(figures.money(parts.get(part, Money.zero(currency))) for part in PARTS), total)
        for label, parts, total in (
            (msg("plan"), made.cost, figures.money(made.total)),
            (msg("saved"), made.saved, figures.money(sum_of(made.saved, currency))),
        )
    ]
    title = msg(
        "Saved against the nearest eastern site, at once ({compared} of {count} workloads can run there)",
        compared=made.compared,
        count=count,
    )
    columns = [msg(">rent"), msg(">power"), msg(">CO₂ price"), msg(">data"), msg(">total")]
    terminal.table([msg("money"), *columns], rows, title=title)
    kg, other = carbon_kg(made)
    terminal.say(
        msg(
            "CO₂ {mine} (location-based), {other} there.",
            mine=figures.carbon(kg),
            other=figures.carbon(other),
        )
    )


def carbon_kg(made: Whole) -> tuple[float, float]:
    """Location-based kg of the compared workloads in the plan, and at their nearest eastern site."""
    both = [
        (d.option.carbon_kg_location, e.carbon_kg_location)
        for d, e in zip(made.decisions, made.east, strict=True)
        if isinstance(d, Placement) and e is not None
    ]
    return sum(mine for mine, _ in both), sum(other for _, other in both)


def plan_as_json(made: Whole, translate: Any) -> Mapping[str, Any]:
    """The plan as plain values; money by part, prices of capacity per accelerator-hour."""
    hours = made.window.slot_us / 3_600_000_000
    return {
        "currency": made.window.grid.currency,
        "placed": len(made.placed),
        "refused": len(made.decisions) - len(made.placed),
        "cost": plain(made.cost),
        "total": plain(made.total),
        "bound": round(made.bound, 6),
        "gap": made.gap,
        "saved_against_east": {
            "compared": made.compared,
            "parts": plain(made.saved),
            "total": plain(sum_of(made.saved, made.window.grid.currency)),
            "carbon_kg_location": dict(zip(("plan", "east"), carbon_kg(made), strict=True)),
        },
        "workloads": {
            name: {"placement": plain(d, translate)} if isinstance(d, Placement) else {"refused": plain(d, translate)}
            for name, d in zip(made.workloads, made.decisions, strict=True)
        },
        "congestion": {
            "unit": f"{made.window.grid.currency}/accelerator-hour",
            "start": plain(made.window.start),
            "slot_hours": hours,
            "pools": {
                pool.id: [round(float(v) / hours, 6) for v in made.prices[row]]
                for row, pool in enumerate(made.window.grid.pools)
            },
        },
    }
