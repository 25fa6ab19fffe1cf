"""`bench dispatch`: orders through the grid's engine beside the bare engine, in the same run on the same cluster."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.terminal import Terminal

UNITS = {"per_s": "1/s", "s": "s", "ratio": "", "mb": "MB", "share": "of a core"}


@click.command()
@click.option("--engine", type=click.Choice(["slurm"]), default="slurm", show_default=True)
@click.option("--conf", default="", help="slurm.conf of the cluster; SLURM_CONF if not given.")
@click.option("--rest-url", default="", help="slurmrestd's address: measure it beside sbatch.")
@click.option("--rest-token-file", default="", help="File with a token for slurmrestd.")
@click.option("--partition", default="", help="Partition; the cluster's default if not given.")
@click.option("--folder", default="", help="Folder that the nodes see; a temporary one of this machine if not given.")
@click.option("--jobs", type=click.IntRange(5), default=250, show_default=True, help="Jobs of each way to submit.")
@click.option("--array", type=click.IntRange(2), default=1000, show_default=True, help="Jobs of an array.")
@click.option("--in-flight", type=click.IntRange(0), default=10_000, show_default=True, help="Jobs to be observed.")
@click.option("--seconds", type=click.FloatRange(1), default=30.0, show_default=True, help="How long to observe them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def dispatch(
    terminal: Terminal,
    engine: str,
    conf: str,
    rest_url: str,
    rest_token_file: str,
    partition: str,
    folder: str,
    jobs: int,
    array: int,
    in_flight: int,
    seconds: float,
    as_json: bool,
) -> int:
    """Time submission, observation and start of orders on a real cluster, which should be idle.

    Held jobs of this user are made and cancelled again. Rates are medians over five blocks, the bare engine's and the
    grid's in turn. `share` is processor time of this program and of the commands that it runs.

    \b
    Examples:
      suanwang bench dispatch --engine slurm --conf /etc/slurm/slurm.conf --json
      suanwang bench dispatch --in-flight 1000 --seconds 10
    """
    from suanwang.adapters.engines.slurm.bench import Case, measure

    case = Case(
        conf=conf,
        rest_url=rest_url,
        rest_token_file=rest_token_file,
        partition=partition,
        folder=folder,
        jobs=jobs,
        array=array,
        in_flight=in_flight,
        seconds=seconds,
    )
    shown = {"engine": engine, **measure(case)}
    if as_json:
        terminal.json(shown)
    else:
        rows = [(name, f"{value:,.3f}", _unit(name)) for name, value in shown.items() if isinstance(value, float)]
        terminal.table([msg("figure"), msg(">value"), msg("unit")], rows)
    return 0


def _unit(name: str) -> str:
    return next((unit for end, unit in UNITS.items() if name.endswith(f"_{end}")), "")
