"""Plans side by side: scenarios, other ways to have the same capacity, a retrofit of the cooling, a move."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from suanwang.feasibility.cashflow import by_year, evaluate
from suanwang.feasibility.levers import LEVERS, Point, lever
from suanwang.feasibility.outcome import Outcome, npv, outcome, periods
from suanwang.feasibility.payback import payback
from suanwang.feasibility.plan import MONTHS, Asset, Cost, Debt, Phase, Plan


@dataclass(frozen=True, slots=True)
class Scenario:
    """A name and the levers that it sets."""

    name: str
    values: Mapping[str, float]


def turned(plan: Plan, values: Mapping[str, float]) -> Plan:
    """The plan with levers set for good. Raises NotFound for an unknown lever."""
    now = plan
    for name, value in values.items():
        base = lever(name).base(plan)
        now = _TURN[name](now, value, value / base if base else 1.0)
    return now


def _prices(plan: Plan, ratio: float) -> Plan:
    return replace(plan, segments=tuple(replace(s, price=s.price * ratio) for s in plan.segments))


def _price_changes(plan: Plan, value: float) -> Plan:
    ratio = (1 + value) / (1 + LEVERS["price_change"].base(plan))
    paths = (tuple(p * ratio**year for year, p in enumerate(s.path)) for s in plan.segments)
    return replace(plan, segments=tuple(replace(s, path=path) for s, path in zip(plan.segments, paths, strict=True)))


def _shares(plan: Plan, ratio: float) -> Plan:
    return replace(plan, segments=tuple(replace(s, share=s.share * ratio) for s in plan.segments))


def _costs(plan: Plan, ratio: float) -> Plan:
    costs = tuple(replace(c, per_year=c.per_year * ratio, of_capital=c.of_capital * ratio) for c in plan.costs)
    return replace(plan, costs=costs)


def _capital(plan: Plan, ratio: float) -> Plan:
    costs = tuple(replace(c, of_capital=c.of_capital / ratio) if ratio else c for c in plan.costs)
    return replace(plan, assets=tuple(replace(a, cost=a.cost * ratio) for a in plan.assets), costs=costs)


def _salvage(plan: Plan, ratio: float) -> Plan:
    return replace(plan, assets=tuple(replace(a, salvage=a.salvage * ratio) for a in plan.assets))


def _tariff(plan: Plan, value: float) -> Plan:
    mean = float(np.mean(plan.power.price))
    prices = tuple(p * value / mean if mean else value for p in plan.power.price)
    return replace(plan, power=replace(plan.power, price=prices))


def _pue(plan: Plan, value: float) -> Plan:
    shift = value - float(np.mean(plan.power.pue))
    return replace(plan, power=replace(plan.power, pue=tuple(max(1.0, p + shift) for p in plan.power.pue)))


_TURN: Mapping[str, Callable[[Plan, float, float], Plan]] = {
    "price": lambda plan, _, ratio: _prices(plan, ratio),
    "price_change": lambda plan, value, _: _price_changes(plan, value),
    "utilisation": lambda plan, _, ratio: _shares(plan, ratio),
    "occupancy_delay": lambda plan, value, _: replace(plan, occupancy_delay=value),
    "goodput": lambda plan, value, _: replace(plan, goodput=value),
    "capital_cost": lambda plan, _, ratio: _capital(plan, ratio),
    "salvage": lambda plan, _, ratio: _salvage(plan, ratio),
    "operating_cost": lambda plan, _, ratio: _costs(plan, ratio),
    "tariff": lambda plan, value, _: _tariff(plan, value),
    "pue": lambda plan, value, _: _pue(plan, value),
    "power_kw": lambda plan, value, _: replace(plan, power=replace(plan.power, kw_per_accelerator=value)),
    "degradation": lambda plan, value, _: replace(plan, degradation=value),
    "discount_rate": lambda plan, value, _: replace(plan, discount_rate=value),
    "debt_rate": lambda plan, value, _: replace(plan, debt=replace(plan.debt, rate=value)),
    "tax_rate": lambda plan, value, _: replace(plan, tax=replace(plan.tax, rate=value)),
}


def compare(plan: Plan, scenarios: Sequence[Scenario]) -> tuple[tuple[str, Outcome], ...]:
    """The plan itself and each scenario, in order."""
    plans = [("plan", plan), *((s.name, turned(plan, s.values)) for s in scenarios)]
    return tuple((name, outcome(evaluate(each))) for name, each in plans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What other ways to serve the same demand cost; None: not asked for.

    `lease_per_month`: rent of an accelerator a month, power and upkeep by the lessor. `cloud_per_hour`: list price of
    an accelerator-hour. `join_share`: share of what is sold that idle capacity of others' sites, joined to the grid,
    can take, at `join_fee` (share of the revenue that stays with us). `idle_accelerators`: cards of our own that stand
    idle and join the grid, which keeps `grid_fee` of their revenue; nothing is bought, their power is paid.
    """

    lease_per_month: float | None = None
    cloud_per_hour: float | None = None
    join_share: float | None = None
    join_fee: float = 0.0
    idle_accelerators: int | None = None
    grid_fee: float = 0.0


