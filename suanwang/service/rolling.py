"""Re-planning while the hub runs: now and then the jobs that wait are looked at again, and moved where that pays."""

from datetime import datetime, timedelta

from suanwang.service.hub import Hub
from suanwang.service.replanning import replan

SHARE = 20
"""A look takes at most one part in so many of the hub's time: where much waits, the next comes later."""


class Rolling:
    """Looks every `every_s` seconds of grid time, first after as long; 0: never. `moved`: how many jobs so far."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next: datetime | None = None
        self.moved = 0

    def step(self, hub: Hub) -> int:
        """Look, if it is time; how many jobs were moved. What runs stays, and so does what gains little."""
        if not self._every_s:
            return 0
        now = hub.clock.now()
        if self._next is None:
            self._next = now + timedelta(seconds=self._every_s)
        if now < self._next:
            return 0
        moved = sum(told.made for told in replan(hub, make=True).moves)
        after = hub.clock.now()
        self._next = max(now + timedelta(seconds=self._every_s), after + SHARE * (after - now))
        self.moved += moved
        return moved
