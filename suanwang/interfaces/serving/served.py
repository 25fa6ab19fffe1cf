"""What the processes of a hub have answered: how many requests, with which status, how fast; and how its ticks went.

Several processes may serve one address. Each counts in a row of its own of a board that all of them map, so that
whichever is asked for the metrics tells those of all.
"""

import mmap
import threading
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path

import numpy as np

BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets that times are counted in."""
STATUSES = tuple(f"{first}xx" for first in range(6))
TICKS = ("ticks", "tick_faults", "tick_seconds", "tick_leader", "replanned", "ticking")
SIGNALS = ("signal_reads", "signal_faults")
FIELDS = (
    *STATUSES,
    *SIGNALS,
    "in_flight",
    "streams",
    "seconds",
    *(f"bucket {n}" for n in range(len(BOUNDS_S) + 1)),
    *TICKS,
)
_PLACE = {field: number for number, field in enumerate(FIELDS)}
_ROW_BYTES = np.dtype(np.float64).itemsize * len(FIELDS)


class Board:
    """A row of numbers for each process; without a path, for this one alone. Each process writes its own row only."""

    def __init__(self, path: Path | None = None, rows: int = 1) -> None:
        size = _ROW_BYTES * rows
        if path is None:
            self._numbers = np.zeros((rows, len(FIELDS)))
            return
        with path.open("a+b") as file:
            file.truncate(size)
            self._numbers = np.frombuffer(mmap.mmap(file.fileno(), size)).reshape(rows, len(FIELDS))

    def row(self, number: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        row: np.ndarray[tuple[int], np.dtype[np.float64]] = self._numbers[number]
        return row

    def total(self, field: str) -> float:
        """The sum over all processes."""
        return float(self._numbers[:, _PLACE[field]].sum())


class Served:
    """What this process counts, on a board: row `number`."""

    def __init__(self, board: Board | None = None, number: int = 0) -> None:
        self._board = board or Board()
        self._mine = self._board.row(number)
        self._mutex = threading.Lock()
        self._mine[:] = 0.0  # a process that died here may have left requests in flight

    def add(self, field: str, change: float) -> None:
        with self._mutex:
            self._mine[_PLACE[field]] += change

    def put(self, figures: Mapping[str, float]) -> None:
        with self._mutex:
            for field, value in figures.items():
                self._mine[_PLACE[field]] = value

    def answered(self, status: int, seconds: float) -> None:
        with self._mutex:
            self._mine[status // 100 if status < 600 else 5] += 1
            self._mine[_PLACE["seconds"]] += seconds
            self._mine[_PLACE["bucket 0"] + bisect_left(BOUNDS_S, seconds)] += 1

    def here(self, field: str) -> float:
        """Of this process: what bounds how much it takes at once."""
        return float(self._mine[_PLACE[field]])

    def total(self, field: str) -> float:
        """Of all processes."""
        return self._board.total(field)

    def by_status(self) -> dict[str, float]:
        """The classes that were answered with, over all processes."""
        return {status: count for status in STATUSES if (count := self.total(status))}

    def buckets(self) -> list[tuple[str, float]]:
        """(upper bound, how many were at most so long), as Prometheus wants them."""
        total, made = 0.0, []
        for number, bound in enumerate([*map(str, BOUNDS_S), "+Inf"]):
            total += self.total(f"bucket {number}")
            made.append((bound, total))
        return made
