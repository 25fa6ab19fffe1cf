"""What a site plan may not say: figures that contradict one another. Works on partly read plans."""

from collections.abc import Iterator
from itertools import pairwise

from suanwang.domain.catalog import Catalog
from suanwang.errors import msg
from suanwang.feasibility.levers import LEVERS
from suanwang.schemas.findings import Findings
from suanwang.schemas.plan_figures import CostFigure
from suanwang.schemas.quantities import show
from suanwang.schemas.site_plan_fields import PlanSection
from suanwang.schemas.yaml_file import Path


def check_plan(section: PlanSection, findings: Findings, path: Path, catalog: Catalog) -> None:
    """Adds what contradicts itself, the catalog or what is possible."""
    accelerator = section.accelerator
    findings.reference(
        (*path, "accelerator", "id"), msg("accelerators of the catalog"), accelerator.id, catalog.accelerators
    )
    if accelerator.system is not None:
        place = (*path, "accelerator", "system")
        findings.reference(place, msg("systems of the catalog"), accelerator.system, catalog.systems)
    _currencies(section, findings, path)
    _phases(section, findings, path)
    _power(section, findings, path, catalog)
    _demand(section, findings, path)
    _financing(section, findings, path)
    _uncertainty(section, findings, path)
    _turned(section, findings, path, catalog)
    named: dict[str, int] = {}
    for i, item in enumerate(section.demand):
        for tenant in item.tenants:
            if named.setdefault(tenant, i) != i:
                what = msg("the use of tenant {name} cannot be of two demands.", name=show(tenant))
                findings.add((*path, "demand", i, "tenants"), what, msg("Keep it in one of them."))


def _figures(section: PlanSection) -> Iterator[tuple[Path, str | None]]:
    """The currency of every amount with its place."""
    for i, item in enumerate(section.capital):
        yield ("capital", i, "cost"), _currency(item.cost)
    for i, running in enumerate(section.operations):
        yield ("operations", i, "per_year"), _currency(running.per_year)
    for i, demand in enumerate(section.demand):
        yield ("demand", i, "price"), _currency(demand.price)
        for k, price in enumerate(demand.prices):
            yield ("demand", i, "prices", k), _currency(price)
    for i, grant in enumerate(section.grants):
        yield ("grants", i, "amount"), grant.amount.unit if grant.amount else None
    for i, change in enumerate(section.changes):
        yield ("changes", i, "cost"), _currency(change.cost)
        yield ("changes", i, "per_year"), _currency(change.per_year)
    power, ways = section.power, section.alternatives
    for i, effect in enumerate(section.regional):
        yield ("regional", i, "per"), effect.per.unit if effect.per else None
    yield ("power", "price"), power.price.unit if power.price else None
    yield ("power", "green_premium"), power.green_premium.unit if power.green_premium else None
    yield ("power", "demand_charge"), _currency(power.demand_charge)
    if ways:
        yield ("alternatives", "lease"), _currency(ways.lease)
        yield ("alternatives", "cloud"), _currency(ways.cloud)


def _currency(figure: CostFigure | None) -> str | None:
    return figure.currency or None if isinstance(figure, CostFigure) else None


def _currencies(section: PlanSection, findings: Findings, path: Path) -> None:
    for place, currency in _figures(section):
        if currency is not None and section.currency is not None and currency != section.currency:
            what = msg("this is in {given}, the plan in {currency}.", given=currency, currency=section.currency)
            findings.add((*path, *place), what, msg("Give it in the currency of the plan."))


def _phases(section: PlanSection, findings: Findings, path: Path) -> None:
    for i, phase in enumerate(section.phases):
        if None in (phase.month, phase.months_to_build, section.years):
            continue
        if phase.month + phase.months_to_build >= section.years * 12:
            what = msg("this phase starts to work after the plan's {years} years.", years=section.years)
            findings.add((*path, "phases", i), what, msg("Build it earlier, or give the plan more years."))


def _power(section: PlanSection, findings: Findings, path: Path, catalog: Catalog) -> None:
    power, place = section.power, (*path, "power")
    if (power.tariff is None) == (power.price is None):
        findings.add(place, msg("power needs one of tariff and price."), msg("Name a tariff, or give its price."))
    if power.tariff is not None:
        tariff = findings.reference((*place, "tariff"), msg("tariffs of the catalog"), power.tariff, catalog.tariffs)
        if tariff is not None and section.currency is not None and tariff.currency != section.currency:
            what = msg("the tariff is in {given}.", given=tariff.currency)
            findings.add((*place, "tariff"), what, msg("Name one in the currency of the plan, or give a price."))
        if power.zone is None:
            what = msg("the hours of a tariff need a time zone.")
            findings.add((*place, "tariff"), what, msg("Add zone, such as {example}.", example="Asia/Shanghai"))
    charge = power.demand_charge
    if isinstance(charge, CostFigure) and charge.per != "kW":
        findings.add((*place, "demand_charge"), msg("a demand charge is per kW."), msg("Write it as 38 CNY/kW."))
    if power.green_share and power.green_premium is None:
        what = msg("green power has no premium.")
        findings.add((*place, "green_share"), what, msg("Add green_premium; 0 CNY/kWh where there is none."))


