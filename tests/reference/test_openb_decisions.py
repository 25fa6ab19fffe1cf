"""Placement by placement the decisions of the published FGD simulator, on a tenth of the openb trace."""

import csv
from pathlib import Path

import pytest

from suanwang.adapters.traces.openb import read_nodes, read_pods
from suanwang.adapters.traces.text import read_lines
from suanwang.schedule.packing.fits import BestFit, FirstFit
from suanwang.schedule.packing.least_fragmentation import Gradients, LeastFragmentation
from suanwang.schedule.packing.nodes import Demand, Node, Nodes
from suanwang.schedule.packing.packing import Packing, give_back, place

HERE = Path(__file__).parent / "openb_mini"
Decision = tuple[str, Demand, str]


def read(column: str) -> tuple[list[Node], list[Demand], list[Decision]]:
    """Nodes, the workload's demands, and (pod, demand, node or "") in the order that they came."""
    path = HERE / "openb_pod_list_mini.csv"
    pods, broken = read_pods(read_lines(path), path)
    nodes, _ = read_nodes(HERE / "openb_node_list_gpu_node.csv")
    assert (len(pods), len(nodes), broken.count) == (816, 122, 0)
    demands = {pod.name: pod.demand for pod in pods}
    with (HERE / "decisions.csv").open(encoding="utf-8") as lines:
        came = [(row["pod"], demands[row["pod"]], row[column]) for row in csv.DictReader(lines)]
    return nodes, [pod.demand for pod in pods], came


@pytest.mark.parametrize("name", ["least_fragmentation", "best_fit"])
def test_every_pod_gets_the_same_node(name: str) -> None:
    nodes, demands, came = read(name)
    columns = Nodes(nodes)
    packing: Packing = BestFit(columns)
    if name == "least_fragmentation":
        packing = LeastFragmentation(columns, Gradients(demands))
    ours = []
    for pod, demand, _ in came:
        placed = place(packing, columns, demand)
        ours.append((pod, nodes[placed[0]].name if placed else ""))
    assert ours == [(pod, node) for pod, _, node in came]
    assert sum(node == "" for _, node in ours) > 200


def test_the_random_run_never_takes_more_than_a_node_has_left() -> None:
    """Which accelerators it drew is not recorded: its nodes' CPU, memory, models and sums of accelerators are."""
    nodes, _, came = read("random")
    columns, row_of = Nodes(nodes), {node.name: row for row, node in enumerate(nodes)}
    for _, demand, node in came:
        if node:
            row = row_of[node]
            assert not demand.models or columns.of_model(demand.models)[row]
            columns.cpu_left[row] -= demand.cpu_milli
            columns.memory_left[row] -= demand.memory_mib
            columns.total_left[row] -= demand.total_milli
    assert min(columns.cpu_left.min(), columns.memory_left.min(), columns.total_left.min()) >= 0


def test_what_is_given_back_can_be_taken_again() -> None:
    nodes, demands, came = read("least_fragmentation")
    columns = Nodes(nodes)
    packing = LeastFragmentation(columns, Gradients(demands))
    first = [(demand, place(packing, columns, demand)) for _, demand, _ in came[:300]]
    for demand, placed in reversed(first):
        assert placed
        give_back(packing, columns, placed[0], demand, placed[1])
    assert (columns.gpu_left == Nodes(nodes).gpu_left).all()
    assert [place(packing, columns, demand) for _, demand, _ in came[:300]] == [placed for _, placed in first]


def test_a_node_is_never_given_more_than_it_has() -> None:
    columns = Nodes([Node(name="n", cpu_milli=4000, memory_mib=100, gpus=2, model="T4")])
    half = Demand(cpu_milli=1000, memory_mib=10, gpus=1, gpu_milli=600)
    packing = FirstFit(columns)
    assert [place(packing, columns, half) for _ in range(3)] == [(0, (0,)), (0, (1,)), None]
    with pytest.raises(ValueError, match="has not that much"):
        columns.take(0, half, (0,))
