"""Claims against the grid's own meter: what it metered and charged of the use that a claim rests on, before it is paid.

It is a sign for the person who checks, and refuses nothing: the use may have been elsewhere, or on another account.
"""

from datetime import UTC, datetime, time, timedelta
from fractions import Fraction

from suanwang.domain.case import Case
from suanwang.domain.docket import Docket, DocketKind, MeteredUse
from suanwang.domain.money import total
from suanwang.domain.period import Period
from suanwang.domain.programme import Programme
from suanwang.ports import Transaction
from suanwang.service.delivered import used_in
from suanwang.service.hub import Hub
from suanwang.service.rating import charges_between
from suanwang.settle.rate import PART_OF
from suanwang.settle.recognise import recognised_cost


def metered_of(hub: Hub, docket: Docket) -> MeteredUse | None:
    """None where there is nothing to compare: a voucher, no cost, a provider that is no site of the grid."""
    if docket.kind is DocketKind.VOUCHER:
        return None
    programme = hub.grid.programme(docket.programme_id)
    with hub.store.transaction() as tx:
        case = tx.dockets.get(docket.about).case if docket.about else docket.case
        return None if case is None else _metered(hub, tx, programme, case, docket.tenant)


def _metered(hub: Hub, tx: Transaction, programme: Programme, case: Case, tenant: str) -> MeteredUse | None:
    provider = case.facts.get("provider.id", "")
    claimed, _ = recognised_cost(programme, case)
    if not claimed or (provider and provider not in {site.id for site in hub.grid.sites}):
        return None
    period = _days(programme, case, hub.clock.now())
    records = used_in(tx, period, tenant, provider)
    there = {record.id for record in records}
    lines = {cost.line for cost in case.costs} & set(programme.recognition.lines)
    charges = [c for c in charges_between(tx, period, tenant) if c.usage_id in there and PART_OF[c.basis] in lines]
    return MeteredUse(
        provider=provider,
        start=period.start,
        end=period.end,
        claimed=claimed,
        charged=total([charge.amount for charge in charges], programme.currency),
        accelerator_hours=sum((record.accelerator_hours for record in records), Fraction(0)),
        jobs=len({record.job_id for record in records}),
    )


def _days(programme: Programme, case: Case, now: datetime) -> Period:
    """The days that the costs cover; from the programme's opening until now where they do not say."""
    first = min((c.from_day for c in case.costs if c.from_day), default=None)
    last = max((c.until_day for c in case.costs if c.until_day), default=None)
    midnight = time(tzinfo=programme.zone)
    start = datetime.combine(first, midnight) if first else programme.opens
    end = datetime.combine(last + timedelta(days=1), midnight) if last else now
    return Period(id="claim", start=start.astimezone(UTC), end=max(end.astimezone(UTC), start + timedelta(seconds=1)))
