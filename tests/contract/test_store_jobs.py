"""The port `Jobs`, on every store, and what the database itself refuses of jobs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from suanwang.adapters.store.sql import SqlStore
from suanwang.domain.job import Job, JobEvent, JobState
from suanwang.domain.order import EndCause, Observation, Order, OrderState
from suanwang.domain.reason import Reason
from suanwang.domain.workload import Batch, Workload, WorkloadKind
from suanwang.errors import Conflict, Never, NotFound, msg
from suanwang.ports import Jobs, Store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
S = JobState


def job(id_: str = "j1", *, tenant: str = "acme", key: str = "", name: str = "train") -> Job:
    workload = Workload(name=name, kind=WorkloadKind.BATCH, task=Batch(flops=1e15), tenant=tenant, labels={"队": "A"})
    return Job(
        id=id_,
        tenant=tenant,
        key=key or id_,
        workload=workload,
        state=S.SUBMITTED,
        version=0,
        created=NOW,
        updated=NOW,
    )


def moved(before: Job, after: JobState) -> tuple[Job, JobEvent]:
    at = before.updated + timedelta(microseconds=1)
    event = JobEvent(
        job_id=before.id,
        sequence=before.version + 1,
        at=at,
        before=before.state,
        after=after,
        reason=Reason.WAITING_FOR_START,
        detail=msg("step {n} of {what}", n=before.version + 1, what=msg("{x} GB", x=1.5)),
    )
    return replace(before, state=after, version=event.sequence, updated=at), event


def walk(jobs: Jobs, start: Job, *states: JobState) -> Job:
    for state in states:
        start, event = moved(start, state)
        jobs.move(start, event)
    return start


def order(id_: str = "o1", job_id: str = "j1", attempt: int = 1) -> Order:
    return Order(
        id=id_,
        job_id=job_id,
        attempt=attempt,
        fence=attempt,
        pool_id="p",
        queue="q",
        accelerators=8,
        command=("python", "训练.py"),
        time_limit_s=float("inf"),
        environment={"A": "1"},
    )


def test_a_job_is_added_once_for_its_key(store: Store) -> None:
    with store.transaction() as tx:
        assert tx.jobs.add(job()) == job()
        with pytest.raises(Conflict) as conflict:
            tx.jobs.add(job("j1", key="other"))
        assert conflict.value.code == "idempotency-conflict"
    with store.transaction() as tx:
        assert tx.jobs.add(job("j2", key="j1")) == job()
        with pytest.raises(Conflict) as conflict:
            tx.jobs.add(job("j2", key="j1", name="another"))
        assert conflict.value.code == "idempotency-conflict"
        assert tx.jobs.add(job("j3", tenant="other", key="j1")).id == "j3"
        assert tx.jobs.get("j1") == job()
        with pytest.raises(NotFound):
            tx.jobs.get("j2")
        with pytest.raises(Never):
            tx.jobs.add(replace(job("j4"), version=1))
        with pytest.raises(Never):
            tx.jobs.add(replace(job("j4"), state=S.PLACED))


def test_jobs_are_found_in_the_order_of_their_ids(store: Store) -> None:
    with store.transaction() as tx:
        for id_ in ("b", "A", "c", "a", "B"):
            tx.jobs.add(job(id_, tenant="lower" if id_.islower() else "upper"))
        walk(tx.jobs, job("c", tenant="lower"), S.ESTIMATED)
    with store.transaction() as tx:
        assert [j.id for j in tx.jobs.find()] == ["A", "B", "a", "b", "c"]
        assert [j.id for j in tx.jobs.find(limit=2, after="A")] == ["B", "a"]
        assert [j.id for j in tx.jobs.find(tenant="lower")] == ["a", "b", "c"]
        assert [j.id for j in tx.jobs.find([S.ESTIMATED])] == ["c"]
        assert [j.id for j in tx.jobs.find([S.ESTIMATED, S.SUBMITTED], tenant="lower", after="a")] == ["b", "c"]


def test_moves_and_their_events_are_kept(store: Store) -> None:
    path = (S.ESTIMATED, S.PLACED, S.HELD, S.QUEUED, S.PREEMPTED, S.QUEUED, S.RUNNING, S.SUCCEEDED, S.SETTLED)
    with store.transaction() as tx:
        last = walk(tx.jobs, tx.jobs.add(job()), *path)
    with store.transaction() as tx:
        assert tx.jobs.get("j1") == last
        events = tx.jobs.events("j1")
        assert [e.sequence for e in events] == list(range(1, 10))
        assert [e.after for e in events] == list(path)
        assert str(events[2].detail) == "step 3 of 1.5 GB"
        assert events[-1] == moved(replace(last, version=8, state=S.SUCCEEDED, updated=events[-2].at), S.SETTLED)[1]
        assert tx.jobs.events("none") == []


def test_the_entry_into_submitted_may_be_the_first_event(store: Store) -> None:
    with store.transaction() as tx:
        tx.jobs.add(job())
        event = JobEvent(job_id="j1", sequence=1, at=NOW, before=None, after=S.SUBMITTED)
        tx.jobs.move(replace(job(), version=1), event)
        walk(tx.jobs, tx.jobs.get("j1"), S.ESTIMATED)
        assert [e.before for e in tx.jobs.events("j1")] == [None, S.SUBMITTED]


def test_only_one_of_two_moves_wins(store: Store) -> None:
    with store.transaction() as tx:
        tx.jobs.add(job())
    mine, theirs = moved(job(), S.ESTIMATED), moved(job(), S.CANCELLED)
    with store.transaction() as tx:
        tx.jobs.move(*mine)
    for late in (theirs, mine):
        with pytest.raises(Conflict) as conflict, store.transaction() as tx:
            tx.jobs.move(*late)
        assert conflict.value.code == "lost-race"
    with store.transaction() as tx:
        assert tx.jobs.get("j1") == mine[0]
        assert tx.jobs.events("j1") == [mine[1]]


def test_moves_that_cannot_be_are_refused(store: Store) -> None:
    with store.transaction() as tx:
        tx.jobs.add(job())
        with pytest.raises(Never) as refusal:
            tx.jobs.move(*moved(job(), S.RUNNING))
        assert refusal.value.code == "transition-refused"
        ahead, event = moved(replace(job(), version=1), S.ESTIMATED)
        with pytest.raises(Conflict):
            tx.jobs.move(ahead, event)
        with pytest.raises(Conflict):
            tx.jobs.move(*moved(replace(job(), state=S.PLACED), S.HELD))
        right, event = moved(job(), S.ESTIMATED)
        for wrong in (replace(event, after=S.CANCELLED), replace(event, job_id="j2")):
            with pytest.raises(Never) as refusal:
                tx.jobs.move(right, wrong)
            assert refusal.value.code == "store-refused"
        with pytest.raises(NotFound):
            tx.jobs.move(*moved(job("j9"), S.ESTIMATED))
        assert tx.jobs.get("j1") == job()
        assert tx.jobs.events("j1") == []
        tx.jobs.move(right, event)


def test_a_note_changes_what_is_no_move(store: Store) -> None:
    with store.transaction() as tx:
        tx.jobs.add(job())
        noted = replace(job(), cancel_requested=True, reason=Reason.WAITING_FOR_DATA)
        tx.jobs.note(noted)
        assert tx.jobs.get("j1") == noted
        walk(tx.jobs, noted, S.ESTIMATED)
        for stale in (noted, replace(noted, version=1)):
            with pytest.raises(Conflict) as conflict:
                tx.jobs.note(stale)
            assert conflict.value.code == "lost-race"
        with pytest.raises(NotFound):
            tx.jobs.note(job("j2"))


def test_an_order_is_written_once_and_followed_to_its_end(store: Store) -> None:
    running = Observation(order_id="o1", state=OrderState.RUNNING, started=NOW, evidence={"pid": "7"})
    ended = Observation(
        order_id="o1",
        state=OrderState.ENDED,
        started=NOW,
        ended=NOW + timedelta(seconds=3),
        cause=EndCause.EXITED,
        exit_code=0,
        cpu_s=2.75,
    )
    with store.transaction() as tx:
        tx.jobs.add(job())
        tx.jobs.add(job("j2"))
        tx.jobs.add_order(order(), NOW)
        tx.jobs.add_order(order(), NOW + timedelta(seconds=9))
        for other in (replace(order(), accelerators=4), order("o9")):
            with pytest.raises(Conflict) as conflict:
                tx.jobs.add_order(other, NOW)
            assert conflict.value.code == "idempotency-conflict"
        with pytest.raises(Never):
            tx.jobs.add_order(order("o3", job_id="none"), NOW)
        tx.jobs.add_order(order("o0", "j2"), NOW + timedelta(seconds=1))
        assert tx.jobs.orders() == [(order(), None), (order("o0", "j2"), None)]
        tx.jobs.observe(running, NOW)
        assert tx.jobs.orders(job_id="j1") == [(order(), running)]
        tx.jobs.observe(ended, NOW)
        tx.jobs.observe(running, NOW)
    with store.transaction() as tx:
        assert tx.jobs.orders(job_id="j1", open_only=True) == [(order(), ended)]
        tx.jobs.close_order("o1")
        tx.jobs.close_order("o1")
        assert tx.jobs.orders(open_only=True) == [(order("o0", "j2"), None)]
        assert tx.jobs.orders(job_id="j1") == [(order(), ended)]
        with pytest.raises(NotFound):
            tx.jobs.close_order("x")
        with pytest.raises(NotFound):
            tx.jobs.observe(replace(running, order_id="x"), NOW)


EVENT = "INSERT INTO job_events (job_id, sequence, at_us, state_before, state_after, body) VALUES "
ATTACKS = [
    ("a gap", EVENT + "('j1', 4, 0, 'placed', 'held', '{}')", "job_events_sequence"),
    ("a jump", EVENT + "('j1', 3, 0, 'held', 'queued', '{}')", "job_events_sequence"),
    ("an unknown origin", EVENT + "('j1', 3, 0, NULL, 'submitted', '{}')", "job_events_sequence"),
    ("no such move", EVENT + "('j1', 3, 0, 'placed', 'running', '{}')", "job_events_transition"),
    ("no such state", EVENT + "('j1', 3, 0, 'placed', 'lost', '{}')", "job_events_transition"),
    ("a start midway", EVENT + "('j2', 1, 0, 'placed', 'held', '{}')", "job_events_transition"),
    ("number 0", EVENT + "('j2', 0, 0, NULL, 'submitted', '{}')", "job_events_first"),
    ("a second history", EVENT + "('j1', 2, 0, 'submitted', 'failed', '{}')", "job_events_job_id_sequence"),
    ("a changed event", "UPDATE job_events SET at_us = 0", "job_events_append_only"),
    ("a deleted event", "DELETE FROM job_events WHERE sequence = 2", "job_events_append_only"),
    ("a second order", "INSERT INTO orders (id, job_id, attempt, pool_id, body, at_us, closed)"
     " VALUES ('o2', 'j1', 1, 'p', '{}', 0, 0)", "orders_job_id_attempt"),
    ("the key again", "INSERT INTO jobs (id, tenant, key, state, body, version, created_us, updated_us)"
     " SELECT 'j9', tenant, key, state, body, version, created_us, updated_us FROM jobs", "jobs_tenant_key"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "rule"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_the_database_refuses_a_false_history(sql_store: SqlStore, statement: str, rule: str) -> None:
    with sql_store.transaction() as tx:
        walk(tx.jobs, tx.jobs.add(job()), S.ESTIMATED, S.PLACED)
        tx.jobs.add(job("j2"))
        tx.jobs.add_order(order(), NOW)
    with pytest.raises(Exception, match=r"rule|constraint") as refusal, sql_store.engine.begin() as connection:
        connection.execute(text(statement))
    named = str(refusal.value.__cause__).replace(".", "_").replace(", job_events_", "_").replace(", orders_", "_")
    assert rule in named.replace(", jobs_", "_")
    with sql_store.transaction() as tx:
        assert tx.jobs.get("j1").version == len(tx.jobs.events("j1")) == 2
