"""How a transfer changes the sums of its two accounts, and when it may not: one set of rules for every store.

The model is TigerBeetle's: pending adds to the pending sums; post releases the hold and moves at most its amount; void
releases it. Transfers of a batch count in their order, each seeing what the ones before it did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from suanwang.adapters.store.checks import other_body
from suanwang.domain.ledger import Account, AccountKind, Balance, Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.errors import Message, Never, msg

MICRO_MAX = 2**63 - 1
"""Largest sum that the database's integers hold, in millionths."""

NOTHING_MOVED = msg("Correct the transfer; nothing was moved.")


class Hold(NamedTuple):
    """What matters of a pending transfer to the one that resolves it."""

    debit: str
    credit: str
    unit: str
    micro: int


@dataclass(slots=True)
class Standing:
    """An account with its sums, while transfers are applied to it."""

    account: Account
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def available(self) -> int:
        return self.credits_posted - self.debits_posted - self.debits_pending

    @property
    def sums(self) -> tuple[int, int, int, int]:
        return self.debits_posted, self.credits_posted, self.debits_pending, self.credits_pending

    def balance(self) -> Balance:
        return Balance(
            account_id=self.account.id,
            unit=self.account.unit,
            debits_posted=self.debits_posted,
            credits_posted=self.credits_posted,
            debits_pending=self.debits_pending,
            credits_pending=self.credits_pending,
        )


def hold_of(transfer: Transfer) -> Hold:
    return Hold(transfer.debit, transfer.credit, transfer.amount.unit, transfer.amount.micro)


def refuse(transfer: Transfer, why: Message) -> Never:
    """Never(transfer-refused) naming the transfer."""
    return Never("transfer-refused", msg("transfer {id}: {why}", id=transfer.id, why=why), NOTHING_MOVED)


def distinct(transfers: Sequence[Transfer]) -> list[Transfer]:
    """The batch without its own repeats. Raises Conflict(idempotency-conflict)."""
    by_id: dict[str, Transfer] = {}
    for transfer in transfers:
        if by_id.setdefault(transfer.id, transfer) != transfer:
            raise other_body(msg("transfer"), transfer.id)
    return list(by_id.values())


def require_limit(account: Account) -> None:
    """Only the world outside runs without a limit. Raises Never(store-refused)."""
    limit = account.credit_limit_micro
    if limit is None and account.kind is not AccountKind.EXTERNAL:
        why = msg("account {id} is not external, so it needs a limit", id=account.id)
    elif limit is not None and not 0 <= limit <= MICRO_MAX:
        why = msg("the credit limit of account {id} must be from 0 to 2^63 - 1 millionths", id=account.id)
    else:
        return
    raise Never("store-refused", why, msg("Give the account a limit that can be kept."))


def require_postable(transfers: Iterable[Transfer], standings: Mapping[str, Standing]) -> None:
    """Both accounts are there and of the amount's unit, and it can be kept.

    Raises Never(transfer-refused, unit-mismatch).
    """
    for transfer in transfers:
        if transfer.amount.micro > MICRO_MAX:
            raise refuse(transfer, msg("its amount is too large to keep"))
        for side in (transfer.debit, transfer.credit):
            if side not in standings:
                raise refuse(transfer, msg("there is no account {account}", account=side))
            if standings[side].account.unit != transfer.amount.unit:
                raise Never(
                    "unit-mismatch",
                    msg(
                        "transfer {id} is in {unit}, account {account} in {other}",
                        id=transfer.id,
                        unit=transfer.amount.unit,
                        account=side,
                        other=standings[side].account.unit,
                    ),
                    msg("A transfer never crosses units: make one in each."),
                )


def apply(transfer: Transfer, hold: Hold | None, standings: Mapping[str, Standing]) -> None:
    """Change the sums of both accounts. Raises Never(insufficient-balance, transfer-refused); then they are half done,
    to be thrown away."""
    debit, credit, micro = standings[transfer.debit], standings[transfer.credit], transfer.amount.micro
    if transfer.kind is TransferKind.PENDING:
        debit.debits_pending += micro
        credit.credits_pending += micro
    else:
        held = _held(transfer, hold) if transfer.pending_id else 0
        debit.debits_pending -= held
        credit.credits_pending -= held
        debit.debits_posted += micro
        credit.credits_posted += micro
    limit = debit.account.credit_limit_micro
    if limit is not None and not transfer.pending_id and debit.available < -limit:
        raise _insufficient(transfer, debit, limit)
    if max(debit.debits_posted, debit.debits_pending, credit.credits_posted, credit.credits_pending) > MICRO_MAX:
        raise refuse(transfer, msg("the sums of its accounts would be too large to keep"))


def _held(transfer: Transfer, hold: Hold | None) -> int:
    if hold is None:
        raise refuse(transfer, msg("there is no pending transfer {id}", id=transfer.pending_id))
    if (hold.debit, hold.credit, hold.unit) != (transfer.debit, transfer.credit, transfer.amount.unit):
        raise refuse(transfer, msg("its accounts are not those of {id}", id=transfer.pending_id))
    if transfer.amount.micro > hold.micro:
        raise refuse(transfer, msg("it is more than {id} holds", id=transfer.pending_id))
    return hold.micro


def _insufficient(transfer: Transfer, debit: Standing, limit: int) -> Never:
    unit = debit.account.unit
    before = debit.available + transfer.amount.micro + limit
    return Never(
        "insufficient-balance",
        msg(
            "account {account} can spend {available}; transfer {id} needs {needed}",
            account=debit.account.id,
            available=str(Money(before, unit)),
            id=transfer.id,
            needed=str(transfer.amount),
        ),
        msg("Put money on the account, or release a hold."),
    )
