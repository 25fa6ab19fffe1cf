"""Laws that every estimate keeps: more never hurts, scaling, order of bands."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.estimate import Estimate
from suanwang.domain.model import ModelSpec
from suanwang.domain.placement import Rejection
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.reason import Reason
from suanwang.domain.site import Pool
from suanwang.domain.workload import Demand, Serving, Training, Workload, WorkloadKind
from suanwang.estimate.energy import power
from suanwang.estimate.finetuning import recipe
from suanwang.estimate.goodput import checkpoint_interval_s, lost_share
from suanwang.estimate.layout import candidates
from suanwang.estimate.memory import training_memory
from suanwang.estimate.workload import estimate

LAW = settings(derandomize=True, deadline=None, max_examples=40)

models = st.builds(
    lambda layers, heads, group, size, experts: ModelSpec(
        id="m",
        layers=layers,
        hidden=heads * size,
        heads=heads,
        kv_heads=heads // group,
        ffn=3 * heads * size,
        vocab=32000,
        experts=experts,
        experts_per_token=2 if experts else 0,
    ),
    layers=st.integers(2, 96),
    heads=st.sampled_from([8, 16, 32, 64]),
    group=st.sampled_from([1, 4, 8]),
    size=st.sampled_from([64, 128]),
    experts=st.sampled_from([0, 0, 8, 16]),
)
tasks = st.builds(
    Training,
    model=models,
    tokens=st.floats(1e6, 1e13),
    sequence_length=st.sampled_from([512, 2048, 8192]),
    global_batch=st.integers(1, 2048),
)


def card(memory: float = 80e9) -> Accelerator:
    return Accelerator(
        id="a",
        vendor="v",
        name="A",
        kind=AcceleratorKind.GPU,
        provenance=Provenance(source="test", confidence=Confidence.ESTIMATE),
        peak_flops_per_s={"bf16": 312e12},
        memory_bytes=memory,
        memory_bytes_per_s=2039e9,
        link_bytes_per_s=600e9,
        power_w=400,
    )


def pool(memory: float = 80e9, nodes: int = 64) -> Pool:
    return Pool(
        id="p",
        site_id="s",
        accelerator=card(memory),
        nodes=nodes,
        accelerators_per_node=8,
        engine="",
        price_book_id="",
        node_network_bytes_per_s=200e9,
    )


def result(task: Training | Serving, count: int | None, at: Pool) -> Estimate | Rejection:
    kind = WorkloadKind.PRETRAIN if isinstance(task, Training) else WorkloadKind.SERVE
    return estimate(Workload(name="w", kind=kind, task=task, tenant="t", demand=Demand(count=count)), at)


def speed(found: Estimate | Rejection) -> float:
    return found.results["tokens_per_s"] if isinstance(found, Estimate) else 0.0


@LAW
@given(task=tasks, count=st.integers(1, 256), more=st.integers(1, 256))
def test_more_accelerators_never_lower_the_throughput(task: Training, count: int, more: int) -> None:
    assert speed(result(task, count + more, pool())) >= speed(result(task, count, pool())) * (1 - 1e-12)


@LAW
@given(task=tasks, count=st.sampled_from([1, 4, 8, 64]), memory=st.floats(16e9, 90e9), more=st.floats(1.0, 4.0))
def test_more_memory_never_makes_a_fit_fail_or_slower(task: Training, count: int, memory: float, more: float) -> None:
    assert speed(result(task, count, pool(memory * more))) >= speed(result(task, count, pool(memory))) * (1 - 1e-12)


@LAW
@given(task=tasks, factor=st.floats(1.1, 10))
def test_time_and_energy_follow_the_tokens(task: Training, factor: float) -> None:
    once, longer = result(task, 64, pool()), result(replace(task, tokens=task.tokens * factor), 64, pool())
    assert isinstance(once, Estimate) is isinstance(longer, Estimate)
    if isinstance(once, Estimate) and isinstance(longer, Estimate):
        assert np.isclose(longer.time_s.mid, once.time_s.mid * factor)
        assert np.isclose(longer.energy_kwh_it.mid, once.energy_kwh_it.mid * factor)
        assert np.isclose(longer.flops, once.flops * factor)


@LAW
@given(task=tasks, count=st.integers(1, 256))
def test_an_estimate_is_whole_or_names_the_memory(task: Training, count: int) -> None:
    found = result(task, count, pool())
    if isinstance(found, Rejection):
        assert found.reason is Reason.EXCEEDS_MEMORY
        return
    assert np.isclose(sum(found.breakdown_s.values()), found.time_s.mid)
    assert found.time_s.low <= found.time_s.mid <= found.time_s.high
    assert found.memory_bytes_total <= 80e9
    assert found.layout.accelerators <= count
    assert 0 < found.results["mfu"] < 1
    rated = 400 * count
    assert rated * 0.15 < found.power_w_it.mid < rated * 1.5


@LAW
@given(task=tasks)
def test_recomputing_and_sharding_only_save_memory(task: Training) -> None:
    at = candidates(task.model, task.global_batch, 64, 8)
    parts = training_memory(task.model, recipe(task), task.sequence_length, at, 0.0)
    by_layout: dict[tuple[float, ...], dict[int, float]] = {}
    rows = zip(at.tp, at.pp, at.dp, at.ep, at.micro_batch, at.interleave, at.sharding, at.recompute, strict=True)
    for i, (*key, recompute) in enumerate(rows):
        by_layout.setdefault(tuple(key), {})[int(recompute)] = float(parts["activations"][i])
    assert by_layout
    # full recomputation keeps one working layer beside the inputs: with a single layer that is no saving
    assert all(kept[1] <= kept[0] for kept in by_layout.values())
    assert (at.accelerators <= 64).all()


@LAW
@given(
    model=models,
    rate=st.floats(0.01, 50),
    more=st.floats(1.0, 4.0),
    inputs=st.integers(1, 8192),
    outputs=st.integers(1, 1024),
)
def test_more_requests_never_need_fewer_cards(
    model: ModelSpec, rate: float, more: float, inputs: int, outputs: int
) -> None:
    task = Serving(model=model, requests_per_s=rate, input_tokens=inputs, output_tokens=outputs, duration_s=3600.0)
    few, many = result(task, None, pool()), result(replace(task, requests_per_s=rate * more), None, pool())
    if isinstance(many, Estimate):
        assert isinstance(few, Estimate)
        assert few.accelerators <= many.accelerators
        assert 0 < many.results["busy_share"] <= 1 + 1e-9


@LAW
@given(count=st.integers(1, 512), load=st.floats(0, 1), more=st.floats(0, 1))
def test_power_rises_with_load_and_number(count: int, load: float, more: float) -> None:
    at = pool()
    high = load + (1 - load) * more
    assert power(at, count, count, high).watts >= power(at, count, count, load).watts
    assert power(at, count + 1, count, load).watts > power(at, count, count, load).watts


@LAW
@given(count=st.integers(1, 20000), every=st.floats(60, 1e6))
def test_youngs_interval_loses_least(count: int, every: float) -> None:
    assert lost_share(count) <= lost_share(count, every) + 1e-12
    assert checkpoint_interval_s(count) > 0
