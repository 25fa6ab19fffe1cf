"""A Slurm cluster by its commands: sbatch, squeue, scancel, scontrol, sacct, in text that versions from 20.11 share.

JSON is asked of none of them: it is 10 times dearer, and its shape changes with every version.
"""

import os
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from suanwang.adapters.engines.programs import passed_on
from suanwang.adapters.engines.slurm.cluster import (
    Account,
    Ask,
    Node,
    Reservation,
    Row,
    fields,
    gres_counts,
    hosts,
    node_up,
    refusal,
    seconds,
    unreachable,
)

TIMEOUT_S = 30.0
IDS_AT_ONCE = 500
SQUEUE = "%i|%j|%T|%S|%e|%N|%r"
SACCT = ("JobID", "JobName", "State", "ExitCode", "Start", "End", "NodeList", "AllocTRES", "TotalCPU", "MaxRSS")
ENERGY = "ConsumedEnergyRaw"


class Commands:
    """`Cluster` by its commands. `conf`: the slurm.conf, "" where the machine's own is meant."""

    def __init__(self, conf: str = "") -> None:
        self._environment = passed_on() | ({"SLURM_CONF": conf} if conf else {})
        self._utc = self._environment | {"TZ": "UTC0", "SLURM_TIME_FORMAT": "standard", "LC_ALL": "C"}

    def submit(self, ask: Ask) -> str:
        options = [f"--{name}={value}" if value else f"--{name}" for name, value in ask.options.items()]
        array = [f"--array=0-{ask.array - 1}"] if ask.array else []
        command = ["sbatch", "--parsable", f"--job-name={ask.name}", *options, *array]
        done = _run(command, self._environment, ask.script)
        if done.returncode:
            raise refusal(done.stderr)
        return done.stdout.strip().partition(";")[0]

    def jobs(self) -> dict[str, Row]:
        return {row.id: row for row in map(_row, self._ask("squeue", *self._mine, "-o", SQUEUE).splitlines())}

    def named(self, name: str) -> list[Row]:
        return [_row(line) for line in self._ask("squeue", *self._mine, "-n", name, "-o", SQUEUE).splitlines()]

    def cancel(self, job_ids: Sequence[str]) -> None:
        for some in _pieces(job_ids):
            done = _run(["scancel", "--quiet", *some], self._utc)
            if done.returncode and "nvalid job id" not in done.stderr:
                raise unreachable(done.stderr)

    def books(self, job_ids: Sequence[str]) -> dict[str, Account]:
        if not self._configuration.get("AccountingStorageType", "").endswith("slurmdbd"):
            return {}
        found: dict[str, Account] = {}
        for some in _pieces(job_ids):
            found |= self._from_sacct(some)
        return found

    def accounts(self, job_ids: Sequence[str]) -> dict[str, Account]:
        found: dict[str, Account] = {}
        for job_id in job_ids:
            done = _run(["scontrol", "show", "job", "-o", job_id], self._utc)
            if done.returncode == 0 and done.stdout.strip():
                found[job_id] = _from_line(fields(done.stdout.splitlines()[0]), "scontrol")
        missing = {i for i in job_ids if i not in found}
        return found | (self._from_jobcomp(missing) if missing else {})

    def nodes(self) -> list[Node]:
        lines = self._ask("scontrol", "show", "node", "-d", "-o").splitlines()
        return [_node(fields(line)) for line in lines if line.startswith("NodeName=")]

    def reservations(self) -> list[Reservation]:
        found = []
        for line in self._ask("scontrol", "show", "reservation", "-o").splitlines():
            known = fields(line)
            start, end = seconds(known.get("StartTime", "")), seconds(known.get("EndTime", ""))
            if start is not None and end is not None:
                found.append(
                    Reservation(
                        name=known["ReservationName"],
                        nodes=frozenset(hosts(known.get("Nodes", ""))),
                        start=start,
                        end=end,
                        maintenance="MAINT" in known.get("Flags", ""),
                    )
                )
        return found

    @cached_property
    def _configuration(self) -> Mapping[str, str]:
        lines = self._ask("scontrol", "show", "config").splitlines()
        return {name.strip(): value.strip() for name, sign, value in (line.partition("=") for line in lines) if sign}

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """Those columns of sacct's that this version has."""
        known = set(self._ask("sacct", "--helpformat").split())
        return tuple(name for name in (*SACCT, ENERGY) if name in known)

    def _from_sacct(self, job_ids: Sequence[str]) -> dict[str, Account]:
        columns = self._columns
        command = [
            "sacct",
            "-n",
            "-P",
            "-a",
            "--starttime=1970-01-01",
            "-j",
            ",".join(job_ids),
            "-o",
            ",".join(columns),
        ]
        found: dict[str, Account] = {}
        for line in self._ask(*command).splitlines():
            known = dict(zip(columns, line.split("|"), strict=False))
            job_id, _, step = known["JobID"].partition(".")
            if not step:
                found[job_id] = _from_line(_as_scontrol(known), "sacct")
            elif job_id in found:
                found[job_id] = _with_step(found[job_id], known)
        return {job_id: account for job_id, account in found.items() if account.row.over}

    def _from_jobcomp(self, job_ids: set[str]) -> dict[str, Account]:
        """From the lines of jobcomp/filetxt, where they can be read here."""
        if not self._configuration.get("JobCompType", "").endswith("filetxt"):
            return {}
        try:
            lines = Path(self._configuration["JobCompLoc"]).read_text(errors="replace").splitlines()
        except OSError:
            return {}
        rows = (fields(line) for line in lines)
        return {r["JobId"]: _from_line(r, "jobcomp") for r in rows if r.get("JobId") in job_ids}

    @cached_property
    def _mine(self) -> tuple[str, ...]:
        return "-h", "-r", "-t", "all", "-u", str(os.geteuid())

    def _ask(self, *command: str) -> str:
        done = _run(command, self._utc)
        if done.returncode:
            raise unreachable(done.stderr)
        return done.stdout


