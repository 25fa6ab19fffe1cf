"""The built-in facts against what was published, and the rules that every row keeps."""

import csv
import re
import time
from datetime import datetime
from decimal import Decimal
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.accelerator import AcceleratorKind
from suanwang.domain.geography import LatencyModel, great_circle_km
from suanwang.domain.model import ModelSpec
from suanwang.domain.provenance import Confidence, MissingFigure
from suanwang.schemas.catalog.tables import TABLES, columns

CATALOG = load_catalog()
DATA = resources.files("suanwang") / "data"
SHANGHAI = ZoneInfo("Asia/Shanghai")
ID = re.compile(r"[a-z0-9.]+(-[a-z0-9.]+)*")


@pytest.mark.parametrize("table", TABLES)
def test_every_row_has_source_date_and_confidence(table: str) -> None:
    reader = csv.DictReader((DATA / f"{table}.csv").read_text(encoding="utf-8").splitlines())
    assert reader.fieldnames == list(columns(table))
    rows = list(reader)
    assert rows
    for row in rows:
        assert len(row["source"]) > 5, row
        assert row["date"], row
        assert row["confidence"] in set(Confidence), row
        assert "id" not in row or ID.fullmatch(row["id"]), row
        assert not re.search(r"pypi\.org|pythonhosted|npmjs|debian\.org|crates\.io", row["source"]), row


def test_loading_is_fast() -> None:
    best = min(_seconds_to_load() for _ in range(5))
    assert best < 0.15


def _seconds_to_load() -> float:
    start = time.perf_counter()
    load_catalog()
    return time.perf_counter() - start


def test_kinds_and_vendors() -> None:
    kinds = {card.kind for card in CATALOG.accelerators.values()}
    assert kinds == set(AcceleratorKind) - {AcceleratorKind.PHOTONIC}
    vendors = {card.vendor for card in CATALOG.accelerators.values()}
    assert {"NVIDIA", "AMD", "Huawei", "Cambricon", "Hygon", "Moore Threads", "MetaX", "Enflame"} <= vendors
    core = CATALOG.accelerator("cpu-core")
    assert core.kind is AcceleratorKind.CPU
    assert core.capabilities == {"cpu"}
    with pytest.raises(MissingFigure):
        core.peak_or_raise("fp32")


@pytest.mark.parametrize(
    ("card", "dtype", "tflops", "ratio"),
    [
        ("a100-sxm4-80gb", "bf16", 312, 0.87),
        ("h100-sxm5-80gb", "bf16", 989, 0.80),
        ("mi300x", "bf16", 1307.4, 0.51),
        ("ascend-910b3", "fp16", 313, 1.0),
    ],
)
def test_dense_peaks_and_measured_ratios(card: str, dtype: str, tflops: float, ratio: float) -> None:
    accelerator = CATALOG.accelerator(card)
    assert accelerator.peak_or_raise(dtype) == tflops * 1e12
    efficiency = accelerator.efficiency(dtype)
    assert efficiency is not None
    assert efficiency.ratio == pytest.approx(ratio, abs=0.005)


def test_no_peak_is_with_sparsity() -> None:
    """On one architecture fp8 and int8 are at most twice fp16: a larger step is a sparse figure beside a dense one."""
    for card in CATALOG.accelerators.values():
        half = max(card.peak_flops_per_s.get(dtype, 0) for dtype in ("fp16", "bf16"))
        fp8 = card.peak_flops_per_s.get("fp8")
        if half and fp8:
            assert fp8 <= 2.03 * half, card.id
        bf16, tf32 = card.peak_flops_per_s.get("bf16"), card.peak_flops_per_s.get("tf32")
        if bf16 and tf32:
            assert 0.4 <= tf32 / bf16 <= 1, card.id


@pytest.mark.parametrize(
    ("region", "kg"),
    [("nm", 0.648), ("nx", 0.619), ("sh", 0.574), ("gd", 0.442), ("sc", 0.156), ("yn", 0.133), ("qh", 0.180)],
)
def test_location_based_carbon_of_2023(region: str, kg: float) -> None:
    factor = CATALOG.carbon_factor(f"cn-{region}-2023")
    assert factor.kg_per_kwh == pytest.approx(kg, abs=0.0006)
    assert (factor.basis, factor.year) == ("location-average", 2023)


def test_location_and_market_based_carbon_are_apart() -> None:
    average, residual = CATALOG.carbon_factor("cn-2023"), CATALOG.carbon_factor("cn-2023-market-residual")
    assert (average.kg_per_kwh, residual.kg_per_kwh) == (0.5306, 0.6096)
    assert residual.basis == "market-residual"


