"""`bench estimate`: how many layouts the estimator weighs in a CPU-second."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@json_option
@click.pass_obj
def estimate(terminal: Terminal, as_json: bool) -> int:
    """Search all layouts of a 175B model on 1,024 cards: layouts per CPU-second, and the peak of memory.

    CPU time is of the search alone, in this process; memory is the peak of the whole process.

    \b
    Example:
      suanwang bench estimate --json
    """
    import resource

    from suanwang.adapters.catalog import load_catalog
    from suanwang.domain.workload import Training
    from suanwang.estimate.machine import machine
    from suanwang.estimate.notional import notional_pool
    from suanwang.estimate.search import search

    catalog = load_catalog()
    pool = notional_pool(catalog.accelerator("h100-sxm5-80gb"), catalog, 1024)
    task = Training(model=catalog.model("gpt3-175b"), tokens=300e9, sequence_length=2048, global_batch=1536)
    before = resource.getrusage(resource.RUSAGE_SELF)
    found = search(task, machine(pool, task.dtype, 1024), 1024)
    after = resource.getrusage(resource.RUSAGE_SELF)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    rate = found.weighed / max(spent, 1e-6)
    peak = after.ru_maxrss / 1024
    if as_json:
        figures = {"layouts": found.weighed, "cpu_seconds": spent, "layouts_per_cpu_second": rate, "peak_mib": peak}
        terminal.json(figures)
    else:
        terminal.say(
            msg(
                "{layouts} layouts in {seconds} CPU-seconds: {rate} a CPU-second, peak {peak} MiB",
                layouts=f"{found.weighed:,}",
                seconds=f"{spent:.3f}",
                rate=f"{rate:,.0f}",
                peak=f"{peak:.0f}",
            )
        )
    return 0
