"""A small linear programme: the primal simplex method on a dense tableau (Dantzig 1951), for a feasible origin."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TOLERANCE = 1e-9


def maximise(gain: Floats, rows: Floats, limits: Floats, pivots_max: int = 20_000) -> Floats:
    """The x >= 0 that maximises gain @ x with rows @ x <= limits, where every limit is 0 or more. As `solve`."""
    return solve(gain, rows, limits, pivots_max)[0]


def solve(gain: Floats, rows: Floats, limits: Floats, pivots_max: int = 20_000) -> tuple[Floats, Floats]:
    """The same x, and the price of each limit: what one more of it would gain.

    Starts at x = 0. Enters the column of the greatest gain, and after a pivot that gains nothing the first that gains
    (Bland 1977), so that it ends. Raises ValueError for a negative limit and when there is no end to the gain.
    """
    if (limits < 0).any():
        raise ValueError("the origin must be feasible: a limit is negative")
    count, width = rows.shape
    table = np.zeros((count + 1, width + count + 1))
    table[:count, :width], table[:count, -1] = rows, limits
    table[:count, width:-1] = np.eye(count)
    table[-1, :width] = -gain
    basis = np.arange(width, width + count)
    stalled = False
    for _ in range(pivots_max):
        prices = table[-1, :-1]
        entering = int((prices < -TOLERANCE).argmax()) if stalled else int(prices.argmin())
        if prices[entering] >= -TOLERANCE:
            break
        column = table[:count, entering]
        up = column > TOLERANCE
        if not up.any():
            raise ValueError("there is no end to the gain")
        ratios = np.full(count, np.inf)
        ratios[up] = table[:count, -1][up] / column[up]
        least = ratios.min()
        ties = np.flatnonzero(ratios <= least + TOLERANCE)
        leaving = int(ties[basis[ties].argmin()])
        stalled = bool(least <= TOLERANCE)
        _pivot(table, leaving, entering)
        basis[leaving] = entering
    x = np.zeros(width + count)
    x[basis] = table[:count, -1]
    return x[:width], table[-1, width:-1].clip(min=0.0)


def _pivot(table: Floats, row: int, column: int) -> None:
    table[row] /= table[row, column]
    others = table[:, column].copy()
    others[row] = 0.0
    used = np.flatnonzero(np.abs(others) > 1e-12)
    table[used] -= np.outer(others[used], table[row])
