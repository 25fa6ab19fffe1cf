"""How a plan of several workloads is shown: where each runs, what it costs, what no plan can beat, what it saves."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart, Placement
from suanwang.errors import msg
from suanwang.interfaces import figures
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.cli.views import why as reason_of
from suanwang.schemas.wire import plain
from suanwang.service.plans import Plan

PARTS = (CostPart.RENT, CostPart.POWER, CostPart.CARBON, CostPart.DATA)


def show_plan(terminal: Terminal, made: Plan, zones: Mapping[str, tzinfo], *, why: bool) -> None:
    """A row for each workload, those without a place with their reasons, and the figures of the whole."""
    rows = [_row(each.workload, each.placement, zones) for each in made.planned if each.placement is not None]
    names = [msg("workload"), msg("pool"), msg(">cards"), msg("start"), msg(">run time")]
    money = [msg(">rent"), msg(">power"), msg(">CO₂ price"), msg(">data"), msg(">total"), msg(">next best")]
    terminal.table([*names, *money], rows)
    for each in made.planned:
        if each.placement is None:
            terminal.say(msg("No pool of the grid can have {name}:", name=each.workload), fg="red")
        elif why:
            terminal.say(f"{each.workload}:", bold=True)
            for reason in each.placement.reasons:
                terminal.say(f"  · {terminal.text(reason)}")
        if why or each.placement is None:
            for refusal in each.rejections:
                terminal.say(f"  ✗ {refusal.pool_id}: {terminal.text(reason_of(refusal.reason, refusal.detail))}")
    _show_whole(terminal, made)


def _row(name: str, placement: Placement, zones: Mapping[str, tzinfo]) -> tuple[str, ...]:
    option = placement.option
    parts = [figures.money(option.cost[part]) if part in option.cost else "–" for part in PARTS]
    dearer = "–"
    if placement.alternatives:
        more = placement.alternatives[0].total - option.total
        dearer = f"{'+' if more.micro >= 0 else ''}{figures.money(more)}"
    return (
        name,
        option.pool_id,
        str(option.accelerators),
        figures.moment(option.start, zones[option.site_id]),
        figures.durations(option.estimate.time_s),
        *parts,
        figures.money(option.total),
        dearer,
    )


def _show_whole(terminal: Terminal, made: Plan) -> None:
    currency, count = made.currency, len(made.planned)
    terminal.say(
        msg(
            "{placed} of {count} placed for {cost}; no plan of them costs less than {bound}: the gap is {gap}.",
            placed=len(made.placed),
            count=count,
            cost=figures.money(made.total),
            bound=figures.money(made.bound),
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
            (msg("saved"), made.saved, figures.money(made.saved_total)),
        )
    ]
    title = msg(
        "Saved against the nearest eastern site, at once ({compared} of {count} workloads can run there)",
        compared=made.compared,
        count=count,
    )
    columns = [msg(">rent"), msg(">power"), msg(">CO₂ price"), msg(">data"), msg(">total")]
    terminal.table([msg("money"), *columns], rows, title=title)
    kg, other = made.carbon_kg
    terminal.say(
        msg(
            "CO₂ {mine} (location-based), {other} there.",
            mine=figures.carbon(kg),
            other=figures.carbon(other),
        )
    )


def plan_as_json(made: Plan, translate: Any) -> Mapping[str, Any]:
    """The plan as plain values; money by part, prices of capacity per accelerator-hour."""
    return {
        "currency": made.currency,
        "placed": len(made.placed),
        "refused": len(made.planned) - len(made.placed),
        "cost": plain(made.cost),
        "total": plain(made.total),
        "bound": float(made.bound.decimal),
        "gap": made.gap,
        "saved_against_east": {
            "compared": made.compared,
            "parts": plain(made.saved),
            "total": plain(made.saved_total),
            "carbon_kg_location": dict(zip(("plan", "east"), made.carbon_kg, strict=True)),
        },
        "workloads": {
            each.workload: {"placement": plain(each.placement, translate)}
            if each.placement is not None
            else {"refused": {"rejections": plain(each.rejections, translate)}}
            for each in made.planned
        },
        "congestion": {"unit": f"{made.currency}/accelerator-hour", **plain(made.congestion)},
    }
