"""Price- and carbon-aware shifting: a job waits for cheaper or cleaner hours (Wiesner et al., Middleware 2021)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from suanwang.domain.reason import Reason
from suanwang.errors import Never, msg
from suanwang.schedule.decisions import Refused, Wait
from suanwang.schedule.queues import Easy, Queue
from suanwang.schedule.snapshot import PoolState, Snapshot, Waiting


@dataclass(frozen=True, slots=True)
class Shift:
    """A job may wait until `slack` after it was created, and not so long that it misses its deadline, for the start
    with the least energy cost: price plus `carbon_price` (currency/t) times carbon. It waits only if that saves
    `saving` of the cost of starting now or more. Among those that do not wait: EASY.
    """

    slack: timedelta = timedelta(hours=12)
    carbon_price: float = 0.0
    saving: float = 0.05
    name: str = "shift"
    blocks: bool = False

    def order(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Waiting]:  # noqa: ARG002
        """By creation, then id."""
        return sorted(due, key=lambda job: (job.since, job.job_id))

    def queue(self, sizes: Sequence[int], estimates: Sequence[float]) -> Queue:
        """With a reservation for the first that does not fit."""
        return Easy(sizes, estimates)

    def hold(self, due: Sequence[Waiting], snapshot: Snapshot) -> Sequence[Wait | Refused]:
        """Jobs whose best start is later than now; none where the pool's price and carbon are not known."""
        pools = {pool.pool_id: pool for pool in snapshot.pools}
        held: list[Wait | Refused] = []
        for job in due:
            pool = pools.get(job.pool_id)
            start = self._best(job, pool, snapshot.now) if pool else snapshot.now
            if start > snapshot.now:
                detail = msg("Energy costs less from {start} on.", start=start.isoformat())
                held.append(Wait(job_id=job.job_id, reason=Reason.WAITING_FOR_CHEAP_POWER, detail=detail, until=start))
        return held

    def _best(self, job: Waiting, pool: PoolState, now: datetime) -> datetime:
        """The cheapest start, which is now or makes the run begin or end with a step of a signal."""
        latest, run = job.since + self.slack, timedelta(seconds=job.run_s_max * job.left)
        if job.deadline is not None:
            latest = min(latest, job.deadline - run)
        if latest <= now or run > timedelta(days=3650):
            return now
        try:
            costs = {start: self._cost(pool, start, start + run) for start in _starts(pool, now, latest, run)}
        except Never:  # the signals do not reach so far
            return now
        best = min(costs, key=lambda start: (costs[start], start))
        return best if costs[best] <= costs[now] * (1.0 - self.saving) and costs[best] < costs[now] else now

    def _cost(self, pool: PoolState, start: datetime, end: datetime) -> float:
        """Currency for a kW from start to end."""
        price = float(pool.price.integral(start, end)) if pool.price else 0.0
        return price + (float(pool.carbon.integral(start, end)) * self.carbon_price / 1000.0 if pool.carbon else 0.0)


def _starts(pool: PoolState, now: datetime, latest: datetime, run: timedelta) -> Iterable[datetime]:
    starts = {now}
    for signal in (pool.price, pool.carbon):
        if signal is not None:
            edges = [edge for edge, _, _ in signal.pieces(now, latest + run)]
            starts |= {at for edge in edges for at in (edge, edge - run) if now < at <= latest}
    return starts


POLICY = Shift()
