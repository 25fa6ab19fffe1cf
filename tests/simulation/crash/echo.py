"""A store in which every write arrives twice, as from a hub that had no answer and tried again with what it read."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from suanwang.errors import Conflict, Never
from suanwang.ports import Store

WRITES = {"add", "move", "note", "add_order", "observe", "close_order", "seal", "open", "post", "add_voucher"}
WRITES |= {"charge", "correct", "close", "issue"}


class Twice:
    """A port whose writes are each made a second time; that one may be refused, but must change nothing."""

    def __init__(self, port: object) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Any] = getattr(self._port, name)
        if name not in WRITES:
            return call

        def twice(*args: object, **named: object) -> Any:
            answer = call(*args, **named)
            with suppress(Conflict, Never):
                call(*args, **named)
            return answer

        return twice


@dataclass(frozen=True, slots=True)
class EchoTransaction:
    jobs: Any
    usage: Any
    ledger: Any
    books: Any
    sites: Any
    dockets: Any
    comparisons: Any


class EchoStore:
    """`Store` around another one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @contextmanager
    def transaction(self) -> Iterator[EchoTransaction]:
        with self._store.transaction() as tx:
            yield EchoTransaction(
                *map(Twice, (tx.jobs, tx.usage, tx.ledger, tx.books, tx.sites, tx.dockets, tx.comparisons))
            )

    def close(self) -> None:
        self._store.close()
