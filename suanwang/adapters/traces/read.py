"""A trace of whatever known format: jobs for a queue, or demands with the nodes they are for."""

from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from suanwang.adapters.traces.gavel import is_gavel, read_gavel
from suanwang.adapters.traces.openb import is_openb, read_nodes, read_pods
from suanwang.adapters.traces.sacct import is_sacct, read_sacct
from suanwang.adapters.traces.swf import read_swf
from suanwang.adapters.traces.tables import Service, read_table
from suanwang.adapters.traces.text import Malformed, read_lines
from suanwang.adapters.traces.usage import is_usage, read_usage
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.replay.engine import Jobs
from suanwang.schedule.packing.nodes import Demand, Node


@dataclass(frozen=True, slots=True)
class JobTrace:
    """Jobs in time, the accelerators that the trace's header tells of, and the time of its second 0 (since 1970)."""

    jobs: Jobs
    accelerators: int | None
    malformed: Malformed
    zero_s: float | None = None


@dataclass(frozen=True, slots=True)
class DemandTrace:
    """What jobs ask of a node, and the nodes."""

    demands: list[Demand]
    nodes: list[Node]
    malformed: Malformed


def read_trace(
    path: Path,
    nodes: Path | None = None,
    throughputs: Path | None = None,
    service: Service | None = None,
) -> JobTrace | DemandTrace:
    """Told by the content. `nodes`: the list for openb, `throughputs`: the table for Gavel, else what lies beside;
    `service`: for requests to a model. Raises InvalidInput."""
    source = read_lines(path)
    head: list[str] = []
    for line in islice(source, 1000):
        head.append(line)
        if line.strip():
            break
    first, lines = head[-1].rstrip("\n") if head else "", chain(head, source)
    if is_openb(first):
        pods, malformed = read_pods(lines, path)
        rows, broken = read_nodes(nodes or _beside(path))
        malformed.count += broken.count
        malformed.first += broken.first
        if not pods or not rows:
            empty = path if not pods else (nodes or _beside(path))
            problem = Problem(
                str(empty), msg("no line of the file could be read"), msg("Give a file with one row or more.")
            )
            raise InvalidInput([problem, *malformed.first])
        return DemandTrace([pod.demand for pod in pods], rows, malformed)
    if is_gavel(first):
        jobs, malformed = read_gavel(lines, path, throughputs)
        return JobTrace(jobs, None, malformed)
    if is_sacct(first):
        jobs, zero, malformed = read_sacct(lines, path)
        return JobTrace(jobs, None, malformed, zero)
    if is_usage(first):
        jobs, zero, malformed = read_usage(lines, path)
        return JobTrace(jobs, None, malformed, zero)
    if first.lstrip().startswith(";") or (first.split(maxsplit=1)[:1] and first.split()[0].lstrip("-").isdigit()):
        jobs, accelerators, begun, malformed = read_swf(lines, path)
        return JobTrace(jobs, accelerators, malformed, begun)
    jobs, zero, malformed = read_table(lines, first, path, service)
    return JobTrace(jobs, None, malformed, zero)


def _beside(path: Path) -> Path:
    """The nodes that the published runs use, as they are named beside the pods."""
    found = sorted(path.parent.glob("*node_list_gpu_node.csv*")) or sorted(path.parent.glob("*node_list*.csv*"))
    if not found:
        raise NotFound("not-found", msg("no list of nodes beside {path}", path=path), msg("Name it with --nodes."))
    return found[0]
