"""What the engine asks of a Slurm cluster, whether by its commands or by slurmrestd, and how Slurm's words are read."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from suanwang.domain.order import EndCause
from suanwang.errors import Never, NotNow, msg

WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
ALIVE = frozenset({"RUNNING", "SUSPENDED", "STOPPED", "COMPLETING", "RESIZING", "SIGNALING", "STAGE_OUT"})
OVER: Mapping[str, EndCause] = {
    "COMPLETED": EndCause.EXITED,
    "FAILED": EndCause.EXITED,
    "CANCELLED": EndCause.CANCELLED,
    "REVOKED": EndCause.CANCELLED,
    "TIMEOUT": EndCause.TIME_LIMIT,
    "DEADLINE": EndCause.TIME_LIMIT,
    "OUT_OF_MEMORY": EndCause.SIGNALLED,
    "NODE_FAIL": EndCause.LOST,
    "BOOT_FAIL": EndCause.LOST,
    "LAUNCH_FAILED": EndCause.LOST,
    "PREEMPTED": EndCause.LOST,
}
"""How a state of Slurm's (man squeue, job state codes) ends an order; the marks say what the program did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A job as Slurm lists it; `id` is 12, or 12_3 for a task of an array. Times in s since the epoch, None unknown."""

    id: str
    name: str
    state: str
    reason: str = ""
    start: float | None = None
    end: float | None = None
    nodes: str = ""

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def occupies(self) -> bool:
        """Whether it has its accelerators now."""
        return self.state in ALIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node: accelerators of each gres (`gpu`, `gpu:h800`) that it has and that are in use, and whether it is up."""

    name: str
    partitions: frozenset[str]
    gres: Mapping[str, int]
    used: Mapping[str, int]
    up: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Nodes that are kept from `start` to `end` (s since the epoch)."""

    name: str
    nodes: frozenset[str]
    start: float
    end: float
    maintenance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What Slurm's books say of an ended job; None where they do not say. `exit_code` as Slurm has it, signal apart."""

    row: Row
    exit_code: int | None = None
    signal: int | None = None
    tres: str = ""
    cpu_s: float | None = None
    memory_bytes_peak: float | None = None
    energy_j: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is submitted, in Slurm's words. `options`: sbatch's long options without their dashes."""

    name: str
    script: str
    options: Mapping[str, str]
    array: int = 0


class Cluster(Protocol):
    """One slurmctld. Every call raises NotNow(engine-unreachable) when it does not answer."""

    def submit(self, ask: Ask) -> str:
        """Slurm's id of the job. Raises Never(engine-refused), NotNow(engine-full)."""

    def jobs(self) -> dict[str, Row]:
        """Every job of ours that slurmctld knows, ended ones for some minutes: one question, however many there are."""

    def named(self, name: str) -> list[Row]:
        """Jobs of that name that slurmctld knows."""

    def cancel(self, job_ids: Sequence[str]) -> None:
        """Unknown and ended ones are left as they are."""

    def books(self, job_ids: Sequence[str]) -> dict[str, Account]:
        """Ended jobs as slurmdbd has them, by id; nothing where the site has none."""

    def accounts(self, job_ids: Sequence[str]) -> dict[str, Account]:
        """Ended jobs as slurmctld or its file of ended jobs still has them, by id. One question for each."""

    def nodes(self) -> list[Node]: ...

    def reservations(self) -> list[Reservation]: ...


def unreachable(why: str) -> NotNow:
    return NotNow(
        "engine-unreachable",
        msg("Slurm does not answer: {why}", why=why.strip() or "?"),
        msg("It is tried again; see that slurmctld runs and SLURM_CONF is right."),
    )


UP = frozenset(
    {"IDLE", "MIXED", "ALLOCATED", "COMPLETING", "PLANNED", "RESERVED", "CLOUD"}
    | {"DYNAMIC_NORM", "DYNAMIC_FUTURE", "POWERED_DOWN", "POWERING_UP"}
)
"""States and flags of a node that takes jobs (man sinfo, node state codes); any other keeps them away."""


def node_up(states: Iterable[str]) -> bool:
    """Whether a node with these states and flags takes jobs; `*` marks one that does not answer."""
    words = [word for word in states if word]
    return bool(words) and all(word.upper().rstrip("~#$@^-!%") in UP for word in words)


FULL = re.compile(r"JobSubmit|MaxSubmit|submit limit|temporarily|not available now|Slurm controller is busy", re.I)
SILENT = re.compile(
    r"contact|Socket timed out|onnect|Zero Bytes|ommunication|Unable to establish|slurmctld|timed out", re.I
)


def refusal(why: str) -> Never | NotNow:
    """What Slurm's message to a submission means: no answer, not now, or never."""
    text = why.strip().rpartition("error: ")[2]
    if FULL.search(text):
        return NotNow("engine-full", msg("Slurm takes no more now: {why}", why=text), msg("It is tried again."))
    if SILENT.search(text):
        return unreachable(text)
    return Never(
        "engine-refused", msg("Slurm refused it: {why}", why=text), msg("Correct the pool's options or the order.")
    )


def seconds(text: str) -> float | None:
    """A time as Slurm writes it in UTC (2026-11-25T22:23:07), as s since the epoch; None where there is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def gres_counts(text: str) -> dict[str, int]:
    """`gpu:h800:8(S:0),gpu:a100:2` -> {gpu: 10, gpu:h800: 8, gpu:a100: 2}; `(null)` and `N/A` are nothing."""
    counts: dict[str, int] = {}
    for name, kind, number in re.findall(r"([\w.-]+)(?::([\w.-]*[A-Za-z_][\w.-]*))?:(\d+)(?:\([^)]*\))?", text):
        counts[name] = counts.get(name, 0) + int(number)
        if kind:
            counts[f"{name}:{kind}"] = counts.get(f"{name}:{kind}", 0) + int(number)
    return counts


def fields(line: str) -> dict[str, str]:
    """`Name=value Name=value …` as scontrol -o writes it; a value with blanks ends at the next ` Name=`."""
    return dict(re.findall(r"(?:^|\s)([A-Z][\w:/]*)=(.*?)(?=\s+[A-Z][\w:/]*=|\s*$)", line))


def hosts(text: str) -> Iterator[str]:
    """`a[1-3,07],b` -> a1 a2 a3 a07 b (one level of brackets, as Slurm writes it)."""
    for part in re.findall(r"[^,\[\]]+(?:\[[^\]]*\][^,\[\]]*)*", text):
        yield from _expand(part)


def _expand(part: str) -> Iterable[str]:
    head, bracket, rest = part.partition("[")
    if not bracket:
        return [part]
    inner, _, tail = rest.partition("]")
    tails = list(_expand(tail))
    return [f"{head}{number}{end}" for piece in inner.split(",") for number in _numbers(piece) for end in tails]


def _numbers(piece: str) -> list[str]:
    first, dash, last = piece.partition("-")
    return [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)] if dash else [first]
