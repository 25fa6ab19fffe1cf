"""Explain: what a placement saves against named alternatives, and sentences that say why there and why then."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce

from suanwang.domain.geography import City, great_circle_km
from suanwang.domain.placement import Against, CostPart, Option, Saving
from suanwang.domain.price import Basis
from suanwang.domain.site import Grid, Site
from suanwang.domain.tariff import period_name
from suanwang.domain.workload import Workload
from suanwang.errors import Message, msg
from suanwang.place.offer import Offer
from suanwang.place.options import label_of
from suanwang.place.outlook import HOUR_US, Column, from_us, to_us
from suanwang.units import SECONDS_PER_HOUR

EAST = "east"
"""The value of the label `region` that marks an eastern site (东数西算: computing moves from the east to the west)."""

AGAINST = {
    Against.SAME_POOL_AT_ONCE: msg("the same pool, at once"),
    Against.CHEAPEST_AT_ONCE: msg("the cheapest place, at once"),
    Against.NEAREST_EAST_AT_ONCE: msg("the nearest eastern site, at once"),
}
"""What a saving is against, as it is told."""


def savings(
    workload: Workload, grid: Grid, chosen: Offer, option: Option, offers: Sequence[Offer]
) -> tuple[Saving, ...]:
    """Against each alternative that is there and is not the option itself, in the order of `Against`."""
    unhindered = [o for o in offers if o.found.at_once_us == to_us(o.first)] or offers
    against = {
        Against.SAME_POOL_AT_ONCE: chosen,
        Against.CHEAPEST_AT_ONCE: _cheapest_at_once(unhindered),
        Against.NEAREST_EAST_AT_ONCE: _nearest_east(workload, grid, offers),
    }
    result = []
    for name, offer in against.items():
        if offer is None:
            continue
        other = offer.at_once
        same = (other.pool_id, other.start, other.accelerators) == (option.pool_id, option.start, option.accelerators)
        if option.pauses or not same:
            parts = {part: other.cost[part] - amount for part, amount in option.cost.items()}
            result.append(Saving(against=name, alternative=other, parts=parts))
    return tuple(result)


def _cheapest_at_once(offers: Sequence[Offer]) -> Offer:
    return min(offers, key=lambda o: (o.found.at_once_cost_micro, o.found.at_once_us, o.pool.id))


def _nearest_east(workload: Workload, grid: Grid, offers: Sequence[Offer]) -> Offer | None:
    """The cheapest offer at once of the eastern site nearest to the users' city, else to the first data set."""
    eastern = [o for o in offers if label_of(o.pool, o.site, "region") == EAST]
    if not eastern:
        return None
    nearest = nearest_site(workload, grid, [o.site for o in eastern])
    return _cheapest_at_once([o for o in eastern if o.site.id == nearest.id])


def nearest_site(workload: Workload, grid: Grid, sites: Sequence[Site]) -> Site:
    """The site nearest to the users' city, else to the first data set; where there is neither, the first by id."""
    here = _origin(workload, grid)

    def distance_km(site: Site) -> float:
        return great_circle_km(*here, site.latitude, site.longitude) if here else 0.0

    return min(sites, key=lambda site: (distance_km(site), site.id))


def _origin(workload: Workload, grid: Grid) -> tuple[float, float] | None:
    """Latitude and longitude of the users' city, else of the place of the first data set, else None."""
    wanted = workload.limits.city or next((data.at for data in workload.data), "")
    places: list[City | Site] = [*grid.cities, *grid.sites]
    return next(((p.latitude, p.longitude) for p in places if p.id == wanted), None)


def reasons(
    workload: Workload, now: datetime, chosen: Offer, option: Option, others: Sequence[Option], saved: Sequence[Saving]
) -> tuple[Message, ...]:
    """Why there (against the next best), why then (what it waits for and what that changes), and what to know."""
    told = [_why_there(chosen, option, others)]
    told += _why_then(workload, now, chosen, option)
    told += [_saving(saving) for saving in saved if saving.total.micro > 0]
    told += _to_know(workload, chosen, option)
    return tuple(told)


