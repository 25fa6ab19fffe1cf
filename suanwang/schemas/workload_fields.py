"""The fields of the workload file, version 1."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Strict, Tag

from suanwang.domain.accelerator import DTYPES
from suanwang.domain.workload import FinetuneMethod, WorkloadKind
from suanwang.schemas.quantities import Amount, Bytes, Count, Duration, DurationOrZero, Operations
from suanwang.schemas.section import API_VERSION, Argument, Name, Names, Section, Text, Word, choice
from suanwang.schemas.times import When

Dtype = Annotated[str, choice(*DTYPES), Field(json_schema_extra={"enum": list(DTYPES)})]
Size = Annotated[int, Field(ge=1, le=10**9)]
SizeOrZero = Annotated[int, Field(ge=0, le=10**9)]


def _form(value: object) -> str:
    return "<name>" if isinstance(value, str) else "<mapping>"


class ModelShape(Section):
    """The shape of a transformer that the catalog does not have; fields as in the catalog of models."""

    id: Word = Field("custom", description="Name of the model in estimates.")
    layers: Size = Field(description="Transformer layers.")
    hidden: Size = Field(description="Width of the residual stream.")
    heads: Size = Field(description="Attention heads.")
    ffn: SizeOrZero = Field(description="Width of the feed-forward part; 0 where every layer is a mixture of experts.")
    vocab: Size = Field(description="Tokens in the vocabulary.")
    kv_heads: SizeOrZero = Field(0, description="Heads of keys and values; 0 means as many as heads.")
    head_size: SizeOrZero = Field(0, description="Width of one head; 0 means hidden / heads.")
    gated: bool = Field(True, description="Three matrices in the feed-forward part (SwiGLU) instead of two.")
    tied_embeddings: bool = Field(False, description="Input and output embeddings are one matrix.")
    context: SizeOrZero = Field(0, description="Longest sequence, tokens; 0 means not stated.")
    sliding_window: SizeOrZero = Field(0, description="Tokens that attention looks back; 0 means all.")
    experts: SizeOrZero = Field(0, description="Experts of a layer; 0 means a dense model.")
    experts_per_token: SizeOrZero = Field(0, description="Experts that a token goes through.")
    shared_experts: SizeOrZero = Field(0, description="Experts that every token goes through.")
    expert_ffn: SizeOrZero = Field(0, description="Width of one expert.")
    dense_layers: SizeOrZero = Field(0, description="Leading layers without experts.")
    kv_latent: SizeOrZero = Field(
        0, description="Multi-head latent attention: numbers kept for keys and values; 0 = none."
    )
    query_latent: SizeOrZero = Field(0, description="Its low-rank path of queries; 0 means none.")
    rope_size: SizeOrZero = Field(0, description="Its numbers of a token for rotary positions.")


class ServingSection(Section):
    """Load and objectives of a served model."""

    requests_per_s: float = Field(gt=0, le=1e9, description="Mean requests per second.")
    input_tokens: Size = Field(description="Mean tokens of a request.")
    output_tokens: Size = Field(description="Mean tokens of an answer.")
    duration: Duration = Field(description="How long the model is served.")
    cache_dtype: Dtype | None = Field(
        None,
        description="Number format of keys and values; if not given 16 bit, or 8 bit where weights have no more.",
    )
    prefix_reuse: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of the input tokens that is found in a cache of earlier prompts."
    )
    first_token_max: Duration | None = Field(None, description="Objective: time to the first token.")
    per_token_max: Duration | None = Field(None, description="Objective: time for each further token.")


class BatchSection(Section):
    """Size of any other program: its operations, its items of work, or its known duration on a kind of accelerator."""

    flops: Operations | None = Field(None, description="All operations of the run, in dtype.")
    memory_traffic: Bytes | None = Field(None, description="Bytes that move through device memory; 0 if not given.")
    items: Count | None = Field(
        None, description="Instead of flops: items of work (images, clips, samples, utterances), each pass counted."
    )
    item: Name | None = Field(None, description="What an item is: an id of the catalog's table items.")
    flops_per_item: Operations | None = Field(None, description="Operations of an item, where the catalog has none.")
    memory_traffic_per_item: Bytes | None = Field(None, description="Bytes of an item; 0 if not given.")
    efficiency: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="Share of the peak that the program reaches; the item's, or that of large products, if not given.",
    )
    memory: Bytes | None = Field(None, description="Device memory needed, all accelerators together; 0 if not given.")
    duration: Duration | None = Field(None, description="Known wall time, instead of flops.")
    duration_accelerator: Name | None = Field(
        None, description="Accelerator (catalog id) that the duration is known on."
    )
    duration_accelerators: Size = Field(1, description="How many of them.")


class DemandSection(Section):
    """Accelerators asked for; what is left out is the grid's choice."""

    count: Size | None = Field(None, description="Accelerators, all of them or none (a gang).")
    least: Size | None = Field(None, description="With how few it can go on when resized; keeps its size if not given.")
    serial_share: Annotated[float, Field(ge=0, le=1)] | None = Field(
        None, description="Part of the work that more accelerators do not shorten; 0 if not given."
    )
    kinds: Names = Field([], description="Catalog ids that will do.")
    vendors: Names = Field([], description="Vendors that will do.")
    capabilities: Names = Field(
        [], description="Number formats or kinds of device that are needed, such as fp8 or npu."
    )


