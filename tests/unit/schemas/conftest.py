"""A small catalog and a small valid grid and workload file, for the tables of bad inputs."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from suanwang.domain.accelerator import Accelerator, AcceleratorKind, System
from suanwang.domain.catalog import CarbonFactor, Catalog, Hub
from suanwang.domain.geography import City
from suanwang.domain.model import ModelSpec
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.tariff import Tariff, TariffPeriod

SOURCE = Provenance(source="made up for tests", confidence=Confidence.ESTIMATE)


def accelerator(name: str, vendor: str, kind: AcceleratorKind, *dtypes: str) -> Accelerator:
    return Accelerator(
        id=name,
        vendor=vendor,
        name=name,
        kind=kind,
        provenance=SOURCE,
        peak_flops_per_s=dict.fromkeys(dtypes, 1e14),
        power_w=400.0,
    )


def tariff(name: str, currency: str, **prices: str) -> Tariff:
    return Tariff(
        id=name,
        name=name,
        currency=currency,
        prices={period: Decimal(price) for period, price in prices.items()},
        periods=(TariffPeriod(name="peak", minutes=((480, 660),)),),
        provenance=SOURCE,
    )


def hub(name: str, province: str) -> Hub:
    return Hub(
        id=name,
        hub=name,
        hub_zh=name,
        name=name,
        name_zh=name,
        province=province,
        latitude=26.6,
        longitude=106.7,
        role="west",
        provenance=SOURCE,
    )


def factor(name: str) -> CarbonFactor:
    return CarbonFactor(
        id=name,
        region="cn-gz",
        name="Guizhou",
        name_zh="贵州",
        year=2023,
        kg_per_kwh=0.5123,
        basis="location",
        provenance=SOURCE,
    )


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    cards = [
        accelerator("ascend-910b3", "Huawei", AcceleratorKind.NPU, "bf16", "int8"),
        accelerator("a100-sxm4-80gb", "NVIDIA", AcceleratorKind.GPU, "bf16", "fp32"),
        accelerator("h800-sxm5-80gb", "NVIDIA", AcceleratorKind.GPU, "bf16", "fp32", "fp8"),
    ]
    node = System(
        id="dgx-a100",
        vendor="NVIDIA",
        name="DGX A100",
        accelerator_id="a100-sxm4-80gb",
        accelerators_per_node=8,
        provenance=SOURCE,
        node_power_w=6500.0,
        node_network_bytes_per_s=2e11,
    )
    cities = [
        City(id="shanghai", name="Shanghai", name_zh="上海", latitude=31.2, longitude=121.5),
        City(id="beijing", name="Beijing", name_zh="北京", latitude=39.9, longitude=116.4),
    ]
    model = ModelSpec(id="llama-2-7b", layers=32, hidden=4096, heads=32, ffn=11008, vocab=32000, context=4096)
    return Catalog(
        accelerators={card.id: card for card in cards},
        systems={node.id: node},
        hubs={"guian": hub("guian", "Guizhou")},
        cities={city.id: city for city in cities},
        tariffs={
            "gz": tariff("gz", "CNY", flat="0.5", peak="0.9"),
            "no-peak": tariff("no-peak", "CNY", flat="0.5"),
            "us": tariff("us", "USD", flat="0.1", peak="0.2"),
        },
        carbon={"cn-gz-2023": factor("cn-gz-2023")},
        prices={},
        models={model.id: model},
        facts={},
    )


@pytest.fixture(scope="session")
def now() -> datetime:
    return datetime(2026, 8, 1, tzinfo=UTC)
