"""The ledger as a Beancount file: every transfer that moved something, and every balance as an assertion.

Accounts are the grid's debts or possessions as its bookkeeper sees them: a transfer debits one account and credits the
other, so what the ledger shows as a balance is the negative of Beancount's. Holds and releases are notes (`custom`).
`bean-check` derives every balance anew and compares it with the assertions at the end.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, timedelta
from decimal import Decimal
from hashlib import sha256

from suanwang.domain.ledger import Account, AccountKind, Balance, Transfer, TransferKind
from suanwang.units import MICRO

ROOTS = {
    AccountKind.EXTERNAL: "Assets:Outside",
    AccountKind.TENANT: "Liabilities:Tenants",
    AccountKind.SITE: "Liabilities:Sites",
    AccountKind.FUND: "Liabilities:Funds",
    AccountKind.VOUCHER: "Liabilities:Vouchers",
    AccountKind.REDEEMED: "Equity:Redeemed",
    AccountKind.ROUNDING: "Income:Rounding",
    AccountKind.TAX: "Liabilities:Tax",
    AccountKind.BUDGET: "Liabilities:Budgets",
    AccountKind.SPENT: "Equity:Spent",
}
"""Where an account of each kind stands; a kind that is not here is `Equity:<Kind>`."""
UNIT_LENGTH_MAX = 24


class Names:
    """Beancount's names for ours: each is given once, and tells ours apart as ours are."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def account(self, account: Account) -> str:
        """The name of an account below the root of its kind."""
        if account.id not in self._given:
            root = ROOTS.get(account.kind, f"Equity:{account.kind.value.title()}")
            parts = [_word(part) for part in account.id.split(":")[1:]]
            self._given[account.id] = self._free(":".join([root, *parts]), account.id, "-", 200)
        return self._given[account.id]

    def unit(self, unit: str) -> str:
        """The name of a unit: at most 24 capitals, digits and -._, from a letter to a letter or digit."""
        if unit not in self._given:
            name = re.sub(r"[^A-Z0-9._-]", "-", unit.upper().replace(":", "."))
            name = (name if name[0].isalpha() else f"U{name}").rstrip("-._") or "UNIT"
            self._given[unit] = self._free(name, unit, "-", UNIT_LENGTH_MAX)
        return self._given[unit]

    def _free(self, name: str, ours: str, joint: str, longest: int) -> str:
        """The name, or, where it is taken or too long, a shorter one with a mark of ours."""
        if len(name) > longest or name in self._taken:
            mark = sha256(ours.encode()).hexdigest()[:6].upper()
            name = name[: longest - len(mark) - 1].rstrip("-._:") + joint + mark
        self._taken.add(name)
        return name


def beancount(accounts: Sequence[Account], transfers: Iterable[Transfer], balances: Iterable[Balance]) -> Iterator[str]:
    """The lines of the file. `transfers` in the order they were posted, all of them; `balances` after the last."""
    names, kept = Names(), {a.id: a for a in accounts}
    yield "; The ledger of a suanwang grid. Amounts are exact, to a millionth."
    yield 'option "title" "suanwang"'
    for account in accounts:
        meta = f'  id: "{_text(account.id)}"\n  owner: "{_text(account.owner)}"'
        yield f"1970-01-01 open {names.account(account)} {names.unit(account.unit)}\n{meta}"
    latest = date(1970, 1, 1)
    for transfer in transfers:
        day = transfer.at.astimezone(UTC).date()
        latest = max(latest, day)
        yield _entry(transfer, day, names, kept)
    for balance in balances:
        name, unit = names.account(kept[balance.account_id]), names.unit(balance.unit)
        yield f"{latest + timedelta(days=1)} balance {name} {_amount(-balance.posted)} {unit}"


def _entry(transfer: Transfer, day: date, names: Names, accounts: dict[str, Account]) -> str:
    debit, credit = names.account(accounts[transfer.debit]), names.account(accounts[transfer.credit])
    amount, unit = _amount(transfer.amount.micro), names.unit(transfer.amount.unit)
    if transfer.kind is TransferKind.PENDING:
        return f'{day} custom "hold" "{_text(transfer.id)}" {debit} {credit} {amount} {unit}'
    if transfer.kind is TransferKind.VOID:
        return f'{day} custom "release" "{_text(transfer.id)}" "{_text(transfer.pending_id)}"'
    meta = {"id": transfer.id, "job": transfer.job_id, "hold": transfer.pending_id, "at": transfer.at.isoformat()}
    lines = [f'{day} * "{_text(transfer.memo)}"', *(f'  {key}: "{_text(v)}"' for key, v in meta.items() if v)]
    lines += [f"  {debit}  {amount} {unit}", f"  {credit}  -{amount} {unit}"]
    return "\n".join(lines)


def _amount(micro: int) -> str:
    return f"{Decimal(micro) / MICRO:.6f}"


def _word(part: str) -> str:
    """A part of an account's name: letters, digits and hyphens, begins with a capital or a digit."""
    word = re.sub(r"[^A-Za-z0-9-]", "-", part).strip("-") or "X"
    return word[0].upper() + word[1:]


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
