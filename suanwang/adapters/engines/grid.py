"""Another hub as an engine: a city's grid joins a province's, and that the nation's, by the port that any engine has.

An order becomes a job of the other hub, under the order's id as its key, so a repeat finds the first. The other hub
places, runs and bills it; its reasons, its times and its bill come back with the observation, and both levels bill the
same seconds, each to its own customer. An order carries the names of the grids that it has passed: one that comes round
again is refused. Which job an order became is in a journal in the home folder.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from suanwang.adapters.engines.journal import Journal
from suanwang.adapters.engines.options import Option, groups, read_options
from suanwang.adapters.engines.programs import NAME, answering, check_names, check_program, check_room, refused
from suanwang.domain.job import Job, JobState
from suanwang.domain.order import Ability, Capacity, EndCause, Lacks, Observation, Order, OrderState
from suanwang.domain.price import HourPrice
from suanwang.domain.reason import Reason
from suanwang.domain.site import Pool
from suanwang.domain.usage import UsageRecord
from suanwang.errors import Message, NotNow, msg
from suanwang.ports import Clock
from suanwang.schemas.answers import PoolPrices, PriceTable, UsageList
from suanwang.schemas.unwire import read_plain
from suanwang.settings import Settings

OPTIONS = (
    Option(name="url", default="", description="Address of the other hub.", needed=True),
    Option(name="token_file", default="", description="File with a token of our tenant there.", needed=True),
    Option(name="name", default="", description="What this grid is called on the way of an order.", needed=True),
    Option(name="pool", default="", description="Pool of the other grid; any that fits if not given."),
)
REACHED_BY = ("url", "token_file", "name")
PATH = "SUANWANG_GRID_PATH"
"""The variable of an order that names the grids it has passed, the first first, with / between."""
LACKS: Lacks = {
    Ability.ARRAYS: msg("Each order is a job of the other hub."),
    Ability.OUTLOOK: msg("The other hub does not tell its plans."),
    Ability.DATA: msg("Each order is a job of the other hub, with a folder of its own."),
    Ability.CPU: msg("The other hub tells what it bills, not what it measures."),
    Ability.MEMORY: msg("The other hub tells what it bills, not what it measures."),
    Ability.ENERGY: msg("The other hub bills energy; it is not metered twice."),
}
ANSWER_S_MAX = 15.0
START_S_MAX = 600.0
"""Within which an order that finds room is to start there."""
EXIT_CODE = re.compile(r"exit code (\d+)")
CAUSES: Mapping[Reason, EndCause] = {
    Reason.TIME_LIMIT: EndCause.TIME_LIMIT,
    Reason.KILLED: EndCause.SIGNALLED,
    Reason.ENGINE_LOST: EndCause.LOST,
    Reason.EXIT_NONZERO: EndCause.EXITED,
}


@dataclass(slots=True, kw_only=True)
class Sent:
    """An order that became the job `remote` there ("": not yet, or never: it was cancelled before). `at`: the time
    when it was submitted first, so that a repeat asks for the very same."""

    job_id: str = ""
    fence: int = 0
    remote: str = ""
    pool_id: str = ""
    accelerators: int = 0
    cancelled: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a list of jobs says of one of ours that is not settled."""

    id: str
    state: JobState
    updated: datetime
    reason: Reason | None
    detail: Message | None


LINE, PAGE = tuple(field.name for field in fields(Line)), 1000
OPEN = [state.value for state in JobState if state is not JobState.SETTLED]


