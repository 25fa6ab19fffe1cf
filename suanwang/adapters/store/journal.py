"""Tables in memory that can go back: dicts whose every write is remembered until the transaction ends."""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

_ABSENT = object()


class Journal:
    """What the keys held before they were written, in the order of the writes."""

    def __init__(self) -> None:
        self._undo: list[tuple[MutableMapping[Any, Any], Any, Any]] = []

    def put(self, table: MutableMapping[Key, Value], key: Key, value: Value) -> None:
        self._undo.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    @contextmanager
    def step(self) -> Iterator[None]:
        """All writes inside, or none of them."""
        mark = len(self._undo)
        try:
            yield
        except BaseException:
            while len(self._undo) > mark:
                table, key, old = self._undo.pop()
                if old is _ABSENT:
                    del table[key]
                else:
                    table[key] = old
            raise

    def forget(self) -> None:
        """The transaction is over: what was written stays."""
        self._undo.clear()
