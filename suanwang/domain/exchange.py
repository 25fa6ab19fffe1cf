"""What an accelerator-hour of one card is worth in hours of another, for a class of work: as data, with its method."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from suanwang.domain.accelerator import Accelerator
from suanwang.domain.provenance import Provenance

PETA = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveredRate:
    """PFLOP/s that a card delivers in a number format: peak x the efficiency that a method measured on it."""

    accelerator: str
    dtype: str
    theoretical_pflops_per_s: float
    delivered_pflops_per_s: float
    method: str
    provenance: Provenance

    @property
    def efficiency(self) -> float:
        return self.delivered_pflops_per_s / self.theoretical_pflops_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class CardExchange:
    """An hour of `rate.accelerator` = `hours` of the reference. `comparable`: both were measured by the same method."""

    rate: DeliveredRate
    reference: DeliveredRate

    @property
    def hours(self) -> float:
        return self.rate.delivered_pflops_per_s / self.reference.delivered_pflops_per_s

    @property
    def theoretical_hours(self) -> float:
        """The same by peaks alone: what billing by the card's label would say."""
        return self.rate.theoretical_pflops_per_s / self.reference.theoretical_pflops_per_s

    @property
    def comparable(self) -> bool:
        return self.rate.method == self.reference.method


def delivered_rates(accelerators: Mapping[str, Accelerator], dtype: str) -> list[DeliveredRate]:
    """Every card with a peak and a measured efficiency in the format, by id; others are left out, never guessed."""
    found: list[DeliveredRate] = []
    for card in sorted(accelerators.values(), key=lambda c: c.id):
        peak, efficiency = card.peak_flops_per_s.get(dtype), card.efficiency(dtype)
        if peak is None or efficiency is None:
            continue
        found.append(
            DeliveredRate(
                accelerator=card.id,
                dtype=dtype,
                theoretical_pflops_per_s=peak / PETA,
                delivered_pflops_per_s=peak * efficiency.ratio / PETA,
                method=efficiency.method,
                provenance=efficiency.provenance,
            )
        )
    return found


def exchange_table(rates: Iterable[DeliveredRate], reference: DeliveredRate) -> list[CardExchange]:
    """Each rate in hours of the reference, the most worth first."""
    found = [CardExchange(rate=rate, reference=reference) for rate in rates]
    return sorted(found, key=lambda e: (-e.hours, e.rate.accelerator))
