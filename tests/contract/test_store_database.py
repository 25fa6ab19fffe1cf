"""What only a SQL store has: opening, migrating, serialising, refusing false money, finding what was tampered with."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, inspect, text

from suanwang import __version__
from suanwang.adapters.store import tables
from suanwang.adapters.store.sql import SqlStore, open_store
from suanwang.domain.job import TRANSITIONS
from suanwang.domain.ledger import Account, AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.signal import Signal, SignalVersion
from suanwang.errors import InvalidInput, Never, NotNow

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)


def transfer(id_: str, debit: str, credit: str, micro: int, pending: str = "", *, hold: bool = False) -> Transfer:
    kind = TransferKind.PENDING if hold else TransferKind.POST if pending else TransferKind.SINGLE
    amount = Money(micro, "CNY")
    return Transfer(id=id_, kind=kind, debit=debit, credit=credit, amount=amount, at=NOW, memo="", pending_id=pending)


def fill(store: SqlStore) -> None:
    """100 on the tenant's account, 30 of it held."""
    with store.transaction() as tx:
        tx.ledger.open(Account(id="world", kind=AccountKind.EXTERNAL, owner="", unit="CNY", credit_limit_micro=None))
        tx.ledger.open(Account(id="tenant", kind=AccountKind.TENANT, owner="acme", unit="CNY"))
        tx.ledger.open(Account(id="site", kind=AccountKind.SITE, owner="lf", unit="CNY"))
        tx.ledger.open(Account(id="points", kind=AccountKind.VOUCHER, owner="acme", unit="VCH:x"))
        tx.ledger.post([transfer("fund", "world", "tenant", 100), transfer("h", "tenant", "site", 30, hold=True)])


def test_opening_again_finds_everything(sql_url: str) -> None:
    store = open_store(sql_url)
    fill(store)
    store.close()
    store = open_store(sql_url)
    with store.transaction() as tx:
        assert tx.ledger.balance("tenant").available == 70
        assert tx.ledger.check()["holds_open"] == 1
    with store.engine.begin() as connection:
        stored = {tuple(row) for row in connection.execute(text("SELECT state_before, state_after FROM transitions"))}
        assert connection.execute(text("SELECT value FROM meta WHERE key = 'suanwang_version'")).scalar() == __version__
    assert stored == {("", "submitted")} | {(a.value, b.value) for a, allowed in TRANSITIONS.items() for b in allowed}
    store.close()


