"""Find the constants of the estimator on a table of published runs, and how it does on what was left out.

    python tools/calibrate.py TABLE.csv [--serving]             fit on all rows, print the constants
    python tools/calibrate.py TABLE.csv [--serving] --left-out  fit again without each part, and score its rows

Left out are sources (training; releases of one project are one source), or kinds of card, then models (serving, of
which there is one source). Nothing here is used by the program: the constants that it prints are carried into
suanwang/estimate/priors.py by hand, the errors and bands into suanwang/estimate/residuals.py.
"""

import argparse
import csv
import math
import re
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from suanwang.adapters.catalog import load_catalog
from suanwang.domain.catalog import Catalog
from suanwang.domain.provenance import MissingFigure
from suanwang.estimate import priors
from suanwang.estimate.layout import Column
from suanwang.estimate.machine import BYTES, machine
from suanwang.estimate.published.layouts import open_layouts
from suanwang.estimate.published.predict import machine_and_task, predict, published
from suanwang.estimate.published.row import Row, Unscored, rows_of
from suanwang.estimate.training import step_columns

TRAINING = {
    "GEMM_EFFICIENCY": 0.8,
    "GEMM_SIZE": 40.0,
    "NARROW_GEMM": 1.0,
    "ATTENTION_EFFICIENCY": 0.5,
    "ATTENTION_NEW": 0.3,
    "ELEMENTWISE_TRAFFIC": 1.5,
    "FRAMEWORK": 0.1,
    "FRAMEWORK_NEW": 0.3,
    "HOST_LAYER": 2e-3,
    "HOST_EXPERTS": 5e-3,
    "EXPERT_GEMM": 0.5,
    "EXPERT_NARROW": 1.2,
    "EXPERT_PROGRESS": 1.0,
    "EXPERT_OVERLAP": 0.6,
    "LINK_EFFICIENCY": 0.6,
    "NETWORK_EFFICIENCY": 0.6,
    "OVERLAP": 0.5,
}
"""Constant -> its expected value, a round figure. It holds where the runs say little."""
SERVING = {
    "QUARTER_GEMM": 0.6,
    "LAYER_OVERHEAD": 1e-4,
    "EXPERT_LAYER_OVERHEAD": 2e-4,
    "EXPERT_SERVING": 0.4,
    "SEQUENCE_OVERHEAD": 5e-6,
}
SHARES = {
    "GEMM_EFFICIENCY",
    "ATTENTION_EFFICIENCY",
    "EXPERT_OVERLAP",
    "LINK_EFFICIENCY",
    "NETWORK_EFFICIENCY",
    "OVERLAP",
}
MOST = 0.98
CUT = 0.5
"""Errors over it count as much as it: tables have rows that no physics explains."""
NUDGE, SMOOTH, ROUNDS, ENOUGH = 0.01, 0.02, 15, 5e-5
PULL = 0.1
"""Half the cost of a constant that is a factor e away from its expected value: the errors on sources left out are least
with about this (tried: 0.001, 0.005, 0.02, 0.1, 0.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A published run. `error`: log(estimated / published time) with the constants as they now are.

    `parts`: (kind of part, name) that it can be left out with; `runs`: what the score is reported by.
    """

    group: tuple[str, ...]
    parts: dict[str, str]
    runs: tuple[str, ...]
    error: Callable[[], float]


def project(source: str) -> str:
    """Releases of one project are one source."""
    return re.sub(r"\s+(performance|benchmark|training|table|Table|\d\d\.).*", "", source).strip()


def training_case(row: Row, catalog: Catalog) -> Case:
    """A training step. Raises Unscored or ValueError for a row that is none."""
    quantity, value = published(row)
    if row.text("task").lower() == "inference" or quantity not in (
        "step_time_s",
        "tokens_per_s",
        "tokens_per_s_per_accel",
    ):
        raise ValueError(quantity)
    pool, task, count = machine_and_task(row, catalog)
    at = open_layouts(row, task, machine(pool, task.dtype, count), count)[0]
    tokens = task.global_batch * task.sequence_length
    seconds = {
        "step_time_s": value * task.global_batch / row.whole("global_batch", task.global_batch),
        "tokens_per_s": tokens / value,
        "tokens_per_s_per_accel": tokens / value / count,
    }[quantity]

    def error() -> float:
        step = step_columns(task, machine(pool, task.dtype, count), at)
        return math.log(float(np.min(sum(step.values(), np.zeros(len(at))))) / seconds)

    label, form = row.text("task").lower(), "experts" if task.model.experts else "dense"
    narrow = (f"8 bit, {form}",) if BYTES[task.dtype] < 2 else ()
    source = project(row.text("source"))
    return Case(
        group=(source, label, form, task.dtype, pool.id),
        parts={"source": source},
        runs=(f"{label}, {form}", *narrow),
        error=error,
    )


def serving_case(row: Row, catalog: Catalog) -> Case:
    """A full-load serving run. Raises Unscored or ValueError for a row that is none."""
    if row.text("task").lower() != "inference":
        raise ValueError(row.text("task"))
    predict(row, catalog)
    card, model = row.text("accelerator"), row.text("model")

    def error() -> float:
        found = predict(row, catalog)
        return -math.log(found.predicted / found.published)

    return Case(
        group=(card, model, row.text("precision")),
        parts={"card": card, "model": model},
        runs=("serving, full load",),
        error=error,
    )