@dataclass(frozen=True, slots=True)
class _Done:
    """What a command said, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def _run(command: Sequence[str], environment: Mapping[str, str], text: str = "") -> _Done:
    """Raises NotNow(engine-unreachable) when the command is not there, or takes too long.

    `subprocess.run` with a time-out looks for the end in growing steps; here the end of both outputs is waited for.
    """
    try:
        child = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except OSError as error:
        raise unreachable(str(error)) from error
    with child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        with suppress(BrokenPipeError):
            child.stdin.write(text.encode("utf-8", "surrogateescape"))
            child.stdin.close()
        outputs = {child.stdout.fileno(): b"", child.stderr.fileno(): b""}
        try:
            _read_all(outputs, time.monotonic() + TIMEOUT_S)
        except TimeoutError:
            child.kill()
            raise unreachable(f"{command[0]} did not answer within {TIMEOUT_S:.0f} s") from None
        out, err = (output.decode(errors="replace") for output in outputs.values())
        return _Done(child.wait(), out, err)


def _read_all(outputs: dict[int, bytes], deadline: float) -> None:
    """Read every file descriptor to its end. Raises TimeoutError."""
    poll = select.poll()
    for file in outputs:
        poll.register(file, select.POLLIN | select.POLLHUP)
    open_files = len(outputs)
    while open_files:
        ready = poll.poll(max(0.0, deadline - time.monotonic()) * 1000)
        if not ready:
            raise TimeoutError
        for file, _ in ready:
            piece = os.read(file, 1 << 16)
            outputs[file] += piece
            if not piece:
                poll.unregister(file)
                open_files -= 1


def _pieces(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[i : i + IDS_AT_ONCE] for i in range(0, len(ids), IDS_AT_ONCE)]


def _row(line: str) -> Row:
    """A line of SQUEUE; the reason is last, as it may have any character."""
    job_id, name, state, start, end, nodes, reason = line.split("|", 6)
    return Row(id=job_id, name=name, state=state, start=seconds(start), end=seconds(end), nodes=nodes, reason=reason)


def _from_line(known: Mapping[str, str], source: str) -> Account:
    """From scontrol's names of the fields."""
    code, _, number = known.get("ExitCode", "").partition(":")
    array = known.get("ArrayJobId", "")
    job_id = f"{array}_{known['ArrayTaskId']}" if array and known.get("ArrayTaskId", "").isdigit() else known["JobId"]
    return Account(
        row=Row(
            id=job_id,
            name=known.get("JobName", known.get("Name", "")),
            state=known.get("JobState", "").split()[0],
            reason=known.get("Reason", ""),
            start=seconds(known.get("StartTime", "")),
            end=seconds(known.get("EndTime", "")),
            nodes=known.get("NodeList", ""),
        ),
        exit_code=int(code) if code.isdigit() else None,
        signal=int(number) if number.isdigit() and number != "0" else None,
        tres=known.get("TRES", known.get("Tres", known.get("AllocTRES", ""))),
        cpu_s=_cpu(known.get("TotalCPU", "")),
        energy_j=_energy(known.get(ENERGY, "")),
        source=source,
    )


def _as_scontrol(known: Mapping[str, str]) -> dict[str, str]:
    names = {"JobID": "JobId", "State": "JobState", "Start": "StartTime", "End": "EndTime"}
    return {names.get(name, name): value for name, value in known.items()}


def _with_step(account: Account, known: Mapping[str, str]) -> Account:
    """Memory, and energy where the job's own line has none, are in the lines of its steps."""
    memory = max(account.memory_bytes_peak or 0.0, _bytes(known.get("MaxRSS", "")))
    energy = account.energy_j if account.energy_j is not None else _energy(known.get(ENERGY, ""))
    return replace(account, memory_bytes_peak=memory or None, energy_j=energy)


def _energy(text: str) -> float | None:
    """Joules; 0 is what a cluster without an energy plugin writes, so it says nothing."""
    return float(text) or None if re.fullmatch(r"\d+(\.\d+)?", text) else None


def _bytes(text: str) -> float:
    """`5488K` -> bytes; "" is none."""
    match = re.fullmatch(r"([\d.]+)([KMGT]?)", text)
    return float(match[1]) * 1024 ** " KMGT".index(match[2] or " ") if match else 0.0


def _cpu(text: str) -> float | None:
    """`[days-][hours:]minutes:seconds` -> s."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):([\d.]+)", text)
    if not match:
        return None
    days, hour, minutes, rest = match.groups()
    return 86400 * int(days or 0) + 3600 * int(hour or 0) + 60 * int(minutes) + float(rest)


def _node(known: Mapping[str, str]) -> Node:
    states = known.get("State", "").split("+")
    return Node(
        name=known["NodeName"],
        partitions=frozenset(known.get("Partitions", "").split(",")),
        gres=gres_counts(known.get("Gres", "")) | {"cpu": int(known.get("CPUTot", "0"))},
        used=gres_counts(known.get("GresUsed", "")) | {"cpu": int(known.get("CPUAlloc", "0"))},
        up=node_up(states),
        reason=known.get("Reason", "+".join(states)),
    )
