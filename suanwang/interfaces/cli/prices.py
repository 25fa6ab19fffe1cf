"""`prices`: what an accelerator of each pool costs in each hour: rent, power and congestion."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@grid_option
@click.option("--hours", type=click.IntRange(1, 24 * 366), default=168, show_default=True, help="How many hours.")
@click.option("--picture", default="", help="Draw the prices by pool and hour: FILE.svg or FILE.png.")
@json_option
@click.pass_obj
def prices(terminal: Terminal, grid: str, hours: int, picture: str, as_json: bool) -> int:
    """The marginal price of every pool and hour, per accelerator-hour, given what is promised already.

    Rent, plus power at the accelerator's own power, plus congestion: what one accelerator more, there and then, would
    save of the cost of all that waits. The table shows the mean, the least and the most of each pool.

    \b
    Example:
      suanwang prices --grid examples/grids/three-hubs.yaml --hours 48
    """
    from datetime import timedelta
    from statistics import fmean

    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        found, zone = client.prices(hours), next(iter(client.zones().values()))
    if picture:
        from suanwang.interfaces.pictures.placement import heat_map
        from suanwang.interfaces.pictures.svg import write_picture

        title = terminal.text(msg("Price of an accelerator-hour, {currency}", currency=found.currency))
        cells = {pool: columns.total for pool, columns in found.pools.items()}
        write_picture(picture, heat_map(cells, found.start, zone, title))
    if as_json:
        terminal.json(
            {
                "unit": found.unit,
                "hours": [(found.start + timedelta(hours=h)).isoformat() for h in range(hours)],
                "pools": plain(found.pools),
            }
        )
        return 0
    rows = []
    for pool, columns in found.pools.items():
        total = columns.total
        cheapest = found.start + timedelta(hours=total.index(min(total)))
        parts = [fmean(columns.rent), fmean(columns.power), fmean(columns.congestion)]
        figures = [f"{v:.4f}" for v in (*parts, fmean(total), min(total), max(total))]
        rows.append((pool, *figures, f"{cheapest:%Y-%m-%d %H:%M} UTC"))
    names = [msg(">rent"), msg(">power"), msg(">congestion"), msg(">price"), msg(">least"), msg(">most")]
    terminal.table(
        [msg("pool"), *names, msg("cheapest hour")],
        rows,
        title=msg("Mean, {currency}/accelerator-hour", currency=found.currency),
    )
    return 0
