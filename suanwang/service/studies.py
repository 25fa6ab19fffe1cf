"""Feasibility studies: everything that is asked of a site plan, and what the ledger says of a site that runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from suanwang.domain.catalog import Catalog
from suanwang.domain.usage import UsageRecord
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.feasibility.breakeven import BreakEven, break_evens
from suanwang.feasibility.cashflow import Flows, evaluate
from suanwang.feasibility.montecarlo import Risk, monte_carlo
from suanwang.feasibility.outcome import Outcome, outcome
from suanwang.feasibility.plan import MONTHS, Plan, Series
from suanwang.feasibility.pricing import Advice, advise
from suanwang.feasibility.scenarios import Gain, compare, gain, ways
from suanwang.feasibility.study import Resting, Study, rests_on
from suanwang.feasibility.variance import Actual, check_months
from suanwang.ports import Store
from suanwang.units import MICRO

_MONTH = timedelta(days=365) / MONTHS
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
    risk: Risk | None = None


def answer(study: Study, catalog: Catalog, *, draws: int = 0, seed: int = 1) -> Findings:
    """Evaluate the plan and all that its file asks; `draws` > 0 adds Monte-Carlo. Raises InvalidInput."""
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
        risk=monte_carlo(study.plan, study.spreads, study.correlations, draws, seed) if draws else None,
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


def with_series(plan: Plan, months: Sequence[Actual]) -> Plan:
    """The plan with the hours and revenue of a replay. Raises InvalidInput where months are missing."""
    check_months(plan, months)
    if len(months) < plan.months:
        what = msg("the series ends after {given} of {months} months.", given=len(months), months=plan.months)
        remedy = msg("Replay the whole horizon, shorten `years`, or use --actual, which forecasts the rest.")
        raise InvalidInput([Problem("month", what, remedy)])
    return replace(plan, series=Series(hours=tuple(m.hours for m in months), revenue=tuple(m.revenue for m in months)))


def metered(store: Store, site_id: str, decision: datetime, plan: Plan) -> tuple[Actual, ...]:
    """What the ledger's usage and charges say of a site, by month since the decision, up to its last use.

    A record that crosses months is split by time. Hours without a charge count as failed. Raises InvalidInput where
    the site has no usage since then.
    """
    hours, failed, revenue, power = ([Fraction(0)] * plan.months for _ in range(4))
    last = -1
    with store.transaction() as transaction:
        for job in transaction.jobs.find(limit=1_000_000):
            charged: dict[str, int] = {}
            for charge in transaction.usage.charges(job.id):
                charged[charge.usage_id] = charged.get(charge.usage_id, 0) + _in(
                    charge.amount.micro, charge.amount.unit, plan
                )
            for record in (r for r in transaction.usage.records(job.id) if r.site_id == site_id):
                for month, part in _months_of(record, decision):
                    if 0 <= month < plan.months:
                        last = max(last, month)
                        hours[month] += record.accelerator_hours * part
                        failed[month] += 0 if charged.get(record.id) else record.accelerator_hours * part
                        revenue[month] += Fraction(charged.get(record.id, 0), MICRO) * part
                        power[month] += Fraction(record.power_cost_micro, MICRO) * part
    if last < 0:
        what = msg("the ledger has no usage of {site} in the plan's months.", site=site_id)
        raise InvalidInput([Problem("site", what, msg("Check the site's id and the date of the decision."))])
    return tuple(
        Actual(
            month=m + 1,
            hours=float(hours[m]),
            revenue=float(revenue[m]),
            failed_hours=float(failed[m]),
            power_cost=float(power[m]),
        )
        for m in range(last + 1)
    )


def _in(micro: int, unit: str, plan: Plan) -> int:
    if unit != plan.currency:
        what = msg("the ledger charges in {given}, the plan is in {currency}.", given=unit, currency=plan.currency)
        raise InvalidInput([Problem("currency", what, msg("Write the plan in the currency of the grid."))])
    return micro


def _months_of(record: UsageRecord, decision: datetime) -> list[tuple[int, Fraction]]:
    """(month, share of the record in it)."""
    whole, found, start = record.end - record.start, [], record.start
    while start < record.end:
        month = (start - decision) // _MONTH
        end = min(record.end, decision + (month + 1) * _MONTH)
        if end <= start:  # rounded to the microsecond
            end = min(record.end, start + timedelta(microseconds=1))
        found.append((month, Fraction((end - start) // timedelta(microseconds=1), whole // timedelta(microseconds=1))))
        start = end
    return found
