"""An accelerator: what one card can do at most, and what of it was measured. Blank figures stay blank."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from suanwang.domain.provenance import MissingFigure, Provenance
from suanwang.errors import Message, msg

DTYPES = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "fp4", "int8")
"""Number formats that a peak can be given for. A peak is for dense operands; structured sparsity is not counted."""


class AcceleratorKind(StrEnum):
    """What sort of device it is; a new sort is one more row of the catalog."""

    GPU = "gpu"
    NPU = "npu"
    CPU = "cpu"
    FPGA = "fpga"
    ASIC = "asic"
    PHOTONIC = "photonic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Measured over theoretical peak (0..1] for one number format; methods are not comparable with one another.

    `dtype` may also be "memory" or "link": measured over nominal bandwidth.
    """

    dtype: str
    ratio: float
    method: str
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Accelerator:
    """One card. Peaks in operations/s by dtype, memory in bytes and bytes/s, links in bytes/s (both ways), power in W.

    The `…_or_raise` readers raise MissingFigure, which names the card and the figure.
    """

    id: str
    vendor: str
    name: str
    kind: AcceleratorKind
    provenance: Provenance
    year: int | None = None
    form_factor: str = ""
    peak_flops_per_s: Mapping[str, float] = field(default_factory=dict)
    memory_bytes: float | None = None
    memory_bytes_per_s: float | None = None
    memory_type: str = ""
    link: str = ""
    link_bytes_per_s: float | None = None
    power_w: float | None = None
    efficiencies: tuple[Efficiency, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        cards = (self.memory_bytes, self.memory_bytes_per_s, self.link_bytes_per_s, self.power_w)
        figures = (*self.peak_flops_per_s.values(), *cards)
        if any(f is not None and not 0 < f < float("inf") for f in figures):
            raise ValueError(f"accelerator {self.id}: figures must be positive and finite")
        if unknown := set(self.peak_flops_per_s) - set(DTYPES):
            raise ValueError(f"accelerator {self.id}: unknown number formats {sorted(unknown)}")

    @property
    def capabilities(self) -> frozenset[str]:
        """Number formats it computes in, and its kind: what a workload can require."""
        return frozenset(self.peak_flops_per_s) | {self.kind.value}

    def peak_or_raise(self, dtype: str) -> float:
        """Dense peak, operations/s."""
        return self._figure(self.peak_flops_per_s.get(dtype), msg("peak in {dtype}", dtype=dtype))

    def memory_or_raise(self) -> float:
        """Bytes of device memory."""
        return self._figure(self.memory_bytes, msg("memory size"))

    def bandwidth_or_raise(self) -> float:
        """Bytes/s of device memory."""
        return self._figure(self.memory_bytes_per_s, msg("memory bandwidth"))

    def link_or_raise(self) -> float:
        """Bytes/s between cards of a node, both directions together."""
        return self._figure(self.link_bytes_per_s, msg("link bandwidth"))

    def power_or_raise(self) -> float:
        """Watts at full load (the card alone)."""
        return self._figure(self.power_w, msg("power"))

    def efficiency(self, dtype: str) -> Efficiency | None:
        """The best-trusted measured efficiency for a dtype, or None where nothing was measured."""
        known = [e for e in self.efficiencies if e.dtype == dtype]
        order = list(type(self.provenance.confidence))
        return min(known, key=lambda e: order.index(e.provenance.confidence), default=None)

    def _figure(self, value: float | None, name: Message) -> float:
        if value is None:
            raise MissingFigure(msg("accelerator {id}", id=self.id), name)
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A server or rack as sold: cards in a node, its power at the wall, its network. Blank = not published."""

    id: str
    vendor: str
    name: str
    accelerator_id: str
    accelerators_per_node: int
    provenance: Provenance
    node_power_w: float | None = None
    node_network_bytes_per_s: float | None = None
    cooling: str = ""
    note: str = ""
