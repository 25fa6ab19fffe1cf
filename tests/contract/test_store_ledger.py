"""The port `Ledger`, on every store: what it does, and that it refuses by name and as a whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from suanwang.domain.ledger import Account, AccountKind, Balance, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.voucher import Voucher
from suanwang.errors import Conflict, Never, NotFound, SuanwangError
from suanwang.ports import Ledger, Store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
WORLD = Account(id="world", kind=AccountKind.EXTERNAL, owner="", unit="CNY", credit_limit_micro=None)
TENANT = Account(id="tenant", kind=AccountKind.TENANT, owner="acme", unit="CNY")
SITE = Account(id="site", kind=AccountKind.SITE, owner="lf", unit="CNY")
LENT = Account(id="lent", kind=AccountKind.TENANT, owner="bank", unit="CNY", credit_limit_micro=50)
POINTS = Account(id="points", kind=AccountKind.VOUCHER, owner="acme", unit="VCH:x")


def transfer(id_: str, debit: str, credit: str, micro: int, unit: str = "CNY", job: str = "j1") -> Transfer:
    return Transfer(
        id=id_,
        kind=TransferKind.SINGLE,
        debit=debit,
        credit=credit,
        amount=Money(micro, unit),
        at=NOW,
        memo="支付 test",
        job_id=job,
    )


def hold(id_: str, micro: int, debit: str = "tenant", credit: str = "site") -> Transfer:
    expires = NOW + timedelta(hours=1)
    return replace(transfer(id_, debit, credit, micro), kind=TransferKind.PENDING, expires=expires)


def resolve(id_: str, pending: str, micro: int, debit: str = "tenant", credit: str = "site") -> Transfer:
    kind = TransferKind.POST if micro else TransferKind.VOID
    return Transfer(
        id=id_,
        kind=kind,
        debit=debit,
        credit=credit,
        amount=Money(micro, "CNY"),
        at=NOW,
        memo="",
        job_id="j1",
        pending_id=pending,
    )


def fill(ledger: Ledger) -> None:
    """The accounts, with 100 on the tenant's."""
    for account in (WORLD, TENANT, SITE, LENT, POINTS):
        ledger.open(account)
    ledger.post([transfer("fund", "world", "tenant", 100)])


def sums(ledger: Ledger, account_id: str) -> tuple[int, int, int, int]:
    b = ledger.balance(account_id)
    return b.debits_posted, b.credits_posted, b.debits_pending, b.credits_pending


