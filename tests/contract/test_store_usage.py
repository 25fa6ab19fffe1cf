"""The port `Usage`, on every store, and what the database itself refuses of usage."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy import text

from suanwang.adapters.store.sql import SqlStore
from suanwang.domain.job import Job, JobState
from suanwang.domain.money import Money
from suanwang.domain.order import Order
from suanwang.domain.price import Basis, Charge, Price, PriceBook
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.usage import Correction, Source, UsageRecord, corrected
from suanwang.domain.workload import Batch, Workload, WorkloadKind
from suanwang.errors import Conflict, Never, SuanwangError
from suanwang.ports import Store, Transaction

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def record(id_: str, start_s: int, end_s: int, order_id: str = "o1") -> UsageRecord:
    return UsageRecord(
        id=id_,
        order_id=order_id,
        job_id="j1",
        tenant="acme",
        site_id="lf",
        pool_id="p",
        accelerator_id="a",
        accelerators=8,
        start=NOW + timedelta(seconds=start_s),
        end=NOW + timedelta(seconds=end_s),
        source=Source.ENGINE_ACCOUNTING,
        energy_kwh_it=Fraction(22, 7),
        energy_kwh=Fraction(10**30 + 1, 3),
        energy_source=Source.MODELLED,
        power_cost_micro=123,
        carbon_kg_location=0.1,
        carbon_kg_market=None,
        flops_delivered=1e19,
        flops_source=Source.MODELLED,
        evidence={"sacct": "17"},
    )


def charge(id_: str, usage_id: str, amount: int = 5) -> Charge:
    return Charge(
        id=id_,
        job_id="j1",
        usage_id=usage_id,
        basis=Basis.ACCELERATOR_HOUR,
        quantity=Fraction(1, 3),
        unit_price=Money(15, "CNY"),
        amount=Money(amount, "CNY"),
        book_id="b",
        book_version=1,
    )


def fill(tx: Transaction) -> None:
    """A job with two orders, o1 and o2."""
    workload = Workload(name="w", kind=WorkloadKind.BATCH, task=Batch(flops=1.0), tenant="acme")
    new: dict[str, Any] = {"tenant": "acme", "workload": workload, "state": JobState.SUBMITTED, "version": 0}
    tx.jobs.add(Job(id="j1", key="k", created=NOW, updated=NOW, **new))
    for attempt in (1, 2):
        order = Order(
            id=f"o{attempt}",
            job_id="j1",
            attempt=attempt,
            fence=attempt,
            pool_id="p",
            queue="",
            accelerators=8,
            command=("true",),
            time_limit_s=60.0,
        )
        tx.jobs.add_order(order, NOW)


def test_a_record_is_added_once_with_its_charges(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx)
        assert tx.usage.add(record("u2", 10, 20), [charge("c3", "u2")])
        assert tx.usage.add(record("u1", 0, 10), [charge("c2", "u1"), charge("c1", "u1")])
        assert tx.usage.add(record("u3", 5, 15, "o2"), [])
    with store.transaction() as tx:
        assert not tx.usage.add(record("u1", 0, 10), [charge("c2", "u1"), charge("c1", "u1")])
        assert not tx.usage.add(record("u1", 0, 7), [charge("c9", "u1")])
        assert tx.usage.records("j1") == [record("u1", 0, 10), record("u3", 5, 15, "o2"), record("u2", 10, 20)]
        assert tx.usage.charges("j1") == [charge("c1", "u1"), charge("c2", "u1"), charge("c3", "u2")]
        assert not tx.usage.records("j2")
        assert not tx.usage.charges("j2")


@pytest.mark.parametrize(("start", "end"), [(10, 20), (10, 11), (0, 11), (19, 30), (0, 40), (12, 13), (29, 31)])
def test_records_of_an_order_do_not_overlap(store: Store, start: int, end: int) -> None:
    with store.transaction() as tx:
        fill(tx)
        tx.usage.add(record("u1", 10, 20), [])
        tx.usage.add(record("u2", 20, 30), [])
        with pytest.raises(Never) as refusal:
            tx.usage.add(record("x", start, end), [charge("c", "x")])
        assert refusal.value.code == "store-refused"
        assert tx.usage.add(record("x", 30, 31), [charge("c", "x")])
        assert tx.usage.add(record("y", 9, 10), [])
        assert [r.id for r in tx.usage.records("j1")] == ["y", "u1", "u2", "x"]


def test_a_refused_charge_takes_its_record_with_it(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx)
        tx.usage.add(record("u1", 0, 10), [charge("c1", "u1")])
        with pytest.raises(Conflict):
            tx.usage.add(record("u2", 10, 20), [charge("c2", "u2"), charge("c1", "u2")])
        with pytest.raises(Never):
            tx.usage.add(record("u2", 10, 20), [charge("c2", "none")])
        with pytest.raises(Never):
            tx.usage.add(record("u2", 10, 20, "no order"), [])
        assert [r.id for r in tx.usage.records("j1")] == ["u1"]
        assert tx.usage.add(record("u2", 10, 20), [charge("c2", "u2")])


def test_a_sealed_book_keeps_its_prices(store: Store) -> None:
    prices = (Price(basis=Basis.ACCELERATOR_HOUR, amount=Money(7, "CNY")), Price(basis=Basis.KWH, amount=None))
    source = Provenance(source="offer", confidence=Confidence.OFFICIAL)
    book = PriceBook(id="b", version=1, currency="CNY", effective=NOW, prices=prices, provenance=source)
    with store.transaction() as tx:
        tx.usage.seal(book)
        tx.usage.seal(book)
        tx.usage.seal(replace(book, prices=prices[::-1], provenance=replace(source, date="2026")))
        tx.usage.seal(replace(book, version=2, prices=prices[:1]))
    with pytest.raises(Conflict) as conflict, store.transaction() as tx:
        tx.usage.seal(replace(book, prices=(Price(basis=Basis.ACCELERATOR_HOUR, amount=Money(8, "CNY")), prices[1])))
    assert conflict.value.code == "idempotency-conflict"


RECORD = "INSERT INTO usage_records (id, order_id, job_id, start_us, end_us, body) SELECT "
ATTACKS = [
    ("an overlap", RECORD + "'x', order_id, job_id, start_us + 1, end_us + 1, body FROM usage_records", "overlap"),
    ("a cover", RECORD + "'x', order_id, job_id, start_us - 1, end_us + 1, body FROM usage_records", "overlap"),
    ("the same start", RECORD + "'x', order_id, job_id, start_us, end_us, body FROM usage_records", "start_us"),
    ("nothing", RECORD + "'x', order_id, job_id, end_us, end_us, body FROM usage_records", "usage_records_interval"),
    ("a changed record", "UPDATE usage_records SET end_us = end_us - 1", "usage_records_append_only"),
    ("a deleted record", "DELETE FROM usage_records", "usage_records_append_only"),
    ("a changed charge", "UPDATE charges SET amount_micro = 0", "charges_append_only"),
    ("a deleted charge", "DELETE FROM charges", "charges_append_only"),
    ("a changed price", "UPDATE price_books SET body = '{}'", "price_books_append_only"),
    ("a deleted price", "DELETE FROM price_books", "price_books_append_only"),
]


@pytest.mark.parametrize(("statement", "rule"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_the_database_refuses_false_usage(sql_store: SqlStore, statement: str, rule: str) -> None:
    with sql_store.transaction() as tx:
        fill(tx)
        tx.usage.add(record("u1", 0, 10), [charge("c1", "u1")])
        source = Provenance(source="offer", confidence=Confidence.OFFICIAL)
        tx.usage.seal(PriceBook(id="b", version=1, currency="CNY", effective=NOW, prices=(), provenance=source))
    with pytest.raises(Exception, match=rule), sql_store.engine.begin() as connection:
        connection.execute(text(statement))
    with sql_store.transaction() as tx:
        assert tx.usage.records("j1") == [record("u1", 0, 10)]
        assert tx.usage.charges("j1") == [charge("c1", "u1")]


def correction(sequence: int, id_: str = "u1", reason: str = "meter", **changes: Any) -> Correction:
    return Correction(
        sequence=sequence,
        at=NOW,
        record=replace(record(id_, 0, 60), **changes),
        reason=reason,
        evidence={"sha256": "x"},
    )


def test_a_record_is_corrected_by_a_further_one(store: Store) -> None:
    first = correction(1, energy_kwh=Fraction(2))
    with store.transaction() as tx:
        fill(tx)
        tx.usage.add(record("u1", 0, 60), [charge("c1", "u1")])
        assert tx.usage.correct(first, [charge("rev@1:c1", "u1", -5), charge("c1@1", "u1", 3)])
        assert not tx.usage.correct(first, [charge("c2", "u1")])
        assert tx.usage.correct(correction(2, tokens=7), [])
    with store.transaction() as tx:
        assert tx.usage.records("j1") == [record("u1", 0, 60)]
        found = tx.usage.corrections("j1")
        assert [c.sequence for c in found] == [1, 2]
        assert corrected(tx.usage.records("j1"), found)[0].tokens == 7
        assert [c.id for c in tx.usage.charges("j1")] == ["c1", "c1@1", "rev@1:c1"]


def test_a_correction_that_does_not_fit_is_refused_as_a_whole(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx)
        tx.usage.add(record("u1", 0, 60), [])
        tx.usage.correct(correction(1, tokens=1), [])
    refusals = (
        (correction(1, tokens=2), "idempotency-conflict"),
        (correction(3, tokens=1), "store-refused"),
        (correction(2, tenant="other"), "store-refused"),
        (correction(2, id_="u9"), "not-found"),
    )
    for wrong, code in refusals:
        with pytest.raises(SuanwangError) as refusal, store.transaction() as tx:
            tx.usage.correct(wrong, [charge("c9", "u1")])
        assert refusal.value.code == code
    with store.transaction() as tx:
        assert len(tx.usage.corrections("j1")) == 1
        assert tx.usage.charges("j1") == []


def test_records_are_found_by_time_and_tenant(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx)
        tx.usage.add(record("u2", 60, 120), [charge("c3", "u2")])
        tx.usage.add(record("u1", 0, 60), [charge("c2", "u1"), charge("c1", "u1")])
        minute = timedelta(minutes=1)
        assert [r.id for r in tx.usage.between(NOW, NOW + 2 * minute)] == ["u1", "u2"]
        assert [r.id for r in tx.usage.between(NOW + minute, NOW + 9 * minute)] == ["u2"]
        assert [r.id for r in tx.usage.between(NOW, NOW + minute, "acme")] == ["u1"]
        assert tx.usage.between(NOW, NOW + minute, "nobody") == []
        assert [c.id for c in tx.usage.charged(NOW, NOW + 2 * minute)] == ["c1", "c2", "c3"]
        assert [c.id for c in tx.usage.charged(NOW, NOW + minute, "acme")] == ["c1", "c2"]
        assert tx.usage.charged(NOW, NOW + 2 * minute, "nobody") == []
