"""Double-entry accounts and transfers: one unit each, immutable, the id is the idempotency key.

A transfer moves `amount` from the debit account to the credit account. `single` moves at once; `pending` holds;
`post` moves at most what its pending one holds and releases the rest; `void` releases all. A pending transfer is
posted or voided once. Corrections are new transfers. (The model of TigerBeetle, at scale 10^-6.)
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from suanwang.domain.money import Money
from suanwang.errors import Message, Never, msg


class AccountKind(StrEnum):
    """What an account is for. `external` is the world outside: the only kind that may run without a limit."""

    EXTERNAL = "external"
    TENANT = "tenant"
    SITE = "site"
    FUND = "fund"
    VOUCHER = "voucher"
    REDEEMED = "redeemed"
    ROUNDING = "rounding"
    LINE = "line"
    TAX = "tax"
    BUDGET = "budget"
    SPENT = "spent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`credit_limit_micro`: how far (credits - debits - pending debits) may go below 0; None = no limit."""

    id: str
    kind: AccountKind
    owner: str
    unit: str
    credit_limit_micro: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Sums of an account, in millionths of its unit. `available` counts holds against it."""

    account_id: str
    unit: str
    debits_posted: int = 0
    credits_posted: int = 0
    debits_pending: int = 0
    credits_pending: int = 0

    @property
    def posted(self) -> int:
        return self.credits_posted - self.debits_posted

    @property
    def available(self) -> int:
        return self.posted - self.debits_pending


class TransferKind(StrEnum):
    SINGLE = "single"
    PENDING = "pending"
    POST = "post"
    VOID = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """`pending_id` names the hold that a `post` or `void` resolves; a `void` has amount 0.

    `memo` says in one line what it is for; `job_id` joins it to a job, where there is one.
    """

    id: str
    kind: TransferKind
    debit: str
    credit: str
    amount: Money
    at: datetime
    memo: str
    job_id: str = ""
    pending_id: str = ""
    expires: datetime | None = None

    def __post_init__(self) -> None:
        resolves = self.kind in (TransferKind.POST, TransferKind.VOID)
        if self.debit == self.credit:
            raise _refused(self.id, msg("debit and credit are the same account"))
        if self.amount.micro < 0 or (self.amount.micro == 0 and self.kind is not TransferKind.VOID):
            raise _refused(self.id, msg("the amount must be positive"))
        if self.kind is TransferKind.VOID and self.amount.micro:
            raise _refused(self.id, msg("a void moves nothing"))
        if resolves != bool(self.pending_id):
            raise _refused(self.id, msg("post and void name a pending transfer, the others do not"))
        if self.expires is not None and self.kind is not TransferKind.PENDING:
            raise _refused(self.id, msg("only a pending transfer expires"))


def _refused(transfer_id: str, why: Message) -> Never:
    return Never(
        "transfer-refused",
        msg("transfer {id}: {why}", id=transfer_id, why=why),
        msg("Correct the transfer; nothing was moved."),
    )
