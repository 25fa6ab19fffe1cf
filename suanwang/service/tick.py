"""The control plane: one tick, seven steps. A crash between any two of them is mended by the next tick."""

from dataclasses import dataclass
from datetime import datetime

from suanwang.schedule.cycle import cycle
from suanwang.schedule.policy import Policy
from suanwang.service.collect import cancel_asked, collect
from suanwang.service.dispatch import admit, dispatch, snapshot
from suanwang.service.hub import Hub
from suanwang.service.office import sweep
from suanwang.service.orders import plan_new
from suanwang.service.preempt import preempt
from suanwang.service.settlement import settle_ended


@dataclass(frozen=True, slots=True, kw_only=True)
class TickReport:
    """What one tick did: counts of orders that ended, jobs planned, admitted and settled, orders sent; `stopped`: jobs
    that were asked to stop, or refused."""

    at: datetime
    ended: int
    planned: int
    admitted: int
    sent: int
    settled: int
    stopped: int = 0

    @property
    def idle(self) -> bool:
        """Nothing changed."""
        return not (self.ended or self.planned or self.admitted or self.sent or self.settled or self.stopped)


def tick(hub: Hub, policy: Policy, before: datetime | None = None) -> TickReport:
    """Run the seven steps once. Idempotent: a tick with no news changes nothing.

    `before`: when the tick before was, for policies that decide in rounds; None: not known, so that a round begins.
    """
    cancel_asked(hub, hub.clock.now())
    seen = collect(hub)  # 2 engine states, and 3 metering of what they say
    now = hub.clock.now()  # 1 the clock, for all that follows from that: no job is settled before it ended
    planned = plan_new(hub, now)
    state = snapshot(hub, now, seen.unreachable, policy, before)  # 4 snapshot
    decisions = cycle(state, policy)  # 5 cycle
    stopped = preempt(hub, state, decisions, now)
    orders = admit(hub, state, decisions, now)
    sent = dispatch(hub, [*seen.unsent, *orders], now)  # 6 dispatch
    settled = settle_ended(hub, now)  # 7 settle, with the voucher offices' own steps
    sweep(hub, now)
    return TickReport(
        at=now, ended=seen.ended, planned=planned, admitted=len(orders), sent=sent, settled=settled, stopped=stopped
    )
