"""`run` and `submit`: from a workload file to a quote, a job, and a bill."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.terminal import Terminal

workload_file = click.argument("workload", type=click.Path(dir_okay=False))
grid_option = click.option("--grid", default="", help="Grid file (else SUANWANG_GRID, else this machine alone).")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
key_option = click.option(
    "--key", default="", help="Idempotency key: the same key again is the same job. Default: every call is a new job."
)


@click.command()
@workload_file
@grid_option
@click.option("--dry-run", is_flag=True, help="Quote only; nothing is stored.")
@key_option
@json_option
@click.pass_obj
def run(terminal: Terminal, workload: str, grid: str, dry_run: bool, key: str, as_json: bool) -> int:
    """Quote a workload, run it at the place and hour of least total cost, and show its bill.

    The exit status is 0 when the program succeeded, 1 when it was refused or failed, 2 for a file with problems.

    \b
    Examples:
      suanwang run train.yaml --dry-run
      suanwang run train.yaml --grid examples/grids/three-hubs.yaml --json
    """
    from suanwang.interfaces.cli.follow import follow
    from suanwang.interfaces.cli.views import show_invoice, show_quote
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        order = client.read_workload(workload)
        offer = client.quote(order)
        if not as_json:
            show_quote(terminal, client.zones(), offer)
        if dry_run or offer.placement is None:
            if as_json:
                terminal.json({"quote": plain(offer, terminal.translate)})
            return 0 if offer.placement else 1
        job = client.submit(order, key or _key(client.now().isoformat(), workload))
        terminal.note(msg("Job {job} submitted.", job=job.id))
        job = follow(terminal, client, job, quiet=as_json)
        bill = client.invoice(job.id)
        if as_json:
            shown = {"quote": offer, "job": job, "events": client.events(job.id), "invoice": bill}
            terminal.json({name: plain(value, terminal.translate) for name, value in shown.items()})
        else:
            show_invoice(terminal, bill)
        return 0 if job.outcome == "succeeded" else 1


@click.command()
@workload_file
@grid_option
@key_option
@json_option
@click.pass_obj
def submit(terminal: Terminal, workload: str, grid: str, key: str, as_json: bool) -> int:
    """Order a workload without waiting for it. `suanwang admin tick` (or a running hub) carries it on.

    \b
    Example:
      suanwang submit train.yaml --key monday-run
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        job = client.submit(client.read_workload(workload), key or _key(client.now().isoformat(), workload))
    if as_json:
        terminal.json(plain(job, terminal.translate))
    else:
        terminal.say(msg("Job {job} is {state}.", job=job.id, state=job.state.value))
    return 0


def _key(moment: str, workload: str) -> str:
    """Without a key of the tenant's own, every call is an order of its own."""
    return f"{moment} {workload}"
