"""An export of Slurm's accounting: `sacct -a -X -P -o JobID,User,Account,Submit,Start,End,Timelimit,AllocTRES,State`.

Fields stand in any order, with | between them; others are allowed. A job's accelerators are the gres/gpu of its TRES;
on a site that counts none, its CPUs. Times are the site's own. slurm.schedmd.com/sacct.html.
"""

import re
from collections.abc import Iterator
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


def read_sacct(text: str, path: Path) -> tuple[Jobs, float, Malformed]:
    """The jobs that ran, the time of second 0 (since 1970, as if the site's clock were UTC), and what was left out.

    Steps of a job (`12.batch`) are parts of it and are passed. A job that never ran is left out and counted.
    Raises InvalidInput when the resources are in no column.
    """
    malformed = Malformed(str(path))
    head, lines = _table(text, malformed)
    has_tres = [name for name in TRES if name in head]
    if not has_tres and "NCPUS" not in head and "AllocCPUS" not in head:
        remedy = msg("Export AllocTRES too: sacct -o JobID,User,Account,Submit,Start,End,Timelimit,AllocTRES,State.")
        raise InvalidInput([Problem(f"{path}:1", msg("no column of the resources of a job"), remedy)])
    listed = [(number, row) for number, row in lines if "." not in row["JobID"]]
    accelerators = any(_count(row, "gres/gpu") for _, row in listed)
    found = []
    for number, row in listed:
        try:
            found.append(_row(row, accelerators=accelerators))
        except ValueError as error:
            malformed.add(number, msg("{problem}", problem=str(error)))
    jobs, zero = jobs_of(found)
    return jobs, zero, malformed


def _table(text: str, malformed: Malformed) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    lines = text.splitlines()
    head = lines[0].strip().split("|")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("|")
        if not line.strip():
            continue
        if len(fields) != len(head):
            malformed.add(number, msg("the line has not as many fields as the first"))
            continue
        rows.append((number, dict(zip(head, fields, strict=True))))
    return head, rows


def _row(row: dict[str, str], *, accelerators: bool) -> Row:
    submit, start, end = (_when(row, name) for name in ("Submit", "Start", "End"))
    size = _count(row, "gres/gpu") if accelerators else _cpus(row)
    if not size:
        raise ValueError("the job had no accelerators" if accelerators else "the job had no CPUs")
    limit = row.get("Timelimit") or row.get("TimelimitRaw") or ""
    estimate = float(limit) * 60 if limit.isdigit() else _duration(limit)
    return Row(
        job_id=row["JobID"],
        submit_s=submit,
        run_s=end - start,
        size=size,
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
