"""`replan`: move jobs that wait to a better place or hour, where that pays."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@grid_option
@click.option("--apply", "make", is_flag=True, help="Make the moves: holds are released and held anew.")
@json_option
@click.pass_obj
def replan(terminal: Terminal, grid: str, make: bool, as_json: bool) -> int:
    """Look for better places and hours for the jobs that wait, given what has come, ended or failed since.

    What runs stays. A waiting job moves only if it gets cheaper by more than 1 % of its cost, and holds no more than
    now; a job that a voucher pays for stays at its site. Made again, it moves nothing.

    \b
    Examples:
      suanwang replan
      suanwang replan --apply --json
    """
    from suanwang.interfaces import figures
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        found, zones = client.replan(make=make).moves, client.zones()
    if as_json:
        terminal.json({"moves": plain(found, terminal.translate)})
        return 0
    if not found:
        terminal.say(msg("No job that waits would gain by a move."))
        return 0
    rows = [
        (
            m.job_id,
            m.workload,
            *(f"{o.pool_id} {figures.moment(o.start, zones[o.site_id])}" for o in (m.stays, m.goes)),
            figures.money(m.saved),
            terminal.text(msg("yes") if m.made else msg("no")),
        )
        for m in found
    ]
    terminal.table([msg("job"), msg("workload"), msg("from"), msg("to"), msg(">saved"), msg("moved")], rows)
    return 0