def test_a_single_moves_at_once(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([transfer("t1", "tenant", "site", 30)])
    with store.transaction() as tx:
        assert sums(tx.ledger, "tenant") == (30, 100, 0, 0)
        assert sums(tx.ledger, "site") == (0, 30, 0, 0)
        assert tx.ledger.balance("tenant").available == 70
        assert tx.ledger.account("lent") == LENT
        assert [b.account_id for b in tx.ledger.balances()] == ["lent", "points", "site", "tenant", "world"]
        assert tx.ledger.balances()[1] == Balance(account_id="points", unit="VCH:x")


@pytest.mark.parametrize(("used", "left"), [(60, 40), (25, 75), (0, 100)])
def test_a_hold_is_resolved_for_what_was_used(store: Store, used: int, left: int) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([hold("h", 60)])
        assert sums(tx.ledger, "tenant") == (0, 100, 60, 0)
        assert sums(tx.ledger, "site") == (0, 0, 0, 60)
        assert tx.ledger.balance("tenant").available == 40
        assert tx.ledger.pending("j1") == [hold("h", 60)]
    with store.transaction() as tx:
        tx.ledger.post([resolve("r", "h", used)])
        assert sums(tx.ledger, "tenant") == (used, 100, 0, 0)
        assert sums(tx.ledger, "site") == (0, used, 0, 0)
        assert tx.ledger.balance("tenant").available == left
        assert tx.ledger.pending("j1") == []
        assert tx.ledger.check() == {
            "accounts": 5,
            "transfers": 3,
            "holds_open": 0,
            "sum_micro:CNY": 0,
            "sum_micro:VCH:x": 0,
        }


def test_a_hold_and_its_post_may_come_in_one_batch(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([hold("h", 60), resolve("r", "h", 10), transfer("t", "tenant", "site", 90)])
        assert sums(tx.ledger, "tenant") == (100, 100, 0, 0)
        assert tx.ledger.check()["holds_open"] == 0


POOR, BAD = "insufficient-balance", "transfer-refused"
REFUSED = [
    ("more than there is", POOR, [transfer("x", "tenant", "site", 101)]),
    ("more than holds leave", POOR, [hold("x", 60), hold("y", 41)]),
    ("money that comes later", POOR, [transfer("x", "site", "lent", 2), transfer("y", "tenant", "site", 5)]),
    ("beyond the credit", POOR, [transfer("x", "lent", "site", 51)]),
    ("another unit", "unit-mismatch", [transfer("x", "tenant", "points", 1)]),
    ("a unit of neither", "unit-mismatch", [transfer("x", "tenant", "site", 1, unit="USD")]),
    ("no such account", BAD, [transfer("x", "tenant", "nobody", 1)]),
    ("no such hold", BAD, [resolve("x", "h9", 1)]),
    ("a hold that is none", BAD, [resolve("x", "fund", 1)]),
    ("above the hold", BAD, [hold("h", 60), resolve("x", "h", 61)]),
    ("a second post", BAD, [hold("h", 60), resolve("x", "h", 1), resolve("y", "h", 1)]),
    ("a post after a void", BAD, [hold("h", 60), resolve("x", "h", 0), resolve("y", "h", 1)]),
    ("other accounts than held", BAD, [hold("h", 60), resolve("x", "h", 1, credit="lent")]),
    ("too large sums", BAD, [transfer("x", "world", "site", 2**63 - 9), transfer("y", "world", "site", 9)]),
    ("too large an amount", BAD, [transfer("x", "world", "site", 2**63)]),
]


@pytest.mark.parametrize(("code", "batch"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_a_refused_batch_leaves_nothing(store: Store, batch: list[Transfer], code: str) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        before = tx.ledger.balances()
        with pytest.raises(Never) as refusal:
            tx.ledger.post([transfer("ok", "tenant", "site", 1), *batch])
        assert refusal.value.code == code
        # The transaction goes on after the refusal.
        assert tx.ledger.balances() == before
        tx.ledger.post([transfer("after", "tenant", "site", 2)])
    with store.transaction() as tx:
        assert [t.id for t in tx.ledger.transfers()] == ["fund", "after"]
        assert tx.ledger.balance("site").posted == 2
        tx.ledger.check()


def test_a_second_resolution_is_refused_in_a_later_transaction(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([hold("h", 60), resolve("v", "h", 0)])
    with pytest.raises(Never) as refusal, store.transaction() as tx:
        tx.ledger.post([resolve("p", "h", 60)])
    assert refusal.value.code == "transfer-refused"


def test_credit_is_used_to_its_limit(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([transfer("x", "lent", "site", 50)])
        assert tx.ledger.balance("lent").available == -50


def test_repeats_are_skipped_and_new_ones_posted(store: Store) -> None:
    first = [transfer("a", "tenant", "site", 10), hold("h", 20), transfer("b", "tenant", "site", 5)]
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post(first)
    with store.transaction() as tx:
        tx.ledger.post([transfer("c", "tenant", "site", 1), *first, resolve("r", "h", 15), first[0]])
        tx.ledger.post([resolve("r", "h", 15)])
        assert [t.id for t in tx.ledger.transfers()] == ["fund", "a", "h", "b", "c", "r"]
        assert sums(tx.ledger, "tenant") == (31, 100, 0, 0)
        tx.ledger.check()


@pytest.mark.parametrize(
    "other",
    [
        transfer("a", "tenant", "site", 11),
        replace(transfer("a", "tenant", "site", 10), memo="other"),
        replace(transfer("a", "tenant", "site", 10), at=NOW + timedelta(seconds=1)),
    ],
)
def test_the_same_id_with_another_body_is_a_conflict(store: Store, other: Transfer) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([transfer("a", "tenant", "site", 10)])
        for batch in ([other], [transfer("new", "tenant", "site", 1), other]):
            with pytest.raises(Conflict) as conflict:
                tx.ledger.post(batch)
            assert conflict.value.code == "idempotency-conflict"
        assert tx.ledger.balance("site").posted == 10
    with pytest.raises(Conflict), store.transaction() as tx:
        tx.ledger.post([hold("h", 1), hold("h", 2)])


def test_a_transfer_is_found_by_its_id(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([transfer("a", "tenant", "site", 10)])
        assert tx.ledger.transfer("a") == transfer("a", "tenant", "site", 10)
        with pytest.raises(NotFound):
            tx.ledger.transfer("b")


def test_transfers_are_read_in_pages(store: Store) -> None:
    batch = [transfer(f"t{i}", "world", ("site", "lent")[i % 2], 1, job=f"job{i % 3}") for i in range(9)]
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post(batch)
    with store.transaction() as tx:
        ledger = tx.ledger
        assert [t.id for t in ledger.transfers(after=2, limit=3)] == ["t1", "t2", "t3"]
        assert ledger.transfers() == [transfer("fund", "world", "tenant", 100), *batch]
        assert [t.id for t in ledger.transfers(job_id="job1")] == ["t1", "t4", "t7"]
        assert [t.id for t in ledger.transfers(job_id="job1", after=1, limit=1)] == ["t4"]
        assert [t.id for t in ledger.transfers(account_id="lent")] == ["t1", "t3", "t5", "t7"]
        assert [t.id for t in ledger.transfers(account_id="lent", job_id="job1", after=1)] == ["t7"]
        assert ledger.transfers(after=10) == []


def test_many_transfers_in_one_call(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.post([transfer(f"t{i}", "world", "site", i + 1) for i in range(2500)])
        assert tx.ledger.balance("site").posted == 2500 * 2501 // 2
        assert tx.ledger.check()["transfers"] == 2501


def test_opening_again_changes_nothing_and_another_kind_is_a_conflict(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        tx.ledger.open(TENANT)
        assert tx.ledger.balance("tenant").posted == 100
        for other in (replace(TENANT, unit="USD"), replace(TENANT, kind=AccountKind.SITE)):
            with pytest.raises(Conflict):
                tx.ledger.open(other)
        for bad in (replace(TENANT, id="n", credit_limit_micro=None), replace(TENANT, id="n", credit_limit_micro=-1)):
            with pytest.raises(Never) as refusal:
                tx.ledger.open(bad)
            assert refusal.value.code == "store-refused"
        with pytest.raises(NotFound):
            tx.ledger.account("n")
        with pytest.raises(NotFound):
            tx.ledger.balance("n")


def test_vouchers_come_by_soonest_expiry(store: Store) -> None:
    def voucher(id_: str, days: int, tenant: str = "acme", programme: str = "cd") -> Voucher:
        return Voucher(
            id=id_,
            programme_id=programme,
            tenant=tenant,
            face=Money(5, f"VCH:{programme}"),
            issued=NOW,
            expires=NOW + timedelta(days=days),
        )

    with store.transaction() as tx:
        for v in (
            voucher("c", 9),
            voucher("b", 9),
            voucher("a", 30),
            voucher("o", 1, "other"),
            voucher("p", 2, programme="hz"),
        ):
            tx.ledger.add_voucher(v)
        tx.ledger.add_voucher(voucher("a", 30))
        with pytest.raises(Conflict):
            tx.ledger.add_voucher(voucher("a", 31))
    with store.transaction() as tx:
        assert [v.id for v in tx.ledger.vouchers()] == ["o", "p", "b", "c", "a"]
        assert tx.ledger.vouchers(tenant="acme", programme_id="cd") == [
            voucher("b", 9),
            voucher("c", 9),
            voucher("a", 30),
        ]


def test_a_transaction_is_kept_whole_or_not_at_all(store: Store) -> None:
    class Stopped(Exception):
        pass

    with store.transaction() as tx:
        fill(tx.ledger)

    def stop_midway() -> None:
        with store.transaction() as tx:
            tx.ledger.post([transfer("a", "tenant", "site", 10), hold("h", 5)])
            tx.ledger.open(replace(SITE, id="new"))
            raise Stopped

    with pytest.raises(Stopped):
        stop_midway()
    with store.transaction() as tx:
        assert [t.id for t in tx.ledger.transfers()] == ["fund"]
        assert sums(tx.ledger, "tenant") == (0, 100, 0, 0)
        with pytest.raises(NotFound):
            tx.ledger.account("new")
        tx.ledger.post([transfer("a", "tenant", "site", 10), hold("h", 5)])
        assert tx.ledger.check()["transfers"] == 3


def test_refusals_name_what_they_refuse(store: Store) -> None:
    with store.transaction() as tx:
        fill(tx.ledger)
        with pytest.raises(SuanwangError, match="tenant") as refusal:
            tx.ledger.post([transfer("big", "tenant", "site", 101)])
    assert "big" in str(refusal.value)
    assert str(refusal.value.remedy)
