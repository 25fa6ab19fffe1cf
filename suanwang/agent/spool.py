"""The agent's memory on disk: a SQLite file beside a lock. What the hub was told of an order, or wants of it, is here.

A wish is on the disk before the hub is told that it was heard; that an order goes to the engine is on the disk before
the engine is asked. So an agent that was killed anywhere finds out what is left to do. Only one agent works with a
spool; the commands that look into it, or set the site's policy, may do so at any time.
"""

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from suanwang.agent.policy import Policy
from suanwang.domain.order import Observation, Order
from suanwang.domain.site import Pool
from suanwang.errors import Conflict, NotNow, msg, why_not_read
from suanwang.schemas.sync import Wish

Thing = TypeVar("Thing")

TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS orders (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    fence INTEGER NOT NULL,
    pool_id TEXT NOT NULL,
    accelerators INTEGER NOT NULL,
    number INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    stage TEXT NOT NULL,
    report TEXT,
    reported INTEGER NOT NULL DEFAULT 1,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS orders_by_stage ON orders (stage, reported);
CREATE INDEX IF NOT EXISTS orders_by_job ON orders (job_id, fence);
"""
BUSY_TIMEOUT_MS = 10_000


class Stage(StrEnum):
    """Where an order is on its way: it waits here, it may or may not have reached the engine, the engine has it, or it
    is over."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    OVER = "over"


@dataclass(slots=True, kw_only=True)
class Kept:
    """What the agent keeps in mind of an order; the order itself stays on the disk until it is needed.

    `report`: the last news of it; `reported`: the hub has confirmed it.
    """

    id: str
    job_id: str
    fence: int
    pool_id: str
    accelerators: int
    number: int
    cancelled: bool
    stage: Stage
    report: Observation | None = None
    reported: bool = True


_ORDER: TypeAdapter[Order] = TypeAdapter(Order)
_OBSERVATION: TypeAdapter[Observation] = TypeAdapter(Observation)
_POLICY: TypeAdapter[Policy] = TypeAdapter(Policy)
_POOLS: TypeAdapter[tuple[Pool, ...]] = TypeAdapter(tuple[Pool, ...])
COLUMNS = "id, job_id, fence, pool_id, accelerators, number, cancelled, stage, report, reported"


class Spool:
    """One site's spool. Every call is a transaction. Raises NotNow(store-unavailable): disk full, unreadable, busy."""

    def __init__(self, folder: Path) -> None:
        with _spooled(folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._database = sqlite3.connect(
                folder / "spool.db", isolation_level=None, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False
            )
            for pragma in ("journal_mode = WAL", "synchronous = FULL"):
                self._database.execute(f"PRAGMA {pragma}").close()
            self._database.executescript(TABLES)
        self.folder = folder

    def own(self) -> None:
        """Be the one agent of this spool until the process ends. Raises Conflict(spool-in-use)."""
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "spool-in-use",
                msg("another agent works with the spool {folder}", folder=str(self.folder)),
                msg("End it first, or give this one a spool of its own with --spool."),
            ) from None

    def close(self) -> None:
        self._database.close()
        os.close(self._lock)

    def agent_id(self) -> str:
        """The name of this spool's agent: made once, kept as long as the spool."""
        return self._once("agent_id", secrets.token_hex(16))

    def bind(self, site_id: str) -> None:
        """A spool is of one site for good. Raises Conflict(wrong-site)."""
        bound = self._once("site", site_id)
        if bound != site_id:
            raise Conflict(
                "wrong-site",
                msg("the spool {folder} is of site {site}, not {other}", folder=self.folder, site=bound, other=site_id),
                msg("Give the agent of each site a spool of its own with --spool."),
            )

    def policy(self) -> Policy:
        text = self._meta("policy")
        return _POLICY.validate_json(text) if text else Policy()

    def set_policy(self, policy: Policy) -> None:
        self._set("policy", _POLICY.dump_json(policy).decode())

    def pools(self) -> tuple[Pool, ...]:
        """As the hub said last; none before its first answer."""
        text = self._meta("pools")
        return _POOLS.validate_json(text) if text else ()

    def set_pools(self, pools: Sequence[Pool]) -> None:
        self._set("pools", _POOLS.dump_json(tuple(pools)).decode())

    def live(self) -> list[Kept]:
        """Orders that are not over, or whose end the hub has not confirmed, by number."""
        return self._kept("WHERE stage <> 'over' OR reported = 0")

    def every(self) -> list[Kept]:
        """All that are kept, by number."""
        return self._kept("")

    def known(self, order_ids: Sequence[str]) -> dict[str, Kept]:
        """Those of the orders that were ever taken."""
        marks = ", ".join("?" * len(order_ids))
        return {kept.id: kept for kept in self._kept(f"WHERE id IN ({marks})", *order_ids)}

    def order(self, order_id: str) -> Order:
        """The order itself. Raises KeyError."""
        with self._transaction() as run:
            row = run("SELECT body FROM orders WHERE id = ?", order_id).fetchone()
        if row is None:
            raise KeyError(order_id)
        return _ORDER.validate_json(row[0])

    def take(self, wishes: Iterable[Wish]) -> None:
        """Keep the hub's wishes: new orders, and the end of those that are there."""
        with self._transaction() as run:
            for wish in wishes:
                order = wish.order
                run(
                    "INSERT INTO orders (id, job_id, fence, pool_id, accelerators, number, cancelled, stage, body)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?) ON CONFLICT (id) DO UPDATE SET"
                    " number = excluded.number, cancelled = MAX(cancelled, excluded.cancelled),"
                    " reported = CASE stage WHEN 'over' THEN 0 ELSE reported END",
                    order.id,
                    order.job_id,
                    order.fence,
                    order.pool_id,
                    order.accelerators,
                    wish.number,
                    int(wish.cancelled),
                    _ORDER.dump_json(order).decode(),
                )

    def save(self, changed: Iterable[Kept]) -> None:
        """Store where orders are, and their news."""
        rows = [
            (
                kept.stage.value,
                int(kept.cancelled),
                None if kept.report is None else _OBSERVATION.dump_json(kept.report).decode(),
                int(kept.reported),
                kept.id,
            )
            for kept in changed
        ]
        with self._transaction() as run:
            for row in rows:
                run("UPDATE orders SET stage = ?, cancelled = ?, report = ?, reported = ? WHERE id = ?", *row)

    def forget(self, keep: int) -> None:
        """Delete all but the newest of the orders whose end the hub has confirmed."""
        with self._transaction() as run:
            run(
                "DELETE FROM orders WHERE stage = 'over' AND reported = 1 AND id NOT IN"
                " (SELECT id FROM orders WHERE stage = 'over' AND reported = 1 ORDER BY number DESC LIMIT ?)",
                keep,
            )

    def _kept(self, where: str, *values: object) -> list[Kept]:
        with self._transaction() as run:
            statement = f"SELECT {COLUMNS} FROM orders {where} ORDER BY number"  # noqa: S608 - our own words
            rows = run(statement, *values).fetchall()
        return [
            Kept(
                id=row[0],
                job_id=row[1],
                fence=row[2],
                pool_id=row[3],
                accelerators=row[4],
                number=row[5],
                cancelled=bool(row[6]),
                stage=Stage(row[7]),
                report=None if row[8] is None else _OBSERVATION.validate_json(row[8]),
                reported=bool(row[9]),
            )
            for row in rows
        ]

    def _meta(self, key: str) -> str:
        with self._transaction() as run:
            row = run("SELECT value FROM meta WHERE key = ?", key).fetchone()
        return row[0] if row else ""

    def _set(self, key: str, value: str) -> None:
        with self._transaction() as run:
            run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)

    def _once(self, key: str, value: str) -> str:
        """Keep a value unless there is one; returns the one that is kept."""
        with self._transaction() as run:
            run("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO NOTHING", key, value)
        return self._meta(key)

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        with _spooled(self.folder):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield lambda statement, *values: self._database.execute(statement, values)
                self._database.execute("COMMIT")
            finally:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")


@contextmanager
def _spooled(folder: Path) -> Iterator[None]:
    """A disk that is full, or does not answer, is a spool that cannot be used now."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        why = why_not_read(error) if isinstance(error, OSError) else msg("{text}", text=str(error))
        raise NotNow(
            "store-unavailable",
            msg("the spool {folder} cannot be used: {why}", folder=str(folder), why=why),
            msg("Make room or mend the folder; it is tried again."),
        ) from error
