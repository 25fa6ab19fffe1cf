"""Where things are, and how long light in fibre takes between them."""

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt

from suanwang.domain.provenance import Provenance

EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG 1980)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """A city where users or data are (`role` demand) or sites may stand (supply). Degrees north and east.

    `region` is the code that tariffs and carbon factors carry ("cn-nx").
    """

    id: str
    name: str
    name_zh: str
    latitude: float
    longitude: float
    province: str = ""
    province_zh: str = ""
    region: str = ""
    role: str = ""
    provenance: Provenance | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """Round trip = great circle x route factor x fibre delay x 2 + equipment; a measured round trip overrides it.

    Defaults: 4.897 us/km one way (G.652 fibre at 1550 nm), routes 1.4 x the great circle, 1 ms of equipment.
    """

    fibre_us_per_km: float = 4.897
    route_factor: float = 1.4
    equipment_ms: float = 1.0

    def round_trip_ms(self, distance_km: float) -> float:
        return distance_km * self.route_factor * self.fibre_us_per_km * 2 / 1000 + self.equipment_ms


def great_circle_km(lat_a: float, lon_a: float, lat_b: float, lon_b: float) -> float:
    """Distance on the sphere by the haversine formula, km; arguments in degrees."""
    a, b = radians(lat_a), radians(lat_b)
    half = sin((b - a) / 2) ** 2 + cos(a) * cos(b) * sin(radians(lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))