def cases(path: Path, catalog: Catalog, read: Callable[[Row, Catalog], Case]) -> list[Case]:
    found = []
    with path.open(encoding="utf-8") as file:
        rows = rows_of(list(csv.DictReader(file)))
    for row in rows:
        try:
            if "SUSPECT" not in row.text("notes"):
                found.append(read(row, catalog))
        except (Unscored, MissingFigure, ValueError, ZeroDivisionError, OverflowError):
            continue
    return found


def weights(some: list[Case]) -> Column:
    """A group weighs as the root of its rows."""
    rows = Counter(c.group for c in some)
    each = np.array([1 / math.sqrt(rows[c.group]) for c in some])
    return np.asarray(each / each.sum(), dtype=np.float64)


def put(names: Iterable[str], logs: Column) -> Column:
    """Set the constants to e^logs, shares at most MOST; returns the logs that were set."""
    kept = [min(x, math.log(MOST)) if n in SHARES else x for n, x in zip(names, logs, strict=True)]
    for name, x in zip(names, kept, strict=True):
        setattr(priors, name, replace(getattr(priors, name), value=math.exp(x)))
    return np.array(kept)


def errors_at(some: list[Case], names: Iterable[str], logs: Column) -> Column:
    put(names, logs)
    return np.array([c.error() for c in some])


def fit(some: list[Case], constants: dict[str, float]) -> Column:
    """Logarithms of the constants that are best on the cases.

    The weighted mean of |errors| and PULL/2 x (distance from the expected logarithm)^2 is made least, by iteratively
    reweighted least squares, damped (Levenberg, Marquardt).
    """
    share, expected, names = weights(some), np.log(list(constants.values())), list(constants)

    def cost(errors: Column, at: Column) -> float:
        return float((share * np.minimum(abs(errors), CUT)).sum() + PULL / 2 * ((at - expected) ** 2).sum())

    logs = expected
    now = errors_at(some, names, logs)
    best, damping = cost(now, logs), 1e-2
    for _ in range(ROUNDS):
        before = best
        moved = [errors_at(some, names, logs + h) - now for h in NUDGE * np.eye(len(logs))]
        slopes = np.stack(moved, axis=1) / NUDGE
        scale = share / np.maximum(abs(now), SMOOTH) * (abs(now) < CUT)
        hessian = slopes.T @ (scale[:, None] * slopes)
        gradient = slopes.T @ (scale * now) + PULL * (logs - expected)
        for _ in range(6):
            step = np.linalg.solve(hessian + (damping + PULL) * np.eye(len(logs)), -gradient)
            tried = put(names, logs + np.clip(step, -0.3, 0.3))
            found = errors_at(some, names, tried)
            if (value := cost(found, tried)) < best:
                best, logs, now, damping = value, tried, found, damping / 3
                break
            damping *= 4
        if before - best < ENOUGH:
            break
    put(names, logs)
    return logs


def left_out(every: list[Case], constants: dict[str, float], part: str) -> dict[tuple[str, str], list[float]]:
    """(what was left out, runs) -> log errors of its rows with constants that were fitted without it."""
    errors: dict[tuple[str, str], list[float]] = defaultdict(list)
    for name in sorted({c.parts[part] for c in every}):
        fit([c for c in every if c.parts[part] != name], constants)
        for one in (c for c in every if c.parts[part] == name):
            apart = one.error()
            errors[name, one.runs[0]].append(apart)
            for runs in one.runs:
                errors[f"each {part}", runs].append(apart)
        sys.stderr.write(f"left out: {name}\n")
    return errors


def report(errors: dict[tuple[str, str], list[float]]) -> None:
    """Rows of residuals.CROSS_VALIDATED, and the 10th and 90th percentile of published over estimated time."""
    for (name, runs), logs in sorted(errors.items()):
        apart = [math.exp(e) - 1 for e in logs]
        sizes = [abs(e) for e in apart]
        low, high = np.exp(np.percentile([-e for e in logs], (10, 90)))
        sys.stdout.write(
            f'Validated(left_out="{name}", runs="{runs}", rows={len(apart)}, '
            f"median_ape={statistics.median(sizes):.3f}, mape={statistics.fmean(sizes):.3f}, "
            f"bias={statistics.fmean(apart):.3f}),  # real / estimated {low:.2f} to {high:.2f}\n"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--serving", action="store_true")
    parser.add_argument("--left-out", action="store_true")
    chosen = parser.parse_args()
    constants, read, parts = TRAINING, training_case, ["source"]
    if chosen.serving:
        constants, read, parts = SERVING, serving_case, ["card", "model"]
    every = cases(chosen.table, load_catalog(), read)
    sys.stderr.write(f"{len(every)} runs\n")
    if chosen.left_out:
        for part in parts:
            report(left_out(every, constants, part))
    else:
        for name, value in zip(constants, np.exp(fit(every, constants)), strict=True):
            sys.stdout.write(f"{name} = {value:.4g}\n")


if __name__ == "__main__":
    main()
