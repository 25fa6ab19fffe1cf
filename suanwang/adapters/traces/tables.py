"""Traces of jobs in CSV, told by their columns: Philly, Helios, Chronus and Azure's LLM inference.

Philly as the Sia artefact has it (timestamp, duration, num_gpus, cluster); Helios (Hu et al., SC 2021: job_id, user,
gpu_num, submit_time, duration, vc); Chronus (Gao et al., SoCC 2021: job_id, user, num_gpu, submit_time, duration,
expect_time_list, job_type). The run time is the estimate: these traces have no other. Jobs without accelerators are
left out and counted.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from suanwang.adapters.traces.columns import Row, jobs_of
from suanwang.adapters.traces.text import Malformed, parsed, rows
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.replay.engine import Jobs

STRICT = ("strict", "soft")
"""Chronus's kinds of jobs that have a deadline."""


@dataclass(frozen=True, slots=True)
class Service:
    """How fast an instance serves requests, tokens/s: of the prompt, and of the answer."""

    prompt_tokens_per_s: float
    answer_tokens_per_s: float


@dataclass(frozen=True, slots=True)
class Table:
    """The columns that a format needs, and how it reads a row."""

    needed: frozenset[str]
    row: Callable[[dict[str, str]], Row]


def _clock(text: str) -> float:
    """Seconds since 1970, the time taken as UTC: only differences matter. More digits than microseconds are cut."""
    whole, dot, part = text.strip().partition(".")
    when = datetime.fromisoformat(f"{whole}{dot}{part[:6].ljust(6, '0') if dot else ''}")
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _seconds_or_clock(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return _clock(text)


def _philly(row: dict[str, str]) -> Row:
    return Row(
        job_id="",
        submit_s=_clock(row["timestamp"]),
        run_s=float(row["duration"]),
        size=int(row["num_gpus"]),
        user=row["cluster"],
    )


def _helios(row: dict[str, str]) -> Row:
    return Row(
        job_id=row["job_id"],
        submit_s=_seconds_or_clock(row["submit_time"]),
        run_s=float(row["duration"]),
        size=int(row["gpu_num"]),
        user=row["user"],
        tenant=row.get("vc") or "",
    )


def _chronus(row: dict[str, str]) -> Row:
    """`expect_time_list`: seconds after the submission by which a strict or soft job is expected; the first of them."""
    submit = _seconds_or_clock(row["submit_time"])
    wanted = (row.get("expect_time_list") or "").split("-")[0]
    has = row.get("job_type") in STRICT and wanted
    return Row(
        job_id=row["job_id"],
        submit_s=submit,
        run_s=float(row["duration"]),
        size=int(row["num_gpu"]),
        user=row["user"],
        deadline_s=submit + float(wanted) if has else None,
    )


TABLES = {
    "philly": Table(frozenset({"timestamp", "duration", "num_gpus", "cluster"}), _philly),
    "helios": Table(frozenset({"job_id", "user", "gpu_num", "submit_time", "duration"}), _helios),
    "chronus": Table(frozenset({"job_id", "user", "num_gpu", "submit_time", "duration"}), _chronus),
}
AZURE = frozenset({"TIMESTAMP", "ContextTokens", "GeneratedTokens"})


def read_table(lines: Iterable[str], first: str, path: Path, service: Service | None) -> tuple[Jobs, float, Malformed]:
    """The jobs, the time of second 0 (since 1970), and what was left out. Raises InvalidInput when no known table has
    these columns, and for requests when it is not said how fast they are served."""
    malformed = Malformed(str(path))
    columns = set(first.strip().split(","))
    table = next((table for table in TABLES.values() if table.needed <= columns), None)
    if table is None and columns >= AZURE:
        table = Table(AZURE, _azure(service, path))
    if table is None:
        remedy = msg(
            "Known: SWF, openb, Gavel, sacct, usage records, and CSV as of {known}.",
            known=", ".join([*TABLES, "azure"]),
        )
        raise InvalidInput([Problem(f"{path}:1", msg("the format of the trace is not known"), remedy)])
    found = parsed(rows(lines, str(path), table.needed, malformed), table.row, malformed)
    jobs, zero = jobs_of(found)
    return jobs, zero, malformed


def _azure(service: Service | None, path: Path) -> Callable[[dict[str, str]], Row]:
    """Requests to a model (github.com/Azure/AzurePublicDataset, 2023): each holds one slot of an instance."""
    if service is None:
        remedy = msg("Give --prompt-tokens-per-s and --answer-tokens-per-s of one slot, as measured.")
        problem = msg("the trace has tokens, and how fast they are served is not known")
        raise InvalidInput([Problem(str(path), problem, remedy)])

    def row(fields: dict[str, str]) -> Row:
        prompt, answer = int(fields["ContextTokens"]), int(fields["GeneratedTokens"])
        run_s = prompt / service.prompt_tokens_per_s + answer / service.answer_tokens_per_s
        return Row(job_id="", submit_s=_clock(fields["TIMESTAMP"]), run_s=run_s, size=1, user="requests")

    return row
