"""What a price book would have charged for past use, beside what was charged; nothing is stored."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

import numpy as np

from suanwang.domain.job import Job
from suanwang.domain.money import Money
from suanwang.domain.period import Span, period_of
from suanwang.domain.price import Basis, Charge, Price, PriceBook, Step
from suanwang.domain.usage import UsageRecord
from suanwang.errors import Never, msg
from suanwang.place.instance import Floats
from suanwang.ports import TellsPrices, Transaction
from suanwang.service.hub import Hub
from suanwang.service.pricing import PriceList, prices
from suanwang.service.rating import effective
from suanwang.settle import Circumstances, Rater, closing, facts_of
from suanwang.settle.adjust import live
from suanwang.units import MICRO

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRow:
    """One job, or a tenant's sum: what was charged and what the book would charge, tax and minimum included."""

    tenant: str
    job_id: str
    records: int
    charged: Money
    would_be: Money

    @property
    def change(self) -> Money:
        return self.would_be - self.charged


def preview(hub: Hub, book: PriceBook, start: datetime, end: datetime, tenant: str = "") -> list[PreviewRow]:
    """Each job that used anything in [start, end), with all of its use rated by the book, in order of time.

    Raises price-missing or MissingFigure, naming what the book or a record lacks.
    """
    rater = Rater(book)
    rows: list[PreviewRow] = []
    used: dict[tuple[str, str, Basis], Fraction] = {}
    with hub.store.transaction() as tx:
        jobs = dict.fromkeys(r.job_id for r in tx.usage.between(start, end, tenant))
        for job_id in jobs:
            job = tx.jobs.get(job_id)
            records = effective(tx, [job_id])
            made = [c for record in records for c in _rated(hub, rater, job, record, used)]
            old = live(tx.usage.charges(job_id))
            made += [c for c in old if c.basis is Basis.DATA_GB]
            made += closing(job_id, made, book, records[-1].id)
            rows.append(
                PreviewRow(
                    tenant=job.tenant,
                    job_id=job_id,
                    records=len(records),
                    charged=_sum(old, book.currency),
                    would_be=_sum(made, book.currency),
                )
            )
    return rows


def _rated(
    hub: Hub, rater: Rater, job: Job, record: UsageRecord, used: dict[tuple[str, str, Basis], Fraction]
) -> list[Charge]:
    """A record's charges, with the month's use counted as the preview goes."""
    pool, site = hub.grid.pool(record.pool_id), hub.grid.site(record.site_id)
    month = period_of(Span.MONTH, record.start, hub.grid.zone).id
    before = {basis: used.get((record.tenant, month, basis), Fraction(0)) for basis in Basis}
    facts = facts_of(hub.grid.tenant(job.tenant), site, pool, job.workload)
    charges = rater.charges(record, Circumstances(zone=site.zone, facts=facts, before=before))
    for charge in charges:
        key = (record.tenant, month, charge.basis)
        used[key] = used.get(key, Fraction(0)) + charge.quantity
    return charges


def by_tenant(rows: Sequence[PreviewRow]) -> list[PreviewRow]:
    """The sums of each tenant, by name."""
    sums: dict[str, PreviewRow] = {}
    for row in rows:
        known = sums.get(row.tenant)
        sums[row.tenant] = (
            replace(row, job_id="")
            if known is None
            else replace(
                known,
                records=known.records + row.records,
                charged=known.charged + row.charged,
                would_be=known.would_be + row.would_be,
            )
        )
    return [row for _, row in sorted(sums.items())]


def publish(hub: Hub, book: PriceBook, hours: int) -> PriceBook:
    """The next version of a book whose linked prices are the grid's marginal prices of the coming hours.

    The marginal price of an accelerator-hour is what another one there and then would cost the grid: congestion, and
    power where the book does not bill it; at another hub also what that asks for. Of several pools with the book, the
    dearest counts. Raises price-missing when the book links no price, no pool has it, or the other hub does not tell.
    """
    linked = [p for p in book.prices if p.link is not None]
    pools = [i for i, pool in enumerate(hub.grid.pools) if pool.price_book_id == book.id]
    if not linked or not pools or any(p.basis is not Basis.ACCELERATOR_HOUR for p in linked):
        raise Never(
            "price-missing",
            msg("price book {id} has no marginal link on accelerator_hour, or no pool uses it", id=book.id),
            msg("Give accelerator_hour a `marginal` with its floor, and name the book at a pool of the grid file."),
        )
    found = prices(hub, hours)
    bills_power = book.price(Basis.KWH) is not None
    table = np.array([_marginal(hub, found, row, bills_power=bills_power) for row in pools])
    (price,) = linked
    steps = [
        Step(found.start + hour * HOUR, _linked(price, float(value), book.currency))
        for hour, value in enumerate(table.max(axis=0))
    ]
    kept = [s for i, s in enumerate(steps) if i == 0 or s.amount != steps[i - 1].amount]
    return replace(
        book,
        version=book.version + 1,
        effective=found.start,
        prices=tuple(replace(p, steps=tuple(kept)) if p is price else p for p in book.prices),
    )


def _marginal(hub: Hub, found: PriceList, row: int, *, bills_power: bool) -> Floats:
    """(T,) of a pool."""
    pool = hub.grid.pools[row]
    congestion: Floats = found.congestion[row]
    engine: object = hub.engines.get(pool.id)
    if not isinstance(engine, TellsPrices):
        return np.asarray(congestion if bills_power else congestion + found.power[row])
    hours = [found.start + hour * HOUR for hour in range(len(congestion))]
    asked = {price.start: price for price in engine.asked(pool.id, len(hours) + 1)}
    if lacking := [hour for hour in hours if hour not in asked or asked[hour].unit != found.currency]:
        told = {"pool": pool.id, "unit": found.currency, "when": lacking[0].isoformat()}
        raise Never(
            "price-missing",
            msg("the hub behind pool {pool} tells no price in {unit} for {when}", **told),
            msg("Publish fewer hours, and see that both grids have one currency."),
        )
    theirs = [p.rent + p.congestion + (0.0 if bills_power else p.power) for p in (asked[hour] for hour in hours)]
    return np.asarray(congestion + np.array(theirs))


def _linked(price: Price, marginal: float, unit: str) -> Money:
    link = price.link
    assert link is not None
    amount = Money(round(Fraction(marginal) * link.factor * MICRO), unit)
    amount = max(amount, link.floor)
    return amount if link.cap is None else min(amount, link.cap)


def _sum(charges: Sequence[Charge], unit: str) -> Money:
    return Money(sum(c.amount.micro for c in charges), unit)


def book_versions(tx: Transaction, hub: Hub) -> list[tuple[PriceBook, bool]]:
    """Every version that the grid has or that was used, and whether it is sealed, by id and version."""
    sealed = {(b.id, b.version): b for b in tx.usage.sealed()}
    known = {(b.id, b.version): b for b in hub.grid.price_books} | sealed
    return [(book, key in sealed) for key, book in sorted(known.items())]
