"""`bench place`: plan a synthetic week of many workloads, and say its cost, its bound, and what that took."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@click.option("--workloads", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--pools", type=click.IntRange(1), default=100, show_default=True)
@click.option("--hours", type=click.IntRange(49), default=168, show_default=True)
@click.option("--load", type=click.FloatRange(0.01, 2.0), default=0.4, show_default=True, help="Demand / capacity.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--gang-max",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    default=0.1,
    show_default=True,
    help="Largest gang as a share of its pool.",
)
@click.option("--warm", is_flag=True, help="Plan the day after, from the prices of the day before.")
@click.option("--save", default="", help="Write the instance and the plan to this folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def place(
    terminal: Terminal,
    workloads: int,
    pools: int,
    hours: int,
    load: float,
    seed: int,
    gang_max: float,
    warm: bool,
    save: str,
    as_json: bool,
) -> int:
    """Plan a synthetic week: workloads of four kinds on pools of four kinds of accelerator, east and west.

    `gap` is how much dearer than the bound the plan is at most; the bound holds for any plan. The time is that of the
    plan alone. `--save` writes arrays with which anyone can check feasibility and cost without this code.

    \b
    Example:
      suanwang bench place --workloads 10000 --pools 40 --load 0.65 --json
    """
    from dataclasses import replace
    from resource import RUSAGE_SELF, getrusage
    from time import perf_counter, process_time

    from suanwang.adapters.plan_files import save_plan
    from suanwang.place.instance import problems
    from suanwang.place.plan import plan
    from suanwang.place.prices import later
    from suanwang.place.synthetic import DAY, Case, synthetic

    case = Case(workloads=workloads, pools=pools, hours=hours, load=load, seed=seed, gang_max=gang_max)
    yesterday = None
    if warm:
        yesterday = later(plan(synthetic(case)).prices, DAY)
        case = replace(case, day=1)
    instance = synthetic(case)
    wall, cpu = perf_counter(), process_time()
    made = plan(instance, yesterday=yesterday)
    wall, cpu = perf_counter() - wall, process_time() - cpu
    if save:
        save_plan(save, made)
    shown: dict[str, float | int] = {
        "cost": round(made.cost, 2),
        "bound": round(made.bound, 2),
        "gap": made.gap,
        "refused": made.assignment.refused,
        "seconds": round(wall, 3),
        "cpu_seconds": round(cpu, 3),
        "peak_mib": round(getrusage(RUSAGE_SELF).ru_maxrss / 1024, 1),
        "violations": len(problems(instance, made.assignment)),
    }
    if as_json:
        terminal.json(shown)
    else:
        units = {"cost": "CNY", "bound": "CNY", "seconds": "s", "cpu_seconds": "s", "peak_mib": "MiB"}
        rows = [
            (name, f"{value:,}" if name != "gap" else f"{value:.3%}", units.get(name, ""))
            for name, value in shown.items()
        ]
        terminal.table([msg("figure"), msg(">value"), msg("unit")], rows)
    return 1 if shown["violations"] else 0