def _why_there(chosen: Offer, option: Option, others: Sequence[Option]) -> Message:
    site, pool, cost = chosen.site.name, option.pool_id, str(option.total)
    if not others:
        return msg("{site} ({pool}) is the only pool that can have it: {cost} in all.", site=site, pool=pool, cost=cost)
    if others[0].total < option.total:
        return msg(
            "{site} ({pool}) costs {cost}; {other} would cost {less} less, but not with what it is linked to.",
            site=site,
            pool=pool,
            cost=cost,
            other=others[0].pool_id,
            less=str(option.total - others[0].total),
        )
    return msg(
        "{site} ({pool}) costs least: {cost} in all; the next best, {other}, costs {more} more.",
        site=site,
        pool=pool,
        cost=cost,
        other=others[0].pool_id,
        more=str(others[0].total - option.total),
    )


def _why_then(workload: Workload, now: datetime, chosen: Offer, option: Option) -> list[Message]:
    """The waits, one after another: for the earliest start, for data, for free accelerators, for cheaper hours."""
    told = []
    earliest = workload.limits.earliest_start
    if earliest is not None and earliest > now:
        told.append(msg("Waits {wait} for the earliest start that was asked for.", wait=_span(now, earliest)))
    if option.data_ready is not None:
        moved = CostPart.DATA
        wait = _span(now, option.data_ready)
        told.append(
            msg(
                "The data needs {wait} to reach {site} and costs {cost}.",
                wait=wait,
                site=chosen.site.name,
                cost=str(option.cost[moved]),
            )
        )
    if (queued := chosen.queue_wait) is not None:
        told.append(
            msg(
                "The queue of {pool} is expected to keep it waiting {wait} ({low} to {high}).",
                pool=option.pool_id,
                wait=_seconds(queued.mid),
                low=_seconds(queued.low),
                high=_seconds(queued.high),
            )
        )
    at_once = chosen.at_once
    if at_once.start > chosen.first:
        wait = _span(chosen.first, at_once.start)
        told.append(
            msg(
                "Waits {wait} for {count} free accelerators in {pool}.",
                wait=wait,
                count=option.accelerators,
                pool=option.pool_id,
            )
        )
    if option.pauses:
        told.append(_why_paused(chosen, option))
    elif option.start > at_once.start:
        told += _why_wait(chosen, at_once, option)
    elif not told:
        told.append(msg("Starts at once: no later start within the limits costs less."))
    return told


def _why_paused(chosen: Offer, option: Option) -> Message:
    """How long it is stopped, and what that saves where it runs."""
    stopped = sum((pause.end - pause.start for pause in option.pauses), timedelta())
    saved = chosen.best.total - option.total
    return msg(
        "Pauses {count} ×, {hours} h in all, in hours that cost more: {saved} less than in one go there; ends {end}.",
        count=len(option.pauses),
        hours=f"{stopped.total_seconds() / SECONDS_PER_HOUR:.1f}",
        saved=str(saved),
        end=option.end.isoformat(),
    )


def _why_wait(chosen: Offer, at_once: Option, option: Option) -> list[Message]:
    """One sentence for every part that the wait makes cheaper, with the figure that falls."""
    wait, site, outlook = _span(at_once.start, option.start), chosen.site.name, chosen.outlook
    currency = option.total.unit
    told = []
    if option.cost[CostPart.POWER] < at_once.cost[CostPart.POWER]:
        new, old = (_price_kwh(chosen, o) for o in (option, at_once))
        periods = {chosen.site.tariff.period_at(t.astimezone(chosen.site.zone)) for t in _hours(chosen, option)}
        values = {"wait": wait, "site": site, "new": f"{new:.4f}", "old": f"{old:.4f}", "currency": currency}
        if len(periods) == 1 and _passed_through(chosen, option):
            told.append(
                msg(
                    "Waits {wait} for the {period} tariff at {site}: {new} instead of {old} {currency}/kWh.",
                    period=period_name(periods.pop()),
                    **values,
                )
            )
        else:
            told.append(
                msg("Waits {wait} for cheaper power at {site}: {new} instead of {old} {currency}/kWh.", **values)
            )
    if option.cost[CostPart.RENT] < at_once.cost[CostPart.RENT]:
        new, old = (_mean(chosen, o, outlook.rent) for o in (option, at_once))
        told.append(
            msg(
                "Waits {wait} for a lower rent: {new} instead of {old} {currency} per accelerator-hour.",
                wait=wait,
                new=f"{new:.4f}",
                old=f"{old:.4f}",
                currency=currency,
            )
        )
    carbon = CostPart.CARBON
    if carbon in option.cost and option.cost[carbon] < at_once.cost[carbon]:
        new, old = option.carbon_kg_location, at_once.carbon_kg_location
        told.append(
            msg(
                "Waits {wait} for cleaner hours at {site}: {new} instead of {old} kg CO2.",
                wait=wait,
                site=site,
                new=f"{new:,.1f}",
                old=f"{old:,.1f}",
            )
        )
    return told


