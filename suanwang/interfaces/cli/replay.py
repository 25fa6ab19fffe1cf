"""`suanwang replay`: a policy and a packing over a recorded trace; `compare`: many side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.replay_ground import PATH, ground, ground_options, malformed, read
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.adapters.traces.read import DemandTrace
    from suanwang.replay.scenario import Case, Ground


class TraceFirst(click.Group):
    """`replay TRACE` is `replay run TRACE`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """A word that is no command begins the trace's arguments."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(cls=TraceFirst)
def replay() -> None:
    """Play a recorded trace under a policy and a packing: `suanwang replay TRACE` is `suanwang replay run TRACE`.

    \b
    Examples:
      suanwang replay log.swf --policy easy
      suanwang replay log.swf --policy "las(quantum=2h) + topology" --per-node 8 --report report.html
      suanwang replay openb_pod_list_default.csv --packing fgd --arrived-demand 1.0 --seeds 10
      suanwang replay compare log.swf --policy fcfs --policy easy --what-if load=1.3 --json
      suanwang replay advise sacct.txt --now easy
    """


arrived_option = click.option(
    "--arrived-demand", type=float, default=1.0, show_default=True, help="Of the accelerators (openb)."
)
report_option = click.option("--report", type=PATH, help="Write an HTML report with charts to this file.")
series_option = click.option("--series", "timeline", is_flag=True, help="Time series in the JSON.")


@replay.command()
@ground_options
@arrived_option
@report_option
@series_option
@click.option("--policy", default="fcfs", show_default=True, help="Policy of the queue, or policy + packing.")
@click.option("--packing", default="", help="Packing on nodes (openb: best-fit unless said).")
@click.pass_obj
def run(
    terminal: Terminal,
    /,
    trace: Path,
    policy: str,
    packing: str,
    arrived_demand: float,
    report: Path | None,
    timeline: bool,
    **options: Any,
) -> None:
    """Play TRACE and print what came of it.

    Read are SWF, openb, Philly, Helios, Chronus, Gavel, Azure LLM, sacct exports and our own usage records.

    \b
    Example:
      suanwang replay run log.swf --policy easy --json
    """
    from suanwang.replay.scenario import Case
    from suanwang.schedule.options import split_scheme

    found = read(trace, options)
    as_json, seeds = options["as_json"], range(options["first_seed"], options["first_seed"] + options["seeds"])
    policy, named = split_scheme(policy)
    from suanwang.adapters.traces.read import JobTrace

    if isinstance(found, JobTrace):
        case = Case(policy=policy, packing=packing or named)
        results = play(terminal, [(ground(found, trace, options), case)], seeds, 1, timeline or report is not None)
    else:
        results = [demands(found, packing or named or "best-fit", arrived_demand, seeds)]
    if report:
        write_report(terminal, report, trace, results)
    finish(terminal, found, results[:1], as_json=as_json, timeline=timeline, single=True)


@replay.command()
@ground_options
@arrived_option
@report_option
@series_option
@click.option("--policy", "policies", multiple=True, help="Repeat for each policy, or policy + packing.")
@click.option("--packing", "packings", multiple=True, help="Repeat for each packing.")
@click.option(
    "--what-if", "changes", multiple=True, help="Repeat: load=1.3, accelerators=1.25, run, tariff, rent, power."
)
@click.option("--at", "places", multiple=True, help="Repeat for each pool of the grid to play it in instead.")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="How many at a time.")
@click.pass_obj
def compare(
    terminal: Terminal,
    /,
    trace: Path,
    policies: Sequence[str],
    packings: Sequence[str],
    changes: Sequence[str],
    places: Sequence[str],
    processes: int,
    arrived_demand: float,
    report: Path | None,
    timeline: bool,
    **options: Any,
) -> None:
    """Play TRACE under each policy with each packing, as it is and under each what-if, side by side.

    \b
    Examples:
      suanwang replay compare log.swf --policy fcfs --policy easy --json
      suanwang replay compare log.swf --policy easy --what-if load=1.3 --what-if accelerators=1.25
    """
    from suanwang.adapters.traces.read import JobTrace

    found = read(trace, options)
    seeds = range(options["first_seed"], options["first_seed"] + options["seeds"])
    if isinstance(found, JobTrace):
        cases = _cases(policies or ("fcfs", "sjf", "easy"), packings, changes)
        grounds = [(ground(found, trace, options, at), at) for at in places or ("",)]
        work = [(where, case) for where, _ in grounds for case in cases]
        results = play(terminal, work, seeds, processes, timeline or report is not None)
        for result, at in zip(results, [at for _, at in grounds for _ in cases], strict=True):
            result["pool"] = at or None
    else:
        kinds = packings or ("random", "best-fit", "least-fragmentation")
        results = in_processes(processes, demands, [(found, name, arrived_demand, seeds) for name in kinds])
    if report:
        write_report(terminal, report, trace, results)
    finish(terminal, found, results, as_json=options["as_json"], timeline=timeline)


def _cases(policies: Sequence[str], packings: Sequence[str], changes: Sequence[str]) -> list["Case"]:
    """Each policy, as it is named or with each packing, as things are and under each what-if."""
    from suanwang.replay.scenario import Case, read_changes
    from suanwang.schedule.options import split_scheme

    read = [{}, *map(read_changes, changes)]
    pairs = [split_scheme(text) for text in policies]
    pairs = [(policy, packing) for policy, own in pairs for packing in ([own] if own else packings or [""])]
    return [Case(policy=policy, packing=packing, changes=change) for change in read for policy, packing in pairs]


def play(
    terminal: Terminal, work: Sequence[tuple["Ground", "Case"]], seeds: range, processes: int, timeline: bool = False
) -> list[dict[str, Any]]:
    """A result for each (ground, case), in order: its figures, and the time series of its first seed."""
    from dataclasses import asdict

    from suanwang.interfaces.cli.replay_views import counting
    from suanwang.replay.scenario import run_case, summary

    calls = [(where, case, seed) for where, case in work for seed in seeds]
    if processes > 1 and len(calls) > 1:
        outcomes = in_processes(processes, _run, [(*call, timeline) for call in calls])
    else:
        with counting(terminal, sum(len(where.jobs) for where, _, _ in calls)) as progress:
            outcomes = [
                run_case(where, case, seed, timeline=timeline, progress=progress) for where, case, seed in calls
            ]
    results = []
    for number, (where, case) in enumerate(work):
        ours = outcomes[number * len(seeds) : (number + 1) * len(seeds)]
        result = {"name": case.label, **summary(case, where, ours)}
        if ours[0].series is not None:
            result["series"] = asdict(ours[0].series)
        results.append(result)
    return results


def _run(where: "Ground", case: "Case", seed: int, timeline: bool) -> Any:
    from suanwang.replay.scenario import run_case

    return run_case(where, case, seed, timeline=timeline)


def in_processes(processes: int, call: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """The results in order; a refusal in one of them is raised here."""
    from concurrent.futures import ProcessPoolExecutor

    if processes == 1:
        return [call(*each) for each in arguments]
    with ProcessPoolExecutor(processes) as pool:
        return [future.result() for future in [pool.submit(call, *each) for each in arguments]]


def demands(found: "DemandTrace", packing: str, arrived_demand: float, seeds: range) -> dict[str, Any]:
    """FGD's protocol: demands in random order until so much has arrived."""
    import hashlib
    from dataclasses import asdict
    from statistics import mean, stdev

    from suanwang.replay.arrivals import pack
    from suanwang.schedule.packing.by_name import find_packing

    rule = find_packing(packing, found.demands)
    runs = [pack(found.nodes, found.demands, rule, arrived_demand, seed) for seed in seeds]
    ratios = [run.allocation_ratio for run in runs]
    return {
        "name": packing,
        "packing": packing,
        "nodes": len(found.nodes),
        "accelerators": sum(node.gpus for node in found.nodes),
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


def write_report(
    terminal: Terminal, path: Path, trace: Path, results: Sequence[dict[str, Any]], said: str = ""
) -> None:
    """The HTML page; the path is told on stderr."""
    from suanwang.interfaces.reports.replay import replay_report

    path.write_text(replay_report(trace.name, results, terminal.lang, said), encoding="utf-8")
    terminal.note(msg("report: {path}", path=path))


def finish(
    terminal: Terminal,
    found: Any,
    results: Sequence[dict[str, Any]],
    *,
    as_json: bool,
    timeline: bool = False,
    single: bool = False,
) -> None:
    """Print the results, and what of the trace was left out."""
    from suanwang.interfaces.cli.replay_views import show

    if not timeline:
        results = [{name: value for name, value in result.items() if name != "series"} for result in results]
    if as_json:
        lost = malformed(terminal, found, told=True)
        terminal.json({**results[0], **lost} if single else {"results": list(results), **lost})
        return
    malformed(terminal, found, told=False)
    show(terminal, results)
