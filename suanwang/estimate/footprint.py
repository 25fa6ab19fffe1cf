"""What an estimate's energy means at a place: kWh at the meter by its PUE, kg of CO2 by the carbon of its power."""

from dataclasses import dataclass

from suanwang.domain.estimate import Band


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A figure of a place and where it comes from."""

    value: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """PUE (energy at the meter over that at the IT equipment, 1 or more), and kg of CO2 per kWh at the meter: of the
    power that is there on average (location-based), and of what contracts say of it (market-based). None: not known.
    """

    pue: Known | None = None
    carbon_location: Known | None = None
    carbon_market: Known | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Bands of kWh and kg; None where the place lacks a figure for it."""

    energy_kwh_meter: Band | None
    carbon_kg_location: Band | None
    carbon_kg_market: Band | None


def footprint(energy_kwh_it: Band, place: Place) -> Footprint:
    """Meter = IT x PUE; carbon = meter x kg/kWh (GHG Protocol, scope 2 guidance: both bases side by side)."""
    meter = energy_kwh_it.scaled(place.pue.value) if place.pue else None

    def carbon(factor: Known | None) -> Band | None:
        return meter.scaled(factor.value) if meter and factor else None

    return Footprint(
        energy_kwh_meter=meter,
        carbon_kg_location=carbon(place.carbon_location),
        carbon_kg_market=carbon(place.carbon_market),
    )
