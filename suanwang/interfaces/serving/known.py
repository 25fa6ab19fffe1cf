"""The principals of the last seconds, so that not every request asks the database who it is."""

import threading
from collections import OrderedDict
from time import monotonic

from suanwang.domain.identity import Principal

REMEMBER_S = 3.0
"""How long a principal that was authenticated is known again without the database: the longest that a revoked token
still works."""
REMEMBERED = 10_000


class Known:
    """The principals of the last seconds, by the digest of their secret."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._found: OrderedDict[str, tuple[float, Principal]] = OrderedDict()

    def get(self, key: str) -> Principal | None:
        with self._mutex:
            until, principal = self._found.get(key, (0.0, None))
            return principal if until > monotonic() else None

    def put(self, key: str, principal: Principal) -> None:
        with self._mutex:
            self._found[key] = (monotonic() + REMEMBER_S, principal)
            self._found.move_to_end(key)
            while len(self._found) > REMEMBERED:
                self._found.popitem(last=False)

    def forget(self) -> None:
        """After a revocation: everybody is asked for again."""
        with self._mutex:
            self._found.clear()
