"""Accounts, deposits, funds and vouchers: what the parties bring in. Every call may be repeated with the same key."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from suanwang.domain.ledger import Balance
from suanwang.domain.money import Money
from suanwang.domain.voucher import Voucher
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
    """A tenant's deposit. Raises NotFound for a tenant that the grid does not know."""
    hub.grid.tenant(tenant)
    with hub.store.transaction() as tx:
        tx.ledger.post([deposit(tenant, amount, key, hub.clock.now())])
        return tx.ledger.balance(tenant_id(tenant, amount.unit))


def pay_fund(hub: Hub, programme: str, amount: Money, key: str) -> None:
    """Money that an issuer pays into the fund of a programme. Raises NotFound."""
    hub.grid.programme(programme)
    with hub.store.transaction() as tx:
        tx.ledger.post([fund(programme, amount, key, hub.clock.now())])


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
