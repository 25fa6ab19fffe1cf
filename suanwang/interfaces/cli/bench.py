"""`bench`: how fast parts of suanwang run on this machine; one file for each part."""

import click

from suanwang.interfaces.cli.bench_abuse import abuse
from suanwang.interfaces.cli.bench_api import bench_api
from suanwang.interfaces.cli.bench_dispatch import dispatch
from suanwang.interfaces.cli.bench_estimate import estimate
from suanwang.interfaces.cli.bench_ledger import ledger
from suanwang.interfaces.cli.bench_place import place
from suanwang.interfaces.cli.bench_replay import replay
from suanwang.interfaces.cli.bench_waits import waits


@click.group()
def bench() -> None:
    """Measure how fast suanwang itself runs on this machine.

    \b
    Examples:
      suanwang bench abuse --json
      suanwang bench api --json
      suanwang bench dispatch --engine slurm --json
      suanwang bench estimate --json
      suanwang bench ledger --json
      suanwang bench place --json
      suanwang bench replay --json
      suanwang bench waits log.swf --json
    """


for command in (abuse, bench_api, dispatch, estimate, ledger, place, replay, waits):
    bench.add_command(command)
