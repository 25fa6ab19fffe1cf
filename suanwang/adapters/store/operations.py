"""Leases, drains and signals, in SQL (the port `Operations`). A lease is timed by the clock of the database."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Connection, delete, func, literal_column, or_, select, update

from suanwang.adapters.store import codec
from suanwang.adapters.store.refusals import refusals, step
from suanwang.adapters.store.tables import drains, insert_new, jobs, leases, microseconds, signal_versions
from suanwang.domain.signal import SignalVersion

NOW_US = {
    "postgresql": "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
}
"""Microseconds since 1970 by the database's clock."""


class SqlOperations:
    """One transaction's view of what the hubs agree on."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lease(self, name: str, holder: str, seconds: float) -> bool:
        now = literal_column(NOW_US[self._connection.dialect.name], BigInteger)
        free = or_(leases.c.holder == holder, leases.c.until_us <= now)
        with step(self._connection):
            insert_new(self._connection, leases, [{"name": name, "holder": holder, "until_us": 0}])
            taken = update(leases).where(leases.c.name == name, free)
            values = {"holder": holder, "until_us": now + round(seconds * 1e6)}
            return bool(self._connection.execute(taken.values(**values)).rowcount)

    def release(self, name: str, holder: str) -> None:
        with step(self._connection):
            self._connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

    def job_counts(self) -> dict[str, int]:
        with refusals():
            rows = self._connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
            return {str(state): int(count) for state, count in rows}

    def drain(self, place: str, by: str, at: datetime) -> None:
        with step(self._connection):
            insert_new(self._connection, drains, [{"place": place, "drained_by": by, "at_us": microseconds(at)}])

    def undrain(self, place: str) -> None:
        with step(self._connection):
            self._connection.execute(delete(drains).where(drains.c.place == place))

    def drained(self) -> frozenset[str]:
        with refusals():
            return frozenset(self._connection.execute(select(drains.c.place)).scalars())

    def hear(self, versions: Sequence[SignalVersion]) -> None:
        rows = [
            {
                "site_id": version.site_id,
                "field": version.field,
                "at_us": microseconds(version.at),
                "start_us": microseconds(version.signal.edges[0]),
                "until_us": microseconds(version.signal.until),
                "body": codec.dump(version),
            }
            for version in versions
        ]
        with step(self._connection):
            if rows:
                insert_new(self._connection, signal_versions, rows)

    def heard(self, since: datetime) -> list[SignalVersion]:
        table = signal_versions
        query = select(table.c.body).where(table.c.until_us > microseconds(since))
        query = query.order_by(table.c.at_us, table.c.site_id, table.c.field, table.c.start_us)
        with refusals():
            return [codec.load(SignalVersion, body) for body in self._connection.execute(query).scalars()]
