"""What an engine without a folder of its own at the site remembers of the orders it took, played from its journal."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from typing import Any

from suanwang.adapters.store import codec
from suanwang.domain.order import Observation, Order


@dataclass(slots=True, kw_only=True)
class Taken:
    """An order that was taken. `there`: the site has had it; `started`: when it was first known to run (wall s)."""

    order: Order
    there: bool = False
    started: float | None = None
    cancelled: str = ""
    ended: Observation | None = None


@dataclass(slots=True)
class Orders:
    """Every order by its id, with what follows from all of them."""

    taken: dict[str, Taken] = field(default_factory=dict)
    fences: dict[str, int] = field(default_factory=dict)
    used: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cancelled: dict[str, str] = field(default_factory=dict)

    def play(self, line: list[Any]) -> None:
        """One line of the journal."""
        match line:
            case ["take", text]:
                order = codec.load(Order, text)
                self.taken[order.id] = Taken(order=order, cancelled=self.cancelled.get(order.id, ""))
                self.fences[order.job_id] = max(order.fence, self.fences.get(order.job_id, order.fence))
                self.used[order.pool_id] += order.accelerators
            case ["refused", order_id]:
                order = self.taken.pop(order_id).order
                self.used[order.pool_id] -= order.accelerators
                if not any(other.order.job_id == order.job_id for other in self.taken.values()):
                    del self.fences[order.job_id]
            case ["there", order_id]:
                self.taken[order_id].there = True
            case ["start", order_id, wall_s]:
                self.taken[order_id].started = wall_s
            case ["cancel", order_id, why]:
                self.cancelled.setdefault(order_id, why)
                if order_id in self.taken:
                    self.taken[order_id].cancelled = self.taken[order_id].cancelled or why
            case ["end", order_id, text]:
                one = self.taken[order_id]
                if one.ended is None:
                    self.used[one.order.pool_id] -= one.order.accelerators
                    one.ended = observation(text)

    def older(self, order: Order) -> Sequence[Taken]:
        """Earlier attempts of its job that have not ended."""
        return [
            one
            for one in self.taken.values()
            if one.order.job_id == order.job_id and one.order.fence < order.fence and one.ended is None
        ]


def observation(text: str) -> Observation:
    """An observation that was written, its times in UTC as all others are."""
    read = codec.load(Observation, text)
    started, ended = (when and when.astimezone(UTC) for when in (read.started, read.ended))
    return replace(read, started=started, ended=ended)
