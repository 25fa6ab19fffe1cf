"""A workload (作业需求): what is to be computed, within which limits. It is not a job: a job is one order to run it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from suanwang.domain.model import ModelSpec
from suanwang.domain.money import Money


class WorkloadKind(StrEnum):
    PRETRAIN = "pretrain"
    FINETUNE = "finetune"
    SERVE = "serve"
    BATCH = "batch"


class FinetuneMethod(StrEnum):
    FULL = "full"
    LORA = "lora"
    QLORA = "qlora"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Pre-training or fine-tuning of `model` on `tokens` tokens; `global_batch` in sequences of `sequence_length`."""

    model: ModelSpec
    tokens: float
    sequence_length: int
    global_batch: int
    dtype: str = "bf16"
    method: FinetuneMethod = FinetuneMethod.FULL
    lora_rank: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Serving `model` for `duration_s`: mean requests/s with mean input and output tokens; objectives in ms.

    `dtype` is of weights and products; `cache_dtype` of keys and values ("" = 16 bit, or 8 bit where the weights have
    no more). `prefix_reuse`: share 0..1 of the input tokens whose keys and values are found in a cache.
    """

    model: ModelSpec
    requests_per_s: float
    input_tokens: int
    output_tokens: int
    duration_s: float
    dtype: str = "bf16"
    cache_dtype: str = ""
    prefix_reuse: float = 0.0
    first_token_ms_max: float | None = None
    per_token_ms_max: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Any other program, by its operations and bytes moved (roofline), or by a known duration on one accelerator kind.

    Either `flops` (total operations in `dtype`, with `memory_traffic_bytes` where it matters) or `duration_s`
    (wall seconds on `duration_accelerators` cards of `duration_accelerator`) is given. `efficiency`: the share of the
    peak that it reaches, where known (`efficiency_source` says by whom); else what large matrix products reach.
    """

    dtype: str = "fp32"
    flops: float | None = None
    memory_traffic_bytes: float = 0.0
    memory_bytes: float = 0.0
    duration_s: float | None = None
    duration_accelerator: str = ""
    duration_accelerators: int = 1
    efficiency: float | None = None
    efficiency_source: str = ""


Task = Training | Serving | Batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Accelerators asked for; empty means "let the grid choose". `count` is the gang: all of them or none.

    `least`: with how few it can go on when it is resized (None: it keeps its size); `serial_share`: the part of its
    work that more accelerators do not shorten, 0 to 1 (Amdahl).
    """

    count: int | None = None
    least: int | None = None
    serial_share: float | None = None
    accelerators: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a placement must keep: times (aware, UTC), round trip from a city, money, wall time."""

    earliest_start: datetime | None = None
    deadline: datetime | None = None
    latency_ms_max: float | None = None
    city: str = ""
    budget: Money | None = None
    time_limit_s: float | None = None


PLACES = ("file", "http", "https", "s3", "rsync")
"""Schemes of the addresses that data is brought from and outputs are taken to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Input that lies at a place (a city or site id) and must be at the site before the start.

    `uri`: the file that the grid brings to the site, kept there only if it has the checksum `sha256` ("": any has).
    `available`: when it is there at the earliest, aware UTC; None: it lies there already.
    """

    name: str
    at: str
    size_bytes: float
    uri: str = ""
    sha256: str = ""
    available: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A file of the program's output folder (`path` within it) that the grid takes to `uri` when it has succeeded."""

    path: str
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpointing:
    """The program saves its state to SUANWANG_CHECKPOINT_DIR about every `every_s` seconds and resumes from it.

    A pause costs `pause_s` more of run time (save, load, warm up); moving to another site carries `size_bytes` there.
    """

    every_s: float
    retries: int = 3
    pause_s: float = 0.0
    size_bytes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """Another workload of the same plan that must have ended; `size_bytes` of its output flow from its site."""

    workload: str
    size_bytes: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What the engine runs: an argument list (never a shell line), environment, files copied into its folder."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One workload. `requires`: label -> admitted values (province, site, pool, or any label of site or pool).

    `program` may be None for a quote; a run needs one. `vouchers`: programmes to pay from (soonest expiry first).
    `after`, `near` and `apart` name other workloads of one plan: those that must have ended before, those whose site
    it shares, those whose site it must not share.
    """

    name: str
    kind: WorkloadKind
    task: Task
    tenant: str
    program: Program | None = None
    demand: Demand = Demand()
    limits: Limits = Limits()
    data: tuple[DataSet, ...] = ()
    outputs: tuple[Output, ...] = ()
    requires: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    preemptible: bool = False
    checkpointing: Checkpointing | None = None
    vouchers: tuple[str, ...] = ()
    after: tuple[Dependency, ...] = ()
    near: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()

    @property
    def brought(self) -> tuple[DataSet, ...]:
        """The data that the grid brings, since it is told where from."""
        return tuple(data for data in self.data if data.uri)

    @property
    def stoppable(self) -> Checkpointing | None:
        """How it goes on after it was stopped; None where it may not be stopped, or could not go on."""
        return self.checkpointing if self.preemptible else None

    @property
    def linked(self) -> bool:
        """Whether its place depends on where other workloads run."""
        return bool(self.after or self.near or self.apart)

    def __post_init__(self) -> None:
        wanted = {
            WorkloadKind.PRETRAIN: Training,
            WorkloadKind.FINETUNE: Training,
            WorkloadKind.SERVE: Serving,
            WorkloadKind.BATCH: Batch,
        }[self.kind]
        if not isinstance(self.task, wanted):
            raise TypeError(f"a {self.kind} workload needs a {wanted.__name__} task")