def test_many_may_open_a_new_database_at_once(sql_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        for store in pool.map(lambda _: open_store(sql_url), range(4)):
            store.close()


def test_the_queries_see_the_tables_that_there_are(sql_store: SqlStore) -> None:
    found = inspect(sql_store.engine)
    columns = {t: {c["name"] for c in found.get_columns(t)} for t in found.get_table_names() if t != "suanwang_schema"}
    assert columns == {t.name: set(t.c.keys()) for t in tables.ALL}


def test_a_newer_database_is_refused_by_name(sql_url: str) -> None:
    store = open_store(sql_url)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE suanwang_schema SET version_num = '9999'"))
        connection.execute(text("UPDATE meta SET value = '98.7' WHERE key = 'suanwang_version'"))
    store.close()
    with pytest.raises(Never, match=r"schema 9999 of suanwang 98\.7.*up to 00\d\d") as refusal:
        open_store(sql_url)
    assert refusal.value.code == "store-refused"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/db", "nonsense", ""])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        open_store(url)


def test_a_database_that_does_not_answer_is_not_now(tmp_path: Path) -> None:
    for url in (f"postgresql://nobody:secret@/none?host={tmp_path}", f"sqlite:///{tmp_path}"):
        with pytest.raises(NotNow) as refusal:
            open_store(url)
        assert refusal.value.code == "store-unavailable"
        assert "secret" not in str(refusal.value)


def test_sqlite_is_set_to_keep_what_it_confirmed(sqlite_store: SqlStore) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    with sqlite_store.engine.connect() as connection:
        for pragma, value in wanted.items():
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value


def test_a_transaction_shuts_out_others_from_its_first_moment(sql_store: SqlStore) -> None:
    """Else two could read the same balance, and both decide to spend it."""
    fill(sql_store)
    entered, order = threading.Event(), []

    def second() -> None:
        entered.set()
        with sql_store.transaction() as tx:
            order.append(tx.ledger.balance("tenant").available)

    with ThreadPoolExecutor(1) as pool:
        with sql_store.transaction() as tx:
            waiting = pool.submit(second)
            assert entered.wait(5)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            tx.ledger.post([transfer("t", "tenant", "site", 7)])
            order.append(-1)
        waiting.result(10)
    assert order == [-1, 63]


def test_sixty_four_redeemers_at_once_never_take_more_than_the_voucher_has(sql_store: SqlStore) -> None:
    voucher = Account(id="voucher:v", kind=AccountKind.VOUCHER, owner="acme", unit="VCH:x")
    used = Account(id="redeemed:x", kind=AccountKind.REDEEMED, owner="", unit="VCH:x")
    issued = Account(id="issued:x", kind=AccountKind.EXTERNAL, owner="", unit="VCH:x", credit_limit_micro=None)

    def units(id_: str, debit: str, credit: str, micro: int, kind: TransferKind) -> Transfer:
        return Transfer(
            id=id_, kind=kind, debit=debit, credit=credit, amount=Money(micro, "VCH:x"), at=NOW, memo="", job_id=id_
        )

    with sql_store.transaction() as tx:
        for account in (voucher, used, issued):
            tx.ledger.open(account)
        tx.ledger.post([units("i", "issued:x", "voucher:v", 100, TransferKind.SINGLE)])

    def redeem(number: int) -> int:
        with suppress(Never), sql_store.transaction() as tx:
            tx.ledger.post([units(f"h{number}", "voucher:v", "redeemed:x", 3, TransferKind.PENDING)])
            return 1
        return 0

    with ThreadPoolExecutor(64) as pool:
        assert sum(pool.map(redeem, range(64))) == 33
    with sql_store.transaction() as tx:
        assert tx.ledger.balance("voucher:v").available == 1
        assert tx.ledger.check()["holds_open"] == 33


def test_sixteen_threads_never_overdraw_an_account(sql_store: SqlStore) -> None:
    fill(sql_store)

    def spend(thread: int) -> int:
        spent = 0
        for i in range(10):
            with suppress(Never):
                with sql_store.transaction() as tx:
                    tx.ledger.post([transfer(f"{thread}-{i}", "tenant", "site", 1)])
                spent += 1
        return spent

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(spend, range(16))) == 70
    with sql_store.transaction() as tx:
        assert tx.ledger.balance("tenant").available == 0
        assert tx.ledger.check()["transfers"] == 72


def written(kind: str, debit: str, credit: str, unit: str, micro: int, pending: str = "", position: int = 3) -> str:
    """A statement that writes a transfer past the store."""
    hold = f"'{pending}'" if pending else "NULL"
    names = "id, kind, debit, credit, unit, amount_micro, pending_id, position, job_id, hash, body, at_us"
    sides = f"'{debit}', '{credit}', '{unit}', {micro}, {hold}, {position}"
    return f"INSERT INTO transfers ({names}) VALUES ('x{position}', '{kind}', {sides}, '', '', '', 0)"


