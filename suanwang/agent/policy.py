"""What a site allows the grid: its own rules, which no hub can change. Kept in the spool, set by `suanwang agent`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import PurePath

from suanwang.domain.order import Capacity, Order
from suanwang.errors import Message, msg


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`drained`: nothing new is started. `caps`: accelerators that the grid may have at most, by pool.

    An order that asks for more than `accelerators_max` or `hours_max`, whose program matches none of the patterns in
    `programs` (none: every program may run), or whose job is in `refused`, is refused; it never starts.
    """

    drained: bool = False
    caps: Mapping[str, int] = field(default_factory=dict)
    accelerators_max: int | None = None
    hours_max: float | None = None
    programs: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()

    def refusal(self, order: Order) -> Message | None:
        """Why the site will never start an order; None when it may."""
        hours = order.time_limit_s / 3600
        if order.job_id in self.refused:
            return msg("The site refuses job {job}.", job=order.job_id)
        if self.accelerators_max is not None and order.accelerators > self.accelerators_max:
            return msg(
                "The site gives the grid at most {most} accelerators an order, not {count}.",
                most=self.accelerators_max,
                count=order.accelerators,
            )
        if self.hours_max is not None and hours > self.hours_max:
            most = self.hours_max
            return msg("The site lets an order run for {most:g} h at most, not {hours:.2f} h.", most=most, hours=hours)
        name = PurePath(order.command[0]).name
        if self.programs and not any(fnmatchcase(text, p) for p in self.programs for text in (order.command[0], name)):
            return msg("The site does not let the grid run {program!r}.", program=order.command[0])
        return None

    def cap(self, capacity: Capacity, used: int) -> Capacity:
        """What the grid may have of a pool of which its orders use so much already."""
        most = self.caps.get(capacity.pool_id, capacity.accelerators)
        return Capacity(
            pool_id=capacity.pool_id,
            accelerators=min(capacity.accelerators, most),
            free=max(0, min(capacity.free, most - used)),
            healthy=capacity.healthy,
            detail=capacity.detail,
            drained=capacity.drained or self.drained,
            outages=capacity.outages,
        )

    def in_words(self) -> dict[str, str]:
        """What of it differs from allowing everything, for the hub to show."""
        words = {
            "drained": "yes" if self.drained else "",
            "caps": ", ".join(f"{pool} {most}" for pool, most in sorted(self.caps.items())),
            "accelerators_max": "" if self.accelerators_max is None else str(self.accelerators_max),
            "hours_max": "" if self.hours_max is None else f"{self.hours_max:g}",
            "programs": ", ".join(self.programs),
            "refused": ", ".join(self.refused),
        }
        return {name: text for name, text in words.items() if text}
