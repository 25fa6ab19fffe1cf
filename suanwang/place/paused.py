"""Paused: a run that is stopped in dear hours and goes on from its checkpoint in the same pool, where that pays.

The way of least cost over quarters of an hour (of a long run: whole hours) is found by `pieces`; its option is then
made exact. A pause costs run time of its own (`checkpoint.pause`), and at the high end of the estimate what was done
since the last checkpoint too.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from suanwang.domain.estimate import Band, Estimate
from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart, Option, Pause
from suanwang.domain.workload import Checkpointing
from suanwang.place.divide import course_of, cut, slot_costs, slots_of
from suanwang.place.instance import Floats
from suanwang.place.objective import Run, bid, carbon_kg, energy_kwh
from suanwang.place.offer import Offer, Request
from suanwang.place.outlook import HOUR_US, from_us, to_us
from suanwang.place.pieces import Alone, cheapest_alone
from suanwang.units import MICRO

GAIN = Fraction(1, 100)
"""Of what the run costs in one go: what pauses must save at least."""

LONG_US = 48 * HOUR_US
"""Runs longer than that are cut at whole hours."""

Spans = Sequence[tuple[int, int]]
"""(begin, end) of each part of a run, microseconds since the epoch."""


def paused(request: Request, offers: Sequence[Offer], whole: Money) -> tuple[Offer, Option] | None:
    """The cheapest option with pauses, of any offer, if it saves enough of `whole`, the cheapest without; else None."""
    saves = request.workload.stoppable
    if saves is None:
        return None
    most, best = whole.times(1 - GAIN), None
    for least, _, offer in sorted((_least(request, offer), n, offer) for n, offer in enumerate(offers)):
        if least > most.micro / MICRO:
            break
        option = _paused(request, offer, saves)
        if option is not None and option.total <= most:
            most, best = option.total, (offer, option)
    return best


def least_slots(costs: Floats, count: float) -> float:
    """Sum of so many of the cheapest slots, the last one in part: no way through them costs less."""
    ordered = np.sort(costs[np.isfinite(costs)])
    full = int(count)
    if len(ordered) < count:
        return float("inf")
    rest = (count - full) * float(ordered[full]) if count > full else 0.0
    return float(ordered[:full].sum()) + rest


def _least(request: Request, offer: Offer) -> float:
    """In currency: no run with pauses costs less there; infinite where there is no time for one."""
    slots = slots_of(request, [offer], _slot_us(offer))
    if len(slots) < 3:
        return float("inf")
    least = least_slots(slot_costs(request, offer, slots), offer.bid.mid.duration_us / _slot_us(offer))
    return least + offer.bid.data.micro / MICRO


def _slot_us(offer: Offer) -> int:
    return HOUR_US if offer.bid.mid.duration_us > LONG_US else HOUR_US // 4


def _paused(request: Request, offer: Offer, saves: Checkpointing) -> Option | None:
    """The cheapest run with pauses there that keeps the limits; None where the cheapest has none."""
    slots = slots_of(request, [offer], _slot_us(offer))
    course = course_of(request, [offer], slots, saves)
    pace, begin = int(course.pace[0]), int(course.begin[0])
    cost, way = cheapest_alone(Alone(units=course.units, cost=course.cost[0], pace=pace, begin=begin))
    if not np.isfinite(cost):
        return None
    pause_us = round(saves.pause_s * MICRO)
    parts = cut([offer.bid.mid.duration_us], slots, way, pause_us)
    if len(parts) < 2:
        return None
    spans = [(begin, end) for _, begin, end in parts]
    option = option_in(offer, _with_pauses(offer.estimate, len(spans) - 1, saves), spans)
    return option if option is not None and _keeps_limits(request, option) else None


def _keeps_limits(request: Request, option: Option) -> bool:
    """At the high end, as for a run in one go."""
    budget, deadline, time_s = request.workload.limits.budget, request.deadline, option.estimate.time_s
    late_us = round((time_s.high - time_s.mid) * MICRO)
    in_time = deadline is None or to_us(option.end) + late_us <= to_us(deadline)
    return in_time and (budget is None or option.billed_high <= budget)


def again(offer: Offer, option: Option) -> Option | None:
    """The same run in the same spans at the prices of another offer; None where one is not known."""
    return option_in(offer, option.estimate, [(to_us(begin), to_us(end)) for begin, end in option.spans])


def option_in(offer: Offer, estimate: Estimate, spans: Spans) -> Option | None:
    """The exact option of a run in these spans; None where no figure is known at its high end. `estimate`: with what
    the pauses between them cost."""
    asked = bid(estimate, offer.bid.data, offer.bid.carbon_price_per_t)
    asked = asked.delivering(offer.bid.mid.delivered_pflops_per_s)
    late_us = asked.high.duration_us - sum(end - begin for begin, end in spans)
    longest = [*spans[:-1], (spans[-1][0], spans[-1][1] + max(late_us, 0))]
    outlook, start = offer.outlook, spans[0][0]
    if longest[-1][1] > outlook.edges[-1]:
        return None
    unit = offer.bid.data.unit
    cost = _cost(offer, asked.mid, spans)
    high = _cost(offer, asked.high, longest)
    billed = [total([m for part, m in each.items() if part is not CostPart.CARBON], unit) for each in (cost, high)]
    market = outlook.market is not None
    runs = [(asked.mid.lasting(end - begin), begin) for begin, end in spans]
    return Option(
        pool_id=offer.pool.id,
        site_id=offer.site.id,
        accelerators=estimate.accelerators,
        start=from_us(start),
        end=from_us(spans[-1][1]),
        estimate=estimate,
        cost=cost,
        billed_high=max(*billed, asked.least(outlook, start)),
        energy_kwh=float(sum(energy_kwh(outlook, run, begin) for run, begin in runs)),
        carbon_kg_location=float(sum(carbon_kg(outlook, run, begin) for run, begin in runs)),
        carbon_kg_market=float(sum(carbon_kg(outlook, run, begin, market=True) for run, begin in runs))
        if market
        else None,
        round_trip_ms=offer.round_trip_ms,
        data_ready=offer.data_ready,
        pauses=tuple(Pause(start=from_us(end), end=from_us(begin)) for (_, end), (begin, _) in pairwise(spans)),
    )


def _with_pauses(estimate: Estimate, pauses: int, saves: Checkpointing) -> Estimate:
    """The estimate with what the pauses add to its time, and the energy of that time."""
    time_s, energy = estimate.time_s, estimate.energy_kwh_it
    low, mid, high = (
        time_s.low + pauses * saves.pause_s,
        time_s.mid + pauses * saves.pause_s,
        time_s.high + pauses * (saves.pause_s + saves.every_s),
    )
    return replace(
        estimate,
        time_s=Band(low, mid, high),
        energy_kwh_it=Band(
            energy.low * low / time_s.low if time_s.low else energy.low,
            energy.mid * mid / time_s.mid,
            energy.high * high / time_s.high,
        ),
    )


def _cost(offer: Offer, run: Run, spans: Spans) -> dict[CostPart, Money]:
    """Cost of a run in these spans by part, each span's to the nearest millionth."""
    unit = offer.bid.data.unit
    sums: dict[CostPart, list[Money]] = {}
    for number, (begin, end) in enumerate(spans):
        data = Money.zero(unit) if number else offer.bid.data
        each = replace(offer.bid, mid=run.lasting(end - begin), data=data).cost(offer.outlook, begin)
        for part, amount in each.items():
            sums.setdefault(part, []).append(amount)
    return {part: total(amounts, unit) for part, amounts in sums.items()}
