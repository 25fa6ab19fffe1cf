"""How to fill accelerators with shares, and what room on one is worth: the cutting-stock programme.

Gilmore and Gomory, "A linear programming approach to the cutting-stock problem", Operations Research 9, 1961: a linear
programme over the ways to fill one accelerator, to which ways are added while one would gain at its prices. What the
prices say of the last one is a bound in any case (Farley 1990).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.schedule.linear_programme import Floats, solve
from suanwang.schedule.packing.nodes import MILLI, Ints

ROUNDS_MAX = 500
SLACK = 1e-7


@dataclass(frozen=True, slots=True)
class Fill:
    """`most`: accelerators' worth that can be allocated at most. `room`: by thousandths left on an accelerator, what
    they are worth (thousandths): as much as the sizes that they could still take gain, at the programme's prices."""

    most: float
    room: Floats


def fill(counts: Mapping[int, float], accelerators: float) -> Fill:
    """`counts`: how often each size (thousandths, up to 1000) is asked for."""
    sizes = sorted(counts)
    if not sizes:
        return Fill(0.0, np.zeros(MILLI + 1))
    shares = np.array(sizes) / MILLI
    limits = np.array([accelerators, *(counts[size] for size in sizes)], dtype=np.float64)
    ways = [np.eye(len(sizes), dtype=np.int64)[i] * (MILLI // size) for i, size in enumerate(sizes)]
    most, room = np.inf, np.zeros(MILLI + 1)
    for _ in range(ROUNDS_MAX):
        table = np.array(ways).T
        _, prices = solve(shares @ table, np.vstack((np.ones(len(ways)), table)).astype(np.float64), limits)
        room, last = _worth_of_room(sizes, shares - prices[1:])
        most = min(most, float(limits[1:] @ prices[1:] + accelerators * max(room[MILLI], prices[0])))
        if room[MILLI] <= prices[0] + SLACK:
            break
        ways.append(_way(sizes, last))
    return Fill(most, room * MILLI)


def _worth_of_room(sizes: Sequence[int], worth: Floats) -> tuple[Floats, Ints]:
    """The unbounded knapsack for every amount of room, and the size that comes last in it (-1: none)."""
    value, last = np.zeros(MILLI + 1), np.full(MILLI + 1, -1, dtype=np.int64)
    for room in range(1, MILLI + 1):
        value[room] = value[room - 1]
        for i, size in enumerate(sizes):
            if size <= room and value[room - size] + worth[i] > value[room] + 1e-12:
                value[room], last[room] = value[room - size] + worth[i], i
    return value, last


def _way(sizes: Sequence[int], last: Ints) -> Ints:
    """How many of each size fill an accelerator best."""
    way, room = np.zeros(len(sizes), dtype=np.int64), MILLI
    while room > 0:
        if last[room] < 0:
            room -= 1
            continue
        way[last[room]] += 1
        room -= sizes[last[room]]
    return way
