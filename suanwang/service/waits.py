"""Waits in the queues of sites' engines, from the store: what became of the latest jobs that were sent there."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from suanwang.domain.estimate import Band, Estimate
from suanwang.domain.job import Job, JobState
from suanwang.domain.signal import EPOCH
from suanwang.domain.site import Grid
from suanwang.place.waits import Arrival, History, predict
from suanwang.ports import Transaction
from suanwang.service.submit import job_id

LOOK_BACK = tuple(timedelta(hours=hours) for hours in (2, 12, 48, 336))
"""How far back it looks: as little as has `ENOUGH` jobs."""
ENOUGH, MOST = 200, 500
NOTICED_S = 60.0
"""A predicted wait of less is none: engines take seconds to start what they have room for."""
STARTED = (JobState.RUNNING, JobState.SUCCEEDED, JobState.FAILED, JobState.SETTLED)

Row = tuple[float, float, float, float]


class Queues:
    """The queue of each pool as its jobs found it: `wait` predicts for one that comes now."""

    def __init__(self, histories: Mapping[str, History], now: datetime, grid: Grid, ahead: Mapping[str, float]) -> None:
        self._histories, self._now, self._grid, self._ahead = histories, now, grid, ahead

    def wait(self, pool_id: str, estimate: Estimate) -> Band | None:
        """The band of the wait in s, in the engine's queue, of a run that is sent there now; None: not known, or next
        to nothing."""
        history = self._histories.get(pool_id)
        if history is None:
            return None
        arrival = Arrival(
            at_s=_seconds(self._now),
            accelerators=estimate.accelerators,
            asked_s=estimate.time_s.high,
            ahead_s=self._ahead.get(pool_id, 0.0) / self._grid.pool(pool_id).accelerators,
        )
        band = predict(history, arrival)
        return band if band is not None and band.high >= NOTICED_S else None


def queues_of(tx: Transaction, now: datetime, grid: Grid) -> Queues:
    """From the events of jobs that were sent to their engines: sent is when they came, running when they started."""
    jobs: list[Job] = []
    for back in LOOK_BACK:
        since = (now - back - EPOCH) // timedelta(milliseconds=1)
        jobs = tx.jobs.find(states=(*STARTED, JobState.QUEUED), after=job_id("", "", since)[:12], limit=MOST)
        if len(jobs) >= ENOUGH:
            break
    rows: dict[str, list[Row]] = defaultdict(list)
    ahead: dict[str, float] = defaultdict(float)
    for job in jobs:
        if job.placement is None or job.attempt == 0:
            continue
        option = job.placement.option
        work = option.accelerators * option.estimate.time_s.high
        if job.state is JobState.QUEUED:
            ahead[option.pool_id] += work
        elif (times := _sent_and_started(tx, job)) is not None:
            rows[option.pool_id].append((*times, option.accelerators, option.estimate.time_s.high))
    pools = {pool.id: pool.accelerators for pool in grid.pools}
    histories = {pool: _history(found, pools[pool]) for pool, found in rows.items() if pool in pools}
    return Queues(histories, now, grid, ahead)


def _sent_and_started(tx: Transaction, job: Job) -> tuple[float, float] | None:
    """When the first attempt was sent, and when it ran; None where it never did."""
    sent = None
    for event in tx.jobs.events(job.id):
        if event.after is JobState.QUEUED and sent is None:
            sent = event.at
        elif event.after is JobState.RUNNING and sent is not None:
            return _seconds(sent), _seconds(event.at)
    return None


def _history(rows: list[Row], accelerators: int) -> History:
    came, started, size, asked = np.array(sorted(rows, key=lambda row: row[1]), np.float64).T
    order = np.argsort(came, kind="stable")
    work = size * asked
    come = np.concatenate([[0.0], np.cumsum(work[order])])
    gone = np.concatenate([[0.0], np.cumsum(work)])
    before = np.searchsorted(came[order], came, side="left")
    left = np.searchsorted(started, came, side="right")
    ahead = np.maximum(come[before] - gone[left], 0.0) / accelerators
    return History(came_s=came, started_s=started, accelerators=size, asked_s=asked, ahead_s=ahead)


def _seconds(when: datetime) -> float:
    return (when - EPOCH).total_seconds()
