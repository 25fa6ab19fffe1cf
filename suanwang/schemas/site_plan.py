"""The site plan file (SITE.yaml of a feasibility study), version 1, to a study; all problems at once."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import pairwise

from suanwang.domain.catalog import Catalog
from suanwang.domain.provenance import MissingFigure, Provenance
from suanwang.domain.tariff import Tariff
from suanwang.errors import msg
from suanwang.feasibility import plan as domain
from suanwang.feasibility import sampling, scenarios
from suanwang.feasibility.levers import LEVERS, unit_of
from suanwang.feasibility.regional import Effect
from suanwang.feasibility.study import Study
from suanwang.schemas.findings import Findings
from suanwang.schemas.plan_figures import CostFigure
from suanwang.schemas.programme import make_provenance
from suanwang.schemas.programme_fields import SourceSection
from suanwang.schemas.section import read_section
from suanwang.schemas.site_plan_checks import check_plan
from suanwang.schemas.site_plan_fields import AcceleratorSection, PlanSection, PowerSection, SitePlanFile
from suanwang.schemas.yaml_file import Document, Path, read_yaml

_YEAR = 2027
"""The calendar year over whose months a tariff is averaged: it has 365 days."""
_ROOT: Path = ("plan",)


def read_site_plan(text: str, name: str, catalog: Catalog) -> Study:
    """The study of a YAML text; `name` is the file's name in messages. Raises InvalidInput with every problem."""
    return study_of(read_yaml(text, name), catalog)


def study_of(document: Document, catalog: Catalog) -> Study:
    """The study of a file that has been read, as YAML or as a table. Raises InvalidInput with every problem."""
    findings = Findings(document)
    section = read_section(SitePlanFile, findings).plan
    check_plan(section, findings, _ROOT, catalog)
    kw = findings.build((*_ROOT, "accelerator"), lambda: _kw(section.accelerator, catalog))
    priced = section.power.price is not None or section.power.tariff is not None
    power = findings.build((*_ROOT, "power"), lambda: _prices(section.power, catalog)) if priced else None
    for index, change in enumerate(section.changes):
        if change.tariff is not None and section.power.zone is not None:
            place = (*_ROOT, "changes", index, "tariff")
            findings.build(place, partial(_changed, change.tariff, section.power, catalog))
    findings.raise_any()
    assert kw is not None
    assert power is not None
    plan = _plan(section, kw, power, catalog)
    study = _study(section, plan, catalog)
    for index, spread in enumerate(study.spreads):
        if not spread.low <= spread.likely <= spread.high:
            planned, unit = f"{spread.likely:,.6g}", unit_of(plan, spread.name)
            what = msg("the plan's own {planned} {unit} is not between low and high.", planned=planned, unit=unit)
            findings.add((*_ROOT, "uncertainty", index), what, msg("Widen the range, or give likely."))
    findings.raise_any()
    return study


def _changed(tariff: str, section: PowerSection, catalog: Catalog) -> tuple[float, ...]:
    return _monthly(catalog.tariff(tariff), section)


def _source(source: SourceSection | None) -> Provenance | None:
    return make_provenance(source) if source else None


def _kw(section: AcceleratorSection, catalog: Catalog) -> float:
    """Power of an accelerator at the wall in kW: as given, else the system's. Raises MissingFigure, NotFound."""
    if section.power is not None:
        return section.power / 1000
    system = catalog.systems.get(section.system or "")
    if system is None or system.node_power_w is None:
        thing = msg("system {id}", id=section.system) if section.system else msg("accelerator {id}", id=section.id)
        raise MissingFigure(thing, msg("power at the wall; give `power` in the plan"))
    return system.node_power_w / system.accelerators_per_node / 1000


def _prices(section: PowerSection, catalog: Catalog) -> tuple[float, ...]:
    """Price of a kWh by month of the year."""
    if section.price is not None:
        return (float(section.price.decimal),) * domain.MONTHS
    return _monthly(catalog.tariff(section.tariff or ""), section)


