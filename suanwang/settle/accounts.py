"""The chart of accounts: their ids, kinds and limits, and the transfers that bring money and vouchers in.

    external:<unit>              the world outside a currency         no limit
    tenant:<id>:<unit>           a tenant's money                     its credit limit
    site:<id>:<unit>             what a site has earned               0
    fund:<programme>:<unit>      money that pays sites for vouchers   0
    issued:<programme>           the source of a programme's vouchers no limit
    voucher:<id>                 what is left of one voucher          0
    redeemed:<programme>         vouchers that were used              0
    rounding:<unit>              coins lost and won by rounding       ROUNDING_LIMIT_MICRO
    tax:<site>:<unit>            tax that a site owes                 0
    budget:<id>:<period>         what is left of a budget             0, or none where it only warns
    allotted:<id>:<period>       the source of a budget               no limit
    spent:<id>:<period>          what was taken of a budget           0

An id begins with the account's kind, except `issued` and `allotted`, which are external to their unit.
"""

from collections.abc import Iterable
from datetime import datetime

from suanwang.domain.ledger import Account, AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.programme import Programme, voucher_unit
from suanwang.domain.site import Grid, Tenant
from suanwang.domain.voucher import Voucher
from suanwang.units import MICRO

COIN_MICRO = MICRO // 100
"""The smallest coin of a currency (0.01): what invoices are rounded to."""

ROUNDING_LIMIT_MICRO = 10_000 * MICRO
"""How far rounding may run below 0: two million invoices that all round down by half a coin."""


def external_id(unit: str) -> str:
    return f"external:{unit}"


def tenant_id(tenant: str, unit: str) -> str:
    return f"tenant:{tenant}:{unit}"


def site_id(site: str, unit: str) -> str:
    return f"site:{site}:{unit}"


def fund_id(programme: str, unit: str) -> str:
    return f"fund:{programme}:{unit}"


def issued_id(programme: str) -> str:
    return f"issued:{programme}"


def voucher_id(voucher: str) -> str:
    return f"voucher:{voucher}"


def redeemed_id(programme: str) -> str:
    return f"redeemed:{programme}"


def rounding_id(unit: str) -> str:
    return f"rounding:{unit}"


def tax_id(site: str, unit: str) -> str:
    return f"tax:{site}:{unit}"


def tax_account(site: str, unit: str) -> Account:
    """What a site has collected as tax and owes to the treasury."""
    return Account(id=tax_id(site, unit), kind=AccountKind.TAX, owner=site, unit=unit)


def kind_of(account_id: str) -> AccountKind:
    """The kind that an id of this chart stands for. Raises ValueError for an id that is not of it."""
    head = account_id.partition(":")[0]
    return AccountKind.EXTERNAL if head in ("issued", "allotted") else AccountKind(head)


def tenant_account(tenant: Tenant) -> Account:
    """May fall as far below 0 as the tenant's credit limit, in the limit's currency."""
    limit = tenant.credit_limit
    return Account(
        id=tenant_id(tenant.id, limit.unit),
        kind=AccountKind.TENANT,
        owner=tenant.id,
        unit=limit.unit,
        credit_limit_micro=limit.micro,
    )


def voucher_account(voucher: Voucher) -> Account:
    """Holds what is left of one voucher; owned by its tenant."""
    unit = voucher_unit(voucher.programme_id)
    return Account(id=voucher_id(voucher.id), kind=AccountKind.VOUCHER, owner=voucher.tenant, unit=unit)


def programme_accounts(programme: Programme) -> list[Account]:
    """Its fund (in its currency), the source of its vouchers, and where used ones go."""
    owner, unit, currency = programme.issuer, programme.unit, programme.currency
    return [
        Account(id=fund_id(programme.id, currency), kind=AccountKind.FUND, owner=owner, unit=currency),
        Account(id=issued_id(programme.id), kind=AccountKind.EXTERNAL, owner=owner, unit=unit, credit_limit_micro=None),
        Account(id=redeemed_id(programme.id), kind=AccountKind.REDEEMED, owner=owner, unit=unit),
    ]


def currency_accounts(grid_id: str, currency: str) -> list[Account]:
    """The world outside, and the rounding of invoices, for one currency."""
    return [
        Account(
            id=external_id(currency),
            kind=AccountKind.EXTERNAL,
            owner=grid_id,
            unit=currency,
            credit_limit_micro=None,
        ),
        Account(
            id=rounding_id(currency),
            kind=AccountKind.ROUNDING,
            owner=grid_id,
            unit=currency,
            credit_limit_micro=ROUNDING_LIMIT_MICRO,
        ),
    ]


def accounts_of(grid: Grid) -> list[Account]:
    """Every account that a grid needs before its first job, by id; those of vouchers come when they are issued."""
    tenants = [tenant_account(t) for t in grid.tenants]
    programmes = [a for p in grid.programmes for a in programme_accounts(p)]
    currencies = {grid.currency, *(t.unit for t in tenants), *(p.currency for p in grid.programmes)}
    outside = [a for currency in sorted(currencies) for a in currency_accounts(grid.id, currency)]
    sites = [
        Account(id=site_id(s.id, grid.currency), kind=AccountKind.SITE, owner=s.id, unit=grid.currency)
        for s in grid.sites
    ]
    return sorted((*tenants, *programmes, *outside, *sites), key=lambda a: a.id)


def deposit(tenant: str, amount: Money, key: str, at: datetime) -> Transfer:
    """Money that a tenant pays in; the same `key` is the same payment. Raises Never(transfer-refused) below 0."""
    account = tenant_id(tenant, amount.unit)
    return _single(f"deposit:{tenant}:{key}", external_id(amount.unit), account, amount, at, f"deposit of {tenant}")


def fund(programme: str, amount: Money, key: str, at: datetime) -> Transfer:
    """Money that an issuer pays into a programme's fund; the same `key` is the same payment."""
    account = fund_id(programme, amount.unit)
    return _single(f"fund:{programme}:{key}", external_id(amount.unit), account, amount, at, f"fund of {programme}")


def issue(voucher: Voucher, at: datetime) -> Transfer:
    """A voucher's face comes into its account, in the programme's voucher unit. The account must be open."""
    amount = Money(voucher.face.micro, voucher_unit(voucher.programme_id))
    memo = f"voucher {voucher.id} issued to {voucher.tenant}"
    return _single(f"issue:{voucher.id}", issued_id(voucher.programme_id), voucher_id(voucher.id), amount, at, memo)


def net_into(account_id: str, transfers: Iterable[Transfer], unit: str) -> Money:
    """What transfers that moved at once (single, post) brought into an account, less what they took out."""
    result = Money.zero(unit)
    for transfer in transfers:
        if transfer.kind in (TransferKind.SINGLE, TransferKind.POST):
            if transfer.credit == account_id:
                result += transfer.amount
            elif transfer.debit == account_id:
                result -= transfer.amount
    return result


def _single(transfer_id: str, debit: str, credit: str, amount: Money, at: datetime, memo: str) -> Transfer:
    return Transfer(
        id=transfer_id, kind=TransferKind.SINGLE, debit=debit, credit=credit, amount=amount, at=at, memo=memo
    )
