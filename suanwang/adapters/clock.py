"""Clocks behind the `Clock` port: the wall's time, a faster one for demonstrations, one moved by hand for simulation.

Only this module reads the wall clock of the hub. Every clock is monotone: `now()` never goes backwards, even when the
wall clock is set back, and `from_wall` maps an earlier wall time to a grid time that is not later.
"""

import threading
import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Wall:
    """Seconds since the epoch that never fall: while the wall clock is behind, the highest reading is repeated."""

    def __init__(self) -> None:
        self._highest = float("-inf")
        self._mutex = threading.Lock()

    def read(self) -> float:
        with self._mutex:
            self._highest = max(self._highest, time.time())
            return self._highest


class SystemClock:
    """Grid time is the wall's time."""

    def __init__(self) -> None:
        self._wall = _Wall()

    def now(self) -> datetime:
        """Aware UTC, at microseconds."""
        return self.from_wall(self._wall.read())

    def from_wall(self, wall_s: float) -> datetime:
        """Seconds since the epoch as aware UTC."""
        return _EPOCH + timedelta(seconds=wall_s)

    def wall_seconds(self, grid_seconds: float) -> float:
        """The same."""
        return grid_seconds

    def sleep(self, grid_seconds: float) -> None:
        """Wait; a negative duration is none."""
        time.sleep(max(0.0, grid_seconds))


class FastClock:
    """Grid time that was `origin` at the wall time `wall_start` (s since the epoch) and runs `speed` times faster.

    Processes of one grid agree on the time when they are given the same three values. Raises ValueError for an origin
    without a time zone or a speed that is not above 0.
    """

    def __init__(self, origin: datetime, speed: float, wall_start: float) -> None:
        if origin.tzinfo is None:
            raise ValueError("the origin of a fast clock needs a time zone")
        if not 0 < speed < float("inf"):
            raise ValueError("the speed of a fast clock is a number above 0")
        self._origin = origin.astimezone(UTC)
        self._speed = speed
        self._wall_start = wall_start
        self._wall = _Wall()

    @staticmethod
    def wall_now() -> float:
        """The wall time (s since the epoch): the `wall_start` of a clock that is made now."""
        return time.time()

    def now(self) -> datetime:
        """Aware UTC, at microseconds."""
        return self.from_wall(self._wall.read())

    def from_wall(self, wall_s: float) -> datetime:
        """`origin` + (wall time - `wall_start`) * `speed`; before `wall_start` it is before `origin`."""
        return self._origin + timedelta(seconds=(wall_s - self._wall_start) * self._speed)

    def wall_seconds(self, grid_seconds: float) -> float:
        """Grid seconds / `speed`."""
        return grid_seconds / self._speed

    def sleep(self, grid_seconds: float) -> None:
        """Wait that much grid time; a negative duration is none."""
        time.sleep(max(0.0, self.wall_seconds(grid_seconds)))


class ManualClock:
    """Time that moves only when it is told to: `sleep` returns at once, later. Wall seconds are grid seconds here.

    Raises ValueError for a start without a time zone.
    """

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("the start of a manual clock needs a time zone")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """Aware UTC."""
        return self._now

    def advance(self, grid_seconds: float) -> datetime:
        """Move on and return the new time. Raises ValueError when that would be backwards."""
        if grid_seconds < 0:
            raise ValueError("grid time never goes backwards")
        self._now += timedelta(seconds=grid_seconds)
        return self._now

    def from_wall(self, wall_s: float) -> datetime:
        """Seconds since the epoch as aware UTC."""
        return _EPOCH + timedelta(seconds=wall_s)

    def wall_seconds(self, grid_seconds: float) -> float:
        """The same."""
        return grid_seconds

    def sleep(self, grid_seconds: float) -> None:
        """Move on by that much; a negative duration is none."""
        self.advance(max(0.0, grid_seconds))
