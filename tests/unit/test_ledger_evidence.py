"""The ledger check names the first byte that was changed, whichever it is."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from suanwang.adapters.store import codec
from suanwang.adapters.store.chain import columns_of, link, verified
from suanwang.domain.ledger import Transfer, TransferKind
from suanwang.domain.money import Money
from suanwang.errors import Never

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

AT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def transfer(number: int) -> Transfer:
    return Transfer(
        id=f"t{number}",
        kind=TransferKind.PENDING,
        debit="tenant:me:CNY",
        credit="site:gz:CNY",
        amount=Money(1_234_567 + number, "CNY"),
        at=AT,
        memo="算力 'rest' of a \"quote\"",
        job_id="j1",
        expires=AT + timedelta(hours=1),
    )


def rows() -> list[dict[str, Any]]:
    found, chained = [], ""
    for position in (1, 2, 3):
        body = codec.dump(transfer(position))
        chained = link(chained, body)
        found.append(columns_of(transfer(position)) | {"position": position, "hash": chained, "body": body})
    return found


def check(stored: list[dict[str, Any]]) -> list[Transfer]:
    page = cast("list[RowMapping]", stored)
    return list(verified(lambda after: page[after:], {}))


def test_an_untouched_chain_is_read_whole() -> None:
    assert check(rows()) == [transfer(1), transfer(2), transfer(3)]


def test_each_byte_of_a_body_that_its_columns_repeat_is_named() -> None:
    body = rows()[1]["body"].encode()
    memo, after = body.index(b'"memo":"') + 8, body.index(b'","job_id"')
    named = 0
    for at in range(body.index(b'"expires":') + 10):
        stored = rows()
        changed = body[:at] + (b"~" if body[at : at + 1] != b"~" else b"!") + body[at + 1 :]
        stored[1]["body"] = changed.decode(errors="surrogateescape")
        if memo <= at < after:
            continue
        with pytest.raises(Never, match=r"transfer 2 \(t2\): byte (\d+) of its body is '~'") as refusal:
            check(stored)
        assert f"byte {at} of its body" in str(refusal.value)
        named += 1
    assert named > 150


def test_a_changed_memo_is_told_by_where_it_may_be() -> None:
    stored = rows()
    stored[1]["body"] = stored[1]["body"].replace("rest", "best")
    with pytest.raises(Never, match=r"no longer has its hash: a byte of its body from 1[0-9][0-9] on"):
        check(stored)


def test_a_changed_column_or_hash_is_named_with_what_belongs_there() -> None:
    stored = rows()
    stored[1]["amount_micro"] += 10
    with pytest.raises(Never, match=r"transfer 2 \(t2\): byte 5 of its amount_micro is '7', and should be '6'"):
        check(stored)
    stored = rows()
    stored[1]["hash"] = "0" * 10 + stored[1]["hash"][10:]
    with pytest.raises(Never, match=r"transfer 2 \(t2\): byte \d of its hash is '0'"):
        check(stored)


def test_a_transfer_of_a_closed_period_cannot_be_replaced() -> None:
    page = cast("list[RowMapping]", rows())
    with pytest.raises(Never, match="t2 is not the one that a closed period ended with"):
        list(verified(lambda after: page[after:], {2: "0" * 64}))