def _to_know(workload: Workload, chosen: Offer, option: Option) -> list[Message]:
    """What is not billed, and how far limits are away."""
    told = []
    book = chosen.outlook.book_at(to_us(option.start))
    if book.price(Basis.KWH) is None:
        told.append(
            msg(
                "Price book {book} does not bill power: {kwh} kWh are covered by the rent.",
                book=book.id,
                kwh=f"{option.energy_kwh:,.1f}",
            )
        )
    limits, high_s = workload.limits, option.estimate.time_s.high
    if limits.deadline is not None:
        time_s = option.estimate.time_s
        left_s = (limits.deadline - option.end).total_seconds() - (time_s.high - time_s.mid)
        told.append(
            msg(
                "Ends at least {left} h before the deadline, at the high end of the estimate.",
                left=f"{left_s / SECONDS_PER_HOUR:.1f}",
            )
        )
    if limits.time_limit_s is not None and limits.time_limit_s < high_s:
        limit = f"{limits.time_limit_s / SECONDS_PER_HOUR:.1f}"
        told.append(
            msg(
                "The time limit of {limit} h may end it: the run takes up to {high} h.",
                limit=limit,
                high=f"{high_s / SECONDS_PER_HOUR:.1f}",
            )
        )
    return told


def _saving(saving: Saving) -> Message:
    parts = [_part(part, str(amount)) for part, amount in saving.parts.items() if amount]
    return msg(
        "Saves {amount} against {against}: {parts}.",
        amount=str(saving.total),
        against=AGAINST[saving.against],
        parts=reduce(lambda before, part: msg("{before}, {part}", before=before, part=part), parts),
    )


def _part(part: CostPart, amount: str) -> Message:
    match part:
        case CostPart.RENT:
            return msg("rent {amount}", amount=amount)
        case CostPart.POWER:
            return msg("power {amount}", amount=amount)
        case CostPart.DATA:
            return msg("data {amount}", amount=amount)
        case CostPart.CARBON:
            return msg("carbon {amount}", amount=amount)


def _span(start: datetime, end: datetime) -> str:
    return _seconds((end - start).total_seconds())


def _seconds(seconds: float) -> str:
    """Hours; below a tenth of an hour minutes or seconds, so that a short wait is not told as none."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < SECONDS_PER_HOUR / 10 else f"{seconds / SECONDS_PER_HOUR:.1f} h"


def _passed_through(chosen: Offer, option: Option) -> bool:
    price = chosen.outlook.book_at(to_us(option.start)).price(Basis.KWH)
    return price is not None and price.amount is None


def _hours(chosen: Offer, option: Option) -> list[datetime]:
    """The start, and each later time within the run at which a price or signal changes."""
    from_edges = [chosen.outlook.edges[i] for i, _ in chosen.outlook.pieces(to_us(option.start), to_us(option.end))]
    return [option.start, *(from_us(int(us)) for us in from_edges[1:])]


def _mean(chosen: Offer, option: Option, *columns: Column) -> float:
    """Time-weighted mean of the product of columns over the run."""
    start, end = to_us(option.start), to_us(option.end)
    return float(chosen.outlook.integral(start, end, *columns) * HOUR_US / (end - start))


def _price_kwh(chosen: Offer, option: Option) -> float:
    """Mean price of a kWh at the meter over the run."""
    outlook = chosen.outlook
    return _mean(chosen, option, outlook.pue, outlook.power) / _mean(chosen, option, outlook.pue)
