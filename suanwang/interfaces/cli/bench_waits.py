"""`bench waits`: how far predicted queue waits are from those of a recorded or replayed trace."""

from pathlib import Path

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@click.argument("trace", type=click.Path(path_type=Path))
@click.option(
    "--policy", default="", help="Play the trace under this policy; else the recorded starts, if it has them."
)
@click.option("--accelerators", type=click.IntRange(1), help="Of the pool, for traces that do not tell.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def waits(terminal: Terminal, trace: Path, policy: str, accelerators: int | None, as_json: bool) -> int:
    """Foretell the wait of each job of TRACE from the jobs that had started before it came, and tell the errors.

    It is the predictor that placement uses for a site's own queue. Beside it are the errors of two simple rules: the
    mean wait of the last 100 that had started, and no wait at all.

    \b
    Example:
      suanwang bench waits log.swf --policy easy --json
    """
    from dataclasses import asdict

    from suanwang.adapters.traces.read import JobTrace, read_trace
    from suanwang.replay.engine import replay as play
    from suanwang.replay.waits import backtest
    from suanwang.schedule.policies import find_kept

    found = read_trace(trace)
    if not isinstance(found, JobTrace) or not len(found.jobs):
        what = msg("it is not a trace of jobs in time.")
        raise InvalidInput([Problem(str(trace), what, msg("Give one such as SWF, Philly or Helios."))])
    size = found.accelerators or accelerators or found.jobs.recorded_peak or int(found.jobs.size.max())
    start_s = found.jobs.recorded_start_s
    if policy or start_s is None:
        queue = find_kept(policy or "easy")
        keys = queue.keys(found.jobs.submit_s, found.jobs.estimate_s)
        start_s = play(found.jobs, size, queue.queue, keys).start_s
    try:
        errors = backtest(found.jobs, start_s, size)
    except ValueError:
        what = msg("the trace has too few jobs to predict a wait from.")
        raise InvalidInput([Problem(str(trace), what, msg("Give a longer one."))]) from None
    if as_json:
        terminal.json(
            {
                "trace": trace.name,
                "policy": policy or ("easy" if found.jobs.recorded_start_s is None else "recorded"),
                "accelerators": size,
                **asdict(errors),
            }
        )
        return 0
    rows = [(name, f"{value:,.3f}" if name == "covered" else f"{value:,.0f}") for name, value in asdict(errors).items()]
    terminal.table([msg("figure"), msg(">value")], rows)
    return 0
