"""Laws of the packings: fragmentation by its definition, and an allocation that keeps its bounds."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.replay.arrivals import pack
from suanwang.schedule.packing.by_name import PACKINGS, find_packing
from suanwang.schedule.packing.fragmentation import Fragmentation, usual_demands
from suanwang.schedule.packing.layout import Layout, like_nodes, seeded, whole_demands
from suanwang.schedule.packing.nodes import Demand, Node, Nodes
from suanwang.schedule.packing.shelves import RULES, Shelves

CPU = st.integers(0, 40).map(lambda cores: cores * 1000)
PART = st.builds(lambda c, m: Demand(cpu_milli=c, memory_mib=10, gpus=1, gpu_milli=m), CPU, st.integers(1, 999))
WHOLE = st.builds(
    lambda c, n, spec: Demand(cpu_milli=c, memory_mib=10, gpus=n, gpu_milli=1000, models=spec),
    CPU,
    st.sampled_from([1, 2, 4, 8]),
    st.sampled_from([frozenset(), frozenset({"T4"}), frozenset({"P100", "T4"})]),
)
NONE = st.builds(lambda c: Demand(cpu_milli=c, memory_mib=10), CPU)
DEMANDS = st.lists(st.one_of(PART, WHOLE, NONE), min_size=1, max_size=30)
LEFTS = st.lists(st.one_of(st.integers(0, 1000), st.just(1000)), min_size=1, max_size=8)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(demands=DEMANDS, lefts=LEFTS, cpu=CPU, model=st.sampled_from(["T4", "P100", "A10"]))
def test_fragmentation_is_the_mean_of_what_each_usual_demand_cannot_use(
    demands: list[Demand], lefts: list[int], cpu: int, model: str
) -> None:
    usual = usual_demands(demands)
    assert sum(u.share for u in usual) == pytest.approx(1.0)
    lost = 0.0
    for u in usual:
        room = sum(left >= u.gpu_milli for left in lefts) >= u.gpus > 0 and cpu >= u.cpu_milli
        ours = not u.models or model in u.models
        lost += u.share * (sum(left for left in lefts if left < u.gpu_milli) if room and ours else sum(lefts))
    assert Fragmentation(usual, model).amount(cpu, lefts) == pytest.approx(lost, abs=1e-6)


@pytest.mark.parametrize("name", PACKINGS)
def test_a_run_is_the_same_for_the_same_seed_and_keeps_its_bounds(name: str) -> None:
    draw = random.Random(5)
    nodes = [
        Node(name=f"n{i}", cpu_milli=64_000, memory_mib=4000, gpus=gpus, model=model)
        for i, (gpus, model) in enumerate([(8, "P100"), (4, "T4"), (2, "T4"), (8, "P100")] * 4)
    ]
    demands = [
        Demand(cpu_milli=draw.choice([1000, 4000, 9000]), memory_mib=draw.choice([10, 200]), gpus=1, gpu_milli=part)
        for part in draw.choices([150, 330, 500, 1000], k=60)
    ] + [Demand(cpu_milli=8000, memory_mib=10, gpus=2, gpu_milli=1000, models=frozenset({"T4"}))] * 10
    rule = find_packing(name, demands)
    first, again, other = (pack(nodes, demands, rule, 1.0, seed) for seed in (1, 1, 2))
    assert first == again
    assert first.event_log_sha256 != other.event_log_sha256
    assert 0.5 < first.allocation_ratio <= first.allocation_ratio_upper_bound <= 1
    assert 0 <= first.fragmentation_ratio <= 1
    assert (np.diff(first.allocation) >= 0).all()
    if name == "least-fragmentation":
        worst = pack(nodes, demands, find_packing("worst-fit", demands), 1.0, 1)
        assert first.fragmentation_ratio < worst.fragmentation_ratio


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=60, derandomize=True, deadline=None)
@given(moves=st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=40))
def test_shelves_decide_as_the_packing_of_that_name(rule: str, moves: list[tuple[bool, int]]) -> None:
    """True: a gang of so many comes; False: the one that has been there longest goes."""
    slow_nodes, quick_nodes = Nodes(like_nodes(5, 4)), Nodes(like_nodes(5, 4))
    slow = Layout(slow_nodes, find_packing(rule, whole_demands(4))(slow_nodes, seeded()))
    quick = Shelves(quick_nodes, find_packing(rule, whole_demands(4))(quick_nodes, seeded()), rule)
    there = []
    for comes, size in moves:
        if comes:
            a, b = slow.take(size), quick.take(size)
            assert (a is None) == (b is None)
            if a is not None and b is not None:
                assert [part[:2] for part in a] == [part[:2] for part in b]
                there.append((a, b))
        elif there:
            a, b = there.pop(0)
            slow.free(a)
            quick.free(b)
