"""The workload file to and from the domain: `read_workload` gives a Workload, or all problems of the file at once."""

from datetime import datetime
from typing import Any, TypeVar

from suanwang.domain.catalog import Catalog
from suanwang.domain.model import ModelSpec
from suanwang.domain.signal import require_aware
from suanwang.domain.site import Grid
from suanwang.domain.workload import (
    Batch,
    Checkpointing,
    DataSet,
    Demand,
    Dependency,
    FinetuneMethod,
    Limits,
    Output,
    Program,
    Serving,
    Task,
    Training,
    Workload,
    WorkloadKind,
)
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.json_schema import schema_of
from suanwang.schemas.section import read_section
from suanwang.schemas.times import instant
from suanwang.schemas.workload_checks import check_workload
from suanwang.schemas.workload_fields import BatchSection, DemandSection, ModelShape, WorkloadFile, WorkloadSection
from suanwang.schemas.yaml_file import Document, read_yaml

Present = TypeVar("Present")


def workload_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the workload file."""
    return schema_of(WorkloadFile, "workload")


def read_workload(
    text: str, name: str, catalog: Catalog, now: datetime, default_tenant: str, grid: Grid | None = None
) -> Workload:
    """The workload of a YAML text; `name` is the file's name in messages, `now` what "+6 h" is counted from.

    With `grid`, the references to its cities, sites, tenants, programmes and currency are checked too. Raises
    InvalidInput with every problem, each with its line, path and remedy.
    """
    return read_workload_document(read_yaml(text, name), catalog, now, default_tenant, grid)


def read_workload_document(
    document: Document, catalog: Catalog, now: datetime, default_tenant: str, grid: Grid | None = None
) -> Workload:
    """The same, of a document whose text is read already."""
    findings = Findings(document)
    section = read_section(WorkloadFile, findings).workload
    check_workload(section, findings, catalog, require_aware(now), grid)
    model = _model(section, findings, catalog)
    findings.raise_any()
    return _workload(section, model, catalog, require_aware(now), default_tenant)


def _model(section: WorkloadSection, findings: Findings, catalog: Catalog) -> ModelSpec | None:
    path = ("workload", "model")
    if isinstance(section.model, ModelShape):
        shape = section.model.model_dump()
        return findings.build(path, lambda: ModelSpec(**shape))
    return findings.reference(path, msg("models of the catalog"), section.model, catalog.models)


def _workload(
    section: WorkloadSection, model: ModelSpec | None, catalog: Catalog, now: datetime, default_tenant: str
) -> Workload:
    return Workload(
        name=section.name,
        kind=section.kind,
        task=_task(section, model, catalog),
        tenant=section.tenant or default_tenant,
        program=_program(section),
        demand=_demand(section),
        limits=_limits(section, now),
        data=tuple(
            DataSet(name=d.name, at=d.at, size_bytes=d.size, uri=d.uri, sha256=d.sha256.lower()) for d in section.data
        ),
        outputs=tuple(Output(path=o.path, uri=o.uri) for o in section.outputs),
        requires={label: tuple(values) for label, values in section.requires.items()},
        labels=section.labels,
        priority=section.priority,
        preemptible=section.preemptible,
        checkpointing=_checkpointing(section),
        vouchers=tuple(section.vouchers),
        after=tuple(Dependency(workload=a.workload, size_bytes=a.data or 0.0) for a in section.after),
        near=tuple(section.near),
        apart=tuple(section.apart),
    )


def _batch(batch: BatchSection, dtype: str, catalog: Catalog) -> Batch:
    """Items of work become operations and bytes; an item of the catalog lends what is not given."""
    known = catalog.facts.get(batch.item) if batch.item else None
    attributes = known.attributes if known else {}
    flops, traffic = batch.flops, batch.memory_traffic or 0.0
    efficiency, source = batch.efficiency, "the workload" if batch.efficiency else ""
    if batch.items is not None:
        each = batch.flops_per_item or (known.value_or_raise() * 1e9 if known else 0.0)
        moved = batch.memory_traffic_per_item or float(attributes.get("memory_traffic_mb", 0)) * 1e6
        flops, traffic = batch.items * each, traffic + batch.items * moved
    if efficiency is None and known is not None and "efficiency" in attributes:
        efficiency, source = float(attributes["efficiency"]), f"prior: item {batch.item} of the catalog"
    return Batch(
        dtype=dtype,
        flops=flops,
        memory_traffic_bytes=traffic,
        memory_bytes=batch.memory or 0.0,
        duration_s=batch.duration,
        duration_accelerator=batch.duration_accelerator or "",
        duration_accelerators=batch.duration_accelerators,
        efficiency=efficiency,
        efficiency_source=source,
    )


def _task(section: WorkloadSection, model: ModelSpec | None, catalog: Catalog) -> Task:
    if section.kind is WorkloadKind.BATCH:
        return _batch(_given(section.batch), section.dtype or "fp32", catalog)
    if section.kind is WorkloadKind.SERVE:
        serving = _given(section.serving)
        return Serving(
            model=_given(model),
            requests_per_s=serving.requests_per_s,
            input_tokens=serving.input_tokens,
            output_tokens=serving.output_tokens,
            duration_s=serving.duration,
            dtype=section.dtype or "bf16",
            cache_dtype=serving.cache_dtype or "",
            prefix_reuse=serving.prefix_reuse,
            first_token_ms_max=_ms(serving.first_token_max),
            per_token_ms_max=_ms(serving.per_token_max),
        )
    return Training(
        model=_given(model),
        tokens=_given(section.tokens),
        sequence_length=_given(section.sequence_length),
        global_batch=_given(section.global_batch),
        dtype=section.dtype or "bf16",
        method=section.method or FinetuneMethod.FULL,
        lora_rank=section.lora_rank or 16,
    )


def _given(value: Present | None) -> Present:
    """A field that the checks have seen to be there."""
    if value is None:
        raise TypeError("a field that the checks need was not given")
    return value


def _ms(duration_s: float | None) -> float | None:
    return None if duration_s is None else duration_s * 1000


def _program(section: WorkloadSection) -> Program | None:
    if not section.command:
        return None
    return Program(command=tuple(section.command), environment=section.environment, directory=section.directory)


def _checkpointing(section: WorkloadSection) -> Checkpointing | None:
    saved = section.checkpoint
    if saved is None:
        return None
    return Checkpointing(every_s=saved.every, retries=saved.retries, pause_s=saved.pause, size_bytes=saved.size or 0.0)


def _demand(section: WorkloadSection) -> Demand:
    asked = section.accelerators
    if not isinstance(asked, DemandSection):
        return Demand()
    return Demand(
        least=asked.least,
        serial_share=asked.serial_share,
        count=asked.count,
        accelerators=tuple(asked.kinds),
        vendors=tuple(asked.vendors),
        capabilities=tuple(asked.capabilities),
    )


def _limits(section: WorkloadSection, now: datetime) -> Limits:
    return Limits(
        earliest_start=instant(section.earliest_start, now),
        deadline=instant(section.deadline, now),
        latency_ms_max=_ms(section.latency.max) if section.latency else None,
        city=section.latency.city if section.latency else "",
        budget=section.budget,
        time_limit_s=section.time_limit,
    )