def ways(plan: Plan, terms: Ways) -> tuple[tuple[str, Outcome], ...]:
    """Build, lease, cloud, join, idle cards: the same demand served in each way, as far as their terms are given."""
    bare = replace(plan, assets=(), debt=Debt(), grants=(), costs=(), reserve_months=0.0, degradation=plan.degradation)
    idle = replace(plan.power, price=(0.0,) * MONTHS, demand_charge=0.0, green_premium=0.0)
    found = [("build", plan)]
    if terms.lease_per_month is not None:
        rent = Cost(name="lease", per_year=terms.lease_per_month * MONTHS, per_accelerator=True)
        found.append(("lease", replace(bare, costs=(rent,), power=idle)))
    if terms.cloud_per_hour is not None:
        found.append(("cloud", replace(bare, power=idle, purchase_per_hour=terms.cloud_per_hour)))
    if terms.join_share is not None:
        part, kept = terms.join_share, terms.join_fee
        segments = tuple(replace(s, share=s.share * part, price=s.price * kept) for s in plan.segments)
        found.append(("join", replace(bare, power=idle, segments=segments)))
    if terms.idle_accelerators is not None:
        kept = 1 - terms.grid_fee
        segments = tuple(replace(s, price=s.price * kept) for s in plan.segments)
        phases = (Phase(month=0, accelerators=terms.idle_accelerators),)
        found.append(("idle", replace(bare, phases=phases, segments=segments)))
    return tuple((name, outcome(evaluate(each))) for name, each in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something done to a site: new figures (levers), what it costs at once, and what it costs a year.

    `pue` by month and `fixed_share` of the overhead are those of another cooling, named by `cooling`.
    """

    name: str
    values: Mapping[str, float]
    cost: float
    cooling: str = ""
    pue: tuple[float, ...] = ()
    fixed_share: float | None = None
    life_years: int = 10
    yearly_cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Gain:
    """What a change brings over the plan: NPV, pay-back of its own cost (None: never), and the engineering of it.

    `peak_kw`: connected load at the meter, with the PUE of the hottest month.
    """

    name: str
    npv: float
    payback_years: float | None
    cost: float
    cooling_before: str
    cooling_after: str
    peak_kw_before: float
    peak_kw_after: float
    energy_kwh_before: float
    energy_kwh_after: float
    pue_before: float
    pue_after: float
    tariff_before: float
    tariff_after: float
    saved_per_year: float


def gain(plan: Plan, change: Change) -> Gain:
    """The changed plan less the plan; what is per year is its mean. The cost is financed as the plan is."""
    later = turned(plan, change.values)
    if change.pue:
        share = later.power.fixed_share if change.fixed_share is None else change.fixed_share
        power = replace(later.power, pue=change.pue, fixed_share=share, cooling=change.cooling)
        later = replace(later, power=power)
    extra = Asset(name=change.name, cost=change.cost, life_years=change.life_years)
    running = Cost(name=change.name, per_year=change.yearly_cost)
    later = replace(later, assets=(*later.assets, extra), costs=(*later.costs, running), debt=plan.debt)
    before, after = evaluate(plan), evaluate(later)
    flow = after.after_tax - before.after_tax
    values, per_year = periods(before, flow)
    years = float(payback(values, per_year=per_year)[0])
    running_before, running_after = (float((f.power + f.operating).sum()) for f in (before, after))
    return Gain(
        name=change.name,
        npv=float(npv(before, flow, Point(plan).value("discount_rate"))[0]),
        payback_years=years if np.isfinite(years) else None,
        cost=change.cost,
        cooling_before=plan.power.cooling,
        cooling_after=later.power.cooling,
        peak_kw_before=_peak_kw(plan),
        peak_kw_after=_peak_kw(later),
        energy_kwh_before=float(by_year(before.energy_kwh).sum() / plan.years),
        energy_kwh_after=float(by_year(after.energy_kwh).sum() / plan.years),
        pue_before=LEVERS["pue"].base(plan),
        pue_after=LEVERS["pue"].base(later),
        tariff_before=LEVERS["tariff"].base(plan),
        tariff_after=LEVERS["tariff"].base(later),
        saved_per_year=(running_before - running_after) / plan.years,
    )


def _peak_kw(plan: Plan) -> float:
    return plan.accelerators * plan.power.kw_per_accelerator * max(plan.power.pue)
