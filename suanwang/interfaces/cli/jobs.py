"""`jobs` and `job show|logs|cancel`: what was ordered, why it waits, what it wrote, how to end it."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@click.option("--tenant", default="", help="Only this tenant's.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000), help="At most so many.")
@click.option("--after", default="", help="Only jobs after this one (for the next page).")
@grid_option
@json_option
@click.pass_obj
def jobs(terminal: Terminal, tenant: str, limit: int, after: str, grid: str, as_json: bool) -> int:
    """Jobs in order of submission, with why they wait or how they ended.

    \b
    Example:
      suanwang jobs --tenant me
    """
    from suanwang.interfaces.cli.views import show_jobs
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        found = client.jobs(tenant=tenant, limit=limit, after=after)
        if as_json:
            terminal.json({"jobs": plain(found, terminal.translate)})
        elif not found:
            terminal.say(msg("No jobs yet. Start one: suanwang run examples/workloads/hello.yaml"))
        else:
            show_jobs(terminal, client.zones(), found)
    return 0


@click.group()
def job() -> None:
    """One job: show it, read its output, end it."""


@job.command()
@click.argument("job_id")
@grid_option
@json_option
@click.pass_obj
def show(terminal: Terminal, job_id: str, grid: str, as_json: bool) -> int:
    """Every move of a job, its placement and its use so far.

    \b
    Example:
      suanwang job show j19cabd8380083cdfdbe
    """
    from suanwang.interfaces.cli.views import show_job
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        found, events, usage = client.job(job_id), client.events(job_id), client.usage(job_id)
        if as_json:
            shown = {"job": found, "events": events, "usage": usage}
            terminal.json({name: plain(value, terminal.translate) for name, value in shown.items()})
        else:
            show_job(terminal, client.zones(), found, events, usage)
    return 0


@job.command()
@click.argument("job_id")
@click.option("--offset", default=0, type=click.IntRange(0), help="From this byte on.")
@grid_option
@json_option
@click.pass_obj
def logs(terminal: Terminal, job_id: str, offset: int, grid: str, as_json: bool) -> int:
    """What the job's program wrote (its latest attempt).

    \b
    Example:
      suanwang job logs j19cabd8380083cdfdbe
    """
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        if as_json:
            chunk = client.logs(job_id, offset)
            text = chunk.decode(errors="replace")
            terminal.json({"job": job_id, "offset": offset, "next_offset": offset + len(chunk), "text": text})
            return 0
        while chunk := client.logs(job_id, offset):
            offset += len(chunk)
            click.echo(chunk, nl=False)
    return 0


@job.command()
@click.argument("job_id")
@grid_option
@json_option
@click.pass_obj
def cancel(terminal: Terminal, job_id: str, grid: str, as_json: bool) -> int:
    """Ask for a job's end. What it used is billed, the rest of its hold is given back.

    \b
    Example:
      suanwang job cancel j19cabd8380083cdfdbe
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        client.cancel(job_id)
        client.proceed()
        found = client.job(job_id)
    if as_json:
        terminal.json(plain(found, terminal.translate))
    else:
        terminal.say(msg("Job {job} is {state}.", job=found.id, state=found.state.value))
    return 0
