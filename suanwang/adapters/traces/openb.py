"""Alibaba's cluster-trace-gpu-v2023 (openb): a list of pods and a list of nodes, in CSV.

Pods: name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec (models with | between; may be missing or empty).
Nodes: sn, cpu_milli, memory_mib, gpu, model. github.com/alibaba/clusterdata, cluster-trace-gpu-v2023.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from suanwang.adapters.traces.text import Malformed, parsed, read_lines, rows
from suanwang.schedule.packing.nodes import MILLI, Demand, Node

POD = frozenset({"name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli"})
NODE = frozenset({"sn", "cpu_milli", "memory_mib", "gpu", "model"})


@dataclass(frozen=True, slots=True)
class Pod:
    """A named demand."""

    name: str
    demand: Demand


def is_openb(first_line: str) -> bool:
    """Whether a file whose first line this is lists pods."""
    return set(first_line.strip().split(",")) >= POD


def read_pods(lines: Iterable[str], path: Path) -> tuple[list[Pod], Malformed]:
    """The pods in the file's order."""
    malformed = Malformed(str(path))
    return parsed(rows(lines, str(path), POD, malformed), _pod, malformed), malformed


def read_nodes(path: Path) -> tuple[list[Node], Malformed]:
    """The nodes in the file's order."""
    malformed = Malformed(str(path))
    return parsed(rows(read_lines(path), str(path), NODE, malformed), _node, malformed), malformed


def _pod(row: dict[str, str]) -> Pod:
    gpus = int(row["num_gpu"])
    spec = row.get("gpu_spec") or ""
    demand = Demand(
        cpu_milli=int(row["cpu_milli"]),
        memory_mib=int(row["memory_mib"]),
        gpus=gpus,
        gpu_milli=min(int(row["gpu_milli"]), MILLI) if gpus else 0,
        models=frozenset(filter(None, spec.split("|"))) if gpus else frozenset(),
    )
    return Pod(row["name"], demand)


def _node(row: dict[str, str]) -> Node:
    return Node(
        name=row["sn"],
        cpu_milli=int(row["cpu_milli"]),
        memory_mib=int(row["memory_mib"]),
        gpus=int(row["gpu"]),
        model=row["model"],
    )
