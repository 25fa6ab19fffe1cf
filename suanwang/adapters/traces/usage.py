"""Our own usage records as a trace: JSON, one record a line or a list of them.

A record has `job_id`, `tenant`, `accelerators`, `start` and `end` (times with a zone). The records of a job make one
job that came when its first began: what it waited before is not in them.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from suanwang.adapters.traces.columns import MANY, Row, jobs_of
from suanwang.adapters.traces.text import Malformed
from suanwang.errors import msg
from suanwang.replay.engine import Jobs

NEEDED = ("job_id", "tenant", "accelerators", "start", "end")


def is_usage(first_line: str) -> bool:
    """Whether a file whose first line this is may hold records."""
    return first_line.lstrip()[:1] in ("{", "[")


def read_usage(lines: Iterable[str], path: Path) -> tuple[Jobs, float, Malformed]:
    """The jobs, the time of second 0 (since 1970), and what was left out, by line (of a list: by its place)."""
    malformed = Malformed(str(path))
    by_job: dict[str, list[tuple[float, float, int, str]]] = defaultdict(list)
    for number, record in _records(lines, malformed):
        try:
            start, end = (_when(record[name]) for name in ("start", "end"))
            if not start < end:
                raise ValueError("the record is empty or ends before it starts")
            accelerators = int(record["accelerators"])
            if not 1 <= accelerators < MANY:
                raise ValueError("the job has no submit time, run time or accelerators")
            by_job[str(record["job_id"])].append((start, end, accelerators, str(record["tenant"])))
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            malformed.add(number, msg("{problem}", problem=str(error)))
    rows = []
    for job_id, pieces in by_job.items():
        size = max(piece[2] for piece in pieces)
        run_s = sum((end - start) * accelerators for start, end, accelerators, _ in pieces) / size
        submit = min(start for start, *_ in pieces)
        rows.append(Row(job_id=job_id, submit_s=submit, run_s=run_s, size=size, user=pieces[0][3]))
    jobs, zero = jobs_of(rows)
    return jobs, zero, malformed


def _records(lines: Iterable[str], malformed: Malformed) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, record in _parsed(lines):
        if isinstance(record, dict):
            yield number, record
        else:
            malformed.add(number, msg("no record in JSON"))


def _parsed(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """A file whose first line is a record has one a line, and is read so; a list must be held whole."""
    source = iter(lines)
    first = next(source, "")
    record = _json(first)
    if not isinstance(record, dict) or isinstance(record.get("records"), list):
        kept = [first, *source]
        whole = _json("".join(kept))
        if isinstance(whole, dict) and isinstance(whole.get("records"), list):
            whole = whole["records"]
        if isinstance(whole, list):
            yield from enumerate(whole, start=1)
            return
        if isinstance(whole, dict):
            yield 1, whole
            return
        source = iter(kept[1:])
    for number, line in enumerate(chain([first], source), start=1):
        if line.strip():
            yield number, _json(line)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _when(text: Any) -> float:
    when = datetime.fromisoformat(str(text))
    if when.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return when.timestamp()
