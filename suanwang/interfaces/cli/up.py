"""`up`: a whole hub: API, console and tick, in one process or with more that serve beside it."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8321, show_default=True, type=click.IntRange(0, 65535), help="Port; 0 takes a free one."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve.")
@click.option("--no-tick", is_flag=True, help="Serve only; another hub on the same database ticks.")
@click.option(
    "--log-level", default="warning", show_default=True, type=click.Choice(["debug", "info", "warning", "error"]),
    help="Log from this level on, as JSON lines on stderr.",
)  # fmt: skip
@grid_option
@json_option
@click.pass_obj
def up(
    terminal: Terminal, host: str, port: int, workers: int, no_tick: bool, log_level: str, grid: str, as_json: bool
) -> int:
    """Start the hub: it serves the API and the console, and carries jobs on, until Ctrl-C or SIGTERM.

    While it has no other users it prints a token for the first log-in, valid for 24 hours.

    \b
    Examples:
      suanwang up
      suanwang up --host 0.0.0.0 --port 80 --workers 4
    """
    from suanwang.bootstrap import open_house
    from suanwang.interfaces.api.serve import listen, serve
    from suanwang.interfaces.api.workers import Workers
    from suanwang.interfaces.serving.logs import log_to_stderr
    from suanwang.service.identity import first_login

    log_to_stderr(log_level.upper())
    with (
        listen(host, port, shared=workers > 1) as listener,
        open_house(grid=grid) as house,
        Workers(workers - 1, host, listener.getsockname()[1], grid, log_level) as beside,
    ):
        new = first_login(house.store, house.hub.grid, house.hub.clock, house.settings.tenant)
        shown_host = f"[{host}]" if ":" in host else host
        address = f"http://{shown_host}:{listener.getsockname()[1]}"

        def ready() -> None:
            if as_json:
                terminal.json({"address": address, "token": new.secret if new else None})
                return
            terminal.say(msg("The hub serves at {address}", address=address), bold=True)
            if new is not None:
                terminal.say(msg("Token for the first log-in (24 hours): {token}", token=new.secret))
            terminal.note(msg("Ctrl-C ends it; jobs that run go on."))

        serve(house, listener, ready, ticking=not no_tick, served=beside.served)
    return 0
