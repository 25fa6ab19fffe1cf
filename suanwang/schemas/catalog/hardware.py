"""Rows of accelerators.csv, efficiencies.csv, systems.csv and models.csv."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import PlainValidator

from suanwang.domain.accelerator import DTYPES, Accelerator, AcceleratorKind, Efficiency, System
from suanwang.domain.model import ModelSpec
from suanwang.schemas.catalog.cells import Count, Flag, Id, Positive, Row, Whole, Year, bounded

GIGA, TERA = 1e9, 1e12
BITS_PER_BYTE = 8

Ratio = Annotated[float, PlainValidator(bounded(0, 1, low_open=True))]


class AcceleratorRow(Row):
    """One card. Peaks are for dense operands, in 10^12 operations/s; GB are 10^9 bytes; the link is both ways."""

    id: Id
    vendor: str
    name: str
    kind: AcceleratorKind
    year: Year | None = None
    form_factor: str = ""
    peak_fp64_tflops: Positive | None = None
    peak_fp32_tflops: Positive | None = None
    peak_tf32_tflops: Positive | None = None
    peak_bf16_tflops: Positive | None = None
    peak_fp16_tflops: Positive | None = None
    peak_fp8_tflops: Positive | None = None
    peak_fp4_tflops: Positive | None = None
    peak_int8_tops: Positive | None = None
    memory_gb: Positive | None = None
    memory_type: str = ""
    memory_gb_per_s: Positive | None = None
    link: str = ""
    link_gb_per_s_bidirectional: Positive | None = None
    power_w: Positive | None = None

    @property
    def peaks_t(self) -> dict[str, float]:
        """Known peaks by number format, in 10^12 operations/s."""
        figures = {dtype: getattr(self, peak_column(dtype)) for dtype in DTYPES}
        return {dtype: figure for dtype, figure in figures.items() if figure is not None}

    def build(self, efficiencies: Iterable["EfficiencyRow"]) -> Accelerator:
        return Accelerator(
            id=self.id,
            vendor=self.vendor,
            name=self.name,
            kind=self.kind,
            year=self.year,
            form_factor=self.form_factor,
            peak_flops_per_s={dtype: peak * TERA for dtype, peak in self.peaks_t.items()},
            memory_bytes=_times(self.memory_gb, GIGA),
            memory_bytes_per_s=_times(self.memory_gb_per_s, GIGA),
            memory_type=self.memory_type,
            link=self.link,
            link_bytes_per_s=_times(self.link_gb_per_s_bidirectional, GIGA),
            power_w=self.power_w,
            efficiencies=tuple(row.build() for row in efficiencies),
            note=self.note,
            provenance=self.provenance,
        )


def peak_column(dtype: str) -> str:
    """The column of accelerators.csv that holds the peak of a number format."""
    return f"peak_{dtype}_{'tops' if dtype == 'int8' else 'tflops'}"


def _times(figure: float | None, factor: float) -> float | None:
    return None if figure is None else figure * factor


class EfficiencyRow(Row):
    """What part of its peak a card reached, in one number format, by one method.

    `memory` and `link`: measured over nominal bandwidth, of its memory and (one way) of its link in an all-reduce.
    """

    id: Id
    accelerator: Id
    dtype: Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "fp4", "int8", "memory", "link"]
    ratio: Ratio
    measured_tflops: Positive | None = None
    method: str

    def build(self) -> Efficiency:
        return Efficiency(dtype=self.dtype, ratio=self.ratio, method=self.method, provenance=self.provenance)


class SystemRow(Row):
    """A server or rack as sold. `node_power_kw` at the wall; `node_network_gbit_per_s` one way, out of the node."""

    id: Id
    vendor: str
    name: str
    accelerator: Id
    accelerators_per_node: Count
    node_power_kw: Positive | None = None
    node_network_gbit_per_s: Positive | None = None
    cooling: str = ""

    def build(self) -> System:
        return System(
            id=self.id,
            vendor=self.vendor,
            name=self.name,
            accelerator_id=self.accelerator,
            accelerators_per_node=self.accelerators_per_node,
            node_power_w=_times(self.node_power_kw, 1000),
            node_network_bytes_per_s=_times(self.node_network_gbit_per_s, GIGA / BITS_PER_BYTE),
            cooling=self.cooling,
            note=self.note,
            provenance=self.provenance,
        )


class ModelRow(Row):
    """The shape of a transformer, as its public configuration gives it (see ModelSpec)."""

    id: Id
    name: str
    layers: Count
    hidden: Count
    heads: Count
    kv_heads: Count | None = None
    head_size: Count | None = None
    ffn: Whole
    vocab: Count
    gated: Flag
    tied_embeddings: Flag
    context_tokens: Count
    sliding_window_tokens: Whole = 0
    experts: Whole = 0
    experts_per_token: Whole = 0
    shared_experts: Whole = 0
    expert_ffn: Whole = 0
    dense_layers: Whole = 0
    kv_latent: Whole = 0
    query_latent: Whole = 0
    rope_size: Whole = 0
    parameters_published: Positive | None = None

    def build(self) -> ModelSpec:
        """Raises ValueError on a shape that cannot exist."""
        same = (
            "id name layers hidden heads ffn vocab gated tied_embeddings experts experts_per_token shared_experts "
            "expert_ffn dense_layers kv_latent query_latent rope_size parameters_published provenance"
        )
        return ModelSpec(
            kv_heads=self.kv_heads or 0,
            head_size=self.head_size or 0,
            context=self.context_tokens,
            sliding_window=self.sliding_window_tokens,
            **{field: getattr(self, field) for field in same.split()},
        )
