"""Demand: which accelerator-hours are sold each month, and for how much. Arrays are (scenarios, years, 12)."""

from dataclasses import dataclass

import numpy as np

from suanwang.feasibility.levers import Array, Point, opening, possible_hours
from suanwang.feasibility.plan import MONTHS, Segment


@dataclass(frozen=True, slots=True)
class Sales:
    """Sold accelerator-hours, the revenue for them, and the hours that could have been sold."""

    hours: Array
    revenue: Array
    possible: Array


def _cube(column: Array) -> Array:
    return column[:, :, None]


def ramp(point: Point, segment: Segment) -> Array:
    """Share of a segment's demand that is there in each month; in the month of opening, of its open part."""
    month = np.arange(1, point.plan.months + 1, dtype=np.float64)[None, :]
    age = month - opening(point.plan) - point.value("occupancy_delay")
    open_part = np.clip(age, 0.0, 1.0)
    months, parts = zip(*segment.ramp, strict=True)
    reached = np.interp(age - open_part / 2, months, parts) if len(months) > 1 else np.full(age.shape, parts[0])
    return np.asarray(open_part * reached).reshape(-1, point.plan.years, MONTHS)


def price_path(point: Point, segment: Segment) -> Array:
    """Price per accelerator-hour in each year, (scenarios, years, 1)."""
    year = np.arange(point.plan.years)[None, :]
    path = segment.price * np.array(segment.path)[None, : point.plan.years] * point.ratio("price")
    if "price_change" in point.values:
        change = point.value("price_change")
        path = path * ((1 + change) / (1 + change - point.shift("price_change"))) ** year
    return _cube(path)


def sales(point: Point) -> Sales:
    """What is sold. No more than every hour: a mix above 100 % is cut in proportion."""
    plan = point.plan
    year = np.arange(plan.years)[None, :]
    possible = possible_hours(plan)[None] * _cube((1 - point.value("degradation")) ** year)
    turned = _cube(point.ratio("utilisation"))
    parts = [(s.share * ramp(point, s) * turned, price_path(point, s)) for s in plan.segments]
    used = sum((share for share, _ in parts), np.zeros((1, 1, 1)))
    earned = sum((share * price for share, price in parts), np.zeros((1, 1, 1)))
    cut = 1 / np.maximum(used, 1.0)
    hours, revenue = possible * (used * cut), possible * (earned * cut) * _cube(point.value("goodput"))
    return _replayed(point, Sales(hours, revenue, possible))


def _replayed(point: Point, assumed: Sales) -> Sales:
    """The months of the series as they are; the levers still turn them, so that they can be studied too."""
    series = point.plan.series
    if series is None:
        return assumed
    known = min(len(series.hours), point.plan.months)
    shape = (point.scenarios, point.plan.years, MONTHS)
    hours, revenue = (np.broadcast_to(x, shape).reshape(shape[0], -1).copy() for x in (assumed.hours, assumed.revenue))
    turned = point.ratio("utilisation")
    possible = np.broadcast_to(assumed.possible, shape).reshape(shape[0], -1)[:, :known]
    sold = np.minimum(np.array(series.hours[:known])[None] * turned, possible)
    paid = np.divide(series.revenue[:known], series.hours[:known], where=np.array(series.hours[:known]) > 0,
                     out=np.zeros(known))  # fmt: skip
    hours[:, :known], revenue[:, :known] = sold, sold * paid[None] * point.ratio("price")
    return Sales(hours.reshape(shape), revenue.reshape(shape), assumed.possible)
