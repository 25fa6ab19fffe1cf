"""A workload as the document that `read_workload` reads: what a client sends to a hub, and what a page shows.

Quantities are written in base units at full precision, times as instants, a model of the catalog by its id.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from suanwang.domain.model import ModelSpec
from suanwang.domain.workload import Batch, Demand, Limits, Serving, Training, Workload
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
        "data": [{"name": d.name, "at": d.at, "size": _unit(d.size_bytes, "B"), "uri": d.uri} for d in workload.data],
        **_limits(workload.limits),
        "priority": workload.priority,
        "preemptible": workload.preemptible,
        "requires": {label: list(values) for label, values in workload.requires.items()},
        "labels": dict(workload.labels),
        "vouchers": list(workload.vouchers),
    }
    if workload.checkpointing is not None:
        saved = workload.checkpointing
        section["checkpoint"] = {"every": _unit(saved.every_s, "s"), "retries": saved.retries}
    kept = {name: value for name, value in section.items() if value not in (None, "", [], {})}
    return {"apiVersion": API_VERSION, "kind": "Workload", "workload": kept}


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
        "first_token_max": _unit(task.first_token_ms_max, "ms"),
        "per_token_max": _unit(task.per_token_ms_max, "ms"),
    }


def _batch(task: Batch) -> dict[str, Any]:
    return {
        "flops": _unit(task.flops, "FLOP"),
        "memory_traffic": _unit(task.memory_traffic_bytes or None, "B"),
        "memory": _unit(task.memory_bytes or None, "B"),
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
        "kinds": list(demand.accelerators),
        "vendors": list(demand.vendors),
        "capabilities": list(demand.capabilities),
    }
    return {name: value for name, value in asked.items() if value} or None


def _limits(limits: Limits) -> Mapping[str, Any]:
    latency = limits.latency_ms_max
    return {
        "earliest_start": limits.earliest_start.isoformat() if limits.earliest_start else None,
        "deadline": limits.deadline.isoformat() if limits.deadline else None,
        "latency": {"city": limits.city, "max": _unit(latency, "ms")} if latency is not None else None,
        "budget": f"{limits.budget.decimal:f} {limits.budget.unit}" if limits.budget else None,
        "time_limit": _unit(limits.time_limit_s, "s"),
    }
