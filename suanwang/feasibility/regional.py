"""Regional effect: what others say that spending brings about in a region, by multipliers that are inputs.

There are no multipliers of our own: each is given with its source, and what comes of it is as good as that.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from suanwang.domain.provenance import Provenance
from suanwang.feasibility.cashflow import Flows

BASES = ("capital", "running", "revenue")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """`multiplier` units of something (output, value added, jobs, as `unit` says) for each `per` of the plan's currency
    that is spent on capital, on running the site with its power, or earned."""

    name: str
    of: str
    multiplier: float
    unit: str
    source: Provenance
    per: float = 1.0


@dataclass(frozen=True, slots=True)
class Brought:
    """An effect with the amount that it is of (the whole plan, not discounted) and what comes of it, in its unit."""

    effect: Effect
    base: float
    amount: float


def brought(flows: Flows, effects: Sequence[Effect]) -> tuple[Brought, ...]:
    """Every effect of a plan's cash flow."""
    bases = {
        "capital": float(flows.capital[0].sum()),
        "running": float((flows.power + flows.operating)[0].sum()),
        "revenue": float(flows.revenue[0].sum()),
    }
    return tuple(Brought(e, bases[e.of], bases[e.of] / e.per * e.multiplier) for e in effects)
