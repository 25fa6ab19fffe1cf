"""Accounts, transfers and vouchers, in SQL (the port `Ledger`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, Select, or_, select

from suanwang.adapters.store import codec
from suanwang.adapters.store.audit import audit
from suanwang.adapters.store.bulk import SUMS, insert_rows, update_sums
from suanwang.adapters.store.chain import CHAINED, columns_of, link, verified
from suanwang.adapters.store.checks import missing, other_body
from suanwang.adapters.store.posting import Hold, Standing, apply, distinct, require_limit, require_postable
from suanwang.adapters.store.refusals import refusals, refused, step
from suanwang.adapters.store.tables import accounts, closed_periods, insert_new, microseconds, transfers, vouchers
from suanwang.domain.ledger import Account, AccountKind, Balance, Transfer, TransferKind
from suanwang.domain.period import ClosedPeriod
from suanwang.domain.voucher import Voucher
from suanwang.errors import msg

GROUP = 1000
"""Transfers written at once: groups of a thousand are where a commit's cost no longer shows."""
KINDS = {kind.value: kind for kind in AccountKind}
COLUMNS = (*CHAINED, "position", "hash", "body")


class SqlLedger:
    """One transaction's view of the ledger."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(self, account: Account) -> None:
        require_limit(account)
        row = {
            "id": account.id,
            "kind": account.kind.value,
            "owner": account.owner,
            "unit": account.unit,
            "credit_limit_micro": account.credit_limit_micro,
            **dict.fromkeys(SUMS, 0),
        }
        with step(self._connection):
            if insert_new(self._connection, accounts, [row]):
                return
        there = self.account(account.id)
        if (there.kind, there.unit) != (account.kind, account.unit):
            raise other_body(msg("account"), account.id)

    def post(self, transfers: Sequence[Transfer]) -> None:
        batch = distinct(transfers)
        with step(self._connection):
            for first in range(0, len(batch), GROUP):
                self._post(batch[first : first + GROUP])

    def _post(self, group: list[Transfer]) -> None:
        standings = self._lock({side for t in group for side in (t.debit, t.credit)})
        require_postable(group, standings)
        fresh = self._append(group)
        holds = self._holds({t.pending_id for t in fresh if t.pending_id})
        for transfer in fresh:
            apply(transfer, holds.get(transfer.pending_id), standings)
        changed = sorted({side for t in fresh for side in (t.debit, t.credit)})
        if changed:
            update_sums(self._connection, [(id_, *standings[id_].sums) for id_ in changed])

    def _lock(self, account_ids: set[str]) -> dict[str, Standing]:
        """The accounts with their sums, locked in the order of their ids: two batches cannot block each other."""
        query = select(accounts).where(accounts.c.id.in_(account_ids)).order_by(accounts.c.id).with_for_update()
        return {row.id: _standing(row) for row in self._connection.execute(query)}

    def _append(self, group: list[Transfer]) -> list[Transfer]:
        """Write the transfers at the end of the chain; returns those that were not there yet.

        All of them are tried first. Only when the keys skipped some are these looked up and compared, and the rest
        chained anew: the chain must not have a link to a row that was not written.
        """
        fresh = group
        while fresh:
            with self._connection.begin_nested() as attempt:
                if insert_rows(self._connection, transfers, COLUMNS, self._chain(fresh)) == len(fresh):
                    break
                attempt.rollback()
            rest = self._not_stored(fresh)
            if len(rest) == len(fresh):
                raise refused("key_transfers_pending_id")
            fresh = rest
        return fresh

    def _chain(self, group: list[Transfer]) -> list[tuple[Any, ...]]:
        before, chained = self.last()
        rows = []
        for position, transfer in enumerate(group, before + 1):
            body = codec.dump_transfer(transfer)
            chained = link(chained, body)
            rows.append((*columns_of(transfer).values(), position, chained, body))
        return rows

    def _not_stored(self, group: list[Transfer]) -> list[Transfer]:
        """Raises Conflict(idempotency-conflict) for the first that is stored with another body."""
        query = select(transfers.c.id, transfers.c.body).where(transfers.c.id.in_([t.id for t in group]))
        stored = {row.id: codec.load(Transfer, row.body) for row in self._connection.execute(query)}
        for transfer in group:
            if stored.get(transfer.id, transfer) != transfer:
                raise other_body(msg("transfer"), transfer.id)
        return [t for t in group if t.id not in stored]

    def _holds(self, pending_ids: set[str]) -> dict[str, Hold]:
        if not pending_ids:
            return {}
        columns = (transfers.c.id, transfers.c.debit, transfers.c.credit, transfers.c.unit, transfers.c.amount_micro)
        query = select(*columns).where(transfers.c.id.in_(pending_ids), transfers.c.kind == TransferKind.PENDING.value)
        return {id_: Hold(*rest) for id_, *rest in self._connection.execute(query)}

    def account(self, account_id: str) -> Account:
        return self._one(account_id).account

    def balance(self, account_id: str) -> Balance:
        return self._one(account_id).balance()

    def _one(self, account_id: str) -> Standing:
        with refusals():
            row = self._connection.execute(select(accounts).where(accounts.c.id == account_id)).first()
        if row is None:
            raise missing(msg("account"), account_id)
        return _standing(row)

    def _standings(self) -> list[Standing]:
        with refusals():
            return [_standing(row) for row in self._connection.execute(select(accounts).order_by(accounts.c.id))]

    def balances(self) -> list[Balance]:
        return [s.balance() for s in self._standings()]

    def transfer(self, transfer_id: str) -> Transfer:
        found = self._load(select(transfers.c.body).where(transfers.c.id == transfer_id))
        if not found:
            raise missing(msg("transfer"), transfer_id)
        return found[0]

    def transfers(self, job_id: str = "", account_id: str = "", after: int = 0, limit: int = 10000) -> list[Transfer]:
        query = select(transfers.c.body).order_by(transfers.c.position).limit(limit)
        if job_id:
            query = query.where(transfers.c.job_id == job_id)
        if account_id:
            query = query.where(or_(transfers.c.debit == account_id, transfers.c.credit == account_id))
        # `after` counts in the list that is read. Unfiltered, that is the position, which has no gaps.
        unfiltered = not job_id and not account_id
        return self._load(query.where(transfers.c.position > after) if unfiltered else query.offset(after))

    def pending(self, job_id: str) -> list[Transfer]:
        resolving = transfers.alias()
        open_hold = ~select(resolving.c.id).where(resolving.c.pending_id == transfers.c.id).exists()
        query = select(transfers.c.body).where(
            transfers.c.job_id == job_id, transfers.c.kind == TransferKind.PENDING.value, open_hold
        )
        return self._load(query.order_by(transfers.c.position))

    def _load(self, query: Select[Any]) -> list[Transfer]:
        with refusals():
            return [codec.load(Transfer, body) for body in self._connection.execute(query).scalars()]

    def add_voucher(self, voucher: Voucher) -> None:
        row = {
            "id": voucher.id,
            "programme_id": voucher.programme_id,
            "tenant": voucher.tenant,
            "expires_us": microseconds(voucher.expires),
            "body": codec.dump(voucher),
        }
        with step(self._connection):
            if insert_new(self._connection, vouchers, [row]):
                return
            body = self._connection.execute(select(vouchers.c.body).where(vouchers.c.id == voucher.id)).scalar_one()
        if codec.load(Voucher, body) != voucher:
            raise other_body(msg("voucher"), voucher.id)

    def vouchers(self, tenant: str = "", programme_id: str = "") -> list[Voucher]:
        query = select(vouchers.c.body).order_by(vouchers.c.expires_us, vouchers.c.id)
        if tenant:
            query = query.where(vouchers.c.tenant == tenant)
        if programme_id:
            query = query.where(vouchers.c.programme_id == programme_id)
        with refusals():
            return [codec.load(Voucher, body) for body in self._connection.execute(query).scalars()]

    def last(self) -> tuple[int, str]:
        query = select(transfers.c.position, transfers.c.hash).order_by(transfers.c.position.desc()).limit(1)
        with refusals():
            last = self._connection.execute(query).first()
        return (last.position, last.hash) if last else (0, "")

    def check(self) -> Mapping[str, int]:
        with refusals():
            bodies = self._connection.execute(select(closed_periods.c.body)).scalars().all()
        closed = [codec.load(ClosedPeriod, body) for body in bodies]
        chain = verified(self._page_after, {c.position: c.hash for c in closed})
        return audit([(s.account, s.balance()) for s in self._standings()], chain, closed)

    def _page_after(self, position: int) -> Sequence[RowMapping]:
        query = select(transfers).where(transfers.c.position > position).order_by(transfers.c.position).limit(GROUP)
        with refusals():
            return self._connection.execute(query).mappings().all()


def _standing(row: Row[Any]) -> Standing:
    id_, kind, owner, unit, limit, *sums = tuple(row)
    account = Account(id=id_, kind=KINDS[kind], owner=owner, unit=unit, credit_limit_micro=limit)
    return Standing(account, *sums)
