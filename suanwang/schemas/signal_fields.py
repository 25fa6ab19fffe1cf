"""The fields of signals that a site takes from elsewhere: forecasts of power prices, PUE and carbon."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from suanwang.schemas.quantities import Duration
from suanwang.schemas.section import Name, Section, Text


class SignalSection(Section):
    """Where the values of a signal come from: exactly one of file, url and prometheus."""

    file: Name | None = Field(None, description="CSV or JSON file, from the folder of the grid file.")
    url: Name | None = Field(None, description="Address (http or https) of a CSV or JSON text.")
    prometheus: Name | None = Field(None, description="Address of a Prometheus server; needs query.")
    query: Text | None = Field(None, description="prometheus: what is asked for; it gives one series.")
    step: Duration = Field(900.0, description="prometheus: time between two values; 15 min if not given.")
    time: Name = Field("time", description="Column of times: ISO 8601 with an offset, or seconds since 1970.")
    value: Name = Field("value", description="Column of values.")
    scale: Annotated[float, Field(gt=0, le=1e9)] = Field(
        1.0, description="Values times this are CNY/kWh (in the grid's currency), kg/kWh, or a ratio."
    )


class SignalsSection(Section):
    """Signals that hold where they are known; elsewhere what the site says otherwise holds."""

    power: SignalSection | None = Field(None, description="Price of a kWh at the site's meter, over the tariff.")
    pue: SignalSection | None = Field(None, description="PUE.")
    carbon: SignalSection | None = Field(None, description="Location-based carbon, kg/kWh.")
    carbon_market: SignalSection | None = Field(None, description="Market-based carbon, kg/kWh.")


Steps = tuple[list[tuple[datetime, Decimal]], datetime]
"""(from, value) in order, and until when the last one holds."""
ReadSignal = Callable[[SignalSection], Steps]
"""Fetches and reads a signal's values, not yet scaled. Raises Wrong with what is wrong and how to mend it."""
