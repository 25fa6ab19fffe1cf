"""How replay's results are shown: a figure a row with its unit, a result a column; and how far a long one is."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from suanwang.errors import msg
from suanwang.interfaces.cli.terminal import Terminal

HIDDEN = ("name", "policy", "packing", "changes", "series", "runs", "cycles", "waits_for_nodes")
UNITS = (
    ("_s", "s"),
    ("_kg", "kg"),
    ("_kwh_it", "kWh"),
    ("_kwh", "kWh"),
    ("_h", "h"),
    ("_s_lower_bound", "s"),
    ("_s_standard_deviation", "s"),
)
MONEY = ("energy_cost", "rent")
QUIET = 20_000
"""Jobs from which on it is told how many are done."""


def show(terminal: Terminal, results: Sequence[dict[str, Any]]) -> None:
    """Figures that no result has are left out; lists are in the JSON only."""
    rows = []
    for name in dict.fromkeys(name for result in results for name in result):
        values = [result.get(name) for result in results]
        if name in HIDDEN or all(value is None or isinstance(value, list) for value in values):
            continue
        rows.append([name, _unit(name, results[0]), *map(figure, values)])
    heads = [f">{result['name']}" for result in results]
    terminal.table(["", msg("unit"), *heads], rows)


def _unit(name: str, result: dict[str, Any]) -> str:
    if name in MONEY:
        return str(result.get("currency", ""))
    return next((unit for ending, unit in UNITS if name.endswith(ending)), "")


def figure(value: object) -> str:
    """A figure as a table shows it; hashes by their beginning."""
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 100 else f"{value:,.0f}"
    if isinstance(value, str) and len(value) == 64:
        return value[:12]
    return "-" if value is None else str(value)


@contextmanager
def counting(terminal: Terminal, jobs: int) -> Iterator[Callable[[int], None] | None]:
    """Tell on stderr, every tenth part of a long replay, how many jobs have ended; nothing for a short one."""
    if jobs < QUIET:
        yield None
        return
    done = 0

    def progress(_number: int) -> None:
        nonlocal done
        done += 1
        if done * 10 // jobs > (done - 1) * 10 // jobs:
            terminal.note(msg("{done} of {all} jobs have ended", done=done, all=jobs))

    yield progress
