"""A Slurm cluster by slurmrestd with a JWT: for an engine that stands outside of the cluster.

The version of the interface is the newest of those that both know; its words changed at v0.0.39 (lists for the
environment, `tres_per_node` for `gres`, numbers that may be unset). v0.0.36 to v0.0.38 are tried on a real slurmrestd;
later ones follow their published OpenAPI description and were not tried on one.
"""

import getpass
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from suanwang.adapters.engines.programs import passed_on, refused
from suanwang.adapters.engines.slurm.cluster import (
    OVER,
    Account,
    Ask,
    Node,
    Reservation,
    Row,
    gres_counts,
    hosts,
    node_up,
    refusal,
    unreachable,
)
from suanwang.errors import msg

OLDEST, NEWEST = 36, 43
TIMEOUT_S = 60.0
UNKNOWN_JOB, UNKNOWN_JOB_OR_STEP = 2017, 2021


class Rest:
    """`Cluster` by slurmrestd. `token`: gives the JWT that is valid now."""

    def __init__(self, url: str, token: Callable[[], str], user: str = "") -> None:
        self._token = token
        self._user = user or getpass.getuser()
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT_S)
        self._rows: dict[str, Row] = {}
        self._updated = 0

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def submit(self, ask: Ask) -> str:
        job = properties(ask.options, self._minor) | {"name": ask.name}
        environment = passed_on()
        job["environment"] = environment if self._minor < 39 else [f"{k}={v}" for k, v in environment.items()]
        if ask.array:
            job["array"] = f"0-{ask.array - 1}"
        body = {"script": ask.script, "job": job}
        answer = self._call("POST", "job/submit", json=body)
        if answer.get("job_id"):  # a held job comes with an error as well as its id
            return str(answer["job_id"])
        raise refusal(_errors(answer))

    def jobs(self) -> dict[str, Row]:
        """All jobs when anything has changed since, which slurmctld knows; a short answer where nothing has."""
        answer = self._call("GET", "jobs", params={"update_time": str(self._updated)} if self._updated else {})
        if answer:
            listed = self._checked(answer)["jobs"]
            self._rows = {row.id: row for row in (_row(job) for job in listed if job.get("user_name") == self._user)}
            self._updated = int(_number(answer.get("last_update")) or max(map(_changed, listed), default=0))
        return self._rows

    def named(self, name: str) -> list[Row]:
        return [row for row in self.jobs().values() if row.name == name]

    def cancel(self, job_ids: Sequence[str]) -> None:
        for job_id in job_ids:
            answer = self._call("DELETE", f"job/{job_id}")
            if not {e.get("error_number") for e in answer.get("errors", [])} <= {UNKNOWN_JOB, UNKNOWN_JOB_OR_STEP}:
                raise unreachable(_errors(answer))

    def books(self, job_ids: Sequence[str]) -> dict[str, Account]:
        if self._database is None:
            return {}
        found: dict[str, Account] = {}
        for job_id in job_ids:
            answer = self._call("GET", f"/slurmdb/{self._database}/job/{job_id.partition('_')[0]}")
            found |= {a.row.id: a for a in map(_booked, answer.get("jobs", [])) if a.row.id == job_id and a.row.over}
        return found

    def accounts(self, job_ids: Sequence[str]) -> dict[str, Account]:
        found: dict[str, Account] = {}
        for job_id in job_ids:
            answer = self._call("GET", f"job/{job_id.partition('_')[0]}")
            found |= {a.row.id: a for a in map(_account, answer.get("jobs", [])) if a.row.id == job_id}
        return found

    def nodes(self) -> list[Node]:
        return [_node(node) for node in self._checked(self._call("GET", "nodes"))["nodes"]]

    def reservations(self) -> list[Reservation]:
        listed = self._checked(self._call("GET", "reservations"))["reservations"]
        return [
            Reservation(
                name=known["name"],
                nodes=frozenset(hosts(known.get("node_list") or "")),
                start=_number(known.get("start_time")) or 0.0,
                end=_number(known.get("end_time")) or float("inf"),
                maintenance="MAINT" in known.get("flags", []),
            )
            for known in listed
        ]

    @cached_property
    def _versions(self) -> Mapping[str, set[str]]:
        """Versions of each part of the interface: {"slurm": {"v0.0.38", …}, "slurmdb": …}."""
        paths = self._call("GET", "/openapi/v3").get("paths", {})
        found: dict[str, set[str]] = {"slurm": set(), "slurmdb": set()}
        for path in paths:
            match = re.match(r"/(slurm|slurmdb)/(v0\.0\.\d+)/", path)
            if match:
                found[match[1]].add(match[2])
        return found

    @cached_property
    def _version(self) -> str:
        known = _newest(self._versions["slurm"])
        if known is None:
            raise unreachable(f"no version of slurmrestd from v0.0.{OLDEST} to v0.0.{NEWEST}")
        return known

    @cached_property
    def _database(self) -> str | None:
        return _newest(self._versions["slurmdb"])

    @property
    def _minor(self) -> int:
        return int(self._version.rpartition(".")[2])

    def _call(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The answer, {} where nothing has changed. Raises NotNow(engine-unreachable)."""
        whole = path if path.startswith("/") else f"/slurm/{self._version}/{path}"
        headers = {"X-SLURM-USER-NAME": self._user, "X-SLURM-USER-TOKEN": self._token()}
        try:
            answer = self._client.request(method, whole, headers=headers, **more)
            if answer.status_code == httpx.codes.NOT_MODIFIED:
                return {}
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                raise unreachable("slurmrestd does not take the token")
            known: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise unreachable(f"{type(error).__name__} {error}") from error
        return known

    def _checked(self, answer: dict[str, Any]) -> dict[str, Any]:
        if answer.get("errors"):
            raise unreachable(_errors(answer))
        return answer


def token_file(path: str) -> Callable[[], str]:
    """Reads the token anew each time: a site renews it."""

    def read() -> str:
        try:
            return Path(path).expanduser().read_text(encoding="ascii").strip()
        except OSError as error:
            raise unreachable(str(error)) from error

    return read


WORDS: Mapping[str, str] = {
    "output": "standard_output",
    "error": "standard_error",
    "chdir": "current_working_directory",
    "partition": "partition",
    "account": "account",
    "qos": "qos",
    "reservation": "reservation",
    "constraint": "constraints",
    "dependency": "dependency",
    "licenses": "licenses",
    "comment": "comment",
}
NUMBERS: Mapping[str, str] = {"ntasks-per-node": "tasks_per_node", "cpus-per-task": "cpus_per_task", "nice": "nice"}


def properties(options: Mapping[str, str], minor: int) -> dict[str, Any]:
    """sbatch's long options in the words of an interface of version v0.0.<minor>.

    Raises Never(engine-refused) for one that has none.
    """
    job: dict[str, Any] = {}
    for name, value in options.items():
        if name in WORDS:
            job[WORDS[name]] = value
        elif name in NUMBERS:
            job[NUMBERS[name]] = int(value)
        elif name == "nodes":
            job["nodes"] = [int(value), int(value)] if minor < 39 else f"{value}-{value}"
        elif name == "time":
            minutes = None if value == "UNLIMITED" else int(value)
            job["time_limit"] = (
                minutes if minor < 39 else {"set": True, "infinite": minutes is None, "number": minutes or 0}
            )
        elif name == "mem":
            mb = int(value.rstrip("M"))
            job["memory_per_node"] = mb if minor < 39 else {"set": True, "infinite": False, "number": mb}
        elif name == "gres":
            job |= {"gres": value} if minor < 39 else {"tres_per_node": f"gres/{value}"}
        elif name == "no-requeue":
            job["requeue"] = False
        elif name == "hold":
            job["hold"] = True
        elif name == "exclusive":
            job["exclusive"] = "true"
        else:
            raise refused(msg("slurmrestd has no word for sbatch's option {name}", name=name))
    return {name: value for name, value in job.items() if value is not None}


def _newest(versions: set[str]) -> str | None:
    known = [int(v.rpartition(".")[2]) for v in versions]
    usable = [v for v in known if OLDEST <= v <= NEWEST]
    return f"v0.0.{max(usable)}" if usable else None


def _errors(answer: Mapping[str, Any]) -> str:
    found = answer.get("errors") or [{}]
    return "; ".join(str(e.get("error") or e.get("description") or e) for e in found)


def _number(value: Any) -> float | None:
    """A number, or from v0.0.39 on {"set": …, "infinite": …, "number": …}; None where it is not set."""
    if isinstance(value, dict):
        return float(value["number"]) if value.get("set") and not value.get("infinite") else None
    return float(value) if value else None


def _state(value: Any) -> str:
    """A state, or from v0.0.40 on a list with its flags."""
    return str((value or [""])[0] if isinstance(value, list) else value)


def _changed(job: Mapping[str, Any]) -> float:
    """A time, by slurmctld's clock, at which the job had already changed; never one to come."""
    names = ("submit_time", "last_sched_evaluation") + (("end_time",) if _state(job.get("job_state")) in OVER else ())
    return max(_number(job.get(name)) or 0.0 for name in names)


def _row(job: Mapping[str, Any]) -> Row:
    array, task = _number(job.get("array_job_id")), job.get("array_task_id")
    index = _number(task) if isinstance(task, dict) else task
    return Row(
        id=f"{int(array)}_{int(index)}" if array and index is not None else str(job["job_id"]),
        name=job.get("name", ""),
        state=_state(job.get("job_state")),
        reason=job.get("state_reason", ""),
        start=_number(job.get("start_time")),
        end=_number(job.get("end_time")),
        nodes=job.get("nodes") or "",
    )


def _account(job: Mapping[str, Any]) -> Account:
    code = job.get("exit_code")
    if isinstance(code, dict):
        status, number = _number(code.get("return_code")) or 0, _number((code.get("signal") or {}).get("id"))
        exit_code, signal = int(status), int(number) if number else None
    else:  # as wait(2) has it
        exit_code, signal = int(code or 0) >> 8, int(code or 0) & 127 or None
    return Account(
        row=_row(job), exit_code=exit_code, signal=signal, tres=job.get("tres_alloc_str") or "", source="slurmctld"
    )


def _booked(job: Mapping[str, Any]) -> Account:
    """A job of slurmdbd's."""
    times, array, code = job.get("time", {}), job.get("array", {}), job.get("exit_code", {})
    tasks = (array.get("task_id"), (array.get("task") or {}))
    index = tasks[0] if tasks[0] is not None else _number(tasks[1])
    base = array.get("job_id")
    signal = code.get("signal") or {}
    total = times.get("total", {})
    state, status = _state(job.get("state", {}).get("current")), int(_number(code.get("return_code")) or 0)
    return Account(
        row=Row(
            id=f"{base}_{int(index)}" if base and index is not None else str(job["job_id"]),
            name=job.get("name", ""),
            state=state,
            start=_number(times.get("start")),
            end=_number(times.get("end")),
            nodes=job.get("nodes") or "",
        ),
        exit_code=None if status == 0 and state == "FAILED" else status,  # v0.0.38 says 0 of any that failed
        signal=int(number) if (number := _number(signal.get("signal_id") or signal.get("id"))) else None,
        tres=",".join(_tres(t) for t in job.get("tres", {}).get("allocated", [])),
        cpu_s=float(total["seconds"]) + float(total.get("microseconds", 0)) / 1e6 if "seconds" in total else None,
        source="slurmdbd",
    )


def _tres(known: Mapping[str, Any]) -> str:
    kind = f"{known.get('type')}/{known['name']}" if known.get("name") else str(known.get("type"))
    return f"{kind}={known.get('count')}"


def _node(known: Mapping[str, Any]) -> Node:
    states = known.get("state")
    words = [str(w) for w in (states if isinstance(states, list) else [states])] + [
        str(w) for w in known.get("state_flags", [])
    ]
    gres, used = gres_counts(known.get("gres") or ""), gres_counts(known.get("gres_used") or "")
    return Node(
        name=known["name"],
        partitions=frozenset(known.get("partitions", [])),
        gres=gres | {"cpu": int(known.get("cpus", 0))},
        used=used | {"cpu": int(known.get("alloc_cpus", 0))},
        up=node_up(words),
        reason=known.get("reason") or "+".join(words),
    )
