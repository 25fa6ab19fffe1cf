"""The estimator's door: results, gangs, and every reason why not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.estimate import Estimate
from suanwang.domain.model import ModelSpec
from suanwang.domain.placement import Rejection
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.reason import Reason
from suanwang.domain.site import Pool
from suanwang.domain.workload import (
    Batch,
    Demand,
    FinetuneMethod,
    Limits,
    Serving,
    Task,
    Training,
    Workload,
    WorkloadKind,
)
from suanwang.estimate.machine import machine
from suanwang.estimate.serving import Degrees, best_replica
from suanwang.estimate.workload import estimate

SHEET = Provenance(source="vendor datasheet", confidence=Confidence.DATASHEET)
H100 = Accelerator(
    id="h100",
    vendor="nvidia",
    name="H100",
    kind=AcceleratorKind.GPU,
    provenance=SHEET,
    peak_flops_per_s={"bf16": 989e12, "fp8": 1979e12, "fp32": 67e12},
    memory_bytes=80e9,
    memory_bytes_per_s=3350e9,
    link_bytes_per_s=900e9,
    power_w=700,
)
CPU = Accelerator(
    id="cpu",
    vendor="intel",
    name="CPU",
    kind=AcceleratorKind.CPU,
    provenance=SHEET,
    peak_flops_per_s={"fp32": 3e12, "bf16": 6e12},
    memory_bytes=64e9,
    memory_bytes_per_s=200e9,
    power_w=250,
)
POOL = Pool(
    id="p",
    site_id="s",
    accelerator=H100,
    nodes=32,
    accelerators_per_node=8,
    engine="local",
    price_book_id="b",
    node_network_bytes_per_s=400e9,
)
LLAMA_8B = ModelSpec(id="8b", layers=32, hidden=4096, heads=32, kv_heads=8, ffn=14336, vocab=128256)
LLAMA_70B = ModelSpec(id="70b", layers=80, hidden=8192, heads=64, kv_heads=8, ffn=28672, vocab=128256)
TINY = ModelSpec(id="tiny", layers=2, hidden=64, heads=4, ffn=128, vocab=256)
PRETRAIN = Training(model=LLAMA_8B, tokens=1e11, sequence_length=4096, global_batch=512)
TUNE = Training(model=LLAMA_70B, tokens=1e7, sequence_length=2048, global_batch=32, method=FinetuneMethod.QLORA)
SERVE = Serving(model=LLAMA_70B, requests_per_s=5, input_tokens=1000, output_tokens=200, duration_s=3600)


def order(task: Task, kind: WorkloadKind, **fields: Any) -> Workload:
    return replace(Workload(name="w", kind=kind, task=task, tenant="t"), **fields)


def estimated(workload: Workload, pool: Pool = POOL) -> Estimate:
    result = estimate(workload, pool)
    assert isinstance(result, Estimate), result
    return result


def refused(workload: Workload, pool: Pool = POOL) -> Rejection:
    result = estimate(workload, pool)
    assert isinstance(result, Rejection), result
    return result


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (PRETRAIN, WorkloadKind.PRETRAIN),
        (TUNE, WorkloadKind.FINETUNE),
        (replace(TUNE, method=FinetuneMethod.LORA), WorkloadKind.FINETUNE),
        (replace(PRETRAIN, dtype="fp8"), WorkloadKind.PRETRAIN),
        (SERVE, WorkloadKind.SERVE),
        (replace(SERVE, dtype="fp8"), WorkloadKind.SERVE),
        (Batch(flops=1e18, memory_traffic_bytes=1e18, memory_bytes=1e11), WorkloadKind.BATCH),
        (Batch(duration_s=100.0), WorkloadKind.BATCH),
    ],
    ids=["pretrain", "qlora", "lora", "pretrain-fp8", "serve", "serve-fp8", "batch-roofline", "batch-known"],
)
def test_every_kind_has_a_whole_estimate(task: Task, kind: WorkloadKind) -> None:
    found = estimated(order(task, kind))
    assert sum(found.breakdown_s.values()) == pytest.approx(found.time_s.mid)
    assert found.time_s.low <= found.time_s.mid <= found.time_s.high
    assert found.energy_kwh_it.mid == pytest.approx(found.power_w_it.mid * found.time_s.mid / 3.6e6)
    assert found.memory_bytes_total <= 80e9
    assert found.layout.accelerators <= found.accelerators <= POOL.accelerators
    assert found.assumptions
    assert all(a.source for a in found.assumptions)


def test_without_a_count_the_smallest_gang_that_fits() -> None:
    assert estimated(order(TUNE, WorkloadKind.FINETUNE)).accelerators == 1
    assert estimated(order(replace(TUNE, method=FinetuneMethod.LORA), WorkloadKind.FINETUNE)).accelerators == 2
    assert estimated(order(PRETRAIN, WorkloadKind.PRETRAIN)).accelerators == 8


def test_a_deadline_makes_the_gang_larger() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    limits = Limits(earliest_start=start, deadline=start + timedelta(hours=40))
    found = estimated(order(PRETRAIN, WorkloadKind.PRETRAIN, limits=limits))
    assert found.accelerators > 8
    assert found.time_s.mid <= 40 * 3600
    hopeless = Limits(time_limit_s=1.0)
    assert estimated(order(PRETRAIN, WorkloadKind.PRETRAIN, limits=hopeless)).accelerators == POOL.accelerators


def test_a_demanded_count_is_kept() -> None:
    assert estimated(order(PRETRAIN, WorkloadKind.PRETRAIN, demand=Demand(count=24))).accelerators == 24
    assert estimated(order(SERVE, WorkloadKind.SERVE, demand=Demand(count=16))).accelerators == 16


@pytest.mark.parametrize(
    ("demand", "task"),
    [
        (Demand(accelerators=("a100",)), PRETRAIN),
        (Demand(vendors=("huawei",)), PRETRAIN),
        (Demand(capabilities=("photonic",)), PRETRAIN),
        (Demand(), replace(PRETRAIN, dtype="fp4")),
    ],
    ids=["card", "vendor", "capability", "dtype"],
)
def test_no_accelerator_fits(demand: Demand, task: Training) -> None:
    assert refused(order(task, WorkloadKind.PRETRAIN, demand=demand)).reason is Reason.NO_ACCELERATOR_FITS


def test_exceeds_capacity() -> None:
    too_many = refused(order(PRETRAIN, WorkloadKind.PRETRAIN, demand=Demand(count=257)))
    assert too_many.reason is Reason.EXCEEDS_CAPACITY
    too_busy = refused(order(replace(SERVE, requests_per_s=1e5), WorkloadKind.SERVE))
    assert too_busy.reason is Reason.EXCEEDS_CAPACITY


def test_exceeds_memory_names_both_figures() -> None:
    full = replace(TUNE, method=FinetuneMethod.FULL)
    found = refused(order(full, WorkloadKind.FINETUNE, demand=Demand(count=1)))
    assert found.reason is Reason.EXCEEDS_MEMORY
    assert "80.0 GB" in str(found.detail)
    assert float(str(found.detail).split()[1]) > 400  # weights and gradients; the rest could lie in the server
    batch = refused(order(Batch(flops=1.0, memory_bytes=1e14), WorkloadKind.BATCH))
    assert batch.reason is Reason.EXCEEDS_MEMORY
    served = refused(order(SERVE, WorkloadKind.SERVE, demand=Demand(count=1)))
    assert served.reason is Reason.EXCEEDS_MEMORY


def test_exceeds_latency() -> None:
    found = refused(order(replace(SERVE, per_token_ms_max=0.1), WorkloadKind.SERVE))
    assert found.reason is Reason.EXCEEDS_LATENCY


@pytest.mark.parametrize(
    ("pool", "figure"),
    [
        (replace(POOL, node_network_bytes_per_s=None), "network bandwidth"),
        (replace(POOL, accelerator=replace(H100, link_bytes_per_s=None)), "link bandwidth"),
        (replace(POOL, accelerator=replace(H100, memory_bytes=None)), "memory size"),
        (replace(POOL, accelerator=replace(H100, memory_bytes_per_s=None)), "memory bandwidth"),
        (replace(POOL, accelerator=replace(H100, power_w=None)), "power"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_missing_figure_is_named(pool: Pool, figure: str) -> None:
    found = refused(order(PRETRAIN, WorkloadKind.PRETRAIN, demand=Demand(count=16)), pool)
    assert found.reason is Reason.MISSING_FIGURE
    assert figure in str(found.detail)


def test_replicas_need_no_wire_between_them() -> None:
    alone = replace(POOL, accelerator=replace(H100, link_bytes_per_s=None), node_network_bytes_per_s=None)
    small = replace(SERVE, model=LLAMA_8B, requests_per_s=400.0)
    found = estimated(order(small, WorkloadKind.SERVE), alone)
    assert found.layout.tp == 1
    assert found.accelerators > 8
    wide = refused(order(SERVE, WorkloadKind.SERVE), alone)
    assert wide.reason is Reason.MISSING_FIGURE
    assert "link bandwidth" in str(wide.detail)


def test_objectives_cost_cards() -> None:
    free = estimated(order(SERVE, WorkloadKind.SERVE))
    strict = estimated(order(replace(SERVE, per_token_ms_max=20.0), WorkloadKind.SERVE))
    assert strict.results["per_token_ms"] <= 20
    assert strict.accelerators >= free.accelerators
    assert free.results["tokens_per_s"] == 1000
    assert free.results["tokens_per_s_max"] >= 1000


def test_a_known_duration_is_scaled_by_delivered_speed_and_number() -> None:
    batch = Batch(dtype="fp32", duration_s=3000.0, duration_accelerator="cpu", duration_accelerators=2)
    workload = order(batch, WorkloadKind.BATCH, demand=Demand(count=1))
    found = estimate(workload, POOL, accelerators={"cpu": CPU})
    assert isinstance(found, Estimate)
    assert found.time_s.mid == pytest.approx(3000 * 2 * 3 / 67)
    unknown = refused(workload)
    assert unknown.reason is Reason.MISSING_FIGURE
    assert "cpu" in str(unknown.detail)


def test_a_cpu_pool_works_alike() -> None:
    pool = Pool(
        id="c", site_id="s", accelerator=CPU, nodes=1, accelerators_per_node=1, engine="local", price_book_id="b"
    )
    tiny = Training(model=TINY, tokens=1e6, sequence_length=64, global_batch=8, dtype="fp32")
    found = estimated(order(tiny, WorkloadKind.PRETRAIN), pool)
    assert 0 < found.time_s.mid < 3600
    known = estimated(order(Batch(dtype="fp64", duration_s=60.0), WorkloadKind.BATCH), pool)
    assert known.time_s.mid == 60


def test_an_h100_server_draws_what_mlperf_measured() -> None:
    """MLPerf Training, GPT-3 on 512 H100: 856 W a card at the wall."""
    gpt3 = ModelSpec(id="gpt-3", layers=96, hidden=12288, heads=96, ffn=49152, vocab=51200, gated=False)
    task = Training(model=gpt3, tokens=1e9, sequence_length=2048, global_batch=2048, dtype="fp8")
    pool = replace(POOL, nodes=64)
    found = estimated(order(task, WorkloadKind.PRETRAIN, demand=Demand(count=512)), pool)
    assert found.power_w_it.mid / 512 == pytest.approx(856, rel=0.10)


def test_the_software_factor_speeds_up_and_overhead_adds_power() -> None:
    workload = order(PRETRAIN, WorkloadKind.PRETRAIN, demand=Demand(count=8))
    base = estimated(workload)
    fast = estimated(workload, replace(POOL, software_factor=1.25))
    assert fast.time_s.mid < base.time_s.mid
    heavy = estimated(workload, replace(POOL, node_overhead_w=4000.0))
    light = estimated(workload, replace(POOL, node_overhead_w=400.0))
    assert heavy.power_w_it.mid - light.power_w_it.mid == pytest.approx(3600)


def test_what_is_reused_of_a_prompt_is_not_computed_again() -> None:
    seen = machine(POOL, "bf16", 8)
    plain, reused = (best_replica(replace(SERVE, prefix_reuse=share), seen, Degrees(tp=4)) for share in (0.0, 0.5))
    assert plain is not None
    assert reused is not None
    assert reused.requests_per_s > plain.requests_per_s
    assert reused.batch > plain.batch


def test_a_narrower_cache_holds_more_requests() -> None:
    wide = estimated(order(replace(SERVE, cache_dtype="bf16"), WorkloadKind.SERVE, demand=Demand(count=8)))
    narrow = estimated(order(replace(SERVE, cache_dtype="fp8"), WorkloadKind.SERVE, demand=Demand(count=8)))
    assert narrow.results["tokens_per_s_max"] >= wide.results["tokens_per_s_max"]
    assert estimated(order(SERVE, WorkloadKind.SERVE, demand=Demand(count=8))).results == wide.results


EXPERTS = ModelSpec(
    id="moe",
    layers=32,
    hidden=4096,
    heads=32,
    kv_heads=4,
    head_size=128,
    ffn=12288,
    vocab=128256,
    experts=128,
    experts_per_token=8,
    expert_ffn=1536,
)


def test_experts_are_spread_over_groups_of_attention_where_that_is_better() -> None:
    """With few heads of keys tensor parallelism copies the cache; spread experts do not."""
    found = estimated(order(replace(SERVE, model=EXPERTS, requests_per_s=400), WorkloadKind.SERVE))
    assert found.layout.ep > 1
    assert found.layout.accelerators == found.accelerators


def test_what_fits_no_card_goes_to_the_servers_memory() -> None:
    one = estimated(
        order(
            replace(TUNE, model=LLAMA_8B, method=FinetuneMethod.FULL, global_batch=8),
            WorkloadKind.FINETUNE,
            demand=Demand(count=1),
        )
    )
    assert one.layout.offload != "none"
    assert one.memory_bytes_total <= 80e9
    assert {a.name for a in one.assumptions} >= {"host_link", "host_memory"}
    many = estimated(
        order(replace(TUNE, model=LLAMA_8B, method=FinetuneMethod.FULL), WorkloadKind.FINETUNE, demand=Demand(count=8))
    )
    assert many.layout.offload == "none"
    assert one.time_s.mid > many.time_s.mid


@pytest.mark.parametrize("length", [131_072, 1_048_576])
def test_sequences_to_a_million_tokens(length: int) -> None:
    long = replace(PRETRAIN, sequence_length=length, global_batch=8)
    found = estimated(order(long, WorkloadKind.PRETRAIN, demand=Demand(count=256)))
    assert found.layout.cp > 1
    assert found.breakdown_s["attention"] > found.breakdown_s["matrices"]


def test_a_window_saves_attention() -> None:
    far = replace(PRETRAIN, sequence_length=131_072, global_batch=16)
    near = replace(far, model=replace(LLAMA_8B, sliding_window=4096))
    whole, windowed = (estimated(order(t, WorkloadKind.PRETRAIN, demand=Demand(count=64))) for t in (far, near))
    per_step = [e.breakdown_s["attention"] for e in (whole, windowed)]
    assert per_step[1] < per_step[0] / 10


def test_an_item_has_the_efficiency_that_is_stated() -> None:
    known = Batch(flops=1e18, dtype="bf16", efficiency=0.25, efficiency_source="prior: item x")
    found = estimated(order(known, WorkloadKind.BATCH, demand=Demand(count=1)))
    assert found.time_s.mid == pytest.approx(1e18 / (989e12 * 0.25))
    assert any(a.name == "efficiency" and "prior" in a.source for a in found.assumptions)
