"""`estimate history`: every settled run against its estimate, and what the pools have learned."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@grid_option
@click.option("--pool", default="", help="This pool alone.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="The newest so many.")
@json_option
@click.pass_obj
def history(terminal: Terminal, grid: str, pool: str, limit: int, as_json: bool) -> int:
    """Estimates against the meter, run by run, and the class factor of the pool after each.

    The class factor is real over modelled time of a class of work on a pool; the estimates and quotes of that class are
    multiplied by it. A run that took more than five times its estimate, or less than a fifth, is shown and not learned;
    one that was ended at the high end of its estimate counts with the time that it had (≥).

    \b
    Example:
      suanwang estimate history --pool toys
    """
    from suanwang.bootstrap import open_house
    from suanwang.interfaces import figures
    from suanwang.schemas.wire import plain
    from suanwang.service.comparing import history as comparisons

    with open_house(grid=grid) as house:
        if pool:
            house.hub.grid.pool(pool)
        found = comparisons(house.hub, pool, limit)
    if as_json:
        terminal.json({"comparisons": [plain(c) | {"ratio": c.ratio} for c in found]})
        return 0
    columns = (
        msg("settled"),
        msg("pool"),
        msg("class of work"),
        msg("job"),
        msg(">estimated"),
        msg(">metered"),
        msg(">ratio"),
        msg(">class factor"),
        msg(">energy estimated"),
        msg(">energy measured"),
    )
    rows = [
        (
            c.at.isoformat(timespec="minutes"),
            c.pool_id,
            c.work,
            c.job_id,
            figures.duration(c.estimated_s),
            ("≥ " if c.ended_early else "") + figures.duration(c.measured_s),
            f"{c.ratio:.3f}",
            f"{c.factor:.3f}" if c.learned else terminal.text(msg("{factor} (not learned)", factor=f"{c.factor:.3f}")),
            figures.energy(c.estimated_kwh_it),
            "–" if c.measured_kwh_it is None else figures.energy(c.measured_kwh_it),
        )
        for c in found
    ]
    terminal.table(columns, rows)
    if not rows:
        terminal.say(msg("No settled run has been compared yet."))
    return 0
