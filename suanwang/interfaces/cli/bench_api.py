"""`bench api`: many users at a hub at once: how fast it answers, whether it stays well, what it needs of memory."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command(name="api")
@click.option("--users", default=1000, show_default=True, type=click.IntRange(1, 10_000), help="Users who read.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes of the hub.")
@click.option("--think", default=5.0, show_default=True, type=float, help="Seconds between two reads of one user.")
@click.option("--submits", default=200.0, show_default=True, type=float, help="Jobs ordered a second, by everybody.")
@click.option("--seconds", default=60.0, show_default=True, type=float, help="How long it goes on.")
@click.option("--stored", default=0, show_default=True, type=click.IntRange(0, 1_000_000), help="Jobs there before.")
@click.option("--tick", is_flag=True, help="The hub places and runs the jobs meanwhile.")
@grid_option
@json_option
@click.pass_obj
def bench_api(
    terminal: Terminal,
    users: int,
    think: float,
    workers: int,
    submits: float,
    seconds: float,
    stored: int,
    tick: bool,
    grid: str,
    as_json: bool,
) -> int:
    """Start a hub on the database of the settings, let users read and order at once, and measure.

    Load and hub share this machine. Times are seen from the users.

    \b
    Examples:
      suanwang bench api --users 100 --seconds 10
      suanwang bench api --json
    """
    from suanwang.interfaces.cli.load import Plan, measure

    found = measure(Plan(users, think, submits, seconds, workers, tick), stored, grid)
    if as_json:
        terminal.json(found)
        return 0
    columns = (msg("requests"), msg(">count"), msg(">a second"), msg(">p50, ms"), msg(">p99, ms"), msg(">errors"))
    rows = [
        (name, *(str(found[name][key]) for key in ("count", "per_s", "p50_ms", "p99_ms", "errors")))
        for name in ("reads", "submits")
    ]
    terminal.table(columns, rows)
    terminal.say(
        msg(
            "refused with 429: {refused} · memory of the hub: {rss} MB, at the start {before} MB",
            refused=found["refused_429"],
            rss=found["rss_mb"],
            before=found["rss_mb_start"],
        )
    )
    return 0
