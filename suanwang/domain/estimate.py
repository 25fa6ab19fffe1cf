"""What a workload needs on one kind of accelerator: time, memory, energy, with a band and the sources of constants."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from suanwang.errors import Message


@dataclass(frozen=True, slots=True)
class Band:
    """An estimate: low <= mid <= high, all finite and not negative."""

    low: float
    mid: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.mid <= self.high < float("inf"):
            raise ValueError(f"not a band: {self.low}, {self.mid}, {self.high}")

    @classmethod
    def around(cls, mid: float, low_ratio: float, high_ratio: float) -> "Band":
        return cls(mid * low_ratio, mid, mid * high_ratio)

    def scaled(self, factor: float) -> "Band":
        return Band(self.low * factor, self.mid * factor, self.high * factor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a model lies over the accelerators. `accelerators` = tp x pp x dp x cp; experts are spread inside dp x cp.

    `interleave`: chunks of layers a pipeline stage holds. `recompute`: none | selective | full. `sharding` over dp:
    none | optimizer (ZeRO-1) | gradients (ZeRO-2) | full
    (ZeRO-3, FSDP). `offload`: what lies in the server's memory: none | optimizer (its states, and the step is done
    there) | activations (these too, from forward to backward).
    """

    tp: int = 1
    pp: int = 1
    dp: int = 1
    cp: int = 1
    ep: int = 1
    micro_batch: int = 1
    interleave: int = 1
    recompute: str = "none"
    sharding: str = "none"
    offload: str = "none"

    def __post_init__(self) -> None:
        if min(self.tp, self.pp, self.dp, self.cp, self.ep, self.micro_batch, self.interleave) < 1:
            raise ValueError("every degree of a layout is at least 1")

    @property
    def accelerators(self) -> int:
        return self.tp * self.pp * self.dp * self.cp


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumption:
    """A constant that the estimate rests on, with where it comes from."""

    name: str
    value: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """For `accelerators` cards of a pool. Times in s, energy at the IT equipment in kWh (PUE not yet applied).

    `flops`: useful operations of the whole workload (recomputation not counted). `memory_bytes`: by part, on the
    fullest card. `work`: the class of work, "" where the time is the tenant's own. `breakdown_s`: where the mid time
    goes; the parts sum to it. `power_w_it`: mean of the whole gang.
    """

    pool_id: str
    accelerator_id: str
    accelerators: int
    layout: Layout
    time_s: Band
    flops: float
    memory_bytes: Mapping[str, float]
    power_w_it: Band
    energy_kwh_it: Band
    breakdown_s: Mapping[str, float]
    assumptions: tuple[Assumption, ...]
    results: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()
    work: str = ""

    @property
    def memory_bytes_total(self) -> float:
        return sum(self.memory_bytes.values())
