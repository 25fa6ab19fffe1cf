"""Layers of rows to one catalog: later layers replace or add rows, then everything is checked together."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from suanwang.domain.catalog import Catalog, Fact
from suanwang.errors import Problem, msg
from suanwang.schemas.catalog.contradictions import Merged, contradictions
from suanwang.schemas.catalog.tables import FACT_TABLES, TABLES, Entry

if TYPE_CHECKING:
    from suanwang.schemas.catalog.hardware import EfficiencyRow

Thing = TypeVar("Thing")


def merge(layers: Iterable[Sequence[Entry]]) -> dict[str, dict[str, list[Entry]]]:
    """table -> key -> rows that hold: those of the last layer that has the key (all periods of a tariff together)."""
    merged: dict[str, dict[str, list[Entry]]] = {table: {} for table in TABLES}
    for layer in layers:
        fresh: dict[str, dict[str, list[Entry]]] = {table: {} for table in TABLES}
        for entry in layer:
            rows = fresh[entry.table].setdefault(entry.key, [])
            if not rows or entry.table == "tariff_periods":
                rows.append(entry)
        for table, rows_by_key in fresh.items():
            merged[table].update(rows_by_key)
    return merged


def build_catalog(layers: Sequence[Sequence[Entry]]) -> tuple[Catalog, list[Problem]]:
    """The catalog of the layers, and everything that its rows say against one another (then it is not to be used)."""
    merged = merge(layers)
    problems = list(contradictions(merged, layers))

    def table(name: str, make: Callable[[Any], Thing]) -> dict[str, Thing]:
        """Every row of a table as `make` makes it; a row that it refuses is a problem."""
        things = {}
        for key, entries in merged[name].items():
            try:
                things[key] = make(entries[0].row)
            except ValueError as error:
                remedy = msg("Correct the figures of this row together.")
                problems.append(Problem(entries[0].place, msg("{reason}.", reason=str(error)), remedy))
        return things

    efficiencies: dict[str, list[EfficiencyRow]] = {}
    for (entry,) in merged["efficiencies"].values():
        efficiencies.setdefault(entry.row.accelerator, []).append(entry.row)
    periods = {tariff: [entry.row for entry in entries] for tariff, entries in merged["tariff_periods"].items()}
    facts: dict[str, Fact] = {}
    for name in FACT_TABLES:
        facts |= table(name, lambda row: row.build())
    catalog = Catalog(
        accelerators=table("accelerators", lambda row: row.build(efficiencies.get(row.id, ()))),
        systems=table("systems", lambda row: row.build()),
        hubs=table("hubs", lambda row: row.build()),
        cities=table("cities", lambda row: row.build()),
        tariffs=table("tariffs", lambda row: row.build(periods.get(row.id, ()))),
        carbon=table("carbon", lambda row: row.build()),
        prices=table("prices", lambda row: row.build()),
        models=table("models", lambda row: row.build()),
        facts=facts,
        origin=_origin(merged),
    )
    return catalog, problems


def _origin(merged: Merged) -> dict[str, str]:
    return {f"{table}/{key}": rows[0].place for table, by_key in merged.items() for key, rows in by_key.items()}
