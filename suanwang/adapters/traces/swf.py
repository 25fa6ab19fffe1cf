"""Standard Workload Format (SWF), version 2: one job a line, 18 whole numbers, -1 for unknown, comments after ;

Chapin et al., JSSPP 1999; cs.huji.ac.il/labs/parallel/workload/swf.html. More than 18 fields (as some logs have) are
allowed; what follows the 18th is left aside.
"""

from array import array
from collections.abc import Iterable
from pathlib import Path
from sys import intern

import numpy as np

from suanwang.adapters.traces.text import Malformed
from suanwang.errors import msg
from suanwang.replay.engine import Jobs

ID, SUBMIT, WAIT, RUN, ALLOCATED, ASKED, ASKED_S, USER = 0, 1, 2, 3, 4, 7, 8, 11
FIELDS = 18
HEADER_LINES = 200
WHOLE = 2.0**53
"""Whole numbers below it are exact; what is not below is no number of a log (inf, nan)."""
USED = (ID, SUBMIT, RUN, ALLOCATED, ASKED, ASKED_S, USER, WAIT)


def read_swf(lines: Iterable[str], path: Path) -> tuple[Jobs, int | None, float | None, Malformed]:
    """The jobs by submit time from 0 s on, the processors that the header tells (MaxProcs, else MaxNodes), the time of
    second 0 (UnixStartTime), and what was left out.

    A job's processors are those it asked for, else those it had; its estimate the time it asked for, else its run
    time. A job without run time or processors is left out and counted.
    """
    malformed = Malformed(str(path))
    header, table = _table(lines, malformed)
    submit, run, asked = table[:, 1], table[:, 2], table[:, 4]
    size = np.where(asked > 0, asked, table[:, 3])
    known = (run >= 0) & (size > 0) & (submit >= 0) & (np.abs(table) < WHOLE).all(axis=1)
    for line in table[~known][:, -1].astype(int).tolist():
        malformed.add(line, msg("the job has no submit time, run time or processors"))
    order = np.flatnonzero(known)
    order = order[np.argsort(submit[order], kind="stable")]
    table, size = table[order], size[order]
    jobs = Jobs(
        job_ids=tuple(map(str, table[:, 0].astype(np.int64).tolist())),
        submit_s=table[:, 1].copy(),
        run_s=table[:, 2].copy(),
        size=size.astype(np.int64),
        estimate_s=np.where(table[:, 5] > 0, table[:, 5], table[:, 2]),
        user=tuple(intern(str(user)) for user in table[:, 6].astype(np.int64).tolist()),
        recorded_start_s=table[:, 1] + table[:, 7] if len(table) and (table[:, 7] >= 0).all() else None,
    )
    told = _header(header)
    start = told.get("UnixStartTime")
    return jobs, told.get("MaxProcs") or told.get("MaxNodes"), None if start is None else float(start), malformed


def _table(
    lines: Iterable[str], malformed: Malformed
) -> tuple[list[str], np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """The header; the used fields and the line number of each well-formed line."""
    header: list[str] = []
    cells = array("d")
    for number, line in enumerate(lines, start=1):
        fields = line.split(None, FIELDS)
        if not fields or fields[0].startswith(";"):
            if fields and number <= HEADER_LINES:
                header.append(line)
            continue
        try:
            if len(fields) < FIELDS:
                raise ValueError(f"{len(fields)} fields where 18 belong")
            cells.extend([float(fields[i]) for i in USED] + [number])
        except ValueError as error:
            malformed.add(number, msg("{problem}", problem=str(error)))
    return header, np.asarray(cells, dtype=np.float64).reshape(-1, len(USED) + 1)


def _header(lines: list[str]) -> dict[str, int]:
    """The whole numbers that the header tells, by name."""
    told = (line.lstrip("; \t").partition(":") for line in lines)
    words = ((name, value.split()) for name, _, value in told)
    return {name: int(value[0]) for name, value in words if value and value[0].isdigit()}
