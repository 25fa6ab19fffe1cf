"""Energy, money and carbon of a replay on pools whose prices and signals are known.

Modelled, not measured: every accelerator that is given to a job draws its card's power and its part of its node's; idle
ones draw nothing here. Integrals over tariff, PUE and carbon are exact for each run.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suanwang.replay.engine import Numbers, Played


@dataclass(frozen=True, slots=True)
class Steps:
    """A step function of time in seconds: `values[i]` from `edges[i]` on; the first also before it."""

    edges: Numbers
    values: Numbers

    def integral(self, start: Numbers, end: Numbers) -> Numbers:
        """Over each [start, end), in value-hours."""
        return (self._until(end) - self._until(start)) / 3600.0

    def _until(self, when: Numbers) -> Numbers:
        areas = np.concatenate(([0.0], np.cumsum(self.values[:-1] * np.diff(self.edges))))
        at = np.clip(np.searchsorted(self.edges, when, side="right") - 1, 0, None)
        until: Numbers = areas[at] + self.values[at] * (when - self.edges[at])
        return until


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Of a pool: watts of an accelerator at work (its part of the node included), rent per accelerator-hour (None:
    there is none), and per kWh at the IT equipment: kWh at the meter (PUE), price, kg of CO2."""

    power_w: float
    rent: float | None
    pue: Steps
    price: Steps
    carbon: Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Of all runs. Money in `currency`; `rent` None where a pool has no price per accelerator-hour."""

    currency: str
    accelerator_h: float
    energy_kwh_it: float
    energy_kwh: float
    energy_cost: float
    rent: float | None
    carbon_kg: float


def costs(played: Played, rates: Sequence[Rates], currency: str) -> Costs:
    """`rates` by the number of the pool."""
    runs = played.runs
    hours = (runs.end_s - runs.start_s) / 3600.0 * runs.accelerators
    sums = np.zeros(4)
    rent: float | None = 0.0
    for number, rate in enumerate(rates):
        ours = runs.pool == number
        kw = rate.power_w / 1000.0 * runs.accelerators[ours]
        start, end = runs.start_s[ours], runs.end_s[ours]
        energy = [kw * (end - start) / 3600.0] + [
            kw * s.integral(start, end) for s in (rate.pue, rate.price, rate.carbon)
        ]
        sums += [float(part.sum()) for part in energy]
        if rent is not None:
            rent = None if rate.rent is None else rent + rate.rent * float(hours[ours].sum())
    return Costs(
        currency=currency,
        accelerator_h=float(hours.sum()),
        energy_kwh_it=float(sums[0]),
        energy_kwh=float(sums[1]),
        energy_cost=float(sums[2]),
        rent=rent,
        carbon_kg=float(sums[3]),
    )
