"""`place`: where and when a workload would run, the options to choose from, and pictures of them."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option, workload_file
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from suanwang.domain.placement import Divided, Option
    from suanwang.domain.site import Grid
    from suanwang.domain.workload import Workload
    from suanwang.service.plans import Plan


@click.command()
@workload_file
@grid_option
@click.option("--pareto", is_flag=True, help="List the options that no other beats in cost, finish and carbon at once.")
@click.option("--picture", default="", help="Draw these options by finish time and cost: FILE.svg or FILE.png.")
@click.option("--pieces", is_flag=True, help="Show what pausing and moving the run would save (preemptible ones).")
@json_option
@click.pass_obj
def place(terminal: Terminal, workload: str, grid: str, pareto: bool, picture: str, pieces: bool, as_json: bool) -> int:
    """Where and when a workload would run, what that costs by part, and why. Nothing is stored.

    \b
    Examples:
      suanwang place examples/workloads/finetune-8b-lora.yaml --grid examples/grids/three-hubs.yaml
      suanwang place examples/workloads/finetune-8b-lora.yaml --pareto --picture options.svg
    """
    from contextlib import suppress

    from suanwang.errors import NotPermitted
    from suanwang.interfaces.cli.views import show_quote
    from suanwang.interfaces.pictures.placement import cost_and_time
    from suanwang.interfaces.pictures.svg import write_picture
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client
    from suanwang.service.clash import clashes
    from suanwang.service.planning import in_pieces, tradeoffs

    with Client.open(grid) as client:
        order = client.read_workload(workload)
        offer, zones = client.quote(order), client.zones()
        choices = tradeoffs(client.house.hub, order) if pareto or picture else []
        divided = in_pieces(client.house.hub, order) if pieces else None
        clash = []
        if offer.placement is None:
            with suppress(NotPermitted):  # a hub elsewhere tells the reasons of each pool alone
                clash = clashes(client.house.hub, order)
        currency = client.currency()
    if picture:
        axes = (msg("end of the run"), msg("cost in all, {currency}", currency=currency))
        title = terminal.text(msg("{name}: cost against finish time", name=order.name))
        write_picture(picture, cost_and_time(choices, title, (terminal.text(axes[0]), terminal.text(axes[1]))))
    if as_json:
        shown = (
            {"quote": offer}
            | ({"clashes": clash} if clash else {})
            | ({"pareto": choices} if pareto else {})
            | ({"pieces": divided} if pieces else {})
        )
        terminal.json({name: plain(value, terminal.translate) for name, value in shown.items()})
    else:
        show_quote(terminal, zones, offer)
        for found in clash:
            values = {"limits": ", ".join(found.limits), "pool": found.pool_id, "cost": str(found.cost)}
            terminal.say(msg("  Without {limits}, {pool} could have it for {cost}.", **values))
        if pareto:
            show_choices(terminal, zones, choices)
        if pieces:
            show_pieces(terminal, zones, divided)
    return 0 if offer.placement else 1


def show_choices(terminal: Terminal, zones: "Mapping[str, tzinfo]", options: "Sequence[Option]") -> None:
    """Options in the order of their ends, with what each costs and emits."""
    from suanwang.interfaces import figures

    rows = [
        (
            o.pool_id,
            str(o.accelerators),
            figures.moment(o.start, zones[o.site_id]),
            figures.moment(o.end, zones[o.site_id]),
            figures.money(o.total),
            figures.carbon(o.carbon_kg_location),
        )
        for o in options
    ]
    title = msg("No other option beats these in cost, finish time and carbon at once")
    columns = [msg("pool"), msg(">cards"), msg("start"), msg("end"), msg(">total"), msg(">CO₂")]
    terminal.table(columns, rows, title=title)


def show_pieces(terminal: Terminal, zones: "Mapping[str, tzinfo]", divided: "Divided | None") -> None:
    """The pieces of a run in order, and what they save."""
    from suanwang.domain.money import total
    from suanwang.interfaces import figures

    if divided is None:
        terminal.say(msg("In pieces it would not cost less, or it is not preemptible with a checkpoint."))
        return
    rows = [
        (
            p.pool_id,
            str(p.accelerators),
            figures.moment(p.start, zones[p.site_id]),
            figures.duration((p.end - p.start).total_seconds()),
            figures.money(total(list(p.cost.values()), divided.total.unit)),
        )
        for p in divided.pieces
    ]
    money = {"cost": figures.money(divided.total), "saved": figures.money(divided.saved)}
    columns = [msg("pool"), msg(">cards"), msg("start"), msg(">run time"), msg(">total")]
    terminal.table(columns, rows, title=msg("In pieces: {cost} in all, {saved} less than without a break", **money))


def draw_map(terminal: Terminal, grid: "Grid", orders: "Sequence[Workload]", made: "Plan", path: str) -> None:
    """Card-hours from where each workload's users or data are, else its nearest eastern site, to where it runs."""
    from suanwang.interfaces.pictures.placement import flows
    from suanwang.interfaces.pictures.svg import write_picture

    moves: dict[tuple[str, str], float] = {}
    for order, planned in zip(orders, made.planned, strict=True):
        if planned.placement is None:
            continue
        option, east = planned.placement.option, planned.east
        home = order.limits.city or next((d.at for d in order.data), east.site_id if east else option.site_id)
        hours = sum((end - start).total_seconds() for start, end in option.spans) / 3600
        key = (home, option.site_id)
        moves[key] = moves.get(key, 0.0) + option.accelerators * hours
    title = terminal.text(msg("Where the work runs"))
    write_picture(path, flows(grid, moves, title, terminal.text(msg("card·h"))))
