"""An export of Slurm's accounting: `sacct -a -X -P -o JobID,User,Account,Submit,Start,End,Timelimit,AllocTRES,State`.

Fields stand in any order, with | between them; others are allowed. A job's accelerators are the gres/gpu of its TRES;
on a site that counts none, its CPUs. Times are the site's own. slurm.schedmd.com/sacct.html.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from suanwang.adapters.traces.columns import Row, jobs_of
from suanwang.adapters.traces.text import Malformed
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.replay.engine import Jobs

NEEDED = frozenset({"JobID", "User", "Submit", "Start", "End"})
TRES = ("AllocTRES", "ReqTRES")
_DAYS = re.compile(r"^(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)(?:\.\d+)?$")


def is_sacct(first_line: str) -> bool:
    """Whether a file whose first line this is may be such an export."""
    return set(first_line.strip().strip("|").split("|")) >= NEEDED


def read_sacct(lines: Iterable[str], path: Path) -> tuple[Jobs, float, Malformed]:
    """The jobs that ran, the time of second 0 (since 1970, as if the site's clock were UTC), and what was left out.

    Steps of a job (`12.batch`) are parts of it and are passed. A job that never ran is left out and counted.
    Raises InvalidInput when the resources are in no column.
    """
    malformed = Malformed(str(path))
    source = iter(lines)
    head = next(source, "").strip().split("|")
    has_tres = [name for name in TRES if name in head]
    if not has_tres and "NCPUS" not in head and "AllocCPUS" not in head:
        remedy = msg("Export AllocTRES too: sacct -o JobID,User,Account,Submit,Start,End,Timelimit,AllocTRES,State.")
        raise InvalidInput([Problem(f"{path}:1", msg("no column of the resources of a job"), remedy)])
    counted, ran = False, []
    for number, row in _rows(head, source, malformed):
        gpus = _count(row, "gres/gpu")
        counted = counted or gpus > 0
        try:
            ran.append((number, gpus, _cpus(row), _row(row)))
        except ValueError as error:
            malformed.add(number, msg("{problem}", problem=str(error)))
    found = []
    for number, gpus, cpus, row_of in ran:
        if size := gpus if counted else cpus:
            found.append(replace(row_of, size=size))
        else:
            malformed.add(number, msg("the job had no accelerators") if counted else msg("the job had no CPUs"))
    jobs, zero = jobs_of(found)
    return jobs, zero, malformed


def _rows(head: list[str], lines: Iterable[str], malformed: Malformed) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines after the first, by number, that are of a whole job."""
    for number, line in enumerate(lines, start=2):
        fields = line.rstrip("\n").split("|")
        if not line.strip():
            continue
        if len(fields) != len(head):
            malformed.add(number, msg("the line has not as many fields as the first"))
            continue
        row = dict(zip(head, fields, strict=True))
        if "." not in row["JobID"]:
            yield number, row


def _row(row: dict[str, str]) -> Row:
    """Of one accelerator: whether these or CPUs count is known at the end of the file."""
    submit, start, end = (_when(row, name) for name in ("Submit", "Start", "End"))
    limit = row.get("Timelimit") or row.get("TimelimitRaw") or ""
    estimate = float(limit) * 60 if limit.isdigit() else _duration(limit)
    return Row(
        job_id=row["JobID"],
        submit_s=submit,
        run_s=end - start,
        size=1,
        user=row["User"],
        tenant=row.get("Account") or "",
        estimate_s=max(estimate, end - start) if estimate else None,
        start_s=start,
    )


def _when(row: dict[str, str], name: str) -> float:
    try:
        return datetime.fromisoformat(row[name] + "+00:00").timestamp()
    except ValueError as error:
        raise ValueError(f"the job never ran: {name} is {row[name] or 'empty'}") from error


def _duration(text: str) -> float | None:
    """Seconds of [days-][hours:]minutes:seconds; None for UNLIMITED and what else is no time."""
    found = _DAYS.match(text)
    if not found:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds) or None


def _tres(row: dict[str, str]) -> Iterator[tuple[str, str]]:
    text = next((row[name] for name in TRES if row.get(name)), "")
    for part in text.split(","):
        name, _, value = part.partition("=")
        yield name, value


def _count(row: dict[str, str], name: str) -> int:
    """Of a resource; one that is counted by type only (gres/gpu:a100) is the sum of its types."""
    counts = {key: int(value) for key, value in _tres(row) if key.split(":")[0] == name and value.isdigit()}
    return counts.get(name) or sum(counts.values())


def _cpus(row: dict[str, str]) -> int:
    told = next((row[name] for name in ("NCPUS", "AllocCPUS") if row.get(name, "").isdigit()), "0")
    return _count(row, "cpu") or int(told)
