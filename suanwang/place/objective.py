"""The objective: what a run costs by part, from a start. Once exactly in fractions, once as a curve over all starts.

    rent    accelerators x integral of the price per accelerator-hour, and delivered PFLOP/s x its price
    power   mean power x integral of (PUE x price per kWh at the meter), as the price book bills it
    carbon  mean power x integral of (PUE x location-based kg/kWh) x the grid's carbon price; decides, is not billed
    data    size x the links' price per GB; the same for every start

Mean power is the estimate's energy over its time, so each part is an integral of a step function over the run: the
cost is a continuous, piecewise linear function of the start.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.estimate import Estimate
from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart
from suanwang.domain.provenance import MissingFigure
from suanwang.errors import msg
from suanwang.place.outlook import HOUR_US, Column, Outlook
from suanwang.units import MICRO

PETA = 10**15
KG_PER_T = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One end of an estimate, exactly: whole microseconds (rounded up), kWh at the IT equipment, delivered PFLOP/s."""

    accelerators: int
    duration_us: int
    energy_kwh_it: Fraction
    delivered_pflops_per_s: Fraction = Fraction(0)

    @property
    def power_kw_it(self) -> Fraction:
        """Mean power of the gang at the IT equipment."""
        return self.energy_kwh_it * HOUR_US / self.duration_us

    def lasting(self, duration_us: int) -> "Run":
        """The same gang at the same power for another time: a part of the run."""
        energy = self.energy_kwh_it * Fraction(duration_us, self.duration_us)
        return replace(self, duration_us=duration_us, energy_kwh_it=energy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bid:
    """One estimate on its pool: the expected run, the run at the high end of its band, the data cost in `data`."""

    mid: Run
    high: Run
    data: Money
    carbon_price_per_t: Money | None

    def cost(self, outlook: Outlook, start_us: int) -> dict[CostPart, Money]:
        """Exact cost of the expected run by part, each to the nearest millionth."""
        parts = self._billed(outlook, self.mid, start_us)
        if self.carbon_price_per_t is not None:
            kg = carbon_kg(outlook, self.mid, start_us)
            parts[CostPart.CARBON] = self.carbon_price_per_t.times(kg / KG_PER_T)
        return parts

    def billed_high(self, outlook: Outlook, start_us: int) -> Money:
        """What is billed at most: at the high end, and never less than the expected run (power may get cheaper)
        or the book's minimum for a job."""
        unit = self.data.unit
        sums = [total(list(self._billed(outlook, run, start_us).values()), unit) for run in (self.mid, self.high)]
        return max(*sums, self.least(outlook, start_us))

    def least(self, outlook: Outlook, start_us: int) -> Money:
        """The book's minimum for a job that starts then; 0 where it has none."""
        book = outlook.book_at(start_us)
        return Money.zero(self.data.unit) if book.minimum_per_job is None else book.gross(book.minimum_per_job)

    def _billed(self, outlook: Outlook, run: Run, start_us: int) -> dict[CostPart, Money]:
        end_us = start_us + run.duration_us
        rent = run.accelerators * outlook.integral(start_us, end_us, outlook.rent)
        if run.delivered_pflops_per_s:
            rent += run.delivered_pflops_per_s * outlook.integral(start_us, end_us, outlook.delivered)
        power = run.power_kw_it * outlook.integral(start_us, end_us, outlook.pue, outlook.power)
        one = Money(MICRO, self.data.unit)
        return {CostPart.RENT: one.times(rent), CostPart.POWER: one.times(power), CostPart.DATA: self.data}

    def delivering(self, pflops_per_s: Fraction) -> "Bid":
        """The same bid on a pool whose price book charges delivered compute."""
        mid, high = (replace(run, delivered_pflops_per_s=pflops_per_s) for run in (self.mid, self.high))
        return replace(self, mid=mid, high=high)

    def billed_curve(self, outlook: Outlook, run: Run) -> "Curve":
        """Billed cost of `run` over all starts, in millionths, without data."""
        return Curve.of(outlook, run, outlook.power)

    def total_curve(self, outlook: Outlook) -> "Curve":
        """Billed cost of the expected run and its carbon over all starts, in millionths, without data."""
        if self.carbon_price_per_t is None:
            return self.billed_curve(outlook, self.mid)
        carbon = outlook.carbon * (self.carbon_price_per_t.micro / KG_PER_T / MICRO)
        return Curve.of(outlook, self.mid, outlook.power + carbon)


@dataclass(frozen=True, slots=True)
class Curve:
    """cost(start) = sums(start + duration) - sums(start): `sums` (millionths) from the first edge to each edge."""

    edges: NDArray[np.int64]
    sums: NDArray[np.float64]
    duration_us: int

    @classmethod
    def of(cls, outlook: Outlook, run: Run, by_kwh: Column | NDArray[np.float64]) -> "Curve":
        """Of rent, delivered compute, and `by_kwh`: millionths per kWh at the meter on each piece of the outlook."""
        rate = run.accelerators * outlook.rent + float(run.power_kw_it) * (outlook.pue / MICRO) * by_kwh
        if run.delivered_pflops_per_s:
            rate += float(run.delivered_pflops_per_s) * outlook.delivered
        sums = np.zeros(len(outlook.edges))
        np.cumsum(rate * np.diff(outlook.edges) / HOUR_US, out=sums[1:])
        return cls(outlook.edges, sums, run.duration_us)

    def at(self, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cost in millionths from each start; the runs must lie inside the edges."""
        after = np.interp(starts + self.duration_us, self.edges, self.sums)
        return after - np.interp(starts, self.edges, self.sums)


def whole_us(seconds: float) -> int:
    """Seconds in whole microseconds, rounded up."""
    return ceil(Fraction(seconds) * MICRO)


def bid(estimate: Estimate, data: Money, carbon_price_per_t: Money | None) -> Bid:
    """An estimate made exact, before delivered compute. Raises ValueError for an estimate that takes no time."""
    time_s, energy = estimate.time_s, estimate.energy_kwh_it
    if time_s.mid <= 0:
        raise ValueError(f"the estimate for pool {estimate.pool_id} takes no time")
    mid, high = (
        Run(accelerators=estimate.accelerators, duration_us=whole_us(seconds), energy_kwh_it=Fraction(kwh))
        for seconds, kwh in ((time_s.mid, energy.mid), (time_s.high, energy.high))
    )
    return Bid(mid=mid, high=high, data=data, carbon_price_per_t=carbon_price_per_t)


def delivered_pflops_per_s(card: Accelerator, dtype: str, accelerators: int) -> Fraction:
    """What a gang delivers: peak x measured efficiency in a number format. Raises MissingFigure for either."""
    peak, efficiency = card.peak_or_raise(dtype), card.efficiency(dtype)
    if efficiency is None:
        raise MissingFigure(msg("accelerator {id}", id=card.id), msg("measured efficiency in {dtype}", dtype=dtype))
    return accelerators * Fraction(peak) * Fraction(efficiency.ratio) / PETA


def energy_kwh(outlook: Outlook, run: Run, start_us: int) -> Fraction:
    """Energy at the site's meter: PUE applied."""
    return run.power_kw_it * outlook.integral(start_us, start_us + run.duration_us, outlook.pue)


def carbon_kg(outlook: Outlook, run: Run, start_us: int, *, market: bool = False) -> Fraction:
    """Location-based emissions of the energy at the meter, or market-based ones (which the outlook must have)."""
    column = outlook.market if market else outlook.carbon
    if column is None:
        raise ValueError("the site has no market-based figure")
    return run.power_kw_it * outlook.integral(start_us, start_us + run.duration_us, outlook.pue, column)
