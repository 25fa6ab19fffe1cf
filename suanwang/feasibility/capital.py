"""Capital: when assets are paid for, replaced, depreciated, and what is left of them. Arrays are (months + 1,)."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from suanwang.feasibility.depreciation import shares
from suanwang.feasibility.levers import Array
from suanwang.feasibility.plan import MONTHS, Asset, Plan


@dataclass(frozen=True, slots=True)
class Purchase:
    """One asset bought in `month` for `cost`; `first` unless it replaces another; `last` if none replaces it."""

    asset: Asset
    month: int
    begins: int
    cost: float
    first: bool
    last: bool


def purchases(plan: Plan) -> Iterator[Purchase]:
    """Every purchase of the plan, refreshes included, in no particular order."""
    earliest = min(plan.phases, key=lambda p: (p.month, p.opens))
    for asset in plan.assets:
        for phase in plan.phases if asset.per_accelerator else (earliest,):
            cost = asset.cost * (phase.accelerators if asset.per_accelerator else 1)
            life = asset.life_years * MONTHS
            starts = [phase.opens]
            while asset.refresh and starts[-1] + life < plan.months:
                starts.append(starts[-1] + life)
            for number, begins in enumerate(starts):
                grown = cost * (1 + asset.price_change) ** ((begins - phase.opens) / MONTHS)
                month = begins if number else phase.month
                yield Purchase(asset, month, begins, grown, number == 0, number == len(starts) - 1)


@dataclass(frozen=True, slots=True)
class Capital:
    """Spending (first purchases and refreshes), depreciation and salvage by month, for a capital cost as planned."""

    first: Array
    refresh: Array
    depreciation: Array
    salvage: float


def capital_flows(plan: Plan) -> Capital:
    """The flows of all purchases. With `write_off` the undepreciated rest is taken in the last month."""
    first, refresh, taken = (np.zeros(plan.months + 1) for _ in range(3))
    salvage = 0.0
    for bought in purchases(plan):
        (first if bought.first else refresh)[bought.month] += bought.cost
        asset = bought.asset
        if asset.life_years:
            yearly = shares(
                asset.method, asset.life_years, half_year=asset.half_year, orders_per_year=asset.orders_per_year
            )
            monthly = np.repeat(yearly / MONTHS, MONTHS)[: plan.months - bought.begins] * bought.cost
            taken[bought.begins + 1 : bought.begins + 1 + len(monthly)] += monthly
        salvage += bought.cost * asset.salvage if bought.last else 0.0
    if plan.write_off:
        taken[-1] += first.sum() + refresh.sum() - taken.sum()
    return Capital(first, refresh, taken, salvage)
