"""Divide: the offers of a preemptible workload made into a course of pieces, and the exact cost of the best one.

Pieces begin on whole hours of UTC, at which tariffs change in most zones. Input data is moved to each site that the run
is moved to, with the saved state.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import groupby

import numpy as np

from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart, Divided, Piece
from suanwang.domain.workload import Checkpointing
from suanwang.place.instance import Floats, Ints
from suanwang.place.offer import Offer, Request
from suanwang.place.options import BYTES_PER_GB, links_of
from suanwang.place.outlook import HOUR_US, from_us, to_us
from suanwang.place.pieces import PAUSED, Course, cheapest
from suanwang.units import MICRO

UNITS_A_SLOT = 24
UNITS_MAX = 6000
EARLIER = 1e-9
"""How much more an hour counts than the one before it: of two that cost the same the earlier one is taken."""


def divide(request: Request, offers: Sequence[Offer]) -> Divided | None:
    """The pieces that cost least, if they cost less than the cheapest offer; else None."""
    saves = request.workload.stoppable
    if not offers or saves is None:
        return None
    slots = slots_of(request, offers)
    if len(slots) < 2:
        return None
    course = course_of(request, offers, slots, saves)
    least, way = cheapest(course)
    whole = min(offer.best.total for offer in offers)
    if not np.isfinite(least):
        return None
    cuts = cut([offer.bid.mid.duration_us for offer in offers], slots, way, round(saves.pause_s * MICRO))
    pieces, last = list[Piece](), PAUSED
    for place, begin, end in cuts:
        moved = course.entry[place] if last == PAUSED else course.moving[last, place]
        pieces.append(_piece(offers[place], begin, end, float(moved)))
        last = place
    cost = total([total(list(p.cost.values()), whole.unit) for p in pieces], whole.unit)
    budget = request.workload.limits.budget
    if cost >= whole or (budget is not None and cost > budget):
        return None
    return Divided(pieces=tuple(pieces), total=cost, saved=whole - cost)


def slots_of(request: Request, offers: Sequence[Offer], slot_us: int = HOUR_US) -> Ints:
    """Edges of whole slots of UTC from the first start on, to the deadline, or until the longest run could end."""
    first = min(to_us(offer.first) for offer in offers)
    longest = max(offer.bid.mid.duration_us for offer in offers)
    end = to_us(request.earliest + request.horizon) + longest
    if request.deadline is not None:
        margin = max(o.bid.high.duration_us - o.bid.mid.duration_us for o in offers)
        end = min(end, to_us(request.deadline) - margin)
    begin = -(-first // slot_us) * slot_us
    return np.arange(begin, end + 1, slot_us, dtype=np.int64)


def course_of(request: Request, offers: Sequence[Offer], slots: Ints, saves: Checkpointing) -> Course:
    """The course of a run that is saved so, over the offers' pools and the slots."""
    pause_us, slot_us = round(saves.pause_s * MICRO), int(slots[1] - slots[0])
    longest = max(offer.bid.mid.duration_us for offer in offers)
    later = 1 + EARLIER * np.arange(len(slots) - 1)
    units = min(UNITS_A_SLOT * -(-longest // slot_us), UNITS_MAX)
    per_us = [Fraction(units, offer.bid.mid.duration_us) for offer in offers]
    return Course(
        units=units,
        entry=np.array([offer.bid.data.micro / MICRO for offer in offers]),
        cost=np.array([slot_costs(request, offer, slots) * later for offer in offers]),
        pace=np.array([max(1, int(rate * slot_us)) for rate in per_us], np.int64),
        begin=np.array([-int(-rate * pause_us // 1) for rate in per_us], np.int64),
        moving=_moving(request, offers, saves.size_bytes),
    )


def slot_costs(request: Request, offer: Offer, slots: Ints) -> Floats:
    """(T,) of each slot, infinite before the data is there, after the last known figure, and where the pool is full."""
    curve = offer.bid.total_curve(offer.outlook)
    cost = np.diff(np.interp(slots, curve.edges, curve.sums)) / MICRO
    closed = (slots[:-1] < to_us(offer.first)) | (slots[1:] > curve.edges[-1])
    for a, b in request.occupancy.full(offer.pool.id, offer.pool.accelerators, offer.bid.mid.accelerators):
        closed |= (slots[:-1] < to_us(b)) & (slots[1:] > to_us(a))
    return np.where(closed, np.inf, cost)


def _moving(request: Request, offers: Sequence[Offer], saved_bytes: float) -> Floats:
    """(P, P) of the saved state and the input; infinite where no priced link joins the sites."""
    links, result = links_of(request.grid), np.zeros((len(offers), len(offers)))
    for i, source in enumerate(offers):
        for j, target in enumerate(offers):
            if source.site.id == target.site.id:
                continue
            link = links.get(frozenset((source.site.id, target.site.id)))
            price = link.price_per_gb if link is not None else None
            known = price is not None and price.unit == request.grid.currency
            state = price.micro / MICRO * saved_bytes / BYTES_PER_GB if price is not None and known else np.inf
            result[i, j] = target.bid.data.micro / MICRO + state
    return result


def cut(durations_us: Sequence[int], slots: Ints, way: Ints, pause_us: int) -> list[tuple[int, int, int]]:
    """(place, begin, end) of each part of a way, in microseconds; the last one ends when the run does, exactly.

    `durations_us`: of the whole run at each place. Each part but the first begins with `pause_us` of its own.
    """
    left, parts = Fraction(1), list[tuple[int, int, int]]()
    for place, group in groupby(range(len(way)), key=lambda slot: int(way[slot])):
        numbers = list(group)
        if place == PAUSED or left <= 0:
            continue
        begin, end = int(slots[numbers[0]]), int(slots[numbers[-1] + 1])
        lost = pause_us if parts else 0
        end = min(end, begin + lost - int(-left * durations_us[place] // 1))
        left -= Fraction(end - begin - lost, durations_us[place])
        parts.append((place, begin, end))
    return parts


def _piece(offer: Offer, begin_us: int, end_us: int, moved: float) -> Piece:
    part = offer.bid.mid.lasting(end_us - begin_us)
    data = Money(round(moved * MICRO), offer.bid.data.unit)
    cost = replace(offer.bid, mid=part, data=data).cost(offer.outlook, begin_us)
    return Piece(
        pool_id=offer.pool.id,
        site_id=offer.site.id,
        accelerators=part.accelerators,
        start=from_us(begin_us),
        end=from_us(end_us),
        cost={part: amount for part, amount in cost.items() if amount or part is not CostPart.DATA},
    )
