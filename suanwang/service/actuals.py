"""What metering and the ledger say of a site that runs: accelerator-hours, revenue and power by month of its plan."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from suanwang.domain.job import Job, JobState
from suanwang.domain.ledger import TransferKind
from suanwang.domain.usage import UsageRecord
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.feasibility.plan import MONTHS, Plan
from suanwang.feasibility.variance import Actual
from suanwang.ports import Store, Transaction
from suanwang.service.hourly import LONGEST
from suanwang.service.rating import effective
from suanwang.settle.accounts import site_id as site_account
from suanwang.units import MICRO

_MONTH = timedelta(days=365) / MONTHS


@dataclass(slots=True)
class _Month:
    """Sums of one month; `segments`: charged hours and revenue by segment of the plan."""

    hours: Fraction = Fraction(0)
    failed: Fraction = Fraction(0)
    revenue: Fraction = Fraction(0)
    vouchers: Fraction = Fraction(0)
    power: Fraction = Fraction(0)
    segments: dict[str, list[Fraction]] = field(default_factory=lambda: defaultdict(lambda: [Fraction(0), Fraction(0)]))


def metered(store: Store, site_id: str, decision: datetime, plan: Plan) -> tuple[Actual, ...]:
    """What usage, charges and posted transfers say of a site, by month since the decision, up to its last use.

    Records are taken in their last correction; one that crosses months is split by time. Hours without a charge count
    as failed. The revenue of a settled job is what the ledger posted to the site (what it waived is not in it), that of
    one that runs is what was charged so far. Segments are told by their tenants. Raises InvalidInput where the site has
    no usage since then.
    """
    months = [_Month() for _ in range(plan.months)]
    segment_of = {tenant: s.name for s in plan.segments for tenant in s.tenants}
    last, horizon = -1, decision + plan.months * _MONTH
    with store.transaction() as transaction:
        everything = transaction.usage.between(decision - LONGEST, horizon)
        seen = {record.site_id for record in everything}
        for job_id in dict.fromkeys(r.job_id for r in everything if r.site_id == site_id):
            charged, vouchers = _paid(transaction, transaction.jobs.get(job_id), site_id, plan)
            for record in effective(transaction, [job_id]):
                if record.site_id != site_id:
                    continue
                for number, part in _months_of(record, decision):
                    if 0 <= number < plan.months:
                        last = max(last, number)
                        amount = charged.get(record.id, Fraction(0)) * part
                        segment = segment_of.get(record.tenant, "")
                        _add(months[number], record, part, amount, amount * vouchers, segment)
    if last < 0:
        what = msg("the ledger has no usage of {site} in the plan's months.", site=site_id)
        known = ", ".join(sorted(seen)) or msg("none")
        remedy = msg("Check the site's id and the date of the decision. Sites with usage: {sites}.", sites=known)
        raise InvalidInput([Problem("--ledger", what, remedy)])
    return tuple(_actual(number, month) for number, month in enumerate(months[: last + 1], start=1))


def _add(
    month: _Month, record: UsageRecord, part: Fraction, amount: Fraction, vouchers: Fraction, segment: str
) -> None:
    hours = record.accelerator_hours * part
    month.hours += hours
    month.failed += 0 if amount else hours
    month.revenue += amount
    month.vouchers += vouchers
    month.power += Fraction(record.power_cost_micro, MICRO) * part
    if segment and amount:
        month.segments[segment][0] += hours
        month.segments[segment][1] += amount


def _actual(number: int, month: _Month) -> Actual:
    return Actual(
        month=number,
        hours=float(month.hours),
        revenue=float(month.revenue),
        failed_hours=float(month.failed),
        power_cost=float(month.power),
        voucher_revenue=float(month.vouchers),
        segments={name: (float(hours), float(revenue)) for name, (hours, revenue) in month.segments.items()},
    )


def _paid(transaction: Transaction, job: Job, site_id: str, plan: Plan) -> tuple[dict[str, Fraction], Fraction]:
    """(amount by usage record, share of it that vouchers paid): as charged, in proportion to what was posted once the
    job is settled."""
    charges = transaction.usage.charges(job.id)
    for charge in charges:
        if charge.amount.unit != plan.currency:
            what = msg(
                "the ledger charges in {given}, the plan is in {currency}.",
                given=charge.amount.unit,
                currency=plan.currency,
            )
            raise InvalidInput([Problem("currency", what, msg("Write the plan in the currency of the grid."))])
    total = sum(charge.amount.micro for charge in charges)
    share, vouchers = Fraction(1), Fraction(0)
    if job.state is JobState.SETTLED and total:
        account = site_account(site_id, plan.currency)
        posted = [
            t
            for t in transaction.ledger.transfers(job_id=job.id)
            if t.kind is TransferKind.POST and t.credit == account
        ]
        paid = sum(t.amount.micro for t in posted)
        by_fund = sum(t.amount.micro for t in posted if t.debit.startswith("fund:"))
        share, vouchers = Fraction(paid, total), Fraction(by_fund, paid) if paid else Fraction(0)
    amounts: dict[str, Fraction] = defaultdict(Fraction)
    for charge in charges:
        amounts[charge.usage_id] += Fraction(charge.amount.micro, MICRO) * share
    return amounts, vouchers


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
