"""Score a table of published runs: the error of every row, and by source."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from suanwang.domain.catalog import Catalog
from suanwang.domain.provenance import MissingFigure
from suanwang.errors import Message, msg
from suanwang.estimate.published.predict import predict
from suanwang.estimate.published.row import Row, Unscored, rows_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One row: estimated and published figure of a quantity, error = predicted / published - 1; or why not."""

    id: str
    source: str
    task: str
    quantity: str = ""
    predicted: float | None = None
    published: float | None = None
    error: float | None = None
    skipped: Message | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceScore:
    """Errors of a source and task, as fractions: mean and median of the sizes, and the mean with its sign."""

    source: str
    task: str
    n: int
    skipped: int
    mape: float
    median_ape: float
    bias: float


def score(row: Row, line: int, catalog: Catalog) -> Scored:
    """One row of a table. Never raises for what a row holds: it is skipped with the reason."""
    about = Scored(id=row.text("id") or f"line {line}", source=row.text("source"), task=row.text("task"))
    try:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # what is not finite is skipped below
            found = predict(row, catalog)
    except Unscored as unscored:
        return replace(about, skipped=unscored.reason)
    except MissingFigure as missing:
        return replace(about, skipped=missing.message)
    except (ValueError, ZeroDivisionError, OverflowError) as impossible:
        return replace(about, skipped=msg("the row cannot be estimated: {why}", why=str(impossible)))
    error = found.predicted / found.published - 1
    if not isfinite(error):
        return replace(about, skipped=msg("the estimate is not finite"))
    return replace(about, quantity=found.quantity, predicted=found.predicted, published=found.published, error=error)


def check(table: Iterable[Mapping[str, str | None]], catalog: Catalog) -> tuple[Scored, ...]:
    """Every row of a table in the schema of published runs, in order. Line 2 is the first after the heading."""
    return tuple(score(row, line, catalog) for line, row in enumerate(rows_of(table), start=2))


def by_source(rows: Iterable[Scored]) -> tuple[SourceScore, ...]:
    """Errors by (source, task), in order of the names; a group without a scored row is left out."""
    groups: dict[tuple[str, str], list[Scored]] = defaultdict(list)
    for row in rows:
        groups[row.source, row.task].append(row)
    return tuple(
        summary(source, task, [r.error for r in group if r.error is not None], len(group))
        for (source, task), group in sorted(groups.items())
        if any(r.error is not None for r in group)
    )


def summary(source: str, task: str, errors: list[float], rows: int) -> SourceScore:
    """Of at least one error."""
    sizes = [abs(e) for e in errors]
    return SourceScore(
        source=source,
        task=task,
        n=len(errors),
        skipped=rows - len(errors),
        mape=statistics.fmean(sizes),
        median_ape=statistics.median(sizes),
        bias=statistics.fmean(errors),
    )
