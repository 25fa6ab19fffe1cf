"""What has run: the memory of fair share (decayed use by tenant) and of prediction (the last run times of a user)."""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log

LAST_RUNS = 2
"""Tsafrir, Etsion and Feitelson (IEEE TPDS 2007): the mean of a user's last two run times predicts best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run that has ended, on so many accelerators; `complete`: the job is over too, and ran `job_s` in all."""

    tenant: str
    user: str
    accelerators: int
    start: datetime
    end: datetime
    complete: bool = True
    job_s: float = 0.0


class History:
    """Grows by `add` in the order of the ends; a snapshot only reads it. Decayed sums are kept, not computed anew."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._runs: list[Run] = []
        self._last: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=LAST_RUNS))
        self._decayed: dict[timedelta, _Decayed] = {}
        for run in runs:
            self.add(run)

    def add(self, run: Run) -> None:
        """A run has ended."""
        self._runs.append(run)
        if run.complete:
            self._last[run.user].append(run.job_s)

    def predicted_s(self, user: str, asked_s: float) -> float:
        """Mean of the user's last two run times, at most what was asked for; that where nothing is known. Seconds."""
        last = self._last.get(user)
        return min(asked_s, sum(last) / len(last)) if last else asked_s

    def used_s(self, now: datetime, half_life: timedelta) -> dict[str, float]:
        """Accelerator-seconds by tenant, each second worth half as much after every half-life since it was used."""
        decayed = self._decayed.get(half_life)
        if decayed is None:
            decayed = self._decayed[half_life] = _Decayed(half_life)
        return decayed.at(now, self._runs)


class _Decayed:
    """Sums of the runs seen so far, as of one instant."""

    def __init__(self, half_life: timedelta) -> None:
        self._half_life = half_life
        self._rate = log(2) / half_life.total_seconds()
        self._seen = 0
        self._as_of: datetime | None = None
        self._sums: dict[str, float] = {}

    def at(self, now: datetime, runs: list[Run]) -> dict[str, float]:
        if self._as_of is not None and now != self._as_of:
            factor = exp(-self._rate * (now - self._as_of).total_seconds())
            self._sums = {tenant: value * factor for tenant, value in self._sums.items()}
        self._as_of = now
        for run in runs[self._seen :]:
            worth = decayed_s(now, run.start, run.end, self._half_life) * run.accelerators
            self._sums[run.tenant] = self._sums.get(run.tenant, 0.0) + worth
        self._seen = len(runs)
        return self._sums


def decayed_s(now: datetime, start: datetime, end: datetime, half_life: timedelta) -> float:
    """The integral over [start, end) of 2 ** -((now - t) / half_life), in seconds."""
    rate = log(2) / half_life.total_seconds()
    since, until = (now - start).total_seconds(), (now - end).total_seconds()
    return (exp(-rate * until) - exp(-rate * since)) / rate