class GridEngine:
    """`Engine` and `TellsPrices` of the pools that stand for one other hub. `transport`: for tests."""

    def __init__(
        self,
        root: Path,
        options: Mapping[str, Mapping[str, str]],
        pools: Sequence[Pool],
        clock: Clock,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        first = options[pools[0].id]
        self._options = options
        self._pools = {pool.id: pool for pool in pools}
        self._counts = {pool.id: pool.accelerators for pool in pools}
        self._clock = clock
        self._root = root
        self._name = first["name"]
        self._token_file = Path(first["token_file"]).expanduser()
        self._http = httpx.Client(base_url=first["url"].rstrip("/"), timeout=ANSWER_S_MAX, transport=transport)
        self._sent: dict[str, Sent] = {}
        self._ended: dict[str, Observation] = {}
        self._running: set[str] = set()
        self._journal = Journal(root / "journal", self._play)
        self._mutex = threading.RLock()

    def lacks(self) -> Lacks:
        """It knows what the other hub tells."""
        return LACKS

    def capacity(self, pool_id: str) -> Capacity:
        """What the pools there have that this one stands for, as their hub says. Raises Never, NotNow.

        An order that was not yet seen running is taken off: rather twice, for a moment, than not at all.
        """
        if pool_id not in self._pools:
            raise refused(msg("the grid engine has no pool {pool}", pool=pool_id))
        only = self._options[pool_id]["pool"]
        sites = self._ask("GET", "/v1/sites").json()["sites"]
        found = [p for s in sites for p in s["pools"] if only in ("", p["id"]) and p["healthy"] and not p["drained"]]
        total, free = (sum(p[name] or 0 for p in found) for name in ("present", "free"))
        most = self._counts[pool_id]
        waiting = sum(
            sent.accelerators
            for order_id, sent in self._sent.items()
            if sent.remote and sent.pool_id == pool_id and order_id not in self._ended and order_id not in self._running
        )
        free = max(0, min(free, most) - waiting)
        return Capacity(pool_id=pool_id, accelerators=min(total, most), free=free, drained=bool(sites) and not found)

    def submit(self, order: Order) -> None:
        """Order it there; a known id changes nothing.

        An order with a higher fence than before cancels the job's earlier orders. Raises Never(engine-refused), with
        the other hub's reason, also for an order that comes round again; NotNow(engine-unreachable).
        """
        check_names(order)
        with self._mutex, answering("grid", self._root), self._journal.alone():
            known = self._sent.get(order.id, Sent())
            if known.job_id:
                return
            check_program(order)
            check_room(order, self._counts, "grid")
            mine = [(id_, sent) for id_, sent in self._sent.items() if sent.job_id == order.job_id]
            if any(sent.fence > order.fence for _, sent in mine):
                raise refused(msg("order {order} is older than another of job {job}", order=order.id, job=order.job_id))
            if not known.cancelled:
                self._require_room(order)
            if not known.at:
                self._journal.append(["asked", order.id, self._clock.now().isoformat()])
                self._journal.sync()
            at = self._sent[order.id].at
            remote = "" if known.cancelled else self._submit(order, datetime.fromisoformat(at))
            for id_, sent in mine:
                if sent.fence < order.fence and sent.remote:
                    self._cancel(id_, sent)
            what = [order.id, order.job_id, order.fence, remote, order.pool_id, order.accelerators]
            self._journal.append(["sent", *what])
            self._journal.sync()

    def observe(self, order_ids: Sequence[str]) -> Sequence[Observation]:
        """One observation an id, by what the other hub says. Raises NotNow(engine-unreachable)."""
        with self._mutex, answering("grid", self._root):
            self._journal.catch_up()
            asked = [i for i in order_ids if i not in self._ended and self._sent.get(i, Sent()).remote]
            lines = self._lines() if len(asked) > 1 else {}
            return [self._observe(order_id, lines) for order_id in order_ids]

    def cancel(self, order_id: str) -> None:
        """Ask the other hub for its end; an unknown order never starts."""
        if NAME.fullmatch(order_id) is None:
            return
        with self._mutex, answering("grid", self._root), self._journal.alone():
            sent = self._sent.get(order_id, Sent())
            if sent.remote:
                self._cancel(order_id, sent)
            elif not sent.cancelled:
                self._journal.append(["cancel", order_id])
                self._journal.sync()

    def logs(self, order_id: str, offset: int = 0, limit: int = 65536) -> bytes:
        """What its job there wrote."""
        sent = self._sent.get(order_id)
        if sent is None or not sent.remote or offset < 0 or limit <= 0:
            return b""
        found = b""
        while len(found) < limit:
            part = {"offset": offset + len(found), "limit": min(limit - len(found), 1 << 20)}
            piece = self._ask("GET", f"/v1/jobs/{sent.remote}/logs", params=part).content
            found += piece
            if not piece:
                break
        return found

    def asked(self, pool_id: str, hours: int) -> Sequence[HourPrice]:
        """The other hub's marginal prices: what the order's place costs there, hour by hour."""
        if pool_id not in self._pools:
            raise refused(msg("the grid engine has no pool {pool}", pool=pool_id))
        table = read_plain(PriceTable, self._ask("GET", "/v1/prices", params={"hours": hours}).json())
        only = self._options[pool_id]["pool"]
        found = [columns for name, columns in table.pools.items() if only in ("", name)]
        if not found:
            raise refused(msg("the other hub has no pool {pool}", pool=only))
        dearest = [max(found, key=partial(_price_at, hour)) for hour in range(table.hours)]
        return [
            HourPrice(
                start=table.start + timedelta(hours=hour),
                unit=table.currency,
                rent=columns.rent[hour],
                power=columns.power[hour],
                congestion=columns.congestion[hour],
            )
            for hour, columns in enumerate(dearest)
        ]

    def close(self) -> None:
        self._http.close()

    def _play(self, line: list[Any]) -> None:
        match line:
            case ["asked", order_id, at]:
                self._sent.setdefault(order_id, Sent()).at = at
            case ["sent", order_id, job_id, fence, remote, pool_id, accelerators]:
                sent = self._sent.setdefault(order_id, Sent())
                sent.job_id, sent.fence, sent.remote = job_id, fence, remote
                sent.pool_id, sent.accelerators = pool_id, accelerators
            case ["cancel", order_id]:
                self._sent.setdefault(order_id, Sent()).cancelled = True

    def _require_room(self, order: Order) -> None:
        free = self.capacity(order.pool_id).free
        if order.accelerators > free:
            raise NotNow(
                "engine-full",
                msg("pool {pool} has {free} accelerators free", pool=order.pool_id, free=free),
                msg("It is tried again when others have ended."),
            )

    def _submit(self, order: Order, at: datetime) -> str:
        passed = [name for name in order.environment.get(PATH, "").split("/") if name]
        if self._name in passed:
            what = msg(
                "order {order} came round to {grid} again by {path}",
                order=order.id,
                grid=self._name,
                path="/".join(passed),
            )
            raise refused(what)
        document = self._document(order, at, "/".join([*passed, self._name]))
        return str(self._ask("POST", "/v1/jobs", json=document, headers={"Idempotency-Key": order.id}).json()["id"])

    def _document(self, order: Order, at: datetime, path: str) -> dict[str, Any]:
        """The order as a workload: a program that runs at most so long on so many of the pool's cards. It is to start
        at once: the hour was chosen by who sends it."""
        limit = f"{order.time_limit_s!r} s"
        only = self._options[order.pool_id]["pool"]
        section: dict[str, Any] = {
            "name": order.id,
            "kind": "batch",
            "dtype": "bf16",
            "batch": {"duration": limit, "duration_accelerator": self._pools[order.pool_id].accelerator.id},
            "command": list(order.command),
            "environment": {**order.environment, PATH: path},
            "accelerators": {"count": order.accelerators},
            "time_limit": limit,
            "deadline": (at + timedelta(seconds=order.time_limit_s + START_S_MAX)).isoformat(),
            "labels": {"order": order.id},
        }
        if only:
            section["requires"] = {"pool": only}
        if order.directory:
            section["directory"] = order.directory
        return {"apiVersion": "suanwang/v1", "kind": "Workload", "workload": section}

    def _cancel(self, order_id: str, sent: Sent) -> None:
        if order_id not in self._ended:
            self._ask("POST", f"/v1/jobs/{sent.remote}/cancel")

    def _lines(self) -> dict[str, Line]:
        """Our jobs there that are not settled, by id: one question for all of them, or a few."""
        rows: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            page = self._ask("GET", "/v1/jobs", params={"state": OPEN, "limit": PAGE, "after": after}).json()
            rows, after = rows + page["jobs"], page["next"]
        return {row["id"]: read_plain(Line, {name: row[name] for name in LINE}) for row in rows}

    def _observe(self, order_id: str, lines: Mapping[str, Line]) -> Observation:
        sent = self._sent.get(order_id, Sent())
        if order_id in self._ended or not sent.job_id:
            return self._ended.get(order_id) or Observation(order_id=order_id, state=OrderState.UNKNOWN)
        if not sent.remote:
            at = datetime.fromisoformat(sent.at)
            return Observation(order_id=order_id, state=OrderState.ENDED, ended=at, cause=EndCause.CANCELLED)
        job = lines.get(sent.remote) or read_plain(Job, self._ask("GET", f"/v1/jobs/{sent.remote}").json())
        if isinstance(job, Job) and job.state is JobState.SETTLED:
            self._ended[order_id] = self._at_end(order_id, job)
            return self._ended[order_id]
        running = job.state is JobState.RUNNING
        if running:
            self._running.add(order_id)
        return Observation(
            order_id=order_id,
            state=OrderState.RUNNING if running else OrderState.PENDING,
            started=job.updated if running else None,
            evidence=self._evidence(job),
            detail=None
            if job.reason is None
            else msg("{reason}: {detail}", reason=job.reason.value, detail=job.detail or ""),
        )

    def _at_end(self, order_id: str, job: Job) -> Observation:
        """Its end is as long after its start as it was billed there, whatever pauses it had."""
        usage = read_plain(UsageList, self._ask("GET", f"/v1/jobs/{job.id}/usage").json()).records
        started = usage[0].start if usage else None
        ended = (started or job.updated) + sum((r.end - r.start for r in usage), timedelta())
        cause, code = _end(job)
        bill = self._ask("GET", f"/v1/jobs/{job.id}/invoice").json()
        return Observation(
            order_id=order_id,
            state=OrderState.LOST if cause is EndCause.LOST else OrderState.ENDED,
            started=started,
            ended=ended,
            cause=cause,
            exit_code=code,
            evidence=self._evidence(job, usage) | {"bill": f"{bill['payable']['amount']} {bill['payable']['unit']}"},
            detail=job.detail,
        )

    def _evidence(self, job: Job | Line, usage: Sequence[UsageRecord] = ()) -> dict[str, str]:
        known = {"engine": "grid", "hub": str(self._http.base_url), "job": job.id}
        return known | ({"site": usage[0].site_id, "pool": usage[0].pool_id} if usage else {})

    def _ask(self, verb: str, path: str, **request: Any) -> httpx.Response:
        """The other hub's answer. Raises Never(engine-refused) with its words, NotNow(engine-unreachable)."""
        headers = {"Accept-Language": "en", **request.pop("headers", {})}
        try:
            headers["Authorization"] = f"Bearer {self._token_file.read_text(encoding='utf-8').strip()}"
            answer = self._http.request(verb, path, headers=headers, **request)
        except (httpx.HTTPError, OSError) as error:
            raise self._unreachable(str(error) or type(error).__name__) from error
        if answer.is_success:
            return answer
        try:
            told = answer.json()["error"]
            words = [told["message"], *(f"{p['place']}: {p['message']}" for p in told.get("problems", ()))]
        except (ValueError, KeyError, TypeError):
            raise self._unreachable(f"HTTP {answer.status_code}") from None
        if answer.status_code in (400, 409, 422):
            raise refused(msg("the other hub refuses: {why}", why="; ".join(words)))
        raise self._unreachable("; ".join(words))

    def _unreachable(self, why: str) -> NotNow:
        where = str(self._http.base_url)
        return NotNow(
            "engine-unreachable",
            msg("the hub {hub} does not answer: {why}", hub=where, why=why),
            msg("It is tried again."),
        )


def _price_at(hour: int, columns: PoolPrices) -> float:
    return columns.total[hour]


def _end(job: Job) -> tuple[EndCause, int | None]:
    """Why the job ended there, and the program's own exit code, which its hub tells in words."""
    found = EXIT_CODE.search(str(job.detail or ""))
    match job.outcome:
        case JobState.SUCCEEDED:
            return EndCause.EXITED, 0
        case JobState.CANCELLED if job.reason is Reason.CANCELLED_BY_TENANT:
            return EndCause.CANCELLED, None
    cause = CAUSES.get(job.reason, EndCause.REFUSED) if job.reason is not None else EndCause.LOST
    return cause, int(found[1]) if found and cause is EndCause.EXITED else None


def open_engines(pools: Sequence[Pool], settings: Settings, clock: Clock) -> dict[str, GridEngine]:
    """One engine for the pools of each other hub. Raises InvalidInput for options that they do not have."""
    options = read_options(OPTIONS, pools)
    engines: dict[str, GridEngine] = {}
    for group in groups(pools, options, REACHED_BY):
        key = sha256("\n".join(options[group[0].id][name] for name in REACHED_BY).encode()).hexdigest()[:12]
        engine = GridEngine(settings.home / "grids" / key, options, group, clock)
        engines |= dict.fromkeys((pool.id for pool in group), engine)
    return engines
