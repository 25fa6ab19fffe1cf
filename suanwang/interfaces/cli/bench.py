"""`suanwang bench`: how fast and how good, on the machine at hand. Each benchmark is a file of its own."""

import click

from suanwang.interfaces.cli.bench_place import place


@click.group()
def bench() -> None:
    """Benchmarks: how fast and how good suanwang is on this machine."""


for command in (place,):
    bench.add_command(command)
