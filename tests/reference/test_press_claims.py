"""The figures of docs/explanation/press.md, computed: which claims of the press hold, under which inputs."""

from dataclasses import replace
from pathlib import Path

import pytest

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.estimate import Estimate
from suanwang.domain.site import Pool
from suanwang.domain.workload import Serving, Training, Workload, WorkloadKind
from suanwang.estimate.flops import parameters, training_flops_per_token
from suanwang.estimate.machine import machine
from suanwang.estimate.notional import Stated, notional_pool
from suanwang.estimate.scaling import scaling
from suanwang.estimate.workload import estimate, estimate_training

CATALOG = load_catalog()
PAGE = (Path(__file__).parents[2] / "docs/explanation/press.md").read_text(encoding="utf-8")
GPT3 = CATALOG.model("gpt3-175b")
RUN = Training(model=GPT3, tokens=300e9, sequence_length=2048, global_batch=1536)
PF_DAY = 1e15 * 86400
V100_HOURS, V100_PRICE = 3.55e6, 3.38


def cards(name: str, count: int, **stated: float) -> Pool:
    return notional_pool(CATALOG.accelerator(name), CATALOG, count, Stated(**stated))


def gpt3_on(pool: Pool, count: int, dtype: str) -> Estimate:
    found = estimate_training(replace(RUN, dtype=dtype), pool, count, whole_run=True)
    assert isinstance(found, Estimate), found
    return found


V100 = gpt3_on(cards("v100-sxm2-32gb", 10000, software_year=2020.4, network_bytes_per_s=5e10), 10000, "fp16")
H100 = gpt3_on(cards("h100-sxm5-80gb", 1024, software_year=2024.5), 1024, "bf16")


def hours(found: Estimate) -> float:
    return found.time_s.mid / 3600 * found.accelerators


def on_page(text: str) -> bool:
    return text in " ".join(PAGE.split())


def test_3640_pf_days() -> None:
    assert pytest.approx(3640, rel=0.005) == 6 * 175e9 * 300e9 / PF_DAY
    exact = 6 * parameters(GPT3).total * 300e9 / PF_DAY
    with_attention = training_flops_per_token(GPT3, 2048) * 300e9 / PF_DAY
    assert (round(exact), round(with_attention)) == (3637, 3687)
    assert on_page("3,637 PF-days")
    assert on_page("3,687")


def test_12_million_dollars_a_run() -> None:
    assert pytest.approx(12e6, rel=0.001) == V100_HOURS * V100_PRICE
    rate = 3640 * PF_DAY / (V100_HOURS * 3600)
    assert rate == pytest.approx(24.6e12, rel=0.001)
    assert rate / CATALOG.accelerator("v100-sxm2-32gb").peak_or_raise("fp16") == pytest.approx(0.2, abs=0.005)
    assert hours(V100) == pytest.approx(2.97e6, rel=0.02)
    assert V100.time_s.low < V100_HOURS * 3600 / V100.accelerators < V100.time_s.high
    assert hours(H100) == pytest.approx(229_000, rel=0.02)
    assert on_page("2.97 M hours")
    assert on_page("229,000 card-hours")


def test_50_thousand_dollars_of_power_a_day() -> None:
    servers, kw, price = 30_000 / 8, 6.5, 0.085
    assert servers * kw * 24 * price == pytest.approx(49_725)
    system = next(s for s in CATALOG.systems.values() if s.accelerator_id == "a100-sxm4-80gb")
    assert system.node_power_w == pytest.approx(kw * 1000)


@pytest.mark.parametrize(("requests", "tokens", "wanted"), [(1, 500, 1640), (5, 1000, 27_040)])
def test_cards_for_13_million_visitors(requests: int, tokens: int, wanted: int) -> None:
    peak = 3 * 13e6 * requests / 86400
    task = Serving(model=GPT3, requests_per_s=peak, input_tokens=tokens, output_tokens=tokens, duration_s=86400)
    pool = replace(cards("a100-sxm4-80gb", 8), nodes=10_000)
    found = estimate(Workload(name="w", kind=WorkloadKind.SERVE, task=task, tenant="t"), pool)
    assert isinstance(found, Estimate), found
    assert found.accelerators == pytest.approx(wanted, rel=0.02)
    assert on_page(f"{wanted:,}")


def test_190_mwh_against_1287() -> None:
    assert H100.energy_kwh_it.mid == pytest.approx(186e3, rel=0.02)
    assert H100.energy_kwh_it.low < 190e3 < H100.energy_kwh_it.high
    pue = 1.1
    assert V100.energy_kwh_it.mid == pytest.approx(880e3, rel=0.02)
    assert V100.energy_kwh_it.low * pue < 1287e3 < V100.energy_kwh_it.high * pue


@pytest.mark.parametrize(
    ("model", "batch", "percent"),
    [
        ("llama-3.1-405b", 2048, 65),
        ("llama-3.1-405b", 16384, 75),
        ("llama-3-70b", 2048, 85),
        ("llama-3-70b", 8192, 93),
    ],
)
def test_90_percent_at_ten_thousand_cards(model: str, batch: int, percent: int) -> None:
    task = Training(model=CATALOG.model(model), tokens=1e12, sequence_length=8192, global_batch=batch)
    seen = machine(cards("h100-sxm5-80gb", 10240), "bf16", 10240)
    few, many = scaling(task, seen, [1024, 10240], [batch])
    assert few.linearity == 1.0
    assert many.linearity == pytest.approx(percent / 100, abs=0.015)
    assert many.goodput == pytest.approx(0.93, abs=0.01)
    assert on_page(f"| {batch:,} | {percent} % |")