class DataSection(Section):
    """Input data that must be at the site before the start."""

    name: Name = Field(description="Name of the data set.")
    at: Name = Field(description="City or site (id) where it lies.")
    size: Bytes = Field(description="Its size; the transfer takes time and is priced.")
    uri: Text = Field(
        "",
        description="The file: the grid brings it to SUANWANG_DATA_DIR/name before the start. Left out, the program "
        "finds it by itself.",
    )
    sha256: Annotated[str, Field(pattern=r"^([0-9a-fA-F]{64})?$")] = Field(
        "", description="Checksum that the file must have; any if not given."
    )


class OutputSection(Section):
    """A file that the program leaves in SUANWANG_OUTPUT_DIR, and where the grid takes it when it has succeeded."""

    path: Argument = Field(description="Its path within the output folder.")
    uri: Text = Field(description="Where it goes: file, https, s3 or rsync.")


class LatencySection(Section):
    """How far users may be from the site."""

    city: Name = Field(description="City (catalog id) where the users are.")
    max: DurationOrZero = Field(description="Longest round trip.")


class CheckpointSection(Section):
    """The program saves its state to SUANWANG_CHECKPOINT_DIR and resumes from it."""

    every: Duration = Field(description="About how often it saves.")
    retries: Annotated[int, Field(ge=0, le=100)] = Field(3, description="Restarts after a failure.")
    pause: DurationOrZero = Field(0.0, description="Run time that a pause costs: save, load, warm up; 0 if not given.")
    size: Bytes | None = Field(None, description="Size of the saved state, which a move carries; 0 if not given.")


class AfterSection(Section):
    """A workload of the same plan that must have ended before."""

    workload: Name = Field(description="Its name.")
    data: Bytes | None = Field(None, description="Size of its output, which must be at the site; none if not given.")


ModelChoice = Annotated[
    Annotated[Name, Tag("<name>")] | Annotated[ModelShape, Tag("<mapping>")],
    Discriminator(_form),
]
DemandChoice = Annotated[
    Annotated[Literal["choose"], Tag("<name>")] | Annotated[DemandSection, Tag("<mapping>")],
    Discriminator(_form),
]


class WorkloadSection(Section):
    """What is to be computed, and within which limits."""

    name: Name = Field(description="Name of the workload, for people.")
    kind: Annotated[WorkloadKind, Strict(False)] = Field(description="What sort of work it is.")
    tenant: Name | None = Field(None, description="Who orders; the setting `tenant` if not given.")
    model: ModelChoice | None = Field(None, description="Catalog id, or a shape. Needed unless kind is batch.")
    tokens: Count | None = Field(None, description="Training: tokens in all.")
    sequence_length: Size | None = Field(None, description="Training: tokens of a sequence.")
    global_batch: Size | None = Field(None, description="Training: sequences of one step, all accelerators together.")
    method: Annotated[FinetuneMethod, Strict(False)] | None = Field(
        None, description="finetune: what is trained; full if not given."
    )
    lora_rank: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        None, description="finetune with lora or qlora: rank; 16 if not given."
    )
    dtype: Dtype | None = Field(None, description="Number format; bf16 if not given, fp32 for batch.")
    serving: ServingSection | None = Field(None, description="serve: load and objectives.")
    batch: BatchSection | None = Field(None, description="batch: size of the work.")
    command: list[Argument] = Field(
        [], max_length=1000, description="Program and arguments; a quote needs none, a run does."
    )
    directory: Argument = Field("", description="Folder whose files are copied to where the program runs.")
    environment: dict[Name, Argument] = Field({}, description="Environment variables of the program.")
    accelerators: DemandChoice = Field("choose", description="What it may run on; choose = the grid chooses.")
    data: list[DataSection] = Field([], description="Input data and where it lies.")
    outputs: list[OutputSection] = Field([], description="Files of the output folder and where they are taken.")
    earliest_start: When | None = Field(None, description="Not before.")
    deadline: When | None = Field(None, description="To be finished by.")
    latency: LatencySection | None = Field(None, description="Longest round trip from a city.")
    budget: Amount | None = Field(None, description="Most that it may cost.")
    time_limit: Duration | None = Field(None, description="The program is ended after this wall time.")
    priority: Annotated[int, Field(ge=-1000, le=1000)] = Field(
        0, description="Higher goes first where the policy asks."
    )
    preemptible: bool = Field(False, description="May be stopped, for others or in dear hours, and started again.")
    checkpoint: CheckpointSection | None = Field(None, description="How it saves its state; none if not given.")
    requires: dict[Name, Names] = Field(
        {}, description="Label of site or pool (province, site, pool …) and what it may be."
    )
    after: list[AfterSection] = Field([], description="Workloads of the same plan that must have ended before.")
    near: Names = Field([], description="Workloads of the same plan (names) that must share its site.")
    apart: Names = Field([], description="Workloads of the same plan (names) that must not share its site.")
    labels: dict[Name, Argument] = Field({}, description="Your own notes; they come back in reports.")
    vouchers: Names = Field([], description="Voucher programmes to pay from, in this order.")


class WorkloadFile(Section):
    """A workload file."""

    api_version: Literal["suanwang/v1"] = Field(
        alias="apiVersion", description=f"Version of the format: {API_VERSION}."
    )
    kind: Literal["Workload"] = Field(description="What the file describes.")
    workload: WorkloadSection = Field(description="The workload.")
