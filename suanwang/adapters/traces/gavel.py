"""Gavel's traces (Narayanan et al., OSDI 2020): ten fields a line, tab between them, and a table of throughputs beside.

A line: model (batch size), command, folder, argument of the steps, needs data, steps, accelerators, weight, objective,
arrival (seconds). The table, JSON: kind of accelerator -> ('model (batch size)', accelerators) -> null -> steps/s;
where it has them, instead of null another such pair -> the steps/s of both on accelerators that they share.
"""

import json
from ast import literal_eval
from collections.abc import Iterable, Mapping
from pathlib import Path

from suanwang.adapters.traces.columns import Row, jobs_of
from suanwang.adapters.traces.text import Malformed, read_text
from suanwang.errors import InvalidInput, NotFound, Problem, msg
from suanwang.replay.engine import Jobs
from suanwang.schedule.snapshot import Together

FIELDS = 10
MODEL, STEPS, SIZE, ARRIVAL = 0, 5, 6, 9
APART = "_unconsolidated"
"""Rows for accelerators on several nodes, which are no kind of their own."""

Throughputs = Mapping[str, Mapping[str, float]]


def is_gavel(first_line: str) -> bool:
    """Whether a file whose first line this is may be such a trace."""
    return len(first_line.rstrip("\n").split("\t")) == FIELDS


def read_gavel(lines: Iterable[str], path: Path, table: Path | None) -> tuple[Jobs, Malformed]:
    """Run times are those on the fastest kind alone. Raises NotFound without a table, InvalidInput for a bad one."""
    speeds, together = _throughputs(table or _beside(path))
    malformed, found = Malformed(str(path)), []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            found.append(_row(line.rstrip("\n").split("\t"), number, speeds))
        except (ValueError, KeyError, IndexError) as error:
            malformed.add(number, msg("{problem}", problem=str(error)))
    return jobs_of(found, speeds, together)[0], malformed


def _row(fields: list[str], number: int, speeds: Throughputs) -> Row:
    if len(fields) != FIELDS:
        raise ValueError(f"{len(fields)} fields where {FIELDS} belong")
    kind = f"{fields[MODEL]} x{int(fields[SIZE])}"
    if not any(speeds.get(kind, {}).values()):
        raise ValueError(f"no throughput of {kind}")
    return Row(
        job_id=str(number),
        submit_s=float(fields[ARRIVAL]),
        run_s=float(fields[STEPS]) / max(speeds[kind].values()),
        size=int(fields[SIZE]),
        user=f"job {number}",
        kind=kind,
    )


def _throughputs(path: Path) -> tuple[Throughputs, Together]:
    """By kind of job: steps/s by kind of accelerator, alone and on accelerators shared with another kind."""
    speeds: dict[str, dict[str, float]] = {}
    together: dict[tuple[str, str], dict[str, float]] = {}
    try:
        for accelerator, rows in json.loads(read_text(path)).items():
            if accelerator.endswith(APART):
                continue
            for key, values in rows.items():
                kind = _kind(key)
                if values["null"] > 0:
                    speeds.setdefault(kind, {})[accelerator] = float(values["null"])
                for other, (mine, _) in ((k, v) for k, v in values.items() if k != "null"):
                    if mine > 0:
                        together.setdefault((kind, _kind(other)), {})[accelerator] = float(mine)
    except (ValueError, KeyError, TypeError, AttributeError, SyntaxError) as error:
        remedy = msg("It maps a kind of accelerator to jobs, and each job to steps/s under null.")
        raise InvalidInput([Problem(str(path), msg("the table of throughputs cannot be read"), remedy)]) from error
    return speeds, together


def _kind(key: str) -> str:
    model, size = literal_eval(key)
    return f"{model} x{size}"


def _beside(path: Path) -> Path:
    for folder in (path.parent, path.parent.parent):
        found = sorted(folder.glob("physical_cluster_throughputs.json*")) or sorted(folder.glob("*throughputs*.json*"))
        if found:
            return found[0]
    remedy = msg("Name it with --throughputs.")
    raise NotFound("not-found", msg("no table of throughputs beside {path}", path=path), remedy)
