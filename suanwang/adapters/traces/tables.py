"""Traces of jobs in CSV, told by their columns: Philly, Helios and Chronus.

Philly as the Sia artefact has it (timestamp, duration, num_gpus, cluster); Helios (Hu et al., SC 2021: job_id, user,
gpu_num, submit_time, duration); Chronus (Gao et al., SoCC 2021: job_id, user, num_gpu, submit_time, duration). The
run time is the estimate: these traces have no other. Jobs without accelerators are left out and counted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from suanwang.adapters.traces.text import Malformed, parsed, read_text, rows
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.replay.engine import Jobs


@dataclass(frozen=True, slots=True)
class Table:
    """Which column says what; `at` reads the submit time (seconds)."""

    submit: str
    run: str
    size: str
    user: str
    at: Callable[[str], float]


def _clock(text: str) -> float:
    """Seconds since 1970, the time taken as UTC: only differences matter."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _seconds_or_clock(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return _clock(text)


TABLES = {
    "philly": Table("timestamp", "duration", "num_gpus", "cluster", _clock),
    "helios": Table("submit_time", "duration", "gpu_num", "user", _seconds_or_clock),
    "chronus": Table("submit_time", "duration", "num_gpu", "user", _seconds_or_clock),
}


def read_table(path: Path) -> tuple[Jobs, Malformed]:
    """The jobs by submit time, from 0 s on. Raises InvalidInput when no known table has these columns."""
    text, malformed = read_text(path), Malformed(str(path))
    columns = set(text.partition("\n")[0].strip().split(","))
    for table in TABLES.values():
        needed = frozenset((table.submit, table.run, table.size, table.user))
        if needed <= columns:
            return _jobs(table, rows(text, str(path), needed, malformed), malformed), malformed
    remedy = msg("Known: SWF, openb, and CSV as of {known}.", known=", ".join(TABLES))
    raise InvalidInput([Problem(f"{path}:1", msg("the format of the trace is not known"), remedy)])


def _jobs(table: Table, lines: Iterator[tuple[int, dict[str, str]]], malformed: Malformed) -> Jobs:
    def job(row: dict[str, str]) -> tuple[float, float, int, str]:
        submit, run, size = table.at(row[table.submit]), float(row[table.run]), int(row[table.size])
        if run < 0 or size < 1:
            raise ValueError("the job has no run time or no accelerators")
        return submit, run, size, row[table.user]

    jobs = parsed(lines, job, malformed)
    submits = np.array([j[0] for j in jobs], dtype=np.float64)
    order = np.argsort(submits, kind="stable").tolist()
    runs = np.array([jobs[i][1] for i in order], dtype=np.float64)
    return Jobs(
        job_ids=tuple(map(str, order)),
        submit_s=submits[order] - (submits.min() if jobs else 0.0),
        run_s=runs,
        size=np.array([jobs[i][2] for i in order], dtype=np.int64),
        estimate_s=runs.copy(),
        user=tuple(jobs[i][3] for i in order),
    )
