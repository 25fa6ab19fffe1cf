"""Options that say where an estimate off the grid is meant to run: PUE and carbon, as figures or from the catalog."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from suanwang.errors import InvalidInput, NotFound, Problem, msg

if TYPE_CHECKING:
    from suanwang.domain.catalog import Catalog
    from suanwang.estimate.footprint import Known, Place

Command = TypeVar("Command", bound=Callable[..., object])
PUE_MAX = 5.0


def place_options(command: Command) -> Command:
    """--pue, --carbon and --carbon-market; `read_place` reads them."""
    for option in (
        click.option("--carbon-market", default="", help="The same by contract (market-based)."),
        click.option(
            "--carbon", default="", help='Of its power, location-based: "0.57 kg/kWh", or such as cn-gz-2023.'
        ),
        click.option("--pue", default="", help="Of the place: a number from 1, or such as pue-china-fleet-average."),
    ):
        command = option(command)
    return command


def read_place(catalog: "Catalog", pue: str, carbon: str, carbon_market: str) -> "Place":
    """What was said of the place. Raises InvalidInput with all problems."""
    from suanwang.estimate.footprint import Place
    from suanwang.schemas.wrong import Wrong

    problems: list[Problem] = []

    def read(name: str, text: str, how: "Callable[[Catalog, str], Known]") -> "Known | None":
        try:
            return how(catalog, text) if text else None
        except (Wrong, NotFound) as wrong:
            problems.append(Problem(name, wrong.message, wrong.remedy))
            return None

    place = Place(
        pue=read("--pue", pue, _pue),
        carbon_location=read("--carbon", carbon, _carbon),
        carbon_market=read("--carbon-market", carbon_market, _carbon),
    )
    if problems:
        raise InvalidInput(problems)
    return place


def _pue(catalog: "Catalog", text: str) -> "Known":
    from suanwang.domain.catalog import find
    from suanwang.estimate.footprint import Known
    from suanwang.schemas.wrong import Wrong

    try:
        value = float(text)
    except ValueError:
        rows = {row.id: row for row in catalog.facts.values() if row.attributes.get("item") == "pue"}
        fact = find(rows, msg("PUE"), text)
        return Known(value=fact.value_or_raise(), source=f"catalog, cooling {fact.id}")
    if not 1 <= value <= PUE_MAX:
        raise Wrong(
            msg("{value} is no PUE: it is from 1 to {most}.", value=text, most=f"{PUE_MAX:g}"),
            msg("Give energy at the meter over energy at the IT equipment, such as 1.25."),
        )
    return Known(value=value, source="as stated")


def _carbon(catalog: "Catalog", text: str) -> "Known":
    from suanwang.domain.catalog import find
    from suanwang.estimate.footprint import Known
    from suanwang.schemas.quantities import is_carbon_figure, read_carbon

    if is_carbon_figure(text):
        return Known(value=float(read_carbon(text)), source="as stated")
    factor = find(catalog.carbon, msg("carbon factor"), text)
    return Known(value=factor.kg_per_kwh, source=f"catalog, carbon {factor.id}")
