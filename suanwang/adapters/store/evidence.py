"""Which byte of a stored transfer is wrong: what a broken link of the chain is told by.

A transfer is stored twice, as text (`body`) and as columns, and chained by a hash of the text. The text is written in
one way only, so that all of it but the memo and the expiry can be written again from the columns and compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suanwang.adapters.store import codec
from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.signal import EPOCH, MICROSECOND
from suanwang.errors import Message, SuanwangError, msg

MEMO, AFTER_MEMO, EXPIRY = '"memo":"', '","job_id":"', '"expires":'


@dataclass(frozen=True, slots=True)
class Wrong:
    """A byte (counted from 0) of a stored text, with what is there and what belongs there ("" = beyond its end)."""

    where: str
    byte: int
    found: str
    expected: str

    def message(self, position: int, transfer_id: str) -> Message:
        """The finding in words."""
        return msg(
            "transfer {position} ({id}): byte {byte} of its {where} is {found!r}, and should be {expected!r}",
            position=position,
            id=transfer_id,
            byte=self.byte,
            where=self.where,
            found=self.found,
            expected=self.expected,
        )


def differing(where: str, found: str, expected: str, skipped: int = 0) -> Wrong | None:
    """The first byte at which two texts part, `skipped` bytes into their column; None where they are the same."""
    a, b = found.encode(), expected.encode()
    if a == b:
        return None
    at = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return Wrong(where, at + skipped, _shown(a, at), _shown(b, at))


def _shown(text: bytes, at: int) -> str:
    return text[at : at + 1].decode("latin-1")


def wrong_byte(row: Mapping[Any, Any]) -> Wrong | None:
    """Where the body of a row says other than its columns; None where they agree, or the columns make no transfer."""
    written = _written(row)
    if written is None:
        return None
    body: str = row["body"]
    head = written[: written.index(MEMO) + len(MEMO)]
    if not body.startswith(head):
        return differing("body", body.encode()[: len(head.encode())].decode(errors="replace"), head)
    tail = written[written.rindex(AFTER_MEMO) : written.rindex(EXPIRY) + len(EXPIRY)]
    at = body.rfind(AFTER_MEMO)
    if at < 0 and EXPIRY in body:  # what the tail begins with was changed: it is found by its end
        at = body.rindex(EXPIRY) + len(EXPIRY) - len(tail)
    if at < 0 or tail == body[at : at + len(tail)]:
        return None
    return differing("body", body[at : at + len(tail)], tail, skipped=len(body[:at].encode()))


def _written(row: Mapping[Any, Any]) -> str | None:
    """The body as the columns have it, without memo and expiry."""
    at = EPOCH + row["at_us"] * MICROSECOND
    try:
        transfer = Transfer(
            id=row["id"],
            kind=TransferKind(row["kind"]),
            debit=row["debit"],
            credit=row["credit"],
            amount=Money(row["amount_micro"], row["unit"]),
            at=at,
            memo="",
            job_id=row["job_id"],
            pending_id=row["pending_id"] or "",
        )
    except (SuanwangError, ValueError):
        return None
    return codec.dump(transfer)