def _demand(section: PlanSection, findings: Findings, path: Path) -> None:
    shares = [item.share for item in section.demand]
    if None not in shares and sum(shares) > 1 + 1e-9:
        what = msg("the shares of the demand add up to {total}.", total=f"{sum(shares):.0%}")
        findings.add((*path, "demand"), what, msg("No more than 100 % of the hours can be sold: lower them."))
    for i, item in enumerate(section.demand):
        place = (*path, "demand", i)
        if item.prices and section.years is not None and len(item.prices) < section.years:
            what = msg("the prices end after {given} of {years} years.", given=len(item.prices), years=section.years)
            findings.add((*place, "prices"), what, msg("Give a price for every year, or price and change_per_year."))
        if item.prices and item.change_per_year is not None:
            what = msg("prices and change_per_year contradict one another.")
            findings.add((*place, "change_per_year"), what, msg("Keep one of them."))
        months = [step.month for step in item.ramp]
        if None not in months and any(a >= b for a, b in pairwise(months)):
            findings.add((*place, "ramp"), msg("the months of the ramp do not rise."), msg("Put them in order."))


def _financing(section: PlanSection, findings: Findings, path: Path) -> None:
    own, place = section.financing, (*path, "financing")
    if own is None or None in (own.tenor_years, own.grace_years, own.debt_share):
        return
    if own.grace_years >= own.tenor_years:
        what = msg("the grace of {grace} years leaves no year to repay.", grace=own.grace_years)
        findings.add((*place, "grace_years"), what, msg("Make it shorter than tenor_years."))
    months = [phase.month for phase in section.phases]
    if None not in months and section.years is not None and (own.debt_share or own.cover_ratio):
        last = max(months, default=0) + own.tenor_years * 12
        if last > section.years * 12:
            what = msg(
                "the loan is repaid in month {last}, after the plan's {years} years.", last=last, years=section.years
            )
            findings.add((*place, "tenor_years"), what, msg("Shorten the loan, or give the plan more years."))
    if own.cover_ratio is not None and own.payments_per_year not in (None, 1):
        what = msg("a loan sized by its cover ratio is paid once a year.")
        findings.add((*place, "payments_per_year"), what, msg("Leave it out, or leave cover_ratio out."))


def _within(name: str, value: float, place: Path, findings: Findings) -> None:
    chosen = LEVERS[name]
    if not chosen.low <= value <= chosen.high:
        what = msg("{value} is not possible for {name}.", value=show(value), name=name)
        remedy = msg("Give a value from {low} to {high}.", low=f"{chosen.low:g}", high=f"{chosen.high:g}")
        findings.add(place, what, remedy)


def _uncertainty(section: PlanSection, findings: Findings, path: Path) -> None:
    names = [u.variable for u in section.uncertainty]
    findings.unique((*path, "uncertainty"), names, "variable")
    for i, item in enumerate(section.uncertainty):
        place = (*path, "uncertainty", i)
        if None in (item.variable, item.low, item.high):
            continue
        _within(item.variable, item.low, (*place, "low"), findings)
        _within(item.variable, item.high, (*place, "high"), findings)
        likely = item.low if item.likely is None else item.likely
        if not item.low <= likely <= item.high:
            findings.add(place, msg("low, likely and high do not rise."), msg("Put them in order."))
    for i, pair in enumerate(section.correlations):
        for name in pair.between:
            if name not in names:
                what = msg("{name} is not uncertain here.", name=name)
                findings.add((*path, "correlations", i), what, msg("Add it to `uncertainty` first."))


def _turned(section: PlanSection, findings: Findings, path: Path, catalog: Catalog) -> None:
    """Variables that scenarios and changes set."""
    sets = [(("scenarios", i), s.set) for i, s in enumerate(section.scenarios)]
    sets += [(("changes", i), c.set) for i, c in enumerate(section.changes)]
    for place, values in sets:
        for name, value in values.items():
            if findings.reference((*path, *place, "set", name), msg("variables"), name, LEVERS):
                _within(name, value, (*path, *place, "set", name), findings)
    for i, change in enumerate(section.changes):
        if change.cooling is not None and "pue" in change.set:
            what = msg("cooling and the variable pue contradict one another.")
            findings.add((*path, "changes", i, "set", "pue"), what, msg("Keep one of them."))
        if change.tariff is not None:
            where = (*path, "changes", i, "tariff")
            findings.reference(where, msg("tariffs of the catalog"), change.tariff, catalog.tariffs)
            if section.power.zone is None:
                what = msg("the hours of a tariff need a time zone.")
                findings.add(where, what, msg("Add power.zone, such as {example}.", example="Asia/Shanghai"))
