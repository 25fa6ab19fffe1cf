"""Feasibility studies: everything that is asked of a site plan."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from suanwang.domain.catalog import Catalog
from suanwang.errors import InvalidInput, Never, Problem, msg
from suanwang.feasibility.breakeven import BreakEven, break_evens
from suanwang.feasibility.cashflow import Flows, evaluate
from suanwang.feasibility.montecarlo import Risk, monte_carlo
from suanwang.feasibility.outcome import Outcome, outcome
from suanwang.feasibility.plan import Plan, Series
from suanwang.feasibility.pricing import Advice, advise
from suanwang.feasibility.regional import Brought, brought
from suanwang.feasibility.scenarios import Gain, compare, gain, ways
from suanwang.feasibility.study import Resting, Study, rests_on
from suanwang.feasibility.variance import Actual, check_months

_FORM = re.compile(r"-(sxm\d?|pcie|oam)(?=-|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """A study answered. `risk` None: it was not asked for."""

    study: Study
    flows: Flows
    outcome: Outcome
    resting: tuple[Resting, ...]
    scenarios: tuple[tuple[str, Outcome], ...]
    ways: tuple[tuple[str, Outcome], ...]
    gains: tuple[Gain, ...]
    break_evens: tuple[tuple[str, BreakEven | None], ...]
    advice: Advice
    regional: tuple[Brought, ...] = ()
    risk: Risk | None = None


def answer(
    study: Study,
    catalog: Catalog,
    *,
    draws: int = 0,
    seed: int = 1,
    method: str = "latin",
    progress: Callable[[int], None] | None = None,
) -> Findings:
    """Evaluate the plan and all that its file asks; `draws` > 0 adds Monte-Carlo, whose `progress` is told.

    Raises InvalidInput.
    """
    flows = evaluate(study.plan)
    return Findings(
        study=study,
        flows=flows,
        outcome=outcome(flows),
        resting=rests_on(study),
        scenarios=compare(study.plan, study.scenarios),
        ways=ways(study.plan, study.ways),
        gains=tuple(gain(study.plan, change) for change in study.changes),
        break_evens=break_evens(study.plan),
        advice=advise(study.plan, market_samples(catalog, study.plan), study.margin),
        regional=brought(flows, study.regional),
        risk=monte_carlo(study.plan, study.spreads, study.correlations, draws, seed, method, progress)
        if draws
        else None,
    )


TERMS = {"month": "reserved", "term": "reserved", "on-demand": "on_demand", "spot": "spot"}
"""Terms of the catalog's price samples to those of a plan's demand."""


def market_samples(catalog: Catalog, plan: Plan) -> dict[str, list[float]]:
    """Dated price samples of the plan's accelerator in its currency, per accelerator-hour, by term.

    Prices are often published without the bin or form of the card (910B for 910B1, h100-80gb for h100-sxm5-80gb):
    those of such a row count too. Rates that are no market (a campus's own, a paper's assumption) do not.
    """
    wanted = plan.accelerator_id
    alike = {wanted, wanted.rstrip("0123456789"), _FORM.sub("", wanted)}
    found: dict[str, list[float]] = {}
    for price in catalog.prices.values():
        amount, term = price.per_accelerator_hour, TERMS.get(price.term)
        if term and amount.unit == plan.currency and price.accelerator in alike and "internal" not in price.channel:
            found.setdefault(term, []).append(float(amount.decimal))
    return found


def price_elsewhere(study: Study, catalog: Catalog) -> float:
    """What an accelerator-hour costs users elsewhere: the plan's cloud price, else the median sample on demand.

    Raises Never(price-missing): it is never guessed.
    """
    if study.ways.cloud_per_hour is not None:
        return study.ways.cloud_per_hour
    samples = market_samples(catalog, study.plan).get("on_demand", [])
    if samples:
        return float(median(samples))
    raise Never(
        "price-missing",
        msg("Marginal prices need what an accelerator-hour costs elsewhere, and there is no such price."),
        msg("Give alternatives.cloud in the plan."),
    )


def with_series(plan: Plan, months: Sequence[Actual]) -> Plan:
    """The plan with the hours and revenue of a replay. Raises InvalidInput where months are missing."""
    check_months(plan, months)
    if len(months) < plan.months:
        what = msg("the series ends after {given} of {months} months.", given=len(months), months=plan.months)
        remedy = msg("Replay the whole horizon, shorten `years`, or use --actual, which forecasts the rest.")
        raise InvalidInput([Problem("month", what, remedy)])
    return replace(plan, series=Series(hours=tuple(m.hours for m in months), revenue=tuple(m.revenue for m in months)))
