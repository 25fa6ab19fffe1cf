"""Levers: the figures of a plan that break-even, tornado, Monte-Carlo and scenarios turn, each by one name and unit.

A lever is set as a whole: `price` is the mean price of the mix, and all prices move in proportion. A point of
evaluation gives each lever that is set an array of one value a scenario.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from suanwang.errors import NotFound, msg
from suanwang.feasibility.plan import HOURS_PER_MONTH, MONTHS, Asset, Plan

Array = NDArray[np.float64]


def first_cost(plan: Plan, asset: Asset) -> float:
    """What an asset costs over all phases, before any refresh."""
    return asset.cost * (plan.accelerators if asset.per_accelerator else 1)


def capital(plan: Plan) -> float:
    return sum(first_cost(plan, asset) for asset in plan.assets)


def _share(plan: Plan) -> float:
    return sum(segment.share for segment in plan.segments)


def _mix(plan: Plan, values: Callable[[int], float]) -> float:
    """Mean over the segments, weighed by their shares of the hours."""
    total = _share(plan)
    return sum(values(i) * s.share for i, s in enumerate(plan.segments)) / total if total else 0.0


def mean_price(plan: Plan) -> float:
    """Price of the mix in the first year, per accelerator-hour."""
    return _mix(plan, lambda i: plan.segments[i].price)


def _price_change(plan: Plan) -> float:
    def change(i: int) -> float:
        path = plan.segments[i].path
        return (path[-1] / path[0]) ** (1 / (len(path) - 1)) - 1 if len(path) > 1 and path[-1] > 0 else 0.0

    return _mix(plan, change)


def _operating(plan: Plan) -> float:
    return sum(
        c.per_year * (plan.accelerators if c.per_accelerator else 1) + c.of_capital * capital(plan) for c in plan.costs
    )


def _salvage(plan: Plan) -> float:
    total = capital(plan)
    return sum(a.salvage * first_cost(plan, a) for a in plan.assets) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Lever:
    """A figure that can be turned: its unit, the plan's own value, and the limits of what is possible."""

    name: str
    unit: str
    base: Callable[[Plan], float]
    low: float
    high: float
    meaning: str
    part: str


def _lever(
    name: str, unit: str, base: Callable[[Plan], float], low: float, high: float, meaning: str, part: str
) -> Lever:
    return Lever(name, unit, base, low, high, meaning, part)


LEVERS: Mapping[str, Lever] = {
    lever.name: lever
    for lever in (
        _lever("price", "/accelerator-hour", mean_price, 0, 1e6, "Mean price of the mix in the first year.", "demand"),
        _lever("price_change", "1/year", _price_change, -0.9, 1, "Mean change of the prices a year.", "demand"),
        _lever("utilisation", "share", _share, 0, 1, "Share of the accelerator-hours sold at full ramp.", "demand"),
        _lever(
            "occupancy_delay",
            "months",
            lambda p: p.occupancy_delay,
            0,
            480,
            "Months by which all demand comes later.",
            "demand",
        ),
        _lever("goodput", "share", lambda p: p.goodput, 0, 1, "Share of the sold hours that can be charged.", "demand"),
        _lever("capital_cost", "", capital, 0, 1e15, "What is bought with all phases, before any refresh.", "capital"),
        _lever("salvage", "share", _salvage, 0, 1, "Share of the capital cost left at the end.", "capital"),
        _lever("operating_cost", "/year", _operating, 0, 1e15, "Running costs of a year beside power.", "operations"),
        _lever(
            "tariff",
            "/kWh",
            lambda p: float(np.mean(p.power.price)),
            0,
            1e3,
            "Mean price of a kWh over a year.",
            "power",
        ),
        _lever("pue", "ratio", lambda p: float(np.mean(p.power.pue)), 1, 5, "Mean PUE over a year.", "power"),
        _lever(
            "power_kw",
            "kW",
            lambda p: p.power.kw_per_accelerator,
            0,
            1e3,
            "Power of an accelerator at the wall.",
            "power",
        ),
        _lever("degradation", "1/year", lambda p: p.degradation, 0, 0.9, "Capacity lost a year.", "capital"),
        _lever("discount_rate", "1/year", lambda p: p.discount_rate, -0.5, 2, "Nominal discount rate.", "financing"),
        _lever("debt_rate", "1/year", lambda p: p.debt.rate, 0, 2, "Interest of the loan.", "financing"),
        _lever("tax_rate", "share", lambda p: p.tax.rate, 0, 0.95, "Rate of the income tax.", "tax"),
    )
}
"""Every lever by name."""


def lever(name: str) -> Lever:
    """The lever of that name. Raises NotFound, which lists them."""
    if name in LEVERS:
        return LEVERS[name]
    raise NotFound(
        "not-found",
        msg("there is no variable {name}", name=name),
        msg("Use one of: {names}.", names=", ".join(LEVERS)),
    )


def unit_of(plan: Plan, name: str) -> str:
    """Unit of a lever in the plan's currency."""
    unit = LEVERS[name].unit
    return f"{plan.currency}{unit}" if not unit or unit.startswith("/") else unit


@dataclass(frozen=True, slots=True)
class Point:
    """The plan at `scenarios` points: each lever in `values` has one value a scenario, the others stay as planned."""

    plan: Plan
    values: Mapping[str, Array] = field(default_factory=dict)

    @property
    def scenarios(self) -> int:
        return max((len(v) for v in self.values.values()), default=1)

    def value(self, name: str) -> Array:
        """The lever as a column (scenarios or 1, 1)."""
        own = self.values.get(name)
        return np.array([[LEVERS[name].base(self.plan)]]) if own is None else own[:, None]

    def ratio(self, name: str) -> Array:
        """The lever over the plan's own value, as a column; the value itself where the plan's own is 0."""
        if name not in self.values:
            return np.ones((1, 1))
        base = LEVERS[name].base(self.plan)
        return self.value(name) / base if base else np.ones((1, 1))

    def shift(self, name: str) -> Array:
        """The lever less the plan's own value, as a column."""
        return self.value(name) - LEVERS[name].base(self.plan)


def opening(plan: Plan) -> int:
    """Month in which the first accelerators start."""
    return min(phase.opens for phase in plan.phases)


def capacity(plan: Plan) -> Array:
    """Accelerators that work in each month, (years, 12), before degradation."""
    month = np.arange(1, plan.months + 1)
    working = sum((month > p.opens) * float(p.accelerators) for p in plan.phases)
    return np.asarray(working, dtype=np.float64).reshape(plan.years, MONTHS)


def possible_hours(plan: Plan) -> Array:
    """Accelerator-hours of each month, (years, 12), before degradation."""
    return capacity(plan) * HOURS_PER_MONTH
