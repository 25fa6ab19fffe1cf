"""A workload as the document that `read_workload` reads: what a client sends to a hub, and what a page shows.

Quantities are written in base units at full precision, times as instants, a model of the catalog by its id.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from suanwang.domain.model import ModelSpec
from suanwang.domain.workload import Batch, Checkpointing, DataSet, Demand, Limits, Serving, Training, Workload
from suanwang.schemas.section import API_VERSION

_NOT_OF_A_SHAPE = ("name", "parameters_published", "provenance")


def document_of(workload: Workload) -> dict[str, Any]:
    """The whole document, of JSON values."""
    section = {
        "name": workload.name,
        "kind": workload.kind.value,
        "tenant": workload.tenant,
        **_task(workload.task),
        **_program(workload),
        "accelerators": _demand(workload.demand),
        "data": [_data(data) for data in workload.data],
        "outputs": [{"path": output.path, "uri": output.uri} for output in workload.outputs],
        **_limits(workload.limits),
        "priority": workload.priority,
        "preemptible": workload.preemptible,
        "requires": {label: list(values) for label, values in workload.requires.items()},
        "labels": dict(workload.labels),
        "vouchers": list(workload.vouchers),
        "after": [_given({"workload": a.workload, "data": _unit(a.size_bytes or None, "B")}) for a in workload.after],
        "near": list(workload.near),
        "apart": list(workload.apart),
        "checkpoint": _checkpoint(workload.checkpointing),
    }
    kept = {name: value for name, value in section.items() if value not in (None, "", [], {})}
    return {"apiVersion": API_VERSION, "kind": "Workload", "workload": kept}


def _checkpoint(saved: Checkpointing | None) -> dict[str, Any] | None:
    if saved is None:
        return None
    pause, size = _unit(saved.pause_s, "s"), _unit(saved.size_bytes or None, "B")
    return _given({"every": _unit(saved.every_s, "s"), "retries": saved.retries, "pause": pause, "size": size})


def _data(data: DataSet) -> dict[str, Any]:
    given = {"name": data.name, "at": data.at, "size": _unit(data.size_bytes, "B")}
    return given | ({"uri": data.uri} if data.uri else {}) | ({"sha256": data.sha256} if data.sha256 else {})


def _unit(value: float | None, unit: str) -> str | None:
    return None if value is None else f"{value!r} {unit}"


def _task(task: Training | Serving | Batch) -> Mapping[str, Any]:
    match task:
        case Training():
            return {
                "model": _model(task.model),
                "tokens": task.tokens,
                "sequence_length": task.sequence_length,
                "global_batch": task.global_batch,
                "dtype": task.dtype,
                "method": task.method.value if task.method.value != "full" else None,
                "lora_rank": task.lora_rank if task.method.value != "full" else None,
            }
        case Serving():
            return {"model": _model(task.model), "dtype": task.dtype, "serving": _given(_serving(task))}
        case Batch():
            return {"dtype": task.dtype, "batch": _given(_batch(task))}


def _serving(task: Serving) -> dict[str, Any]:
    return {
        "requests_per_s": task.requests_per_s,
        "input_tokens": task.input_tokens,
        "output_tokens": task.output_tokens,
        "duration": _unit(task.duration_s, "s"),
        "cache_dtype": task.cache_dtype or None,
        "prefix_reuse": task.prefix_reuse or None,
        "first_token_max": _unit(task.first_token_ms_max, "ms"),
        "per_token_max": _unit(task.per_token_ms_max, "ms"),
    }


def _batch(task: Batch) -> dict[str, Any]:
    return {
        "flops": _unit(task.flops, "FLOP"),
        "memory_traffic": _unit(task.memory_traffic_bytes or None, "B"),
        "memory": _unit(task.memory_bytes or None, "B"),
        "efficiency": task.efficiency,
        "duration": _unit(task.duration_s, "s"),
        "duration_accelerator": task.duration_accelerator or None,
        "duration_accelerators": task.duration_accelerators if task.duration_s is not None else None,
    }


def _given(section: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in section.items() if value is not None}


def _model(model: ModelSpec) -> str | dict[str, Any]:
    """By its id where it is a model of a catalog (it has a source), else its shape."""
    if model.provenance is not None:
        return model.id
    return {name: value for name, value in asdict(model).items() if name not in _NOT_OF_A_SHAPE}


def _program(workload: Workload) -> Mapping[str, Any]:
    program = workload.program
    if program is None:
        return {}
    return {
        "command": list(program.command),
        "directory": program.directory,
        "environment": dict(program.environment),
    }


def _demand(demand: Demand) -> dict[str, Any] | None:
    asked = {
        "count": demand.count,
        "least": demand.least,
        "serial_share": demand.serial_share,
        "kinds": list(demand.accelerators),
        "vendors": list(demand.vendors),
        "capabilities": list(demand.capabilities),
    }
    return {name: value for name, value in asked.items() if value not in (None, [])} or None


def _limits(limits: Limits) -> Mapping[str, Any]:
    latency = limits.latency_ms_max
    return {
        "earliest_start": limits.earliest_start.isoformat() if limits.earliest_start else None,
        "deadline": limits.deadline.isoformat() if limits.deadline else None,
        "latency": {"city": limits.city, "max": _unit(latency, "ms")} if latency is not None else None,
        "budget": f"{limits.budget.decimal:f} {limits.budget.unit}" if limits.budget else None,
        "time_limit": _unit(limits.time_limit_s, "s"),
    }