TWICE = (
    written("void", "tenant", "site", "CNY", 0, "h")
    + ";"
    + written("post", "tenant", "site", "CNY", 1, "h", position=4)
)
ATTACKS = [
    ("a changed amount", "UPDATE transfers SET amount_micro = 1 WHERE id = 'fund'", "transfers_append_only"),
    ("a changed hash", "UPDATE transfers SET hash = ''", "transfers_append_only"),
    ("a deleted transfer", "DELETE FROM transfers WHERE id = 'h'", "transfers_append_only"),
    ("more than held", written("post", "tenant", "site", "CNY", 31, "h"), "transfers_hold"),
    ("another's hold", written("post", "world", "site", "CNY", 1, "h"), "transfers_hold"),
    ("no hold", written("post", "world", "tenant", "CNY", 1, "fund"), "transfers_hold"),
    ("no pending id", written("post", "tenant", "site", "CNY", 1), "transfers_resolves"),
    ("a second resolution", TWICE, "pending_id"),
    ("a crossing of units", written("single", "world", "points", "CNY", 1), "transfers_credit|FOREIGN"),
    ("a foreign unit", written("single", "world", "site", "USD", 1), "transfers_debit|FOREIGN"),
    ("a negative amount", written("single", "world", "site", "CNY", -1), "transfers_amount"),
    ("to itself", written("single", "site", "site", "CNY", 1), "transfers_sides"),
    ("a second of a number", written("single", "world", "site", "CNY", 1, position=2), "position"),
    ("an overdraft", "UPDATE accounts SET debits_posted = 71 WHERE id = 'tenant'", "accounts_limit"),
    ("an overdraft by holds", "UPDATE accounts SET debits_pending = 101 WHERE id = 'tenant'", "accounts_limit"),
    ("no limit", "UPDATE accounts SET credit_limit_micro = NULL WHERE id = 'tenant'", "accounts_unlimited"),
    ("a negative sum", "UPDATE accounts SET credits_pending = -1", "accounts_sums"),
    ("a lost account", "DELETE FROM accounts WHERE id = 'site'", "transfers_credit|FOREIGN"),
]


@pytest.mark.parametrize(("statements", "rule"), [a[1:] for a in ATTACKS], ids=[a[0] for a in ATTACKS])
def test_the_database_refuses_false_money(sql_store: SqlStore, statements: str, rule: str) -> None:
    fill(sql_store)

    def attack() -> None:
        with sql_store.engine.begin() as connection:
            for statement in statements.split(";"):
                connection.exec_driver_sql(statement)

    with pytest.raises(Exception, match=rule):
        attack()
    with sql_store.transaction() as tx:
        assert tx.ledger.check()["transfers"] == 2


def test_sqlite_refuses_to_replace_rows_and_to_mix_types(sqlite_store: SqlStore) -> None:
    fill(sqlite_store)
    for statement, rule in (
        ("INSERT OR REPLACE INTO transfers SELECT * FROM transfers", "append_only"),
        ("UPDATE accounts SET credits_posted = 9223372036854775807 + 1 WHERE id = 'world'", "REAL"),
    ):
        with pytest.raises(Exception, match=rule), sqlite_store.engine.begin() as connection:
            connection.exec_driver_sql(statement)


@pytest.mark.integration
def test_postgresql_refuses_to_truncate(postgres_store: SqlStore) -> None:
    with pytest.raises(Exception, match="append_only"), postgres_store.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE transfers CASCADE")


@contextmanager
def unguarded(store: SqlStore) -> Iterator[Connection]:
    """Somebody with full rights, who takes the guards away."""
    with store.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            for verb in ("update", "delete"):
                connection.exec_driver_sql(f"DROP TRIGGER transfers_append_only_{verb}")
        else:
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        yield connection


TAMPERED = [
    (
        "amount column",
        "UPDATE transfers SET amount_micro = 101 WHERE id = 'fund'",
        r"transfer 1 \(fund\): byte 2 of its amount_micro is '1', and should be '0'",
    ),
    (
        "body",
        "UPDATE transfers SET body = replace(body, '100', '101') WHERE id = 'fund'",
        r"transfer 1 \(fund\): byte 83 of its body is '1', and should be '0'",
    ),
    (
        "memo",
        "UPDATE transfers SET body = replace(body, 'memo\":\"', 'memo\":\"x') WHERE id = 'fund'",
        r"transfer 1 \(fund\) no longer has its hash: a byte of its body from 1\d\d on",
    ),
    ("balance", "UPDATE accounts SET credits_posted = 101 WHERE id = 'tenant'", "sums of account tenant"),
    ("an end cut off", "DELETE FROM transfers WHERE id = 'h'", "sums of account site"),
    ("a number left out", "UPDATE transfers SET position = 7 WHERE id = 'h'", "number 2 is not there"),
    ("hash", "UPDATE transfers SET hash = 'x' WHERE id = 'fund'", r"transfer 1 \(fund\): byte 0 of its hash is 'x'"),
]


