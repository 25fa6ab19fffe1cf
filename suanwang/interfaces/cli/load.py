"""The load of `bench api`: plain HTTP/1.1 over kept connections, as little work a request as Python allows."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psutil

from suanwang.bootstrap import House, open_house
from suanwang.domain.identity import Role, User, UserKind
from suanwang.domain.site import Grid
from suanwang.errors import Conflict, InvalidInput, Problem, msg
from suanwang.schemas.json_file import read_json
from suanwang.schemas.workload import read_workload_document
from suanwang.service.identity import make_token
from suanwang.service.submit import submit

PATHS = ("/v1/jobs?newest=true&limit=20", "/v1/sites", "/v1/me", "/v1/jobs?limit=50&state=submitted", "/v1/now")
CONNECTIONS = 32
"""Connections that orders go through."""


@dataclass
class Seen:
    """What the users saw: seconds of each answer, and how many had which status (0: no answer)."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def told(self, wall_s: float) -> dict[str, Any]:
        ordered = sorted(self.seconds) or [0.0]
        errors = sum(n for status, n in self.statuses.items() if status == 0 or (status >= 400 and status != 429))
        return {
            "count": len(self.seconds),
            "per_s": round(len(self.seconds) / wall_s, 1),
            "p50_ms": round(ordered[len(ordered) // 2] * 1000, 1),
            "p99_ms": round(ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000, 1),
            "errors": errors,
            "statuses": {str(status): n for status, n in sorted(self.statuses.items())},
        }


@dataclass(frozen=True)
class Plan:
    """`users` read every `think_s` seconds or so; all together order `submits_per_s` jobs a second. `ticking`: the hub
    places and runs them meanwhile."""

    users: int
    think_s: float
    submits_per_s: float
    seconds: float
    workers: int = 1
    ticking: bool = False


def measure(plan: Plan, stored: int, grid: str) -> dict[str, Any]:
    """Prepare users and jobs, start a hub beside this process, load it; figures with their units in the names."""
    with open_house(grid=grid) as house:
        if not house.hub.grid.tenants:
            what = msg("The grid has no tenant {tenant!r}.", tenant=house.settings.tenant)
            raise InvalidInput([Problem("--grid", what, msg("Name a grid file with a tenant."))])
        tokens = _users(house, plan.users)
        document = _document(house.hub.grid)
        _store_jobs(house, document, stored)
    process, address = _start(grid, plan)
    try:
        hub = psutil.Process(process.pid)
        all_of_it = [hub, *hub.children()]
        reads, submits = Seen(), Seen()
        before = sum(each.memory_info().rss for each in all_of_it)
        began = time.perf_counter()
        asyncio.run(_load(address, tokens, plan, json.dumps(document).encode(), reads, submits))
        wall_s = time.perf_counter() - began
        after = sum(each.memory_info().rss for each in all_of_it)
    finally:
        process.terminate()
        process.wait(30)
    return {
        "users": plan.users,
        "think_s": plan.think_s,
        "submits_per_s_asked": plan.submits_per_s,
        "seconds": round(wall_s, 1),
        "stored_before": stored,
        "workers": plan.workers,
        "ticking": plan.ticking,
        "reads": reads.told(wall_s),
        "submits": submits.told(wall_s),
        "refused_429": reads.statuses[429] + submits.statuses[429],
        "rss_mb_start": round(before / 1e6, 1),
        "rss_mb": round(after / 1e6, 1),
    }


def _users(house: House, count: int) -> list[str]:
    tenant, now = house.hub.grid.tenants[0].id, house.hub.clock.now()
    secrets = []
    with house.store.transaction() as tx:
        for number in range(min(count, 200)):  # several connections of one user, as from several windows
            user = User(
                id=f"bench{number}",
                kind=UserKind.PERSON,
                name="Bench",
                roles=frozenset({Role.MEMBER}),
                organisation=tenant,
                created=now,
            )
            try:
                tx.identity.add_user(user)
            except Conflict:  # from the run before
                user = tx.identity.user(user.id)
            secrets.append(make_token(tx.identity, user, "bench", now, timedelta(days=1)).secret)
    return secrets


def _document(grid: Grid) -> dict[str, Any]:
    """A short job for the first pool's accelerator."""
    section = {
        "name": "bench",
        "kind": "batch",
        "tenant": grid.tenants[0].id,
        "batch": {"duration": "1 s", "duration_accelerator": grid.pools[0].accelerator.id},
        "accelerators": {"count": 1},
        "command": ["true"],
        "time_limit": "1 min",
    }
    return {"apiVersion": "suanwang/v1", "kind": "Workload", "workload": section}


def _store_jobs(house: House, document: dict[str, Any], count: int) -> None:
    if not count:
        return
    text, now = json.dumps(document), house.hub.clock.now()
    workload = read_workload_document(read_json(text, "bench"), house.catalog, now, "", house.hub.grid)
    mark = f"{now:%Y%m%d%H%M%S}"
    for number in range(count):
        submit(house.hub, workload, f"stored {mark} {number}")


def _start(grid: str, plan: Plan) -> tuple["subprocess.Popen[str]", str]:
    command = [sys.executable, "-c", "import sys; from suanwang.interfaces.cli.main import main; sys.exit(main())"]
    process = subprocess.Popen(
        [
            *command,
            "up",
            "--port",
            "0",
            "--workers",
            str(plan.workers),
            "--json",
            *([] if plan.ticking else ["--no-tick"]),
            *(["--grid", grid] if grid else []),
        ],
        stdout=subprocess.PIPE,
        env={**os.environ, "SUANWANG_RATE_LIMIT": "0"},
        text=True,
    )
    assert process.stdout is not None
    told = "".join(iter(process.stdout.readline, "}\n")) + "}"
    return process, str(json.loads(told)["address"])


async def _load(address: str, tokens: list[str], plan: Plan, body: bytes, reads: Seen, submits: Seen) -> None:
    until = time.perf_counter() + plan.seconds
    readers = [_reader(Line(address, tokens[n % len(tokens)]), plan.think_s, until, reads) for n in range(plan.users)]
    rate = plan.submits_per_s / CONNECTIONS
    writers = [_writer(Line(address, tokens[n % len(tokens)]), rate, until, body, submits) for n in range(CONNECTIONS)]
    await asyncio.gather(*readers, *(writers if rate else ()))


class Line:
    """One kept connection of one user."""

    def __init__(self, address: str, token: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._head = f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, verb: str, path: str, seen: Seen, body: bytes = b"", more: str = "") -> None:
        """One request and its answer, noted in `seen`."""
        began = time.perf_counter()
        try:
            status = await self._ask(verb, path, body, more)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            status, self._streams = 0, None
        seen.seconds.append(time.perf_counter() - began)
        seen.statuses[status] += 1

    async def _ask(self, verb: str, path: str, body: bytes, more: str) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = f"{verb} {path} HTTP/1.1\r\n{self._head}{more}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        told = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(told.partition("content-length: ")[2].split("\r\n")[0])
        await reader.readexactly(length)
        return int(told.split(" ", 2)[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def _reader(line: Line, think_s: float, until: float, seen: Seen) -> None:
    """A user who looks at one page after another, with pauses in between."""
    dice = random.Random(id(line))  # noqa: S311
    await asyncio.sleep(dice.random() * think_s)
    while time.perf_counter() < until:
        await line.ask("GET", dice.choice(PATHS), seen)
        await asyncio.sleep(min(dice.expovariate(1 / think_s), max(0.0, until - time.perf_counter())))
    line.close()


async def _writer(line: Line, rate: float, until: float, body: bytes, seen: Seen) -> None:
    """Orders at a steady rate: one that was slow does not make the next ones fewer."""
    due, number = time.perf_counter(), 0
    while (now := time.perf_counter()) < until:
        await asyncio.sleep(max(0.0, due - now))
        due, number = due + 1 / rate, number + 1
        key = f"Idempotency-Key: {id(line)}-{now}-{number}\r\nContent-Type: application/json\r\n"
        await line.ask("POST", "/v1/jobs", seen, body, key)
    line.close()
