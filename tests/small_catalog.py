"""A small invented catalog, for tests of the files that refer to one."""

from decimal import Decimal

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


def small_catalog() -> Catalog:
    """Three accelerators, a system, a hub, two cities, three tariffs (one lacks a price), a factor, a model."""
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


GRID = """\
apiVersion: suanwang/v1
kind: Grid
grid:
  id: small
  currency: CNY
  carbon_price: 80 CNY/t
  latency: {route_factor: 1.5, equipment: 2 ms}
  sites:
    - id: guian
      name: Gui'an
      name_zh: 贵安
      hub: guian
      zone: Asia/Shanghai
      tariff: gz
      pue: 1.25
      carbon: {location: cn-gz-2023, market: 100 g/kWh}
      labels: {side: west}
    - id: qingpu
      name: Qingpu
      latitude: 31.15
      longitude: 121.11
      province: CN-SH
      zone: Asia/Shanghai
      tariff:
        name: our bill, 10 kV
        prices: {flat: 0.7 CNY/kWh, peak: 1.1 CNY/kWh}
        periods: [{name: peak, hours: "8-11, 22:30-1", months: [7, 8], weekdays: [1, 2, 3, 4, 5]}]
        source: {text: bill of July, date: 2026-07, confidence: official}
      pue:
        - {since: 2026-01-01T00:00+08:00, value: 1.3}
        - {since: 2026-07-01T00:00+08:00, value: 1.4}
      carbon: {location: 0.6 kg/kWh}
  pools:
    - id: npu
      site: guian
      accelerator: ascend-910b3
      nodes: 2
      accelerators_per_node: 8
      engine: slurm
      queue: ascend
      price_book: rent
      node_overhead: 1.5 kW
      node_network: 200 Gbit/s
      labels: {tier: gold}
    - {id: gpu, site: qingpu, system: dgx-a100, nodes: 4, engine: local, price_book: compute, software_factor: 0.9}
  links:
    - {between: [guian, qingpu], bandwidth: 10 Gbit/s, price: 0.05 CNY/GB, round_trip: 25 ms}
    - {between: [beijing, guian], bandwidth: 1 Gbit/s}
  cities:
    - beijing
    - shanghai
    - {id: kashgar, name: Kashgar, latitude: 39.5, longitude: 76.0}
  price_books:
    - id: rent
      version: 2
      effective: 2026-01-01T00:00+08:00
      prices: {accelerator_hour: 12.5 CNY, kwh: pass-through, data_gb: 0.1 CNY}
      channel: list
      term: month
      source: {text: our price list, date: 2026-01-01, confidence: official}
    - id: compute
      effective: 2026-01-01T00:00+08:00
      prices: {delivered_pflop_hour: 20 CNY, kwh: 0.6 CNY}
      source: {text: contract 7}
  tenants:
    - {id: lab, name: Laboratory, credit_limit: 1000 CNY, facts: {legal_form: university}}
  programmes:
    - id: west
      name: West
      issuer: Office
      currency: CNY
      opens: 2026-01-01T00:00+08:00
      closes: 2027-01-01T00:00+08:00
      rates: [{ratio: 30 %, when: [{fact: tenant.legal_form, one_of: [university]}]}, {ratio: 0.2}]
      source: {text: notice 12, date: 2025-12}
"""

WORKLOAD = """\
apiVersion: suanwang/v1
kind: Workload
workload:
  name: tune
  kind: finetune
  tenant: lab
  model: llama-2-7b
  method: lora
  lora_rank: 8
  tokens: 2 B
  sequence_length: 4096
  global_batch: 64
  dtype: bf16
  command: [python, train.py, --epochs, 3]
  environment: {OMP_NUM_THREADS: 8}
  directory: ./code
  accelerators: {count: 8, kinds: [a100-sxm4-80gb, h800-sxm5-80gb], vendors: NVIDIA, capabilities: [bf16]}
  data:
    - {name: corpus, at: shanghai, size: 80 GB, uri: "s3://corpus/tokens"}
  earliest_start: 2026-08-01T09:00+08:00
  deadline: +12 h
  latency: {city: beijing, max: 20 ms}
  budget: 5000 CNY
  time_limit: 6 h
  priority: 5
  preemptible: true
  checkpoint: {every: 10 min, retries: 2}
  requires: {province: [CN-GZ, CN-NX], side: west}
  labels: {project: 7}
  vouchers: [west]
"""
