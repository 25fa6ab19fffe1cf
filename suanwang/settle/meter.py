"""Metering: from what an engine says of an order to usage records, cut at whole UTC hours.

Power is taken as constant within a record: the measured energy spread evenly, or the estimate's mid power.
Integrals over tariff, PUE and carbon are exact; one record's power cost is rounded once, to 10^-6.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TypedDict

from suanwang.domain.accelerator import Accelerator, AcceleratorKind
from suanwang.domain.estimate import Estimate
from suanwang.domain.order import Observation, Order, OrderState
from suanwang.domain.signal import EPOCH, MICROSECOND, Signal, require_aware
from suanwang.domain.site import Pool, Site
from suanwang.domain.usage import Source, UsageRecord
from suanwang.units import MICRO, SECONDS_PER_HOUR

HOUR = timedelta(hours=1)
MICROSECONDS_PER_HOUR = SECONDS_PER_HOUR * MICRO


@dataclass(frozen=True, slots=True)
class ComputeRate:
    """Operations/s of a gang for a workload's class: peak x measured efficiency, and peak alone; None = not known."""

    delivered: float | None
    theoretical: float | None


def meter(
    order: Order,
    observation: Observation,
    *,
    tenant: str,
    site: Site,
    pool: Pool,
    estimate: Estimate,
    earlier: Sequence[UsageRecord],
    now: datetime,
    rate: ComputeRate | None = None,
) -> list[UsageRecord]:
    """The usage of an order that is not yet recorded: half-open pieces in order, none when it never started.

    `earlier`: every record of the job, of all its attempts; this order's continue where its last one ended.
    `now`: not later than the time that the observation was made. A run that goes on is metered to the last whole
    hour; an ended one to its end; a lost one whose end is unknown no further than it already is (the site bears it).
    A record's id is `<order id>/<hour of its start since 1970>`, so a repeat, or another sequence of ticks, gives
    the same ids and the same pieces.

    Energy: a sensor's total, less what earlier records of the order have, spread evenly over what is not metered
    yet (so the records of an ended order sum to the total); without a sensor the estimate's mid power, marked
    MODELLED. Delivered operations: time x `rate`, the card's peak x its measured efficiency in the workload's number
    format; where none was measured, the estimate's rate (flops / mid time) x time, never more than the estimate's flops
    over the whole job; marked MODELLED. Theoretical ones: time x peak. Tokens are what the observation counts so far
    (evidence `tokens`), less what earlier records have; utilisation is measured where the cards are processors.
    Raises MissingFigure (tariff) or Never(signal-out-of-range) where the site's signals have no value.
    """
    own = [r.end for r in earlier if r.order_id == order.id]
    span = _unmetered(observation, max(own, default=None), now)
    if span is None:
        return []
    begin, end = span
    measured = _measured_power_kw(order, observation, earlier, begin, now)
    load = _Load(
        power_kw=_exact(estimate.power_w_it.mid) / 1000 if measured is None else measured,
        source=Source.MODELLED if measured is None else Source.MEASURED,
        site=site,
    )
    busy = _utilisation(order, observation, pool, now)
    tokens = _Tokens.of(order, observation, earlier, begin, end)
    delivered = sum(r.flops_delivered for r in earlier)
    records: list[UsageRecord] = []
    for start, stop in hours(begin, end):
        seconds = float(_hours(start, stop) * SECONDS_PER_HOUR)
        flops = _delivered(rate, estimate, seconds, delivered)
        delivered += flops
        records.append(
            UsageRecord(
                id=f"{order.id}/{(start - EPOCH) // HOUR}",
                order_id=order.id,
                job_id=order.job_id,
                tenant=tenant,
                site_id=site.id,
                pool_id=pool.id,
                accelerator_id=pool.accelerator.id,
                accelerators=order.accelerators,
                start=start,
                end=stop,
                source=Source.ENGINE_ACCOUNTING,
                **load.figures(start, stop),
                flops_delivered=flops,
                flops_source=Source.MODELLED,
                evidence=dict(observation.evidence),
                flops_theoretical=None if rate is None or rate.theoretical is None else rate.theoretical * seconds,
                utilisation=busy,
                tokens=tokens.between(start, stop),
            )
        )
    return records


class _Power(TypedDict):
    """The figures of a record that follow from its power."""

    energy_kwh_it: Fraction
    energy_kwh: Fraction
    energy_source: Source
    power_cost_micro: int
    carbon_kg_location: float
    carbon_kg_market: float | None


