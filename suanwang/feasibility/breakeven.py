"""Break-even: the value of one lever at which the NPV is 0, the others as planned."""

from dataclasses import dataclass

import numpy as np

from suanwang.errors import Never, msg
from suanwang.feasibility.cashflow import evaluate
from suanwang.feasibility.levers import Array, Point, lever, unit_of
from suanwang.feasibility.outcome import npv
from suanwang.feasibility.plan import Plan

_LOOKS = 65
_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class BreakEven:
    """The value of `name` at which the NPV is 0 (or a target), beside the planned one, both in `unit`."""

    name: str
    unit: str
    planned: float
    value: float


def npv_of(plan: Plan, values: dict[str, Array]) -> Array:
    """NPV at each point (scenarios,)."""
    flows = evaluate(plan, values)
    point = Point(plan, values)
    worth = npv(flows, flows.after_tax, point.value("discount_rate"))
    return np.asarray(np.broadcast_to(worth, (point.scenarios,)))


def break_even(plan: Plan, name: str, *, target: float = 0.0) -> BreakEven:
    """The value at which the NPV is `target`, nearest to the planned value where there are several.

    Narrowed by 65 looks at a time within the lever's limits.

    Raises NotFound for an unknown lever, Never(no-rate) where no possible value reaches it.
    """
    chosen = lever(name)
    planned = chosen.base(plan)
    low, high = chosen.low, min(chosen.high, _reach(plan, name, planned))
    found = None
    for _ in range(_ROUNDS):
        looks = _spread(low, high, planned if found is None else None)
        worth = npv_of(plan, {name: looks}) - target
        crossings = np.flatnonzero(np.sign(worth[:-1]) != np.sign(worth[1:]))
        if not len(crossings):
            break
        nearest = crossings[np.abs(looks[crossings] - planned).argmin()]
        low, high = float(looks[nearest]), float(looks[nearest + 1])
        step = worth[nearest + 1] - worth[nearest]
        found = low - worth[nearest] * (high - low) / step
        if high - low <= 1e-13 * max(abs(low), abs(high)):
            break
    if found is None:
        raise _unreachable(plan, name, float(npv_of(plan, {name: np.array([planned])})[0]))
    return BreakEven(name, unit_of(plan, name), planned, float(found))


ASKED = ("price", "utilisation", "capital_cost", "tariff", "pue", "occupancy_delay")
"""The break-evens that every study answers."""


def break_evens(plan: Plan) -> tuple[tuple[str, BreakEven | None], ...]:
    """Each of `ASKED`; None where no possible value of it alone makes the NPV 0."""
    found: list[tuple[str, BreakEven | None]] = []
    for name in ASKED:
        try:
            found.append((name, break_even(plan, name)))
        except Never:
            found.append((name, None))
    return tuple(found)


def _reach(plan: Plan, name: str, planned: float) -> float:
    """How far to look up: 10^5 times the plan, and no delay beyond the plan's end."""
    if name == "occupancy_delay":
        return float(plan.months)
    return planned * 1e5 if planned else lever(name).high


def _spread(low: float, high: float, planned: float | None) -> Array:
    """Places to look at; at first also denser around the planned value."""
    even = np.linspace(low, high, _LOOKS)
    if planned is None or not low <= planned <= high:
        return even
    near = planned * np.geomspace(1e-3, 1e5, 4 * _LOOKS) if planned > 0 else planned + np.linspace(-1, 1, _LOOKS)
    return np.unique(np.concatenate([even, near[(near >= low) & (near <= high)], [planned]]))


def _unreachable(plan: Plan, name: str, worth: float) -> Never:
    chosen = lever(name)
    what = msg(
        "No {name} from {low} to {high} {unit} makes the NPV 0; as planned it is {npv} {currency}.",
        name=name,
        low=f"{chosen.low:g}",
        high=f"{min(chosen.high, _reach(plan, name, chosen.base(plan))):g}",
        unit=unit_of(plan, name),
        npv=f"{worth:,.0f}",
        currency=plan.currency,
    )
    return Never("no-rate", what, msg("Change another figure of the plan too, or ask for another variable."))
