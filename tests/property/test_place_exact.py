"""Placement is exactly optimal: no start of a dense search costs less, none of the limits is broken."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from suanwang.domain.estimate import Band, Estimate
from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart, Occupancy, Option, Placement, Promise, Refused
from suanwang.domain.price import Basis, PriceBook
from suanwang.domain.signal import MICROSECOND, Signal
from suanwang.domain.site import Grid, Pool, Site
from suanwang.domain.tariff import Tariff, TariffPeriod
from suanwang.domain.workload import Limits, Workload
from suanwang.place.place import place
from tests.small_grid import INVENTED, MONDAY, book, cny, estimate, grid, hour, pool, site, workload

HORIZON_H = 30
QUICK = settings(derandomize=True, phases=(Phase.explicit, Phase.generate), max_examples=120, deadline=None)
ROUNDING = Fraction(6)
"""Millionths: costs nearer than three count as equal, and each of three parts is rounded by at most a half, twice."""


@dataclass(frozen=True)
class Case:
    work: Workload
    where: Grid
    estimates: list[Estimate]
    occupancy: Occupancy
    now: datetime

    def decide(self) -> Placement | Refused:
        return place(self.work, self.where, self.estimates, [], self.now, self.occupancy, HORIZON_H)


def _price(dice: Random) -> Decimal:
    return Decimal(dice.randrange(2_000)) / 1000


def _time(dice: Random) -> datetime:
    """An odd millisecond of the first 40 hours."""
    return MONDAY + timedelta(milliseconds=dice.randrange(40 * 3_600_000))


def _tariff(dice: Random) -> Tariff:
    spans = [sorted(dice.sample(range(1441), 2)) for _ in range(2)]
    periods = [TariffPeriod(name=f"t{i}", minutes=((a, b),)) for i, (a, b) in enumerate(spans)]
    named = {name: _price(dice) for name in ("flat", "t0", "t1")}
    return Tariff(id="t", name="t", currency="CNY", prices=named, periods=tuple(periods), provenance=INVENTED)


def _signal(dice: Random, unit: str, low: int, high: int) -> Signal:
    edges = [MONDAY - timedelta(days=2), *sorted({_time(dice) for _ in range(dice.randrange(4))})]
    return Signal(unit, tuple(edges), tuple(dice.randint(low, high) for _ in edges))


def _site(dice: Random, site_id: str) -> Site:
    pue, carbon = _signal(dice, "1", 1_050_000, 1_800_000), _signal(dice, "kg/kWh", 0, 900_000)
    return site(site_id, tariff=_tariff(dice), pue=pue, carbon_location=carbon)


def _books(dice: Random) -> tuple[PriceBook, ...]:
    """One version, or a second one from some hour on; power is passed through, priced or not billed."""
    kwh = ("tariff", "tariff", "tariff", "0.45", None)
    first = book(rent=str(_price(dice) / 10), kwh=dice.choice(kwh))
    later = book(rent=str(_price(dice) / 10), kwh=dice.choice(kwh), version=2, effective=_time(dice))
    return (first, later)[: dice.randint(1, 2)]


def _promise(dice: Random) -> Promise:
    start = _time(dice)
    end = start + timedelta(milliseconds=dice.randint(1, 12 * 3_600_000))
    return Promise(start=start, end=end, accelerators=dice.randint(1, 6))


def _case(seed: int, *, limits: bool) -> Case:
    """Two sites and up to three pools of 8 cards, for which runs of minutes to 15 h compete with promises."""
    dice = Random(seed)
    pools = [pool(f"p{i}", f"s{i % 2}", nodes=1) for i in range(dice.randint(1, 3))]
    estimates = [
        _stretched(
            estimate(p.id, dice.uniform(0.02, 15), dice.uniform(0.1, 500), 1.0, dice.randint(1, 8)),
            dice.uniform(1, 1.6),
            dice.uniform(1, 1.6),
        )
        for p in pools
    ]
    bounds = Limits()
    if limits:
        earliest, deadline = (_time(dice) if dice.random() < 0.4 else None for _ in range(2))
        bounds = Limits(earliest_start=earliest, deadline=deadline)
    where = grid(
        [_site(dice, f"s{i}") for i in range(2)],
        pools,
        price_books=_books(dice),
        carbon_price_per_t=dice.choice((None, cny("900"))),
    )
    promises = {p.id: tuple(_promise(dice) for _ in range(dice.randrange(4))) for p in pools}
    now = MONDAY + timedelta(milliseconds=dice.randrange(12 * 3_600_000))
    return Case(workload(limits=bounds), where, estimates, Occupancy(promises=promises), now)


seeds = st.integers(0, 2**32)
cases = seeds.map(lambda seed: _case(seed, limits=True))
unlimited = seeds.map(lambda seed: _case(seed, limits=False))


def _stretched(base: Estimate, time: float, energy: float) -> Estimate:
    mid, kwh = base.time_s.mid, base.energy_kwh_it.mid
    return replace(base, time_s=Band(mid, mid, mid * time), energy_kwh_it=Band(kwh, kwh, kwh * energy))


# The brute force below stands on the signals of the domain only, not on anything of suanwang.place.


def _ceil_us(seconds: float) -> int:
    return -int(-Fraction(seconds) * 10**6 // 1)


def _product(a: Signal, b: Signal, start: datetime, end: datetime) -> Fraction:
    """Exact integral of the product of two signals, in the product of their units x hours."""
    return sum((Fraction(m, 10**6) * b.integral(left, right) for left, right, m in a.pieces(start, end)), Fraction(0))


def _billed(where: Grid, at: Pool, e: Estimate, start: datetime, seconds: float, kwh: float) -> Fraction:
    """Rent and power over a run, each version of the price book for the part of the run in which it is in force."""
    span = _ceil_us(seconds) * MICROSECOND
    kw = Fraction(kwh) * 3_600_000_000 / (span // MICROSECOND)
    end, here, cost = start + span, where.site(at.site_id), Fraction(0)
    cuts = sorted({start, end} | {b.effective for b in where.price_books if start < b.effective < end})
    for left, right in pairwise(cuts):
        used = where.price_book("book", left)
        assert used is not None
        rent, power = used.price(Basis.ACCELERATOR_HOUR), used.price(Basis.KWH)
        assert rent is not None
        assert rent.amount is not None
        cost += (
            e.accelerators * Fraction(rent.amount.micro, 10**6) * Fraction((right - left) // MICROSECOND, 3_600_000_000)
        )
        if power is not None and power.amount is None:
            cost += kw * _product(here.power_price(left, right), here.pue, left, right)
        elif power is not None and power.amount is not None:
            cost += kw * Fraction(power.amount.micro, 10**6) * here.pue.integral(left, right)
    return cost


def _total(where: Grid, at: Pool, e: Estimate, start: datetime) -> Fraction:
    cost = _billed(where, at, e, start, e.time_s.mid, e.energy_kwh_it.mid)
    if where.carbon_price_per_t is not None:
        here, span = where.site(at.site_id), _ceil_us(e.time_s.mid) * MICROSECOND
        kg = _product(here.carbon_location, here.pue, start, start + span)
        kg *= Fraction(e.energy_kwh_it.mid) * 3_600_000_000 / (span // MICROSECOND)
        cost += kg * Fraction(where.carbon_price_per_t.micro, 10**9)
    return cost


def _high(where: Grid, at: Pool, e: Estimate, start: datetime) -> Fraction:
    mid = _billed(where, at, e, start, e.time_s.mid, e.energy_kwh_it.mid)
    return max(mid, _billed(where, at, e, start, e.time_s.high, e.energy_kwh_it.high))


def _has_room(case: Case, at: Pool, e: Estimate, start: datetime) -> bool:
    end = start + _ceil_us(e.time_s.mid) * MICROSECOND
    taken = case.occupancy.promises[at.id]
    moments = [start, *(p.start for p in taken if start <= p.start < end)]
    used = (sum(p.accelerators for p in taken if p.start <= when < p.end) for when in moments)
    return max(used) + e.accelerators <= at.accelerators


def _allowed(case: Case, at: Pool, e: Estimate, start: datetime, slack: Fraction) -> bool:
    """Whether every limit is kept; `slack` (millionths) is left of the budget at least."""
    limits = case.work.limits
    if limits.deadline is not None and start + _ceil_us(e.time_s.high) * MICROSECOND > limits.deadline:
        return False
    if not _has_room(case, at, e, start):
        return False
    return limits.budget is None or _high(case.where, at, e, start) * 10**6 <= limits.budget.micro - slack


def _dense(case: Case) -> list[datetime]:
    """Every 23 minutes, and the microseconds around every time at which something changes."""
    first = max(case.now, case.work.limits.earliest_start or case.now)
    steps = [first + timedelta(minutes=23 * i) for i in range(HORIZON_H * 60 // 23)]
    changes = [p.end for taken in case.occupancy.promises.values() for p in taken]
    changes += [edge for s in case.where.sites for edge in (*s.pue.edges, *s.carbon_location.edges)]
    steps += [when + i * MICROSECOND for when in changes for i in (-1, 0, 1)]
    last = first + timedelta(hours=HORIZON_H)
    return [s for s in steps if first <= s <= last]


@QUICK
@given(cases)
def test_nothing_in_a_dense_search_costs_less(case: Case) -> None:
    check_least(case)


@QUICK
@given(unlimited, st.floats(0, 1))
def test_nothing_affordable_in_a_dense_search_costs_less(case: Case, share: float) -> None:
    """With a budget that binds: between the least that can be held and what the best option would hold."""
    free = case.decide()
    if isinstance(free, Refused):
        return
    e = next(e for e in case.estimates if e.pool_id == free.option.pool_id)
    at = case.where.pool(e.pool_id)
    held = [_high(case.where, at, e, start) for start in _dense(case) if _has_room(case, at, e, start)]
    least, most = int(min(held) * 10**6), free.option.billed_high.micro
    budget = Money(least + int(share * max(0, most - least)) + 10, "CNY")
    check_least(replace(case, work=workload(limits=Limits(budget=budget))))


def check_least(case: Case) -> None:
    decision = case.decide()
    least = None if isinstance(decision, Refused) else Fraction(decision.option.total.micro)
    for e in case.estimates:
        at = case.where.pool(e.pool_id)
        for start in _dense(case):
            if least is None or _total(case.where, at, e, start) * 10**6 < least - ROUNDING:
                assert not _allowed(case, at, e, start, ROUNDING)


@QUICK
@given(cases)
def test_every_option_keeps_every_limit_and_costs_what_it_says(case: Case) -> None:
    decision = case.decide()
    refused = {r.pool_id for r in decision.rejections}
    if isinstance(decision, Refused):
        assert refused == {p.id for p in case.where.pools}
        return
    options = [decision.option, *decision.alternatives]
    assert {o.pool_id for o in options} | refused == {p.id for p in case.where.pools}
    assert len(options) + len(refused) == len(case.where.pools)
    assert [o.total for o in options] == sorted(o.total for o in options)
    by_pool = {e.pool_id: e for e in case.estimates}
    for option in [*options, *(s.alternative for s in decision.savings)]:
        e, at = by_pool[option.pool_id], case.where.pool(option.pool_id)
        assert _allowed(case, at, e, option.start, -ROUNDING)
        assert option.start >= max(case.now, case.work.limits.earliest_start or case.now)
        assert abs(option.total.micro - _total(case.where, at, e, option.start) * 10**6) <= 2
        assert abs(option.billed_high.micro - _high(case.where, at, e, option.start) * 10**6) <= 2
        assert option.total == sum(option.cost.values(), Money.zero("CNY"))
        assert option.billed <= option.billed_high
    for saving in decision.savings:
        assert saving.total == saving.alternative.total - decision.option.total
        assert saving.total.micro >= 0


@QUICK
@given(unlimited)
def test_another_pool_never_raises_the_least_cost(case: Case) -> None:
    def least(pools: tuple[Pool, ...]) -> Money | None:
        ids = {p.id for p in pools}
        part = replace(
            case, where=replace(case.where, pools=pools), estimates=[e for e in case.estimates if e.pool_id in ids]
        )
        decision = part.decide()
        return decision.option.total if isinstance(decision, Placement) else None

    few, all_ = least(case.where.pools[:1]), least(case.where.pools)
    if few is not None:
        assert all_ is not None
        assert all_ <= few


ZONES = (ZoneInfo("America/New_York"), timezone(timedelta(hours=5, minutes=45)), ZoneInfo("Asia/Shanghai"))


@QUICK
@given(cases, st.sampled_from(ZONES))
def test_the_clock_that_times_are_written_in_changes_nothing(case: Case, zone: ZoneInfo) -> None:
    limits = case.work.limits
    moved = replace(
        limits,
        earliest_start=limits.earliest_start and limits.earliest_start.astimezone(zone),
        deadline=limits.deadline and limits.deadline.astimezone(zone),
    )
    there = replace(case, now=case.now.astimezone(zone), work=replace(case.work, limits=moved))
    assert there.decide() == case.decide()


@QUICK
@given(unlimited, st.integers(1, 8))
def test_a_run_costs_what_its_pieces_cost(case: Case, hours: int) -> None:
    """A run of n hours costs what n runs of one hour, one after another, cost (each part rounded n times)."""
    first = replace(case.where, pools=case.where.pools[:1])
    one = estimate("p0", hours=1, kwh=10, high=1.0)
    whole = estimate("p0", hours=hours, kwh=10 * hours, high=1.0)
    until = Limits(deadline=case.now + timedelta(hours=hours))
    total = _at_once(first, whole, case.now, until)
    for part in (CostPart.RENT, CostPart.POWER):
        pieces = [
            _at_once(first, one, case.now + timedelta(hours=i), Limits(deadline=case.now + timedelta(hours=i + 1)))
            for i in range(hours)
        ]
        summed = sum((p.cost[part].micro for p in pieces), 0)
        assert abs(total.cost[part].micro - summed) <= hours


def _at_once(where: Grid, e: Estimate, now: datetime, limits: Limits) -> Option:
    decision = place(workload(limits=limits), where, [e], [], now, Occupancy())
    assert isinstance(decision, Placement)
    assert decision.option.start == now
    return decision.option


def test_the_brute_force_agrees_with_a_sum_by_hand() -> None:
    """8 cards x 2 h x 5 CNY, and 20 kWh x 1.2 x 0.6 CNY/kWh."""
    where = grid([site("s")], [pool("p", "s")])
    assert _total(where, where.pools[0], estimate("p"), hour(0)) == Fraction("94.4")