@dataclass(frozen=True, slots=True)
class _Load:
    """A constant power at the IT equipment of a site."""

    power_kw: Fraction
    source: Source
    site: Site

    def figures(self, start: datetime, stop: datetime) -> _Power:
        """Energy, its cost and carbon over [start, stop)."""
        site, market = self.site, self.site.carbon_market
        cost = integral_of_product(site.power_price(start, stop), site.pue, start, stop)
        return _Power(
            energy_kwh_it=self.power_kw * _hours(start, stop),
            energy_kwh=self.power_kw * site.pue.integral(start, stop),
            energy_source=self.source,
            power_cost_micro=round(self.power_kw * cost * MICRO),
            carbon_kg_location=float(self.power_kw * integral_of_product(site.carbon_location, site.pue, start, stop)),
            carbon_kg_market=None
            if market is None
            else float(self.power_kw * integral_of_product(market, site.pue, start, stop)),
        )


def compute_rate(card: Accelerator, dtype: str, accelerators: int) -> ComputeRate:
    """From the catalog's peak and measured efficiency in a number format."""
    peak, efficiency = card.peak_flops_per_s.get(dtype), card.efficiency(dtype)
    theoretical = None if peak is None else peak * accelerators
    delivered = None if theoretical is None or efficiency is None else theoretical * efficiency.ratio
    return ComputeRate(delivered, theoretical)


def _utilisation(order: Order, observation: Observation, pool: Pool, now: datetime) -> Fraction | None:
    """Processor time over the cards' time so far, where the cards are processors; None where nothing measures it."""
    if pool.accelerator.kind is not AcceleratorKind.CPU or observation.cpu_s is None or observation.started is None:
        return None
    seconds = _hours(observation.started, require_aware(observation.ended or now)) * SECONDS_PER_HOUR
    return min(Fraction(1), _exact(observation.cpu_s) / (seconds * order.accelerators)) if seconds > 0 else None


@dataclass(frozen=True, slots=True)
class _Tokens:
    """`count` tokens of [begin, end), spread evenly: its records sum to them, whatever the cuts. None: not counted."""

    begin: datetime
    end: datetime
    count: int | None

    @classmethod
    def of(
        cls, order: Order, observation: Observation, earlier: Sequence[UsageRecord], begin: datetime, end: datetime
    ) -> "_Tokens":
        counted = observation.evidence.get("tokens", "")
        if not counted.isdigit():
            return cls(begin, end, None)
        before = sum(r.tokens or 0 for r in earlier if r.order_id == order.id)
        return cls(begin, end, max(0, int(counted) - before))

    def between(self, start: datetime, stop: datetime) -> int | None:
        return None if self.count is None else self._until(stop) - self._until(start)

    def _until(self, when: datetime) -> int:
        assert self.count is not None
        return self.count * ((when - self.begin) // MICROSECOND) // ((self.end - self.begin) // MICROSECOND)


def hours(start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """[start, end) cut at whole UTC hours, in order; empty when it is."""
    pieces = []
    while start < end:
        stop = min(end, _whole_hour(start) + HOUR)
        pieces.append((start, stop))
        start = stop
    return pieces


def integral_of_product(a: Signal, b: Signal, start: datetime, end: datetime) -> Fraction:
    """Exact integral of a x b over [start, end), in hours x both units."""
    pieces = b.pieces(start, end)
    return sum((Fraction(micro, MICRO) * a.integral(x, y) for x, y, micro in pieces), Fraction(0))


def _unmetered(
    observation: Observation, metered_until: datetime | None, now: datetime
) -> tuple[datetime, datetime] | None:
    if observation.started is None:
        return None
    started = require_aware(observation.started)
    begin = started if metered_until is None else max(started, metered_until)
    if observation.ended is not None:
        end = require_aware(observation.ended)
    elif observation.state is OrderState.RUNNING:
        end = _whole_hour(require_aware(now))
    else:
        return None
    return (begin, end) if begin < end else None


def _measured_power_kw(
    order: Order, observation: Observation, earlier: Sequence[UsageRecord], begin: datetime, now: datetime
) -> Fraction | None:
    """Mean power since `begin`, when a sensor gave the attempt's energy so far; None without one."""
    if observation.energy_kwh_it is None:
        return None
    before = sum((r.energy_kwh_it for r in earlier if r.order_id == order.id), Fraction(0))
    left = max(Fraction(0), _exact(observation.energy_kwh_it) - before)
    return left / _hours(begin, require_aware(observation.ended or now))


def _delivered(rate: ComputeRate | None, estimate: Estimate, seconds: float, before: float) -> float:
    """Operations of so many seconds; at the estimate's rate no more than it has, after those delivered before.

    An estimate of no time at all delivers everything at once.
    """
    if rate is not None and rate.delivered is not None:
        return rate.delivered * seconds
    worth = estimate.flops * seconds / estimate.time_s.mid if estimate.time_s.mid else estimate.flops
    return min(worth, max(0.0, estimate.flops - before))


def _whole_hour(when: datetime) -> datetime:
    return when.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _hours(start: datetime, end: datetime) -> Fraction:
    return Fraction((end - start) // MICROSECOND, MICROSECONDS_PER_HOUR)


def _exact(figure: float) -> Fraction:
    """The decimal that a float is written as: keeps the records' fractions short."""
    return Fraction(str(float(figure)))
