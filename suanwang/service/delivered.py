"""Delivered compute of a month: what a tenant's cards could have done at their peak, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from suanwang.domain.money import Money, total
from suanwang.domain.period import Period, read_month
from suanwang.domain.usage import UsageRecord
from suanwang.ports import Transaction
from suanwang.service.hub import Hub
from suanwang.service.rating import charges_between, effective
from suanwang.units import PFLOP_HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredLine:
    """One kind of accelerator. Compute in PFLOP-hours: `theoretical` = `failed` + `inefficient` + `delivered`, and the
    first three are None where no peak of the accelerator is published.

    `failed`: at the peak, of time that nobody was charged for; `inefficient`: what the rest falls short of the peak;
    `delivered`: what that rest is worth at the measured efficiency of the workloads' class. Energy at the site's meter.
    """

    accelerator_id: str
    accelerator_hours: Fraction
    failed_hours: Fraction
    theoretical: float | None
    failed: float | None
    inefficient: float | None
    delivered: float
    energy_kwh: Fraction
    carbon_kg: float
    charged: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredMonth:
    """The lines of a tenant and month, by accelerator. An hour's use counts in the month in which its record began."""

    tenant: str
    period: Period
    lines: tuple[DeliveredLine, ...]


def delivered_month(hub: Hub, tenant: str, month: str) -> DeliveredMonth:
    """Records in their last correction, beside what was charged for them. Raises NotFound, InvalidInput."""
    hub.grid.tenant(tenant)
    period = read_month(month, hub.grid.zone)
    with hub.store.transaction() as tx:
        records = used_in(tx, period, tenant)
        charged: dict[str, Money] = {}
        for charge in charges_between(tx, period, tenant):
            before = charged.get(charge.usage_id)
            charged[charge.usage_id] = charge.amount if before is None else before + charge.amount
    kinds = sorted({r.accelerator_id for r in records})
    by_kind = {kind: [r for r in records if r.accelerator_id == kind] for kind in kinds}
    lines = [_line(kind, found, charged, hub.grid.currency) for kind, found in by_kind.items()]
    return DeliveredMonth(tenant=tenant, period=period, lines=tuple(lines))


def used_in(tx: Transaction, period: Period, tenant: str = "", site: str = "") -> list[UsageRecord]:
    """The records that begin in a period (of a tenant, at a site), each in its last correction, in order of time."""
    first = tx.usage.between(period.start, period.end, tenant)
    ids = {r.id for r in first if site in ("", r.site_id)}
    jobs = dict.fromkeys(r.job_id for r in first if r.id in ids)
    return [r for r in effective(tx, jobs) if r.id in ids]


def _line(kind: str, records: list[UsageRecord], charged: dict[str, Money], currency: str) -> DeliveredLine:
    paid = [r for r in records if r.id in charged and charged[r.id].micro]
    unpaid = [r for r in records if r.id not in charged or not charged[r.id].micro]
    delivered = sum(r.flops_delivered for r in paid) / PFLOP_HOUR
    at_peak, lost = _theoretical(paid), _theoretical(unpaid)
    known = at_peak is not None and lost is not None
    return DeliveredLine(
        accelerator_id=kind,
        accelerator_hours=_hours(records),
        failed_hours=_hours(unpaid),
        theoretical=at_peak + lost if at_peak is not None and lost is not None else None,
        failed=lost if known else None,
        inefficient=at_peak - delivered if at_peak is not None and known else None,
        delivered=delivered,
        energy_kwh=sum((r.energy_kwh for r in records), Fraction(0)),
        carbon_kg=sum(r.carbon_kg_location for r in records),
        charged=total([charged[r.id] for r in paid], currency),
    )


def _hours(records: Iterable[UsageRecord]) -> Fraction:
    return sum((r.accelerator_hours for r in records), Fraction(0))


def _theoretical(records: Iterable[UsageRecord]) -> float | None:
    """PFLOP-hours at the peak; None where that of one record is not known."""
    found = 0.0
    for record in records:
        if record.flops_theoretical is None:
            return None
        found += record.flops_theoretical / PFLOP_HOUR
    return found
