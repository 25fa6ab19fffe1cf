"""The objective: what a run costs by part, from a start. Once exactly in fractions, once as a curve over all starts.

    rent    accelerators x integral of the price per accelerator-hour, and delivered PFLOP/s x its price
    power   mean power x integral of (PUE x price per kWh at the meter), as the price book bills it
    carbon  mean power x integral of (PUE x location-based kg/kWh) x the grid's carbon price; decides, is not billed
    data    size x the links' price per GB; the same for every start

Mean power is the estimate's energy over its time, so each part is an integral of a step function over the run: the
cost is a continuous, piecewise linear function of the start.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray

from suanwang.domain.estimate import Estimate
from suanwang.domain.money import Money, total
from suanwang.domain.placement import CostPart
from suanwang.domain.price import Basis
from suanwang.domain.site import Pool
from suanwang.domain.workload import Workload
from suanwang.place.outlook import HOUR_US, Outlook
from suanwang.units import MICRO

PETA = 10**15
KG_PER_T = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One end of an estimate, exactly: whole microseconds (rounded up), kWh at the IT equipment, delivered PFLOP/s."""

    accelerators: int
    duration_us: int
    energy_kwh_it: Fraction
    delivered_pflops_per_s: Fraction

    @property
    def power_kw_it(self) -> Fraction:
        """Mean power of the gang at the IT equipment."""
        return self.energy_kwh_it * HOUR_US / self.duration_us


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
        """What is billed at most: at the high end, and never less than the expected run (power may get cheaper)."""
        unit = self.data.unit
        sums = [total(list(self._billed(outlook, run, start_us).values()), unit) for run in (self.mid, self.high)]
        return max(sums)

    def _billed(self, outlook: Outlook, run: Run, start_us: int) -> dict[CostPart, Money]:
        end_us = start_us + run.duration_us
        rent = run.accelerators * outlook.integral(start_us, end_us, outlook.rent)
        rent += run.delivered_pflops_per_s * outlook.integral(start_us, end_us, outlook.delivered)
        power = run.power_kw_it * outlook.integral(start_us, end_us, outlook.pue, outlook.power)
        one = Money(MICRO, self.data.unit)
        return {CostPart.RENT: one.times(rent), CostPart.POWER: one.times(power), CostPart.DATA: self.data}

    def billed_curve(self, outlook: Outlook, run: Run) -> "Curve":
        """Billed cost of `run` over all starts, in millionths, without data."""
        rate = run.accelerators * outlook.rent + float(run.delivered_pflops_per_s) * outlook.delivered
        return Curve.of(outlook, run, rate + float(run.power_kw_it) * (outlook.pue / MICRO) * outlook.power)

    def total_curve(self, outlook: Outlook) -> "Curve":
        """Billed cost of the expected run and its carbon over all starts, in millionths, without data."""
        run = self.mid
        rate = run.accelerators * outlook.rent + float(run.delivered_pflops_per_s) * outlook.delivered
        by_kwh = outlook.power.astype(np.float64)
        if self.carbon_price_per_t is not None:
            by_kwh += outlook.carbon * (self.carbon_price_per_t.micro / KG_PER_T / MICRO)
        return Curve.of(outlook, run, rate + float(run.power_kw_it) * (outlook.pue / MICRO) * by_kwh)


@dataclass(frozen=True, slots=True)
class Curve:
    """cost(start) = sums(start + duration) - sums(start): `sums` (millionths) from the first edge to each edge."""

    edges: NDArray[np.int64]
    sums: NDArray[np.float64]
    duration_us: int

    @classmethod
    def of(cls, outlook: Outlook, run: Run, rate: NDArray[np.float64]) -> "Curve":
        """From `rate`, millionths per hour on each piece of the outlook."""
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


def bid(workload: Workload, pool: Pool, estimate: Estimate, data: Money, carbon_price_per_t: Money | None) -> Bid:
    """An estimate made exact. Raises ValueError for an estimate that takes no time."""
    if estimate.time_s.mid <= 0:
        raise ValueError(f"the estimate for pool {pool.id} takes no time")
    rate = delivered_pflops_per_s(workload, pool, estimate.accelerators)
    time_s, energy = estimate.time_s, estimate.energy_kwh_it
    runs = (
        Run(
            accelerators=estimate.accelerators,
            duration_us=whole_us(seconds),
            energy_kwh_it=Fraction(kwh),
            delivered_pflops_per_s=rate or Fraction(0),
        )
        for seconds, kwh in ((time_s.mid, energy.mid), (time_s.high, energy.high))
    )
    return Bid(mid=next(runs), high=next(runs), data=data, carbon_price_per_t=carbon_price_per_t)


def delivered_pflops_per_s(workload: Workload, pool: Pool, accelerators: int) -> Fraction | None:
    """Peak x measured efficiency of the gang in the workload's number format; None where either was not measured."""
    dtype = workload.task.dtype
    peak = pool.accelerator.peak_flops_per_s.get(dtype)
    efficiency = pool.accelerator.efficiency(dtype)
    if peak is None or efficiency is None:
        return None
    return accelerators * Fraction(peak) * Fraction(efficiency.ratio) / PETA


def charges_delivered(outlook: Outlook) -> bool:
    """Whether a version of the price book charges delivered compute."""
    return any(book.price(Basis.DELIVERED_PFLOP_HOUR) is not None for _, book in outlook.books)


def energy_kwh(outlook: Outlook, run: Run, start_us: int) -> Fraction:
    """Energy at the site's meter: PUE applied."""
    return run.power_kw_it * outlook.integral(start_us, start_us + run.duration_us, outlook.pue)


def carbon_kg(outlook: Outlook, run: Run, start_us: int, *, market: bool = False) -> Fraction:
    """Location-based emissions of the energy at the meter, or market-based ones (which the outlook must have)."""
    column = outlook.market if market else outlook.carbon
    if column is None:
        raise ValueError("the site has no market-based figure")
    return run.power_kw_it * outlook.integral(start_us, start_us + run.duration_us, outlook.pue, column)