def _monthly(tariff: Tariff, section: PowerSection) -> tuple[float, ...]:
    """The mean price of each month for a load that is the same at all hours. Raises MissingFigure."""
    zone = section.zone or UTC
    starts = [datetime(_YEAR + month // 12, month % 12 + 1, 1, tzinfo=zone) for month in range(13)]
    signal = tariff.signal(zone, starts[0], starts[-1])
    return tuple(signal.mean(a, b) for a, b in pairwise(starts))


def _per_accelerator(cost: CostFigure, kw: float) -> tuple[float, bool]:
    """(amount, whether it is for each accelerator)."""
    return (cost.amount * kw, True) if cost.per == "kW" else (cost.amount, cost.per == "accelerator")


def _assets(section: PlanSection, kw: float) -> tuple[domain.Asset, ...]:
    return tuple(
        domain.Asset(
            name=item.name,
            cost=_per_accelerator(item.cost, kw)[0],
            per_accelerator=_per_accelerator(item.cost, kw)[1],
            life_years=item.life_years,
            method=item.depreciation,
            half_year=item.half_year,
            salvage=item.salvage,
            refresh=item.refresh,
            price_change=item.price_change,
            source=_source(item.source),
        )
        for item in section.capital
    )


def _costs(section: PlanSection, kw: float) -> tuple[domain.Cost, ...]:
    costs = []
    for item in section.operations:
        of_capital = item.per_year.per == "capital"
        amount, each = _per_accelerator(item.per_year, kw)
        costs.append(
            domain.Cost(
                name=item.name,
                per_year=0.0 if of_capital else amount,
                per_accelerator=each,
                of_capital=item.per_year.amount if of_capital else 0.0,
                change=section.inflation if item.change_per_year is None else item.change_per_year,
                source=_source(item.source),
            )
        )
    return tuple(costs)


def _segments(section: PlanSection) -> tuple[domain.Segment, ...]:
    segments = []
    for item in section.demand:
        change = item.change_per_year or 0.0
        path = [(1 + change) ** year for year in range(section.years)]
        if item.prices and item.prices[0].amount:
            path = [p.amount / item.prices[0].amount for p in item.prices]
        segments.append(
            domain.Segment(
                name=item.name,
                term=item.term,
                share=item.share,
                price=(item.prices or [item.price])[0].amount,
                path=tuple(path[: section.years]),
                tenants=tuple(item.tenants),
                ramp=tuple((float(s.month), s.share) for s in item.ramp) or ((0.0, 1.0),),
                source=_source(item.source),
            )
        )
    return tuple(segments)


def _power(section: PlanSection, kw: float, prices: tuple[float, ...]) -> domain.Power:
    own, cooling = section.power, section.cooling
    return domain.Power(
        kw_per_accelerator=kw,
        pue=cooling.pue,
        price=prices,
        idle_share=section.accelerator.idle_share,
        fixed_share=cooling.fixed_share,
        price_change=section.inflation if own.change_per_year is None else own.change_per_year,
        demand_charge=own.demand_charge.amount if own.demand_charge else 0.0,
        green_share=own.green_share,
        green_premium=float(own.green_premium.decimal if own.green_premium else Decimal(0)),
        cooling=cooling.kind,
        source=_source(own.source),
    )


def _debt(section: PlanSection) -> domain.Debt:
    own = section.financing
    if own is None:
        return domain.Debt()
    return domain.Debt(
        share=own.debt_share,
        rate=own.rate,
        tenor_years=own.tenor_years,
        grace_years=own.grace_years,
        payments_per_year=own.payments_per_year,
        cover_ratio=own.cover_ratio,
        source=_source(own.source),
    )


def _pflops(section: AcceleratorSection, catalog: Catalog) -> float | None:
    card = catalog.accelerators[section.id]
    peak = card.peak_flops_per_s.get(section.dtype)
    measured = card.efficiency(section.dtype)
    ratio = section.efficiency if section.efficiency is not None else measured.ratio if measured else None
    return peak * ratio / 1e15 if peak is not None and ratio else None


def _plan(section: PlanSection, kw: float, prices: tuple[float, ...], catalog: Catalog) -> domain.Plan:
    own, tax, vouchers = section.accelerator, section.tax, section.vouchers
    sources = {"accelerator": _source(own.source), "cooling": _source(section.cooling.source)}
    return domain.Plan(
        id=section.id,
        name=section.name,
        name_zh=section.name_zh,
        currency=section.currency,
        years=section.years,
        discount_rate=section.discount_rate,
        timing=section.timing,
        phases=tuple(
            domain.Phase(month=p.month, accelerators=p.accelerators, months_to_build=p.months_to_build)
            for p in section.phases
        ),
        assets=_assets(section, kw),
        power=_power(section, kw, prices),
        costs=_costs(section, kw),
        segments=_segments(section),
        debt=_debt(section),
        tax=domain.Tax(
            rate=tax.rate, carry_years=tax.carry_years if tax.losses == "carry" else None, source=_source(tax.source)
        )
        if tax
        else domain.Tax(),
        grants=tuple(
            domain.Grant(
                name=g.name, amount=float(g.amount.decimal), month=g.month, years=g.years, source=_source(g.source)
            )
            for g in section.grants
        ),
        vouchers=domain.Vouchers(share=vouchers.share, delay_months=vouchers.delay_months)
        if vouchers
        else domain.Vouchers(),
        degradation=section.degradation,
        goodput=section.goodput,
        reserve_months=section.financing.reserve_months if section.financing else 0.0,
        pflops_per_accelerator=_pflops(own, catalog),
        accelerator_id=own.id,
        sources={part: given for part, given in sources.items() if given is not None},
    )


def _study(section: PlanSection, plan: domain.Plan, catalog: Catalog) -> Study:
    terms = section.alternatives
    return Study(
        plan=plan,
        spreads=tuple(
            sampling.Spread(
                name=u.variable,
                low=u.low,
                likely=LEVERS[u.variable].base(plan) if u.likely is None else u.likely,
                high=u.high,
                shape=u.shape,
                floor=LEVERS[u.variable].low,
                ceiling=LEVERS[u.variable].high,
            )
            for u in section.uncertainty
        ),
        correlations={(c.between[0], c.between[1]): c.value for c in section.correlations},
        scenarios=tuple(scenarios.Scenario(s.name, s.set) for s in section.scenarios),
        ways=scenarios.Ways(
            lease_per_month=terms.lease.amount if terms.lease else None,
            cloud_per_hour=terms.cloud.amount if terms.cloud else None,
            join_share=terms.join_share,
            join_fee=terms.join_fee,
            idle_accelerators=terms.idle_accelerators,
            grid_fee=terms.grid_fee,
        )
        if terms
        else scenarios.Ways(),
        changes=tuple(_changes(section, plan, catalog)),
        margin=section.margin,
        regional=tuple(
            Effect(
                name=e.name,
                of=e.of,
                multiplier=e.multiplier,
                unit=e.unit,
                per=float(e.per.decimal) if e.per else 1.0,
                source=make_provenance(e.source),
            )
            for e in section.regional
        ),
    )


def _changes(section: PlanSection, plan: domain.Plan, catalog: Catalog) -> Sequence[scenarios.Change]:
    kw = plan.power.kw_per_accelerator
    found = []
    for item in section.changes:
        cost, each = _per_accelerator(item.cost, kw)
        yearly, yearly_each = _per_accelerator(item.per_year, kw) if item.per_year else (0.0, False)
        values = dict(item.set)
        if item.tariff is not None:
            prices = _monthly(catalog.tariff(item.tariff), section.power)
            values["tariff"] = sum(prices) / len(prices)
        found.append(
            scenarios.Change(
                name=item.name,
                values=values,
                cost=cost * (plan.accelerators if each else 1),
                cooling=item.cooling.kind if item.cooling else "",
                pue=item.cooling.pue if item.cooling else (),
                fixed_share=item.cooling.fixed_share if item.cooling else None,
                life_years=item.life_years,
                yearly_cost=yearly * (plan.accelerators if yearly_each else 1),
            )
        )
    return found