@pytest.mark.parametrize(
    ("tariff", "month", "valley"),
    [
        ("cn-nx", 6, range(9, 17)),
        ("cn-qh", 1, range(9, 17)),
        ("cn-gs", 6, range(10, 16)),
        ("cn-nm-west", 3, [*range(4), *range(11, 16)]),
        ("cn-gz", 6, range(8)),
        ("cn-gd", 6, range(8)),
        ("cn-sh", 4, [*range(6), 22, 23]),
        ("cn-bj", 5, [*range(7), 23]),
    ],
)
def test_valley_hours(tariff: str, month: int, valley: list[int]) -> None:
    rows = CATALOG.tariff(f"{tariff}-general-10kv")
    names = [rows.period_at(datetime(2026, month, 15, hour, tzinfo=SHANGHAI)) for hour in range(24)]
    assert [hour for hour, name in enumerate(names) if name == "valley"] == list(valley)


def test_every_tariff_has_hours_and_lists_what_it_lacks() -> None:
    for tariff in CATALOG.tariffs.values():
        assert tariff.periods, tariff.id
        assert all(p.provenance is not None for p in tariff.periods)
    with pytest.raises(MissingFigure, match="price for period 'sharp'"):
        CATALOG.tariff("cn-gd-general-10kv").price("sharp")
    with pytest.raises(MissingFigure, match="price for period 'valley'"):
        CATALOG.tariff("cn-sh-single-part-10kv").price("valley")
    assert CATALOG.tariff("cn-nm-west-general-10kv").price("sharp") == Decimal("0.62") * Decimal("1.2")


def test_time_of_use_prices_have_no_other_voltage_added() -> None:
    for tariff in CATALOG.tariffs.values():
        assert tariff.voltage in ("1-10 kV", "")
        assert "sample" in tariff.note or not tariff.prices
    assert CATALOG.tariff("cn-nx-general-10kv").price("flat") == Decimal("0.35")
    assert CATALOG.fact("cn-nx-transmission-220kv").attributes["voltage"] == "220 kV"


def test_monthly_rent_per_card_and_hour() -> None:
    """The survey itself converts 76,000 CNY for a month of 8 cards to 13.19 CNY."""
    rent = CATALOG.prices["market-h100-80gb-month-8x-2026-07-15"].per_accelerator_hour
    assert (rent.micro, rent.unit) == (13_194_444, "CNY")
    assert all(p.channel and p.term and p.provenance.date for p in CATALOG.prices.values())
    assert all(p.accelerator in CATALOG.accelerators for p in CATALOG.prices.values())


def test_modelled_latency_follows_from_the_coordinates() -> None:
    rows = [fact for fact in CATALOG.facts.values() if fact.table == "latency"]
    assert len(rows) == len(CATALOG.hubs) * sum(c.role == "demand" for c in CATALOG.cities.values())
    for row in rows:
        hub, city = CATALOG.hubs[row.attributes["hub"]], CATALOG.cities[row.attributes["city"]]
        km = great_circle_km(hub.latitude, hub.longitude, city.latitude, city.longitude)
        assert km == pytest.approx(float(row.attributes["great_circle_km"]), abs=0.6)
        assert LatencyModel().round_trip_ms(km) == pytest.approx(row.value_or_raise(), abs=0.05)


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda m: m.id)
def test_model_shapes_give_the_published_parameters(model: ModelSpec) -> None:
    assert model.parameters_published is not None
    assert _parameters(model) == pytest.approx(model.parameters_published, rel=0.01)


def _parameters(m: ModelSpec) -> int:
    """Matrices of a transformer, counted one by one; norms, biases and position tables are left out."""
    width = m.heads * m.head_size
    if m.kv_latent:
        queries = (m.hidden + m.heads * (m.head_size + m.rope_size)) * m.query_latent
        keys_values = m.hidden * (m.kv_latent + m.rope_size) + 2 * m.kv_latent * width
        attention = queries + keys_values + width * m.hidden
    else:
        attention = 2 * m.hidden * width + 2 * m.hidden * m.kv_heads * m.head_size
    matrices = 3 if m.gated else 2
    dense = m.dense_layers if m.experts else m.layers
    experts = (m.experts + m.shared_experts) * matrices * m.hidden * (m.expert_ffn or m.ffn) + m.hidden * m.experts
    feed_forward = dense * matrices * m.hidden * m.ffn + (m.layers - dense) * experts
    return m.layers * attention + feed_forward + m.vocab * m.hidden * (1 if m.tied_embeddings else 2)
