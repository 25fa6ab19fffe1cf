"""Quotes: the least that each workload would pay, over all its options and starts, at given prices of capacity.

A run of h hours from s on a rate costs the same for every workload, per accelerator. So each shape (rate, hours) is
priced once for all starts, and the least over a window of starts is looked up in two overlapping blocks whose length
is a power of two (a sparse table). The work is options + shapes x hours x log2(longest window): no worse than linear.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from suanwang.place.instance import REFUSED, Assignment, Floats, Instance, Ints, Small, sums, usage

ROWS = 128
"""Shapes that are priced at a time: 128 x 168 hours are 172 kB in double precision."""

MANY = 1_000_000
"""Options from which on two threads quote them."""

T = TypeVar("T")

Prices = Floats
"""(P, T) of an accelerator of a pool for an hour, on top of the rates; never negative."""


@dataclass(frozen=True, slots=True)
class _Block:
    """Options of one pool, at most one of each workload: rows [begin, end) of the option columns."""

    begin: int
    end: int
    workload: Small


class Quoter:
    """Quotes for one instance, again and again. Takes about 12 bytes an option and 5 a shape, hour and level."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        hours = instance.capacity.shape[1]
        key = instance.rate.astype(np.int64) * (hours + 1) + instance.hours
        present = np.zeros(len(instance.rate_pool) * (hours + 1), np.bool_)
        present[key] = True
        number = (np.cumsum(present) - 1).astype(np.int32)
        self._rate, self._hours = np.divmod(np.flatnonzero(present), hours + 1)
        window = instance.last - instance.first + 1
        level = np.frexp(window)[1].astype(np.int32) - 1
        self._levels = 1 + int(level.max(initial=0))
        self._shapes, self._width = len(self._rate), hours
        self._base = number[key] * np.int32(hours)
        self._early = level * np.int32(self._shapes * hours) + self._base + instance.first
        self._late = self._early + (window - (1 << level)).astype(np.int32)
        self._gang = instance.gang.astype(np.float32)
        self._fixed = instance.fixed.astype(np.float32)
        self._longest = int(self._hours.max(initial=0))
        self._table = np.empty((self._levels, self._shapes * hours), np.float32)
        self._quote, self._spare = np.empty((2, len(instance.rate)), np.float32)
        self._blocks = _blocks(instance)
        self._begins = np.array([block.begin for block in self._blocks], np.int64)

    @property
    def capacity(self) -> Floats:
        """What `prices` price, in the same shape; at least 1, so that it can be divided by."""
        return np.maximum(self.instance.capacity, 1).astype(np.float64)

    def tolls(self, prices: Prices) -> Floats:
        """(R, T) what prices add to an accelerator-hour of each rate."""
        return prices[self.instance.rate_pool]

    def load(self, wish: Assignment) -> Floats:
        """What a wish takes of what is priced, in the shape of the prices."""
        return usage(self.instance, wish).astype(np.float64)

    def worth(self, prices: Prices) -> float:
        """What all capacity costs at some prices."""
        return float((prices * self.instance.capacity).sum())

    def price(self, prices: Prices) -> None:
        """Fill the table: level 0 what a run of each shape costs from each hour on, level k the least of 2^k hours."""
        instance, width = self.instance, self._width
        total = sums(instance.per_hour + self.tolls(prices))
        padded = np.concatenate([total, np.repeat(total[:, -1:], self._longest, axis=1)], axis=1)
        later = sliding_window_view(padded, width, axis=1)  # later[rate, h, s] = total[rate, s + h]
        for begin in range(0, self._shapes, ROWS):  # some shapes at a time, so that they stay in the cache
            end = min(begin + ROWS, self._shapes)
            rate = self._rate[begin:end]
            run = later[rate, self._hours[begin:end]]
            run -= later[rate, 0]
            self._table[0, begin * width : end * width] = run.reshape(-1)
            for k in range(1, self._levels):  # over the end of a row into the next: no window reaches there
                half = 1 << (k - 1)
                below, level = self._table[k - 1 : k + 1, begin * width : end * width]
                np.minimum(below[:-half], below[half:], out=level[:-half])

    def _least(self, blocks: Sequence[_Block]) -> NDArray[np.float32]:
        """What the options of some blocks, one after another, cost at their best start, at the prices of the table;
        (W,) the least of them, or the refusal."""
        part = slice(blocks[0].begin, blocks[-1].end)
        flat, run, late = self._table.reshape(-1), self._quote[part], self._spare[part]
        flat.take(self._early[part], out=run, mode="clip")  # all are inside, and numpy need not copy to be sure
        flat.take(self._late[part], out=late, mode="clip")
        np.minimum(run, late, out=run)
        run *= self._gang[part]
        run += self._fixed[part]
        best = self.instance.refusal.astype(np.float32)
        for block in blocks:
            best[block.workload] = np.minimum(best[block.workload], self._quote[block.begin : block.end])
        return best

    def _in_parts(self, work: Callable[[Sequence[_Block]], T]) -> list[T]:
        """Work on all blocks; where options are many in two threads: numpy lets them run side by side."""
        half = int(np.searchsorted(self._begins, len(self._quote) // 2))
        if len(self._quote) < MANY or not 0 < half < len(self._blocks):
            return [work(self._blocks)] if self._blocks else []
        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(work, (self._blocks[:half], self._blocks[half:])))

    def choose(self, prices: Prices) -> tuple[NDArray[np.float32], Assignment]:
        """(W,) the least that each workload pays, and the option and earliest start for which it does, or REFUSED."""
        self.price(prices)
        best = reduce(np.minimum, self._in_parts(self._least), self.instance.refusal.astype(np.float32))
        option = np.full(len(best), REFUSED, np.int64)

        def chosen(blocks: Sequence[_Block]) -> Ints:
            begin, end = blocks[0].begin, blocks[-1].end
            least = self._spare[begin:end]
            best.take(self.instance.workload[begin:end], out=least, mode="clip")
            return begin + np.flatnonzero(self._quote[begin:end] == least)

        for found in reversed(self._in_parts(chosen)):  # of several that cost the same, the first is written last
            option[self.instance.workload[found[::-1]]] = found[::-1]
        return best, Assignment(option=option, start=self.starts(option))

    def starts(self, option: Ints) -> Ints:
        """The earliest start of least cost of each option, at the prices of the table; 0 where it is REFUSED.

        The first hour whose cost is the least of the window is found by halving: a block that has it not is skipped.
        """
        placed = np.flatnonzero(option != REFUSED)
        chosen = option[placed]
        flat = self._table.reshape(-1)
        least = np.minimum(flat[self._early[chosen]], flat[self._late[chosen]])
        base = self._base[chosen].astype(np.int64)
        at = base + self.instance.first[chosen]
        for k in reversed(range(self._levels)):
            level = k * self._shapes * self._width
            inside = at - base + (1 << k) <= self._width
            at += np.where(inside & (flat[level + at] > least), 1 << k, 0)
        result = np.zeros(len(option), np.int64)
        result[placed] = at - base
        return result

    def offers(self, batch: "Batch") -> "Offers":
        """What the workloads of a batch are quoted at the prices of the table."""
        flat, option = self._table.reshape(-1), batch.option
        run = np.minimum(flat.take(self._early[option]), flat.take(self._late[option]))
        shape = (len(batch.workload), max(1, len(self._blocks)))
        quote = np.full(shape, np.inf, np.float32)
        number = np.full(shape, REFUSED, np.int32)
        column = np.searchsorted(self._begins, option, side="right") - 1
        quote[batch.row, column] = run * self._gang[option] + self._fixed[option]
        number[batch.row, column] = option
        return Offers(quote, number)

    def batches(self, groups: Sequence[Ints]) -> Iterator["Batch"]:
        """The options of each group of workloads; a workload is in one group at most."""
        group, place = np.full((2, self.instance.workloads), len(groups), np.int32)
        for number, members in enumerate(groups):
            group[members], place[members] = number, np.arange(len(members))
        of_option = group[self.instance.workload].astype(np.int16)
        order = np.argsort(of_option, kind="stable")
        ends = np.cumsum(np.bincount(of_option, minlength=len(groups) + 1))
        for number, members in enumerate(groups):
            option = order[0 if number == 0 else ends[number - 1] : ends[number]]
            yield Batch(members, option, place[self.instance.workload[option]])


@dataclass(frozen=True, slots=True)
class Batch:
    """(k,) workloads, their (m,) options in order, and for each option the row of its workload."""

    workload: Ints
    option: Ints
    row: Small


@dataclass(frozen=True, slots=True)
class Offers:
    """(k, B) quotes of k workloads, infinite where there is none, and their options, REFUSED where there is none."""

    quote: NDArray[np.float32]
    option: Small

    def ranked(self, row: int) -> tuple[list[int], list[float]]:
        """The options of a workload and their quotes, the cheapest first."""
        order = self.quote[row].argsort()
        return self.option[row][order].tolist(), self.quote[row][order].tolist()

    @property
    def cheapest(self) -> Ints:
        """(k,) the cheapest option of each workload, or REFUSED."""
        best = self.quote.argmin(axis=1)
        return np.asarray(self.option[np.arange(len(best)), best], np.int64)


def _blocks(instance: Instance) -> list[_Block]:
    """Runs of options of one pool without a workload twice (a workload may have several layouts on a pool)."""
    new_pool = np.diff(instance.pool, prepend=-1) != 0
    again = (np.diff(instance.workload, prepend=-1) == 0) & ~new_pool
    cuts = np.flatnonzero(new_pool | again).tolist()
    edges = [*cuts, len(instance.workload)]
    return [_Block(a, b, instance.workload[a:b]) for a, b in pairwise(edges)]
