"""Accounts, deposits, funds and vouchers: what the parties bring in. Every call may be repeated with the same key."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from suanwang.domain.ledger import Balance, Transfer
from suanwang.domain.money import Money
from suanwang.domain.voucher import Voucher
from suanwang.errors import NotFound
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.settle import accounts_of, deposit, fund, issue, tenant_id, voucher_account


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerReport:
    """`counts` of accounts, transfers and open holds, and the sum of each unit (0 when the books balance)."""

    counts: Mapping[str, int]
    balances: tuple[Balance, ...]


def open_accounts(hub: Hub) -> None:
    """Open every account that the grid file names; a repeat changes nothing."""
    with hub.store.transaction() as tx:
        for account in accounts_of(hub.grid):
            tx.ledger.open(account)


def pay_in(hub: Hub, tenant: str, amount: Money, key: str) -> Balance:
    """A tenant's deposit; the same key is the same payment.

    Raises NotFound for a tenant that the grid does not know, Conflict when the key was used for another amount.
    """
    hub.grid.tenant(tenant)
    with hub.store.transaction() as tx:
        _pay_once(tx, deposit(tenant, amount, key, hub.clock.now()))
        return tx.ledger.balance(tenant_id(tenant, amount.unit))


def pay_fund(hub: Hub, programme: str, amount: Money, key: str) -> None:
    """Money that an issuer pays into the fund of a programme; the same key is the same payment.

    Raises NotFound, and Conflict when the key was used for another amount.
    """
    hub.grid.programme(programme)
    with hub.store.transaction() as tx:
        _pay_once(tx, fund(programme, amount, key, hub.clock.now()))


def _pay_once(tx: Transaction, payment: Transfer) -> None:
    """Post it, or find it posted: a repeat comes later than the first, which does not make it another payment."""
    with suppress(NotFound):
        payment = replace(payment, at=tx.ledger.transfer(payment.id).at)
    tx.ledger.post([payment])


def issue_voucher(hub: Hub, voucher: Voucher) -> None:
    """Issue a voucher to a tenant. The same id again changes nothing. Raises NotFound."""
    hub.grid.tenant(voucher.tenant)
    hub.grid.programme(voucher.programme_id)
    with hub.store.transaction() as tx:
        known = {v.id: v for v in tx.ledger.vouchers(tenant=voucher.tenant, programme_id=voucher.programme_id)}
        if voucher.id in known:  # a repeat comes later than the first, which does not make it another voucher
            voucher = replace(voucher, issued=known[voucher.id].issued)
        tx.ledger.open(voucher_account(voucher))
        tx.ledger.add_voucher(voucher)
        tx.ledger.post([issue(voucher, voucher.issued)])


def check_ledger(hub: Hub) -> LedgerReport:
    """Re-derive every balance from the first transfer. Raises Never(store-refused) naming what is wrong."""
    with hub.store.transaction() as tx:
        return LedgerReport(counts=tx.ledger.check(), balances=tuple(tx.ledger.balances()))
