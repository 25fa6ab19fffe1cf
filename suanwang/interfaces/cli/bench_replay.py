"""`bench replay`: jobs and placements that replay decides in a CPU-second, on one core."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.adapters.traces.read import DemandTrace
    from suanwang.replay.engine import Jobs

POLICIES = ("fcfs", "sjf", "first_fit", "easy")


@click.command()
@click.argument("traces", nargs=-1, type=click.Path(path_type=Path))
@click.option("--accelerators", type=click.IntRange(1), help="Of the pool, for traces that do not tell.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Runs of a trace of demands.")
@click.option("--accasim", help="A Python that has AccaSim 1.1.3: run it on the same SWF traces, and compare.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def replay(
    terminal: Terminal,
    traces: tuple[Path, ...],
    accelerators: int | None,
    seeds: int,
    accasim: str | None,
    as_json: bool,
) -> None:
    """Replay TRACES, or two drawn at random: a light load of short jobs and a long queue.

    \b
    Example:
      suanwang bench replay log.swf openb_pod_list_default.csv --json
    """
    from time import process_time

    from suanwang.adapters.traces.read import JobTrace, read_trace

    results: list[dict[str, Any]] = []
    for path in traces:
        began = process_time()
        read = read_trace(path)
        read_s = process_time() - began
        if isinstance(read, JobTrace):
            size = read.accelerators or accelerators or int(read.jobs.size.max())
            found = _queues(path.name, read.jobs, size, read_s)
            if accasim:
                for result in found:
                    result |= _peer(accasim, path, result["policy"], read.jobs, size)
            results += found
        else:
            results.append(_packing(path.name, read, seeds))
    for name, load, count in () if traces else (("light", 0.5, 20_000), ("long-queue", 1.2, 20_000)):
        results += _queues(name, _drawn(count, 256, load), 256, 0.0)
    if as_json:
        terminal.json({"results": results})
    else:
        names = list(dict.fromkeys(name for result in results for name in result))
        terminal.table(names, [[str(result.get(name, "")) for name in names] for result in results])


def _queues(trace: str, jobs: "Jobs", accelerators: int, read_s: float) -> list[dict[str, Any]]:
    """Jobs per CPU second of the replay alone, and with the reading of the file."""
    from time import process_time

    from suanwang.replay.engine import replay as play
    from suanwang.schedule.policies import find_kept

    results = []
    for name in POLICIES:
        policy = find_kept(name)
        began = process_time()
        played = play(jobs, accelerators, policy.queue, policy.keys(jobs.submit_s, jobs.estimate_s))
        cpu_s = process_time() - began
        results.append(
            {
                "trace": trace,
                "policy": name,
                "jobs": len(jobs),
                "jobs_per_cpu_s": round(len(jobs) / cpu_s),
                "jobs_per_cpu_s_with_reading": round(len(jobs) / (cpu_s + read_s)),
                "waiting_max": played.waiting_max,
                "event_log_sha256": played.event_hash(),
            }
        )
    return results


def _peer(python: str, path: Path, policy: str, jobs: "Jobs", accelerators: int) -> dict[str, Any]:
    """AccaSim's speed on the same trace in the same run, and how many jobs it starts at another second."""
    import json
    import subprocess

    from suanwang.interfaces.cli import bench_accasim
    from suanwang.replay.engine import replay as play
    from suanwang.schedule.policies import find_kept

    if policy not in bench_accasim.DISPATCHERS:
        return {}
    command = [python, str(Path(bench_accasim.__file__)), str(path), policy, str(accelerators)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.CalledProcessError, ValueError, IndexError) as error:
        remedy = msg("Give a Python with accasim 1.1.3, and an SWF file that is not compressed.")
        raise InvalidInput([Problem("--accasim", msg("AccaSim did not run"), remedy)]) from error
    rule = find_kept(policy)
    ours = play(jobs, accelerators, rule.queue, rule.keys(jobs.submit_s, jobs.estimate_s))
    starts = zip(jobs.job_ids, ours.start_s.tolist(), strict=True)
    return {
        "accasim_jobs_per_cpu_s": round(len(jobs) / theirs["cpu_s"]),
        "accasim_other_starts": sum(theirs["starts"].get(job) != start for job, start in starts),
    }


def _packing(trace: str, read: "DemandTrace", seeds: int) -> dict[str, Any]:
    """Decisions per CPU second of least fragmentation, with what it works out once for the workload."""
    from time import process_time

    from suanwang.replay.arrivals import pack
    from suanwang.schedule.packing.by_name import find_packing

    began = process_time()
    rule = find_packing("least-fragmentation", read.demands)
    runs = [pack(read.nodes, read.demands, rule, 1.0, seed) for seed in range(seeds)]
    cpu_s = process_time() - began
    decisions = sum(run.decisions for run in runs)
    return {
        "trace": trace,
        "packing": "least-fragmentation",
        "nodes": len(read.nodes),
        "decisions": decisions,
        "decisions_per_cpu_s": round(decisions / cpu_s),
    }


def _drawn(count: int, accelerators: int, load: float) -> "Jobs":
    """Log-normal run times, sizes of powers of two, arrivals by an exponential law, from one seed."""
    import numpy as np

    from suanwang.replay.engine import Jobs

    draw = np.random.default_rng(7)
    run = draw.lognormal(6.0, 1.5, count).round() + 1
    size = 2 ** draw.integers(0, 8, count)
    gap = float((run * size).mean()) / accelerators / load
    return Jobs(
        job_ids=tuple(map(str, range(count))),
        submit_s=np.cumsum(draw.exponential(gap, count)).round(),
        run_s=run,
        size=size,
        estimate_s=(run * draw.uniform(1, 3, count)).round(),
        user=("",) * count,
    )
