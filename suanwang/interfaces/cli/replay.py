"""`suanwang replay`: a policy or a packing over a recorded trace; `compare`: many side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.adapters.traces.read import DemandTrace, JobTrace

Command = TypeVar("Command", bound=Callable[..., Any])


class TraceFirst(click.Group):
    """`replay TRACE` is `replay run TRACE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A word that is no command begins the trace's arguments."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=TraceFirst)
def replay() -> None:
    """Play a recorded trace under a policy or a packing: `suanwang replay TRACE` is `suanwang replay run TRACE`.

    \b
    Examples:
      suanwang replay log.swf --policy easy
      suanwang replay openb_pod_list_default.csv --packing fgd --arrived-demand 1.0 --seeds 10
      suanwang replay compare log.swf --policy fcfs --policy easy --json
    """


def _options(command: Command) -> Command:
    """What both commands take."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--seeds", type=click.IntRange(1), default=1, show_default=True, help="How many runs (openb)."),
        click.option("--first-seed", type=int, default=42, show_default=True, help="Of the runs; 42 as in FGD's."),
        click.option(
            "--arrived-demand", type=float, default=1.0, show_default=True, help="Of the accelerators (openb)."
        ),
        click.option("--nodes", type=click.Path(path_type=Path), help="List of nodes (openb; else the one beside)."),
        click.option("--accelerators", type=click.IntRange(1), help="Of the pool (else as the trace's header tells)."),
    ):
        command = option(command)
    return click.argument("trace", type=click.Path(path_type=Path))(command)


@replay.command()
@_options
@click.option("--policy", default="fcfs", show_default=True, help="Queueing policy, for traces of jobs in time.")
@click.option("--packing", default="best-fit", show_default=True, help="Packing, for traces of demands on nodes.")
@click.pass_obj
def run(
    terminal: Terminal,
    trace: Path,
    policy: str,
    packing: str,
    nodes: Path | None,
    accelerators: int | None,
    arrived_demand: float,
    seeds: int,
    first_seed: int,
    as_json: bool,
) -> None:
    """Play TRACE (SWF, openb, Philly, Helios, Chronus) and print what came of it.

    \b
    Example:
      suanwang replay run log.swf --policy easy --json
    """
    from suanwang.adapters.traces.read import JobTrace, read_trace

    read = read_trace(trace, nodes)
    if isinstance(read, JobTrace):
        result = _jobs(read, trace, policy, accelerators)
    else:
        result = _demands(read, packing, arrived_demand, range(first_seed, first_seed + seeds))
    result |= _malformed(terminal, read, told=as_json)
    terminal.json(result) if as_json else _show(terminal, [result])


@replay.command()
@_options
@click.option("--policy", "policies", multiple=True, help="Repeat for each policy.")
@click.option("--packing", "packings", multiple=True, help="Repeat for each packing.")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="How many at a time.")
@click.pass_obj
def compare(
    terminal: Terminal,
    trace: Path,
    policies: Sequence[str],
    packings: Sequence[str],
    processes: int,
    nodes: Path | None,
    accelerators: int | None,
    arrived_demand: float,
    seeds: int,
    first_seed: int,
    as_json: bool,
) -> None:
    """Play TRACE under each policy or packing, side by side.

    \b
    Example:
      suanwang replay compare log.swf --policy fcfs --policy easy --json
    """
    from concurrent.futures import ProcessPoolExecutor

    from suanwang.adapters.traces.read import JobTrace, read_trace

    read = read_trace(trace, nodes)
    calls: list[tuple[Any, ...]]
    if isinstance(read, JobTrace):
        calls = [(_jobs, read, trace, name, accelerators) for name in policies or ("fcfs", "sjf", "easy")]
    else:
        names = packings or ("random", "best-fit", "least-fragmentation")
        calls = [(_demands, read, name, arrived_demand, range(first_seed, first_seed + seeds)) for name in names]
    if processes == 1:
        results = [call(*arguments) for call, *arguments in calls]
    else:
        with ProcessPoolExecutor(processes) as pool:
            results = [future.result() for future in [pool.submit(*call) for call in calls]]
    if as_json:
        terminal.json({"results": results, **_malformed(terminal, read, told=True)})
    else:
        _malformed(terminal, read, told=False)
        _show(terminal, results)


def _jobs(read: "JobTrace", trace: Path, policy: str, accelerators: int | None) -> dict[str, Any]:
    from dataclasses import asdict

    from suanwang.replay.engine import replay as play
    from suanwang.replay.metrics import measure
    from suanwang.schedule.policies import find_policy

    size = accelerators or read.accelerators
    if size is None:
        problem = msg("the trace does not tell how many accelerators there are")
        raise InvalidInput([Problem(str(trace), problem, msg("Say it with --accelerators."))])
    rule = find_policy(policy.replace("-", "_"))
    played = play(read.jobs, size, rule.queue, rule.keys(read.jobs.submit_s, read.jobs.estimate_s))
    return {"policy": rule.name, "accelerators": size, **asdict(measure(played))}


def _demands(read: "DemandTrace", packing: str, arrived_demand: float, seeds: range) -> dict[str, Any]:
    import hashlib
    from dataclasses import asdict
    from statistics import mean, stdev

    from suanwang.replay.arrivals import pack
    from suanwang.schedule.packing.by_name import find_packing

    rule = find_packing(packing, read.demands)
    runs = [pack(read.nodes, read.demands, rule, arrived_demand, seed) for seed in seeds]
    ratios = [run.allocation_ratio for run in runs]
    return {
        "packing": packing,
        "nodes": len(read.nodes),
        "accelerators": sum(node.gpus for node in read.nodes),
        "arrived_demand": arrived_demand,
        "seeds": len(seeds),
        "allocation_ratio": mean(ratios),
        "allocation_ratio_standard_deviation": stdev(ratios) if len(ratios) > 1 else None,
        "allocation_ratio_upper_bound": mean(run.allocation_ratio_upper_bound for run in runs),
        "fragmentation_ratio": mean(run.fragmentation_ratio for run in runs),
        "decisions": sum(run.decisions for run in runs),
        "turned_away": sum(run.turned_away for run in runs),
        "event_log_sha256": hashlib.sha256("".join(run.event_log_sha256 for run in runs).encode()).hexdigest(),
        "runs": [asdict(run) for run in runs],
    }


def _malformed(terminal: Terminal, read: "JobTrace | DemandTrace", *, told: bool) -> dict[str, Any]:
    """How many lines were left out, and the first of them; unless the JSON tells, stderr does."""
    malformed = read.malformed
    if malformed.count and not told:
        terminal.note(msg("lines left out: {count}; --json lists the first of them", count=malformed.count))
    lines = [{"place": p.place, "problem": terminal.text(p.message)} for p in malformed.first]
    return {"malformed_lines": malformed.count, "malformed_first": lines}


def _show(terminal: Terminal, results: Sequence[dict[str, Any]]) -> None:
    """One column a result; seeds and the first malformed lines are in the JSON only."""
    names = [name for name, value in results[0].items() if not isinstance(value, list)]
    shown = [[name, *(_figure(result[name]) for result in results)] for name in names]
    terminal.table(["", *(f">{i + 1}" if len(results) > 1 else "" for i in range(len(results)))], shown)


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 100 else f"{value:,.0f}"
    return "-" if value is None else str(value)
