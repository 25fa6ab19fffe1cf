"""Comparisons of estimates with the meter, in SQL (the port `Comparisons`), and their twin in memory."""

from sqlalchemy import Connection, func, select

from suanwang.adapters.store import codec
from suanwang.adapters.store.checks import lost_race
from suanwang.adapters.store.journal import Journal
from suanwang.adapters.store.refusals import refusals, step
from suanwang.adapters.store.tables import comparisons, insert_new, microseconds
from suanwang.domain.comparison import Comparison


class SqlComparisons:
    """One transaction's view of comparisons."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, found: Comparison) -> bool:
        row = {
            "pool_id": found.pool_id,
            "work": found.work,
            "sequence": found.sequence,
            "job_id": found.job_id,
            "at_us": microseconds(found.at),
            "body": codec.dump(found),
        }
        with step(self._connection):
            if insert_new(self._connection, comparisons, [row]):
                return True
            known = select(comparisons.c.job_id).where(comparisons.c.job_id == found.job_id)
            if self._connection.execute(known).scalar() is None:
                raise lost_race(found.job_id)
            return False

    def latest(self) -> dict[tuple[str, str], Comparison]:
        newest = (
            select(comparisons.c.pool_id, comparisons.c.work, func.max(comparisons.c.sequence).label("sequence"))
            .group_by(comparisons.c.pool_id, comparisons.c.work)
            .subquery()
        )
        query = select(comparisons.c.body).join(
            newest,
            (comparisons.c.pool_id == newest.c.pool_id)
            & (comparisons.c.work == newest.c.work)
            & (comparisons.c.sequence == newest.c.sequence),
        )
        with refusals():
            found = [codec.load(Comparison, body) for body in self._connection.execute(query).scalars()]
        return {(c.pool_id, c.work): c for c in found}

    def history(self, pool_id: str = "", limit: int = 1000) -> list[Comparison]:
        query = select(comparisons.c.body).order_by(comparisons.c.at_us.desc(), comparisons.c.job_id.desc())
        query = query.where(comparisons.c.pool_id == pool_id) if pool_id else query
        with refusals():
            bodies = self._connection.execute(query.limit(limit)).scalars()
            return [codec.load(Comparison, body) for body in bodies][::-1]


class MemoryComparisons:
    """The port `Comparisons` on a dict by job."""

    def __init__(self, kept: dict[str, Comparison], journal: Journal) -> None:
        self._kept, self._put = kept, journal.put

    def add(self, found: Comparison) -> bool:
        if found.job_id in self._kept:
            return False
        place = (found.pool_id, found.work, found.sequence)
        if any((c.pool_id, c.work, c.sequence) == place for c in self._kept.values()):
            raise lost_race(found.job_id)
        self._put(self._kept, found.job_id, found)
        return True

    def latest(self) -> dict[tuple[str, str], Comparison]:
        return {(c.pool_id, c.work): c for c in sorted(self._kept.values(), key=lambda c: c.sequence)}

    def history(self, pool_id: str = "", limit: int = 1000) -> list[Comparison]:
        found = [c for c in self._kept.values() if pool_id in ("", c.pool_id)]
        return sorted(found, key=lambda c: (c.at, c.job_id))[-limit:]
