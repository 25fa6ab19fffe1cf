"""What rows that are each readable say against one another: references, overlaps, peaks that cannot be."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain, combinations

from suanwang.errors import Problem, msg
from suanwang.schemas.catalog.hardware import AcceleratorRow, peak_column
from suanwang.schemas.catalog.power import REST, PeriodRow, TariffRow
from suanwang.schemas.catalog.tables import FACT_TABLES, Entry

SPARSE_TOLERANCE = 0.02
"""A peak within 2 % of twice the dense one is taken for a structured-sparsity figure (2:4 sparsity doubles it)."""

RATIO_TOLERANCE = 0.05
"""Measured over peak may differ from the ratio given by 5 % of it: sources round the peaks that they divide by."""

Merged = Mapping[str, Mapping[str, Sequence[Entry]]]
"""table -> key -> the rows that hold (one; for periods all those of a tariff)."""

REFERENCES: Sequence[tuple[str, str, str]] = (
    ("efficiencies", "accelerator", "accelerators"),
    ("systems", "accelerator", "accelerators"),
    ("prices", "accelerator", "accelerators"),
    ("measured", "accelerator", "accelerators"),
    ("purchase_prices", "accelerator", "accelerators"),
    ("purchase_prices", "system", "systems"),
    ("latency", "hub", "hubs"),
    ("latency", "city", "cities"),
    ("tariff_periods", "tariff", "tariffs"),
)
"""(table, column, table whose id the column names)"""


def contradictions(merged: Merged, layers: Sequence[Sequence[Entry]]) -> Iterator[Problem]:
    """Everything that the rows say against one another. `layers` are all rows as read, built-in first."""
    for number, layer in enumerate(layers):
        yield from _duplicates(layer)
        yield from _sparse(layer, chain.from_iterable(layers[:number]))
    yield from _references(merged)
    yield from _two_tables(merged)
    yield from _ratios(merged)
    for tariff, periods in merged["tariff_periods"].items():
        yield from _overlaps(periods)
        yield from _rest(periods, merged["tariffs"].get(tariff, ()))


def _duplicates(layer: Sequence[Entry]) -> Iterator[Problem]:
    first: dict[tuple[str, str], Entry] = {}
    for entry in layer:
        if entry.table == "tariff_periods":
            continue
        known = first.setdefault((entry.table, entry.key), entry)
        if known is not entry:
            yield Problem(
                f"{entry.place} id",
                msg("id {id} is given twice (first at {first}).", id=entry.key, first=known.place),
                msg("Keep one of the rows, or rename one."),
            )


def _references(merged: Merged) -> Iterator[Problem]:
    for table, column, target in REFERENCES:
        known = merged[target]
        for entry in _all(merged[table]):
            wanted = getattr(entry.row, column)
            if wanted is not None and wanted not in known:
                near = ", ".join(get_close_matches(wanted, known, n=3, cutoff=0.4)) or "-"
                yield Problem(
                    f"{entry.place} {column}",
                    msg("{wanted} is not in table {target}.", wanted=wanted, target=target),
                    msg(
                        "Add it to {target}.csv, or name one that is there (nearest: {near}).", target=target, near=near
                    ),
                )


def _two_tables(merged: Merged) -> Iterator[Problem]:
    """Facts of all tables share one set of ids."""
    first: dict[str, Entry] = {}
    for table in FACT_TABLES:
        for entry in _all(merged[table]):
            known = first.setdefault(entry.key, entry)
            if known is not entry:
                yield Problem(
                    f"{entry.place} id",
                    msg(
                        "id {id} is also in table {table} ({first}).",
                        id=entry.key,
                        table=known.table,
                        first=known.place,
                    ),
                    msg("Rename one of them."),
                )


def _sparse(layer: Sequence[Entry], earlier: Iterable[Entry]) -> Iterator[Problem]:
    """Peaks that are twice the dense ones known of the same card, by id or by vendor and name."""
    dense: dict[object, AcceleratorRow] = {}
    for entry in earlier:
        if entry.table == "accelerators":
            dense[entry.key] = dense[_name(entry.row)] = entry.row
    for entry in layer:
        known = dense.get(entry.key) or dense.get(_name(entry.row)) if entry.table == "accelerators" else None
        for dtype, peak in entry.row.peaks_t.items() if known else ():
            usual = known.peaks_t.get(dtype) if known else None
            if usual and abs(peak / usual - 2) <= 2 * SPARSE_TOLERANCE:
                yield Problem(
                    f"{entry.place} {peak_column(dtype)}",
                    msg(
                        "{peak} is twice the known dense peak {usual}: a figure with structured sparsity.",
                        peak=f"{peak:g}",
                        usual=f"{usual:g}",
                    ),
                    msg("Give the dense peak, {usual}: sparsity is not counted.", usual=f"{usual:g}"),
                )


def _name(row: AcceleratorRow) -> tuple[str, str]:
    return row.vendor.casefold(), row.name.casefold()


def _ratios(merged: Merged) -> Iterator[Problem]:
    for entry in _all(merged["efficiencies"]):
        card = merged["accelerators"].get(entry.row.accelerator)
        peak = card[0].row.peaks_t.get(entry.row.dtype) if card else None
        rate = entry.row.measured_tflops
        if peak and rate and abs(rate / peak / entry.row.ratio - 1) > RATIO_TOLERANCE:
            yield Problem(
                f"{entry.place} ratio",
                msg(
                    "{rate} measured over the peak {peak} is {part}, not {ratio}.",
                    rate=f"{rate:g}",
                    peak=f"{peak:g}",
                    part=f"{rate / peak:.3f}",
                    ratio=f"{entry.row.ratio:g}",
                ),
                msg("Correct the ratio, or the peak of {card} (dense, without sparsity).", card=entry.row.accelerator),
            )


def _overlaps(periods: Sequence[Entry]) -> Iterator[Problem]:
    for one, other in combinations(periods, 2):
        first: PeriodRow = one.row
        if first.overlaps(other.row):
            yield Problem(
                f"{other.place} hours_local",
                msg(
                    "{period} overlaps {other} ({place}) in tariff {tariff}.",
                    period=other.row.period,
                    other=first.period,
                    place=one.place,
                    tariff=first.tariff,
                ),
                msg("Give each hour one period; only sharp may lie within peak, and deep within valley."),
            )


def _rest(periods: Iterable[Entry], tariffs: Sequence[Entry]) -> Iterator[Problem]:
    """Hours "rest" name the period that holds when no other does, which must be the tariff's base."""
    for entry in periods:
        for tariff in tariffs:
            row: TariffRow = tariff.row
            if not entry.row.hours_local and entry.row.period != row.base:
                yield Problem(
                    f"{entry.place} hours_local",
                    msg(
                        "{period} has the hours {rest!r}, but the base is {base}.",
                        period=entry.row.period,
                        rest=REST,
                        base=row.base,
                    ),
                    msg("Name the hours, or make {period} the base in tariffs.csv.", period=entry.row.period),
                )


def _all(table: Mapping[str, Sequence[Entry]]) -> Iterator[Entry]:
    for entries in table.values():
        yield from entries
