"""How much one user may ask, and how much the hub takes at once: what is above is told when to come again (429)."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from time import monotonic

from suanwang.errors import NotNow, msg

USERS_MAX = 100_000
BURST_S = 4.0
"""How many seconds' worth of requests may come at once."""


class TooManyRequests(NotNow):
    """Come again after `retry_after_s` whole seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "too-many-requests",
            msg("more requests than your share"),
            msg("Come again in {seconds} s.", seconds=retry_after_s),
        )
        self.retry_after_s = retry_after_s


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Shares:
    """A bucket of requests for each user, filled at `rate` a second (0: no limit)."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._mutex = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, user: str) -> None:
        """One request of a user. Raises TooManyRequests."""
        if not self._rate:
            return
        now, full = monotonic(), max(self._rate * BURST_S, 1.0)
        with self._mutex:
            bucket = self._buckets.get(user) or _Bucket(full, now)
            bucket.left = min(full, bucket.left + (now - bucket.at) * self._rate)
            bucket.at = now
            self._buckets[user] = bucket
            self._buckets.move_to_end(user)
            if len(self._buckets) > USERS_MAX:
                self._buckets.popitem(last=False)
            if bucket.left < 1:
                raise TooManyRequests(max(1, round((1 - bucket.left) / self._rate + 0.5)))
            bucket.left -= 1
