"""A study: a plan with all that is to be asked of it, and the list of estimates that its result rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from suanwang.domain.provenance import Provenance
from suanwang.feasibility.plan import Plan
from suanwang.feasibility.regional import Effect
from suanwang.feasibility.sampling import Spread
from suanwang.feasibility.scenarios import Change, Scenario, Ways
from suanwang.feasibility.sensitivity import Swing, tornado


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """`correlations` between uncertain figures by pairs of names; `margin` over cost for the price advice."""

    plan: Plan
    spreads: tuple[Spread, ...] = ()
    correlations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    scenarios: tuple[Scenario, ...] = ()
    ways: Ways = field(default_factory=Ways)
    changes: tuple[Change, ...] = ()
    margin: float = 0.1
    regional: tuple[Effect, ...] = ()


PARTS: Mapping[str, str] = {
    "price": "demand",
    "price_change": "demand",
    "utilisation": "demand",
    "occupancy_delay": "demand",
    "goodput": "demand",
    "capital_cost": "capital",
    "salvage": "capital",
    "degradation": "capital",
    "operating_cost": "operations",
    "tariff": "power",
    "pue": "cooling",
    "power_kw": "accelerator",
    "discount_rate": "financing",
    "debt_rate": "financing",
    "tax_rate": "tax",
}
"""Lever to the part of the plan whose sources it rests on."""


@dataclass(frozen=True, slots=True)
class Resting:
    """An estimate that the result rests on: its swing of the NPV, and the sources that the plan gives for its part."""

    swing: Swing
    sources: tuple[Provenance, ...]


def rests_on(study: Study) -> tuple[Resting, ...]:
    """Every estimate that moves the NPV, the most influential first."""
    return tuple(Resting(s, _sources(study.plan, PARTS[s.name])) for s in tornado(study.plan, study.spreads))


def _sources(plan: Plan, part: str) -> tuple[Provenance, ...]:
    lists: Mapping[str, Sequence[Provenance | None]] = {
        "demand": [s.source for s in plan.segments],
        "capital": [a.source for a in plan.assets],
        "operations": [c.source for c in plan.costs],
        "power": [plan.power.source],
        "financing": [plan.debt.source],
        "tax": [plan.tax.source],
    }
    given = [*lists.get(part, ()), plan.sources.get(part)]
    return tuple(dict.fromkeys(p for p in given if p is not None))
