"""Feeds: the signals that sites take from elsewhere, read again and again while a hub serves, and remembered.

What is heard goes over what was known (`Site.heard`): later hours have the newest forecast, earlier ones keep theirs.
What was news is kept in the store with the time when it was heard, so that a past hour has the same price after a
restart. What was metered is charged already, and does not change. A feed that cannot be read leaves all as it is, and
is told.
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from suanwang.domain.signal import Signal, SignalVersion, news, overlaid
from suanwang.domain.site import Grid
from suanwang.errors import InvalidInput, Problem
from suanwang.hub_ports import HubStore, Operations

log = logging.getLogger("suanwang.feeds")

Heard = Mapping[str, Mapping[str, Signal]]
"""Signals by site and field."""
KEPT = timedelta(days=62)
"""How far back a restart knows what was heard: last month, until its books are closed."""


def with_heard(grid: Grid, heard: Heard) -> Grid:
    """The grid with what its sites heard; sites that it does not have are left out."""
    sites = tuple(site.heard(heard[site.id]) if heard.get(site.id) else site for site in grid.sites)
    return replace(grid, sites=sites)


def remember(store: HubStore, heard: Heard, at: datetime) -> None:
    """Keep what of it is news, with the time when it was heard."""
    with store.transaction() as tx:
        _keep(tx.operations, heard, at)


def with_remembered(grid: Grid, store: HubStore, now: datetime) -> Grid:
    """The grid with what its sites were told when it was read, and for the hours before with what they heard then."""
    told = {site.id: site.told for site in grid.sites if site.told}
    if not told:
        return grid
    with store.transaction() as tx:
        _keep(tx.operations, told, now)
        known = _by_signal(tx.operations.heard(now - KEPT))
    for (site, field), signals in known.items():
        for stretch in overlaid(signals) if field in told.get(site, ()) else ():
            grid = with_heard(grid, {site: {field: stretch}})
    return grid


def _keep(operations: Operations, heard: Heard, at: datetime) -> None:
    since = min((signal.edges[0] for signals in heard.values() for signal in signals.values()), default=at)
    known = _by_signal(operations.heard(since))
    for site, signals in heard.items():
        for field, signal in signals.items():
            parts = news(known[site, field], signal)
            operations.hear([SignalVersion(site_id=site, field=field, at=at, signal=part) for part in parts])


def _by_signal(versions: Sequence[SignalVersion]) -> Mapping[tuple[str, str], list[Signal]]:
    found: dict[tuple[str, str], list[Signal]] = defaultdict(list)
    for version in versions:
        found[version.site_id, version.field].append(version.signal)
    return found


class Feeds:
    """A thread that reads every `every_s` seconds, first after as long."""

    def __init__(
        self,
        every_s: float,
        read: Callable[[], tuple[Heard, Sequence[Problem]]],
        take: Callable[[Heard], None],
        told: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`take` gets what was read, `told` how many signals could not be; both are called in the thread."""
        self._every_s = every_s
        self._read = read
        self._take = take
        self._told = told
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feeds", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End; what is being read is not waited for."""
        self._stop.set()

    def once(self) -> None:
        """Read, and hand on what could be read."""
        try:
            heard, problems = self._read()
        except InvalidInput as error:
            heard, problems = {}, error.problems
        for problem in problems:
            log.warning("signal not read: %s: %s", problem.place, problem.message)
        if heard or problems:
            self._told(len(problems))
        if heard and not self._stop.is_set():
            self._take(heard)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self.once()
            except Exception:
                log.exception("signals not read")
                self._told(1)
