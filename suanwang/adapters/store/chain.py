"""The chain of transfers: each stored text is linked to the one before by a hash, and each row can be checked alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import RowMapping

from suanwang.adapters.store import codec
from suanwang.adapters.store.audit import wrong
from suanwang.adapters.store.evidence import differing, wrong_byte
from suanwang.adapters.store.tables import microseconds
from suanwang.domain.ledger import Transfer
from suanwang.errors import Message, msg

Row = RowMapping
CHAINED = ("id", "kind", "debit", "credit", "unit", "amount_micro", "at_us", "job_id", "pending_id")
"""The columns beside the body, in the order of `columns_of`."""


def link(previous: str, body: str) -> str:
    """The next hash of the chain: SHA-256 over the hash before it and the body."""
    return sha256(f"{previous}\n{body}".encode()).hexdigest()


def columns_of(transfer: Transfer) -> dict[str, Any]:
    """What the columns beside the body say."""
    return {
        "id": transfer.id,
        "kind": transfer.kind.value,
        "debit": transfer.debit,
        "credit": transfer.credit,
        "unit": transfer.amount.unit,
        "amount_micro": transfer.amount.micro,
        "at_us": microseconds(transfer.at),
        "job_id": transfer.job_id,
        "pending_id": transfer.pending_id or None,
    }


def verified(page_after: Callable[[int], Sequence[Row]], closed: Mapping[int, str]) -> Iterator[Transfer]:
    """Every transfer from the first, each an unbroken link whose columns say what its body says.

    `page_after`: the rows that follow a position, none at the end. `closed`: the hash that the chain had at the
    position at which a period was closed. Raises Never(store-refused) naming the first byte that is wrong.
    """
    position, before = 0, ""
    while rows := page_after(position):
        for row in rows:
            position += 1
            if row["position"] != position:
                raise wrong(msg("transfer number {position} is not there", position=position))
            body = row["body"]
            now = link(before, body)
            if row["hash"] != now:
                raise wrong(_blame(row, now, page_after(position)[:1]))
            transfer = codec.load(Transfer, body)
            columns = columns_of(transfer)
            if any(row[name] != value for name, value in columns.items()):
                raise wrong(_column_wrong(row, columns))
            if closed.get(position, now) != now:
                raise wrong(msg("transfer {id} is not the one that a closed period ended with", id=transfer.id))
            before = now
            yield transfer


def _column_wrong(row: Row, columns: Mapping[str, Any]) -> Message:
    """The body has the hash that it was stored with, so it is the column that was changed."""
    name, value = next((name, value) for name, value in columns.items() if row[name] != value)
    found = differing(name, str(row[name]), str(value))
    assert found is not None
    return found.message(row["position"], columns["id"])


def _blame(row: Row, expected: str, following: Sequence[Row]) -> Message:
    """What breaks the chain here: the body (its columns tell where), the hash (the next one tells), or the memo."""
    found = wrong_byte(row)
    if found is None and any(link(expected, after["body"]) == after["hash"] for after in following):
        found = differing("hash", row["hash"], expected)
    if found is not None:
        return found.message(row["position"], row["id"])
    first = len(row["body"][: row["body"].find('"memo":"') + 8].encode())
    return msg(
        "transfer {position} ({id}) no longer has its hash: a byte of its body from {first} on was changed, in the "
        "memo or the expiry, which nothing else repeats, or the hash itself",
        position=row["position"],
        id=row["id"],
        first=first,
    )
