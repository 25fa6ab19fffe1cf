"""Rows of hubs.csv, cities.csv and carbon.csv."""

from typing import Literal

from suanwang.domain.catalog import CarbonFactor, Hub
from suanwang.domain.geography import City
from suanwang.schemas.catalog.cells import Id, Latitude, Longitude, Number, Percent, Positive, Row, Year


class HubRow(Row):
    """A cluster of a national hub node, with the limits of its approval. `region` is the code of tariffs and carbon."""

    id: Id
    hub: str
    hub_zh: str
    name: str
    name_zh: str
    province: str
    province_zh: str = ""
    region: Id
    start_zone_zh: str = ""
    latitude_deg: Latitude
    longitude_deg: Longitude
    role: str
    pue_limit: Positive | None = None
    rack_utilisation_min_percent: Percent | None = None
    green_power_min_percent: Percent | None = None

    def build(self) -> Hub:
        same = (
            "id hub hub_zh name name_zh province province_zh region start_zone_zh role pue_limit "
            "rack_utilisation_min_percent green_power_min_percent note provenance"
        )
        return Hub(
            latitude=self.latitude_deg,
            longitude=self.longitude_deg,
            **{field: getattr(self, field) for field in same.split()},
        )


class CityRow(Row):
    """A city where users or data are (demand), or sites may stand (supply)."""

    id: Id
    name: str
    name_zh: str = ""
    province: str = ""
    province_zh: str = ""
    region: Id | None = None
    latitude_deg: Latitude
    longitude_deg: Longitude
    role: Literal["demand", "supply"]

    def build(self) -> City:
        return City(
            id=self.id,
            name=self.name,
            name_zh=self.name_zh,
            latitude=self.latitude_deg,
            longitude=self.longitude_deg,
            province=self.province,
            province_zh=self.province_zh,
            region=self.region or "",
            role=self.role,
            provenance=self.provenance,
            note=self.note,
        )


class CarbonRow(Row):
    """kg CO2 (CO2e where the basis is life-cycle or footprint) for a kWh taken from the grid of a region."""

    id: Id
    scope: Literal["province", "region", "national", "country", "cloud_region", "contract"]
    region: Id
    name: str
    name_zh: str = ""
    year: Year | None = None
    kg_per_kwh: Number
    basis: Literal["location-average", "market-residual", "market-contract", "fossil-only", "life-cycle", "footprint"]
    publisher: str

    def build(self) -> CarbonFactor:
        same = "id region name name_zh year kg_per_kwh basis provenance scope publisher note"
        return CarbonFactor(**{field: getattr(self, field) for field in same.split()})
