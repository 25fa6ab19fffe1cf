"""`plan`: several workloads placed together, with the cost of the whole, its bound, and what it saves."""

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@click.argument("workloads", nargs=-1, required=True, type=click.Path(dir_okay=False))
@grid_option
@click.option(
    "--hours", type=click.IntRange(1, 24 * 60), default=168, show_default=True, help="How far off starts may be."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed is the same plan.")
@click.option("--why", is_flag=True, help="Tell for each workload its reasons and refusals too.")
@click.option("--map", "map_file", default="", help="Draw who runs where on a map: FILE.svg or FILE.png.")
@json_option
@click.pass_obj
def plan(
    terminal: Terminal,
    workloads: tuple[str, ...],
    grid: str,
    hours: int,
    seed: int,
    why: bool,
    map_file: str,
    as_json: bool,
) -> int:
    """Place several workloads together at least total cost, without ordering them.

    They leave one another the hours and pools where each is dearest to move. `after`, `near` and `apart` in the files
    link workloads of one plan by name. Told are the cost by part, a bound that no plan can beat and the gap to it, and
    what the plan saves against each workload at its nearest eastern site, at once. The exit status is 1 where a
    workload has no place.

    \b
    Example:
      suanwang plan examples/workloads/*.yaml --grid examples/grids/three-hubs.yaml --why
    """
    from suanwang.interfaces.cli.place import draw_map
    from suanwang.interfaces.cli.plan_views import plan_as_json, show_plan
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        orders, problems = [], list[Problem]()
        for path in workloads:
            try:
                orders.append(client.read_workload(path))
            except InvalidInput as refusal:
                problems += refusal.problems
        if problems:
            raise InvalidInput(problems)
        if not as_json:
            terminal.note(msg("Placing {count} workloads …", count=len(orders)))
        grid_drawn = client.house.hub.grid if map_file else None
        made, zones = client.plan(orders, hours, seed), client.zones()
    if grid_drawn:
        draw_map(terminal, grid_drawn, orders, made, map_file)
    if as_json:
        terminal.json(plan_as_json(made, terminal.translate))
    else:
        show_plan(terminal, made, zones, why=why)
    return 0 if len(made.placed) == len(made.planned) else 1
