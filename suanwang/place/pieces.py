"""Pieces: a run that may be paused and moved, cut into the pieces that cost least together.

In each slot of a window the run goes on at one of the places or is paused. The run is counted in `units`; a place does
`pace` units in a slot, rounded down, so that what is planned is enough. Going on where one ran before costs nothing
extra; beginning again, after a pause or elsewhere, takes `begin` units of the place's time, and on another place
`moving` besides. The least cost over all ways is found by dynamic programming over slots, places and units left: exact
for whole slots and this unit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanwang.place.instance import Floats, Ints

PAUSED = -1
GOES_ON, BEGINS, RESUMES = -1, -2, -3
"""Where a place's state came from: the same place a slot before, or the first beginning; else the place it left."""


@dataclass(frozen=True, kw_only=True)
class Course:
    """A run of `units` on P places over T slots: (P, T) `cost` of a slot there, infinite where it may not run; (P,)
    `pace` and `begin` in units, and cost of the first `entry`; (P, P) cost of `moving` from one place to another."""

    units: int
    entry: Floats
    cost: Floats
    pace: Ints
    begin: Ints
    moving: Floats

    def __post_init__(self) -> None:
        if (self.pace < 1).any() or (self.begin < 0).any() or (self.moving < 0).any():
            raise ValueError("a place makes progress, and beginning and moving cost nothing at least")


@dataclass(frozen=True, slots=True)
class _Origin:
    """For each place and units left after a slot: the units left before it, and where the state came from."""

    units: Ints
    source: Ints
    halted: Ints


def cheapest(course: Course) -> tuple[float, Ints]:
    """The least cost, infinite where the run cannot be done, and the (T,) place of each slot, or PAUSED."""
    places, slots = course.cost.shape
    left = course.units + int(course.begin.max(initial=0)) + 1
    running, halted = np.full((2, places, left), np.inf)
    best, end, origins = float("inf"), (0, 0), list[_Origin]()
    for slot in range(slots):
        running, halted, origin = _step(course, slot, running, halted)
        origins.append(origin)
        done = running[:, 0]
        place = int(done.argmin())
        if done[place] < best:
            best, end = float(done[place]), (slot, place)
        running[:, 0] = np.inf
    if not np.isfinite(best):
        return best, np.full(slots, PAUSED, np.int64)
    return best, _trace(origins, *end)


def _step(course: Course, slot: int, running: Floats, halted: Floats) -> tuple[Floats, Floats, _Origin]:
    """The states after a slot. Those that are paused keep their place; `halted` says where that was known before."""
    places, left = running.shape
    here = np.minimum(running, halted)
    arrive = here[:, None, :] + course.moving[:, :, None]
    source = arrive.argmin(axis=0)
    entered = np.take_along_axis(arrive, source[None], axis=0)[0]
    after = np.full((places, left), np.inf)
    units, came = np.zeros((2, places, left), np.int64)
    for p in range(places):
        pace, begin = int(course.pace[p]), int(course.begin[p])
        fresh = np.full(left, np.inf)
        fresh[course.units] = course.entry[p]
        ways = ((running[p], pace, GOES_ON), (fresh, pace, BEGINS), (entered[p], pace - begin, 0))
        for before, done, kind in ways:
            value, was = _less(before, done)
            better = value + course.cost[p, slot] < after[p]
            after[p][better] = value[better] + course.cost[p, slot]
            units[p][better] = was[better]
            came[p][better] = source[p][was[better]] if kind == 0 else kind
    return after, here, _Origin(units, came, (running < halted).astype(np.int64))


def _less(before: Floats, done: int) -> tuple[Floats, Ints]:
    """Costs by units left after `done` of them (negative: more are left), and the units left before."""
    left = len(before)
    was = np.arange(left) + done
    value = np.where((was >= 1) & (was < left), before[np.clip(was, 0, left - 1)], np.inf)
    if done > 0:  # whoever had at most that many left is done
        first = 1 + int(before[1 : done + 1].argmin())
        value[0], was[0] = before[first], first
    return value, np.clip(was, 0, left - 1)


def _trace(origins: list[_Origin], slot: int, place: int) -> Ints:
    """The place of each slot, back from the end."""
    course, units, running = np.full(len(origins), PAUSED, np.int64), 0, True
    while slot >= 0:
        origin = origins[slot]
        if running:
            course[slot] = place
            units, source = int(origin.units[place, units]), int(origin.source[place, units])
            if source == BEGINS:
                break
            if source != GOES_ON:
                place, running = source, bool(origin.halted[source, units])
        elif origins[slot].halted[place, units]:
            running = True
        slot -= 1
    return course


@dataclass(frozen=True, kw_only=True)
class Alone:
    """A run of `units` at one place over T slots: as `Course`, with (T,) `cost`; its first cost is not counted."""

    units: int
    cost: Floats
    pace: int
    begin: int


def cheapest_alone(run: Alone) -> tuple[float, Ints]:
    """The same as `cheapest` for one place, several times as fast: 0 for a slot in which it runs, or PAUSED.

    Kept for each number of units left: the least cost where the slot before was run, and where it was not.
    """
    size = run.units + run.begin + 1
    running, halted = np.full((2, size), np.inf)
    best, last, ways = float("inf"), (0, GOES_ON, 0), list[tuple[Ints, NDArray[np.bool_]]]()
    resumes = run.pace - run.begin
    for slot, cost in enumerate(run.cost.tolist()):
        for kind, before, done in ((GOES_ON, running, run.pace), (RESUMES, halted, resumes)):
            if done > 0 and cost + (least := float(before[1 : done + 1].min(initial=np.inf))) < best:
                best, last = cost + least, (slot, kind, 1 + int(before[1 : done + 1].argmin()))
        if run.units <= run.pace and cost < best:
            best, last = cost, (slot, BEGINS, run.units)
        on, again = _shifted(running, run.pace), _shifted(halted, resumes)
        after, via = np.minimum(on, again) + cost, np.where(on <= again, GOES_ON, RESUMES)
        if run.units > run.pace and cost < after[run.units - run.pace]:
            after[run.units - run.pace], via[run.units - run.pace] = cost, BEGINS
        ways.append((via, running < halted))
        running, halted = after, np.minimum(running, halted)
    way = np.full(len(run.cost), PAUSED, np.int64)
    return best, way if best == np.inf else _trace_alone(run, ways, way, last)


def _shifted(before: Floats, done: int) -> Floats:
    """(units left) -> the cost with `done` more left; none where that is nothing or more than there can be."""
    after, done = np.full(len(before), np.inf), min(done, len(before) - 1)
    if done >= 0:
        after[1 : len(before) - done] = before[1 + done :]
    else:
        after[1 - done :] = before[1:done]
    return after


def _trace_alone(run: Alone, ways: list[tuple[Ints, NDArray[np.bool_]]], way: Ints, last: tuple[int, int, int]) -> Ints:
    """Back from the last slot, how it was reached and the units left before it."""
    slot, kind, left = last
    while True:
        way[slot] = 0
        if kind == BEGINS:
            return way
        if kind == RESUMES:
            slot -= 1
            while not ways[slot][1][left]:  # the slot before it was no run either
                slot -= 1
        slot -= 1
        kind = int(ways[slot][0][left])
        left += {GOES_ON: run.pace, RESUMES: run.pace - run.begin, BEGINS: 0}[kind]
