"""`bench ledger`: how fast the books are, beside the bare database in the same run."""

import resource
import tempfile
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.adapters.store.speed import Speed


@click.command()
@click.option("--transfers", default=50_000, show_default=True, help="Transfers posted by each engine.")
@click.option("--group", default=1000, show_default=True, help="Transfers of a transaction.")
@click.option("--repeat", default=3, show_default=True, help="Times that posting is measured; the median is given.")
@click.option("--audit", default=1_000_000, show_default=True, help="Transfers of the ledger that is checked.")
@click.option("--records", default=1_000_000, show_default=True, help="Usage records that are rated.")
@click.option("--postgres", default="", help="URL of an empty PostgreSQL database; not measured without.")
@json_option
@click.pass_obj
def ledger(
    terminal: Terminal,
    transfers: int,
    group: int,
    repeat: int,
    audit: int,
    records: int,
    postgres: str,
    as_json: bool,
) -> int:
    """Post, check and rate, with everything on; and the bare database beside it.

    Each part whose size is 0 is left out.

    \b
    Examples:
      suanwang bench ledger --json
      suanwang bench ledger --postgres postgresql://user@/scratch --audit 0 --records 0
    """
    from suanwang.adapters.store.speed import audited, postgres_speed, sqlite_speed
    from suanwang.settle.synthetic import rated

    found: dict[str, Any] = {}
    if transfers:
        terminal.note(msg("Posting {count} transfers, {repeat} times", count=transfers, repeat=repeat))
        runs = []
        for _ in range(repeat):
            with tempfile.TemporaryDirectory() as folder:
                runs.append(sqlite_speed(Path(folder), transfers, group))
        found["sqlite"] = _median(runs)
        if postgres:
            found["postgresql"] = _median([postgres_speed(postgres, transfers, group)])
    if records:
        terminal.note(msg("Rating {count} usage records", count=records))
        lines, seconds, used = rated(records, perf_counter, process_time)
        found["rating"] = {"records": records, "charges": lines, **_times(seconds, used)}
    if audit:
        terminal.note(msg("Checking a ledger of {count} transfers", count=audit))
        with tempfile.TemporaryDirectory() as folder:
            checked, seconds, used = audited(Path(folder), audit)
        found["audit"] = {"transfers": checked, **_times(seconds, used)}
    if as_json:
        terminal.json(found)
    else:
        _show(terminal, found)
    return 0


def _median(runs: "list[Speed]") -> dict[str, object]:
    """The run of median ratio."""
    middle = sorted(runs, key=lambda run: run.ratio)[len(runs) // 2]
    ratio = round(median(run.ratio for run in runs), 3)
    figures = {name: round(v) if isinstance(v, float) else v for name, v in asdict(middle).items()}
    return {**figures, "ratio": ratio, "runs": len(runs)}


def _times(seconds: float, cpu_s: float) -> dict[str, float]:
    """Of the wall, and of the processor, which other work on the machine does not lengthen."""
    return {"seconds": round(seconds, 3), "cpu_s": round(cpu_s, 3), "peak_mb": _peak_mb()}


def _peak_mb() -> int:
    """Most memory that this process has had, in 10^6 bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 // 10**6


def _show(terminal: Terminal, found: dict[str, Any]) -> None:
    rows = [
        (name, f"{s['per_s']:,}/s", f"{s['raw_per_s']:,}/s", f"{s['rows_alone_per_s']:,}/s", f"{s['ratio']:.2f}")
        for name, s in found.items()
        if "per_s" in s
    ]
    if rows:
        columns = (msg("engine"), msg(">transfers"), msg(">bare book"), msg(">rows alone"), msg(">of the bare book"))
        terminal.table(columns, rows)
    for name in ("rating", "audit"):
        if name in found:
            part = found[name]
            count = part.get("records", part.get("transfers"))
            terminal.say(
                msg(
                    "{name}: {count} in {seconds} s ({cpu} s of the processor), peak {peak} MB",
                    name=name,
                    count=f"{count:,}",
                    seconds=part["seconds"],
                    cpu=part["cpu_s"],
                    peak=part["peak_mb"],
                )
            )
