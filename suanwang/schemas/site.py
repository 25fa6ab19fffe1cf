"""A site of the grid file to the domain: its place, tariff, PUE and carbon, each checked against the catalog."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from suanwang.domain.catalog import Catalog, Hub
from suanwang.domain.signal import Signal
from suanwang.domain.site import Site
from suanwang.domain.tariff import MINUTES_PER_DAY, Tariff, TariffPeriod
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.programme import make_provenance
from suanwang.schemas.quantities import is_carbon_figure, read_carbon
from suanwang.schemas.signal_fields import ReadSignal
from suanwang.schemas.signals import CARBON_UNIT, PUE_UNIT, read_signals
from suanwang.schemas.site_fields import CarbonStep, SiteSection, TariffSection
from suanwang.schemas.wrong import Wrong
from suanwang.schemas.yaml_file import Path


def make_site(
    section: SiteSection,
    path: Path,
    findings: Findings,
    catalog: Catalog,
    currency: str,
    read: ReadSignal | None = None,
) -> Site | None:
    """The site, or None with its problems in `findings`; `section` may be partly read. Without `read` its signals are
    checked for their form alone."""
    hub = findings.reference((*path, "hub"), msg("hubs of the catalog"), section.hub, catalog.hubs)
    place = _place(section, hub, path, findings)
    tariff = _tariff(section, path, findings, catalog, currency)
    pue = _pue(section, (*path, "pue"), findings)
    location = _carbon(section.carbon.location, (*path, "carbon", "location"), findings, catalog)
    market = _carbon(section.carbon.market, (*path, "carbon", "market"), findings, catalog)
    signals = read_signals(section.signals, (*path, "signals"), findings, currency, read)
    if place is None or tariff is None or pue is None or location is None:
        return None
    site = Site(
        id=section.id,
        name=section.name,
        name_zh=section.name_zh,
        zone=section.zone,
        latitude=place[0],
        longitude=place[1],
        tariff=tariff,
        pue=pue,
        carbon_location=location,
        carbon_market=market,
        province=_province(section, hub),
        hub=hub.id if hub else "",
        drained=section.drained,
        labels=section.labels,
        told=signals,
    )
    return site.heard(signals)


def _province(section: SiteSection, hub: Hub | None) -> str:
    """As given, else the ISO 3166-2 code of the hub's region (CN-NX), else the hub's province by name."""
    if section.province is not None or hub is None:
        return section.province or ""
    return hub.region.upper() or hub.province


def _place(section: SiteSection, hub: Hub | None, path: Path, findings: Findings) -> tuple[float, float] | None:
    latitude = section.latitude if section.latitude is not None else hub.latitude if hub else None
    longitude = section.longitude if section.longitude is not None else hub.longitude if hub else None
    if latitude is not None and longitude is not None:
        return latitude, longitude
    if section.hub is None:
        for field, value in (("latitude", latitude), ("longitude", longitude)):
            if value is None:
                what = msg("a site without hub needs {field}.", field=field)
                findings.add((*path, field), what, msg("Give a hub of the catalog, or latitude and longitude."))
    return None


def _tariff(
    section: SiteSection, path: Path, findings: Findings, catalog: Catalog, currency: str | None
) -> Tariff | None:
    path = (*path, "tariff")
    own = section.tariff if isinstance(section.tariff, TariffSection) else None
    if own is not None:
        tariff = _own_tariff(own, section.id, path, findings)
    else:
        named = section.tariff if isinstance(section.tariff, str) else None
        tariff = findings.reference(path, msg("tariffs of the catalog"), named, catalog.tariffs)
    if tariff is None:
        return None
    if currency is not None and tariff.currency != currency:
        what = msg("the tariff is in {given}, the grid in {currency}.", given=tariff.currency, currency=currency)
        findings.add(path, what, msg("Give a tariff in the currency of the grid."))
    for period in sorted(periods_that_occur(tariff) - set(tariff.prices)):
        what = msg("the tariff has no price for the period {period}.", period=period[:60])
        findings.add((*path, "prices") if own else path, what, msg("Add its price, or correct the name of the period."))
    return tariff


def _own_tariff(own: TariffSection, site_id: str, path: Path, findings: Findings) -> Tariff | None:
    currencies = sorted({price.unit for price in own.prices.values()})
    if len(currencies) > 1:
        what = msg("the prices are in several currencies: {currencies}.", currencies=", ".join(currencies[:5]))
        findings.add((*path, "prices"), what, msg("Give all of them in the currency of the grid."))
    if not currencies:
        return None
    return findings.build(
        path,
        lambda: Tariff(
            id=own.id or site_id,
            name=own.name,
            currency=currencies[0],
            prices={name: price.decimal for name, price in own.prices.items()},
            periods=tuple(
                TariffPeriod(name=p.name, minutes=p.hours, months=frozenset(p.months), weekdays=frozenset(p.weekdays))
                for p in own.periods
            ),
            provenance=make_provenance(own.source),
            base=own.base,
        ),
    )


def periods_that_occur(tariff: Tariff) -> set[str]:
    """Names of the periods that hold at some minute of the year; the base only where minutes are left to it."""
    masks = [sum((1 << b) - (1 << a) for a, b in _merged(p)) for p in tariff.periods]
    whole = (1 << MINUTES_PER_DAY) - 1
    occur: set[str] = set()
    for month in range(1, 13):
        for weekday in range(1, 8):
            left = whole
            for period, mask in zip(tariff.periods, masks, strict=True):
                if month in period.months and weekday in period.weekdays and left & mask:
                    occur.add(period.name)
                    left &= ~mask
            if left:
                occur.add(tariff.base)
    return occur


def _merged(period: TariffPeriod) -> list[tuple[int, int]]:
    """The minutes of a period without overlaps."""
    spans: list[tuple[int, int]] = []
    for start, end in sorted(period.minutes):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans


def _pue(section: SiteSection, path: Path, findings: Findings) -> Signal | None:
    if isinstance(section.pue, Decimal):
        return Signal.constant(PUE_UNIT, section.pue)
    return _steps([(step.since, step.value) for step in section.pue or ()], PUE_UNIT, path, findings)


def _carbon(
    value: str | Sequence[CarbonStep] | None, path: Path, findings: Findings, catalog: Catalog
) -> Signal | None:
    if not isinstance(value, str):
        return _steps([(step.since, step.value) for step in value or ()], CARBON_UNIT, path, findings)
    if is_carbon_figure(value):
        try:
            return Signal.constant(CARBON_UNIT, read_carbon(value))
        except Wrong as error:
            findings.add(path, error.message, error.remedy)
            return None
    factor = findings.reference(path, msg("carbon factors of the catalog"), value, catalog.carbon)
    return Signal.constant(CARBON_UNIT, round(Decimal(str(factor.kg_per_kwh)), 6)) if factor else None


def _steps(steps: Sequence[tuple[datetime, Decimal]], unit: str, path: Path, findings: Findings) -> Signal | None:
    """A signal of dated steps; their times must rise. None where there is no step, or one was not readable."""
    for i, ((before, _), (since, _)) in enumerate(pairwise(steps), start=1):
        if None not in (before, since) and since <= before:
            what = msg("this step is not later than the one before it.")
            findings.add((*path, i, "since"), what, msg("Put the steps in the order of their times."))
            return None
    return findings.build(path, lambda: Signal.of(unit, steps)) if steps else None
