"""The fields of a site in the grid file: place, power tariff, PUE, carbon."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from suanwang.schemas.programme_fields import SourceSection
from suanwang.schemas.quantities import AmountPerKwh, Carbon, Pue
from suanwang.schemas.section import Argument, Name, Section, Text, Word
from suanwang.schemas.signal_fields import SignalsSection
from suanwang.schemas.times import Hours, Instant, Zone

Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]


class PeriodSection(Section):
    """Hours of the day in which a period of the tariff holds."""

    name: Name = Field(description="Name of the period, such as peak or valley.")
    hours: Hours = Field(description='Local hours, "8-11, 18:30-23"; "23-7" runs over midnight.')
    months: list[Annotated[int, Field(ge=1, le=12)]] = Field(
        list(range(1, 13)), min_length=1, description="Months in which it holds; all if not given."
    )
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(
        list(range(1, 8)), min_length=1, description="Weekdays (1 = Monday) on which it holds; all if not given."
    )


class TariffSection(Section):
    """A power tariff of one's own, from the real bill."""

    id: Word | None = Field(None, description="Id; the site's id if not given.")
    name: Name = Field(description="Name, with the voltage class.")
    prices: dict[Name, AmountPerKwh] = Field(min_length=1, description="Price of each period.")
    base: Name = Field("flat", description="Period that holds where no other does.")
    periods: list[PeriodSection] = Field([], max_length=50, description="Periods; the first that holds applies.")
    source: SourceSection = Field(description="The bill, contract or notice.")


class PueStep(Section):
    """From an instant on, a PUE."""

    since: Instant = Field(description="From then on.")
    value: Pue = Field(description="Energy of the site over energy of its IT equipment.")


class CarbonStep(Section):
    """From an instant on, a carbon intensity."""

    since: Instant = Field(description="From then on.")
    value: Carbon = Field(description="CO2 of a kWh.")


TariffChoice = Annotated[
    Annotated[Name, Tag("<value>")] | Annotated[TariffSection, Tag("<mapping>")],
    Discriminator(lambda value: "<value>" if isinstance(value, str) else "<mapping>"),
]
PueChoice = Annotated[
    Annotated[Pue, Tag("<value>")] | Annotated[list[PueStep], Field(min_length=1), Tag("<steps>")],
    Discriminator(lambda value: "<steps>" if isinstance(value, list) else "<value>"),
]
CarbonChoice = Annotated[
    Annotated[Name, Tag("<value>")] | Annotated[list[CarbonStep], Field(min_length=1), Tag("<steps>")],
    Discriminator(lambda value: "<steps>" if isinstance(value, list) else "<value>"),
]


class CarbonSection(Section):
    """Carbon of the site's power: the average of its region, and what a green-power contract gives."""

    location: CarbonChoice = Field(description='Catalog id, "0.6 kg/kWh", or steps: location-based.')
    market: CarbonChoice | None = Field(None, description="The same, market-based; none if not given.")


class SiteSection(Section):
    """An AI computing centre."""

    id: Word = Field(description="Id.")
    name: Name = Field(description="Name.")
    name_zh: Text = Field("", description="Chinese name.")
    hub: Name | None = Field(None, description="Hub (catalog id); gives place and province where they are not given.")
    latitude: Latitude | None = Field(None, description="Degrees north; needed without hub.")
    longitude: Longitude | None = Field(None, description="Degrees east; needed without hub.")
    province: Text | None = Field(None, description="Province (ISO 3166-2), such as CN-GZ; the hub's if not given.")
    zone: Zone = Field(description="Time zone (IANA) that the tariff's hours are read in.")
    tariff: TariffChoice = Field(description="Power tariff: catalog id, or one's own.")
    pue: PueChoice = Field(description="Power usage effectiveness: a number, or steps.")
    carbon: CarbonSection = Field(description="Carbon of its power.")
    signals: SignalsSection | None = Field(None, description="Signals from files, HTTP or Prometheus.")
    drained: bool = Field(False, description="Takes no new work.")
    labels: dict[Name, Argument] = Field({}, description="Labels that a workload may require.")