@pytest.mark.parametrize(("statement", "finding"), [t[1:] for t in TAMPERED], ids=[t[0] for t in TAMPERED])
def test_the_check_names_what_was_tampered_with(sql_store: SqlStore, statement: str, finding: str) -> None:
    fill(sql_store)
    with unguarded(sql_store) as connection:
        connection.exec_driver_sql(statement)
    with pytest.raises(Never, match=finding) as refusal, sql_store.transaction() as tx:
        tx.ledger.check()
    assert refusal.value.code == "store-refused"


def test_a_statement_that_is_wrong_stays_a_bug(sqlite_store: SqlStore) -> None:
    with pytest.raises(Exception, match="no such table"), sqlite_store.transaction() as tx:
        tx.ledger._connection.exec_driver_sql("SELECT * FROM missing")


def test_a_busy_database_is_not_now(sql_url: str) -> None:
    busy, store = open_store(sql_url), open_store(sql_url)
    setting = "PRAGMA busy_timeout = 50" if sql_url.startswith("sqlite") else "SET lock_timeout = 50"

    def hurry(connection: Any, _record: object) -> None:
        connection.execute(setting).close()
        connection.commit()

    store.engine.dispose()
    event.listen(store.engine, "connect", hurry)
    with busy.transaction(), pytest.raises(NotNow) as refusal, store.transaction():
        pass
    assert refusal.value.code == "store-unavailable"
    fill(store)
    busy.close()
    store.close()


class Crash(BaseException):
    """The end of the process, as far as the store can tell."""


def crash_at(store: SqlStore, statement: int) -> None:
    """From that statement on, nothing reaches the database."""
    seen = iter(range(1_000_000))

    def stop(*_: object) -> None:
        if next(seen) >= statement:
            raise Crash

    event.listen(store.engine, "before_cursor_execute", stop)
    event.listen(store.engine, "commit", stop)


def test_a_crash_at_any_statement_leaves_nothing_and_can_be_repeated(sql_url: str) -> None:
    store = open_store(sql_url)
    fill(store)
    for statement in range(100):
        broken = open_store(sql_url)
        crash_at(broken, statement)
        batch = [transfer("p", "tenant", "site", 20, "h"), transfer("t", "tenant", "site", 5)]
        try:
            with broken.transaction() as tx:
                tx.ledger.post(batch[:1])
                tx.ledger.post(batch)
        except Crash:
            broken.close()
        else:
            broken.close()
            break
        with store.transaction() as tx:
            assert tx.ledger.check()["transfers"] == 2
    assert statement > 10
    with store.transaction() as tx:
        tx.ledger.post(batch)
        assert tx.ledger.check() == {
            "accounts": 4,
            "transfers": 4,
            "holds_open": 0,
            "sum_micro:CNY": 0,
            "sum_micro:VCH:x": 0,
        }
    store.close()


def test_signals_are_kept_as_they_were_heard(sql_store: SqlStore) -> None:
    signal = Signal.of("CNY/kWh", [(NOW, "0.3"), (NOW + HOUR, "0.4")], NOW + 2 * HOUR)
    first = SignalVersion(site_id="east", field="power", at=NOW, signal=signal)
    later = replace(first, at=NOW + HOUR, signal=Signal.of("CNY/kWh", [(NOW + HOUR, "0.5")], NOW + 3 * HOUR))
    with sql_store.transaction() as tx:
        tx.operations.hear([])
        tx.operations.hear([later, first])
        tx.operations.hear([first])
    with sql_store.reading() as tx:
        assert tx.operations.heard(NOW) == [first, later]
        assert tx.operations.heard(NOW + 2 * HOUR) == [later]
