"""Running costs: power with cooling, people, upkeep. Arrays are (scenarios, years, 12)."""

import numpy as np

from suanwang.feasibility.demand import Sales
from suanwang.feasibility.levers import Array, Point, capacity, capital


def _cube(column: Array) -> Array:
    return column[:, :, None]


def _years(point: Point) -> Array:
    return np.arange(point.plan.years, dtype=np.float64)[None, :]


def pue(point: Point) -> Array:
    """PUE at full load by month of the year, (scenarios, 1, 12); never below 1."""
    return np.maximum(np.array(point.plan.power.pue)[None, None] + _cube(point.shift("pue")), 1.0)


def energy_kwh_it(point: Point, sold: Sales) -> Array:
    """kWh at the IT equipment: sold hours at full power, the other hours at the idle share of it."""
    power = point.plan.power
    busy = sold.hours if not power.idle_share else sold.hours + power.idle_share * (sold.possible - sold.hours)
    return busy * _cube(point.value("power_kw"))


def energy_kwh(point: Point, sold: Sales, it: Array) -> Array:
    """kWh at the site's meter: IT and overhead, of which a fixed share is as large at any load."""
    power, overhead = point.plan.power, pue(point) - 1
    if not power.fixed_share:
        return it * (1 + overhead)
    full = sold.possible * _cube(point.value("power_kw"))
    return it + overhead * ((1 - power.fixed_share) * it + power.fixed_share * full)


def power_cost(point: Point, energy: Array) -> Array:
    """Energy at the price of its month, the premium of the green share, and the charge for the connected load."""
    power = point.plan.power
    prices = np.array(power.price)[None, None] * _cube(point.ratio("tariff"))
    if not any(power.price) and "tariff" in point.values:
        prices = prices + _cube(point.value("tariff"))
    prices = prices + power.green_share * power.green_premium
    cost = energy * prices
    if power.demand_charge:
        peak = pue(point).max(axis=2, keepdims=True)
        cost = cost + capacity(point.plan)[None] * _cube(point.value("power_kw")) * peak * power.demand_charge
    return np.asarray(cost * _cube((1 + power.price_change) ** _years(point)))


def operating_cost(point: Point, sold: Sales) -> Array:
    """People, upkeep, land and the like, and capacity bought from others."""
    plan = point.plan
    total = np.zeros((1, plan.years, 12))
    working, open_share = capacity(plan)[None], (capacity(plan) > 0)[None]
    for cost in plan.costs:
        yearly = cost.per_year * (working if cost.per_accelerator else open_share)
        yearly = yearly + cost.of_capital * capital(plan) * open_share
        total = total + yearly / 12 * _cube((1 + cost.change) ** _years(point))
    total = total * _cube(point.ratio("operating_cost"))
    return total + sold.hours * plan.purchase_per_hour if plan.purchase_per_hour else total
