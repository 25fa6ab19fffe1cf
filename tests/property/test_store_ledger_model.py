"""The ledger against a model of a dozen lines: any order of transfers, holds, repeats, refusals and rollbacks."""

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from suanwang.adapters.store.memory import MemoryStore
from suanwang.adapters.store.sql import open_store
from suanwang.domain.ledger import Account, AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.errors import Conflict, Never
from suanwang.ports import Store

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
LIMITS = {"world": None, "a": 0, "b": 30, "c": 0}
sides = st.permutations(sorted(LIMITS)).map(lambda names: names[:2])
micro = st.integers(1, 60)


class Model:
    """What each account has, and the holds: (debit, credit, amount) by id."""

    def __init__(self) -> None:
        self.posted = dict.fromkeys(LIMITS, 0)
        self.holds: dict[str, tuple[str, str, int]] = {}
        self.seen: dict[str, Transfer] = {}

    def available(self, name: str) -> int:
        return self.posted[name] - sum(amount for debit, _, amount in self.holds.values() if debit == name)

    def post(self, t: Transfer) -> str:
        """ "" when applied or skipped, else the code of the refusal."""
        if t.id in self.seen:
            return "" if self.seen[t.id] == t else "idempotency-conflict"
        limit, amount = LIMITS[t.debit], t.amount.micro
        if t.pending_id:
            held = self.holds.get(t.pending_id)
            if held is None or held[:2] != (t.debit, t.credit) or amount > held[2]:
                return "transfer-refused"
            del self.holds[t.pending_id]
        elif limit is not None and self.available(t.debit) - amount < -limit:
            return "insufficient-balance"
        if t.kind is TransferKind.PENDING:
            self.holds[t.id] = (t.debit, t.credit, amount)
        else:
            self.posted[t.debit] -= amount
            self.posted[t.credit] += amount
        self.seen[t.id] = t
        return ""


class LedgerMachine(RuleBasedStateMachine):
    """Batches of up to four transfers; a refused batch must change nothing, here as there."""

    store: Store

    @initialize()
    def begin(self) -> None:
        self.model, self.number = Model(), 0
        with self.store.transaction() as tx:
            for name, limit in LIMITS.items():
                kind = AccountKind.EXTERNAL if limit is None else AccountKind.TENANT
                tx.ledger.open(Account(id=name, kind=kind, owner="", unit="CNY", credit_limit_micro=limit))
            for name in ("a", "c"):
                new: dict[str, Any] = {"id": f"fund-{name}", "debit": "world", "credit": name, "at": NOW, "memo": ""}
                funding = Transfer(kind=TransferKind.SINGLE, amount=Money(100, "CNY"), **new)
                assert self.model.post(funding) == ""
                tx.ledger.post([funding])

    def _transfer(self, data: st.DataObject) -> Transfer:
        """A new transfer, a resolution of some hold or of none, a repeat, or a known id with another amount."""
        self.number += 1
        debit, credit = data.draw(sides)
        new: dict[str, Any] = {"id": f"t{self.number}", "debit": debit, "credit": credit, "at": NOW, "memo": ""}
        amount = data.draw(micro)
        pick = data.draw(st.sampled_from(["single", "pending", "resolve", "repeat", "change"]))
        if pick == "resolve":
            pending = data.draw(st.sampled_from([*sorted(self.model.holds) * 5, *sorted(self.model.seen), "none"]))
            if pending in self.model.seen and data.draw(st.integers(0, 9)):
                new |= {"debit": self.model.seen[pending].debit, "credit": self.model.seen[pending].credit}
            amount = data.draw(st.just(0) | micro)
            kind = TransferKind.POST if amount else TransferKind.VOID
            return Transfer(kind=kind, amount=Money(amount, "CNY"), pending_id=pending, **new)
        if pick in ("repeat", "change") and self.model.seen:
            known_id = data.draw(st.sampled_from(sorted(self.model.seen)))
            if pick == "repeat":
                return self.model.seen[known_id]
            new |= {"id": known_id, "memo": "changed"}
        kind = TransferKind.PENDING if pick == "pending" else TransferKind.SINGLE
        return Transfer(kind=kind, amount=Money(amount, "CNY"), **new)

    @rule(data=st.data())
    def post(self, data: st.DataObject) -> None:
        batch = [self._transfer(data) for _ in range(data.draw(st.integers(1, 4)))]
        trial = Model()
        trial.posted, trial.holds, trial.seen = dict(self.model.posted), dict(self.model.holds), dict(self.model.seen)
        expected = {code for code in (trial.post(t) for t in batch) if code}
        code = ""
        with self.store.transaction() as tx:
            try:
                tx.ledger.post(batch)
            except (Never, Conflict) as refusal:
                code = refusal.code
        if expected:
            assert code in expected
        else:
            assert code == ""
            self.model = trial

    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        batch = [self._transfer(data)]
        try:
            with self.store.transaction() as tx:
                tx.ledger.post(batch)
                raise KeyboardInterrupt
        except (KeyboardInterrupt, Never, Conflict):
            pass

    @invariant()
    def agrees(self) -> None:
        with self.store.transaction() as tx:
            balances = {b.account_id: b for b in tx.ledger.balances()}
            transfers = tx.ledger.transfers()
            found = tx.ledger.check()
            pending = {t.id for t in tx.ledger.pending("")}
        if not balances:
            return
        assert {name: b.posted for name, b in balances.items()} == self.model.posted
        assert {name: b.available for name, b in balances.items()} == {n: self.model.available(n) for n in LIMITS}
        assert {t.id: t for t in transfers} == self.model.seen
        assert pending == set(self.model.holds)
        assert found == {"accounts": 4, "transfers": len(transfers), "holds_open": len(pending), "sum_micro:CNY": 0}

    def teardown(self) -> None:
        self.store.close()


class MemoryMachine(LedgerMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()


class SqliteMachine(LedgerMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.store = open_store(f"sqlite:///{self.folder / 'ledger.db'}")

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


TestLedgerInMemory = MemoryMachine.TestCase
TestLedgerInMemory.settings = settings(max_examples=60, stateful_step_count=15, derandomize=True, deadline=None)
TestLedgerInSqlite = SqliteMachine.TestCase
TestLedgerInSqlite.settings = settings(max_examples=15, stateful_step_count=15, derandomize=True, deadline=None)
