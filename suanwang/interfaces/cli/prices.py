"""`prices`: what an accelerator of each pool costs in each hour: rent, power and congestion."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.sdk import Client


@click.command()
@grid_option
@click.option("--hours", type=click.IntRange(1, 24 * 366), default=168, show_default=True, help="How many hours.")
@click.option("--picture", default="", help="Draw the prices by pool and hour: FILE.svg or FILE.png.")
@click.option("--one-more", default="", help="Tell what as many accelerators more in this pool would be worth.")
@click.option("--site", default="", help="Tell what this site's promised hours earn at the prices, and its idle ones.")
@click.option("--quote", default="", help="Quote this workload file at the prices: own cost plus congestion.")
@json_option
@click.pass_obj
def prices(
    terminal: Terminal, grid: str, hours: int, picture: str, one_more: str, site: str, quote: str, as_json: bool
) -> int:
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
        if site:
            return _revenue(terminal, client, site, hours, as_json=as_json)
        if one_more or quote:
            return _asked(terminal, client, hours, one_more, quote, as_json=as_json)
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


def _revenue(terminal: Terminal, client: "Client", site: str, hours: int, *, as_json: bool) -> int:
    """What a site's hours ahead earn, pool by pool."""
    from suanwang.interfaces import figures
    from suanwang.schemas.wire import plain

    found = client.revenue(site, hours)
    if as_json:
        terminal.json(plain(found))
        return 0
    columns = [msg("pool"), msg(">promised hours"), msg(">rent"), msg(">power"), msg(">congestion")]
    columns += [msg(">idle hours"), msg(">worth of the idle"), msg(">earned per accelerator-hour")]
    rows = [
        (
            pool.pool_id,
            f"{pool.promised_hours:,.1f}",
            *(figures.money(part) for part in (pool.rent, pool.power, pool.congestion)),
            f"{pool.idle_hours:,.1f}",
            figures.money(pool.idle_worth),
            f"{pool.yield_per_hour:.4f}",
        )
        for pool in found.pools
    ]
    title = msg(
        "Estimate at the marginal prices of the next {hours} h, {currency}", hours=hours, currency=client.currency()
    )
    terminal.table(columns, rows, title=title)
    return 0


def _asked(terminal: Terminal, client: "Client", hours: int, pool: str, workload: str, *, as_json: bool) -> int:
    """What one more pool is worth, and what a workload costs at the prices."""
    from suanwang.interfaces import figures
    from suanwang.schemas.wire import plain
    from suanwang.service.worth import quote_at_prices, worth_of_pool

    hub = client.house.hub
    worth = worth_of_pool(hub, pool, hours) if pool else None
    quoted = quote_at_prices(hub, client.read_workload(workload), hours) if workload else None
    if as_json:
        terminal.json({"worth": plain(worth), "quote": plain(quoted, terminal.translate)})
        return 0
    if worth is not None:
        values = {"pool": pool, "count": worth.accelerators, "hours": hours}
        money = {"saved": figures.money(worth.saved), "most": figures.money(worth.at_most)}
        text = msg(
            "{count} accelerators more in {pool} for {hours} h save {saved} of what waits, {most} at most.",
            **values,
            **money,
        )
        terminal.say(text)
    if quoted is not None:
        where = {"pool": quoted.pool_id, "start": figures.moment(quoted.start, client.zones()[quoted.site_id])}
        parts = {"own": figures.money(quoted.own), "congestion": figures.money(quoted.congestion)}
        terminal.say(msg("{pool} from {start}: {own} of its own, {congestion} of congestion.", **where, **parts))
    elif workload:
        terminal.say(msg("No pool of the grid can have it."), fg="red")
    return 0 if quoted is not None or not workload else 1
