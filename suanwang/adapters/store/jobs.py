"""Jobs, their events and their orders, in SQL (the port `Jobs`)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from suanwang.adapters.store import codec
from suanwang.adapters.store.checks import check_move, check_new, lost_race, missing, other_body, same_workload
from suanwang.adapters.store.refusals import refusals, refused, step
from suanwang.adapters.store.tables import insert_new, job_events, jobs, microseconds, orders
from suanwang.domain.job import Job, JobEvent, JobState
from suanwang.domain.order import Observation, Order, OrderState
from suanwang.errors import msg


class SqlJobs:
    """One transaction's view of jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, job: Job) -> Job:
        check_new(job)
        row = {"id": job.id, "tenant": job.tenant, "key": job.key, **_changing(job)}
        row["created_us"] = microseconds(job.created)
        with step(self._connection):
            if insert_new(self._connection, jobs, [row]):
                return job
            by_key = select(jobs.c.body).where(jobs.c.tenant == job.tenant, jobs.c.key == job.key)
            body = self._connection.execute(by_key).scalar()
        if body is None:
            raise other_body(msg("job"), job.id)
        return same_workload(codec.load(Job, body), job)

    def get(self, job_id: str) -> Job:
        with refusals():
            body = self._connection.execute(select(jobs.c.body).where(jobs.c.id == job_id)).scalar()
        if body is None:
            raise missing(msg("job"), job_id)
        return codec.load(Job, body)

    def find(
        self,
        states: Sequence[JobState] = (),
        tenant: str = "",
        limit: int = 1000,
        after: str = "",
        *,
        newest: bool = False,
    ) -> list[Job]:
        query = select(jobs.c.body).order_by(jobs.c.id.desc() if newest else jobs.c.id).limit(limit)
        if after:
            query = query.where(jobs.c.id < after if newest else jobs.c.id > after)
        if states:
            query = query.where(jobs.c.state.in_([s.value for s in states]))
        if tenant:
            query = query.where(jobs.c.tenant == tenant)
        with refusals():
            return [codec.load(Job, body) for body in self._connection.execute(query).scalars()]

    def move(self, job: Job, event: JobEvent) -> None:
        before = self.get(job.id)
        row = {
            "job_id": event.job_id,
            "sequence": event.sequence,
            "at_us": microseconds(event.at),
            "state_before": event.before.value if event.before else None,
            "state_after": event.after.value,
            "body": codec.dump(event),
        }
        # The key of the event decides who was first; what was read above only words the refusals.
        if event.sequence > before.version:
            check_move(before, job, event)
        with step(self._connection):
            if not insert_new(self._connection, job_events, [row]):
                raise lost_race(job.id)
            self._store(job, version=event.sequence - 1)

    def note(self, job: Job) -> None:
        with step(self._connection):
            self._store(job, version=job.version)

    def _store(self, job: Job, version: int) -> None:
        """Replace the stored job of that version. Raises NotFound, Conflict(lost-race)."""
        statement = update(jobs).where(jobs.c.id == job.id, jobs.c.version == version)
        if job.version == version:
            statement = statement.where(jobs.c.state == job.state.value)
        if not self._connection.execute(statement.values(**_changing(job))).rowcount:
            self.get(job.id)
            raise lost_race(job.id)

    def events(self, job_id: str) -> list[JobEvent]:
        query = select(job_events.c.body).where(job_events.c.job_id == job_id).order_by(job_events.c.sequence)
        with refusals():
            return [codec.load(JobEvent, body) for body in self._connection.execute(query).scalars()]

    def add_order(self, order: Order, at: datetime) -> None:
        row = {
            "id": order.id,
            "job_id": order.job_id,
            "attempt": order.attempt,
            "pool_id": order.pool_id,
            "at_us": microseconds(at),
            "closed": 0,
            "body": codec.dump(order),
        }
        with step(self._connection):
            if insert_new(self._connection, orders, [row]):
                return
            body = self._connection.execute(select(orders.c.body).where(orders.c.id == order.id)).scalar()
        if body is None:
            raise refused("key_orders_job_id_attempt")
        if codec.load(Order, body) != order:
            raise other_body(msg("order"), order.id)

    def orders(self, *, open_only: bool = False, job_id: str = "") -> list[tuple[Order, Observation | None]]:
        query = select(orders.c.body, orders.c.observation).order_by(orders.c.at_us, orders.c.id)
        if open_only:
            query = query.where(orders.c.closed == 0)
        if job_id:
            query = query.where(orders.c.job_id == job_id)
        with refusals():
            rows = self._connection.execute(query).all()
        return [(codec.load(Order, body), codec.load(Observation, seen) if seen else None) for body, seen in rows]

    def observe(self, observation: Observation, at: datetime) -> None:
        open_end = or_(orders.c.observed_state.is_(None), orders.c.observed_state != OrderState.ENDED.value)
        self._change_order(
            observation.order_id,
            open_end,
            observed_state=observation.state.value,
            observed_us=microseconds(at),
            observation=codec.dump(observation),
        )

    def close_order(self, order_id: str) -> None:
        self._change_order(order_id, closed=1)

    def _change_order(self, order_id: str, *conditions: Any, **values: Any) -> None:
        """Raises NotFound when there is no such order; one that does not meet the conditions is left as it is."""
        this = orders.c.id == order_id
        with step(self._connection):
            if self._connection.execute(update(orders).where(this, *conditions).values(**values)).rowcount:
                return
            if self._connection.execute(select(orders.c.id).where(this)).scalar() is None:
                raise missing(msg("order"), order_id)


def _changing(job: Job) -> dict[str, Any]:
    """The columns that follow the job as it changes."""
    return {
        "state": job.state.value,
        "version": job.version,
        "updated_us": microseconds(job.updated),
        "body": codec.dump(job),
    }
