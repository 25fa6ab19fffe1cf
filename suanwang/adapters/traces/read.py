"""A trace of whatever known format: jobs for a queue, or demands with the nodes they are for."""

from dataclasses import dataclass
from pathlib import Path

from suanwang.adapters.traces.openb import is_openb, read_nodes, read_pods
from suanwang.adapters.traces.swf import read_swf
from suanwang.adapters.traces.tables import read_table
from suanwang.adapters.traces.text import Malformed, read_text
from suanwang.errors import NotFound, msg
from suanwang.replay.engine import Jobs
from suanwang.schedule.packing.nodes import Demand, Node


@dataclass(frozen=True, slots=True)
class JobTrace:
    """Jobs in time, and the accelerators that the trace's header tells of."""

    jobs: Jobs
    accelerators: int | None
    malformed: Malformed


@dataclass(frozen=True, slots=True)
class DemandTrace:
    """What jobs ask of a node, and the nodes."""

    demands: list[Demand]
    nodes: list[Node]
    malformed: Malformed


def read_trace(path: Path, nodes: Path | None = None) -> JobTrace | DemandTrace:
    """Told by the content. `nodes`: the list for openb, else the one beside. Raises NotFound, InvalidInput."""
    first = next((line for line in read_text(path).splitlines() if line.strip()), "")
    if is_openb(first):
        pods, malformed = read_pods(path)
        rows, broken = read_nodes(nodes or _beside(path))
        malformed.count += broken.count
        malformed.first += broken.first
        return DemandTrace([pod.demand for pod in pods], rows, malformed)
    if first.lstrip().startswith(";") or first.partition(" ")[0].lstrip("-").isdigit():
        jobs, accelerators, malformed = read_swf(path)
        return JobTrace(jobs, accelerators, malformed)
    jobs, malformed = read_table(path)
    return JobTrace(jobs, None, malformed)


def _beside(path: Path) -> Path:
    """The nodes that the published runs use, as they are named beside the pods."""
    found = sorted(path.parent.glob("*node_list_gpu_node.csv*")) or sorted(path.parent.glob("*node_list*.csv*"))
    if not found:
        raise NotFound("not-found", msg("no list of nodes beside {path}", path=path), msg("Name it with --nodes."))
    return found[0]
