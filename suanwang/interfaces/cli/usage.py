"""`usage`: what was metered, other meters beside it, and what an hour of one card is worth in hours of another."""

import os
from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces import figures
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.units import PFLOP_HOUR

if TYPE_CHECKING:
    from suanwang.service.reconciling import Reconciliation


@click.group()
def usage() -> None:
    """Metered use: list it, reconcile other meters with it, compare accelerators by what they deliver."""


@usage.command(name="list")
@click.argument("month")
@click.option("--tenant", default="", help="Only this tenant's.")
@grid_option
@json_option
@click.pass_obj
def usage_list(terminal: Terminal, month: str, tenant: str, grid: str, as_json: bool) -> int:
    """The usage records that begin in MONTH, each in its last correction: delivered compute beside the theoretical.

    \b
    Example:
      suanwang usage list 2026-11 --tenant me --json
    """
    from suanwang.domain.period import read_month
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        period = read_month(month, client.house.hub.grid.zone)
        records = client.books.usage(period.start, period.end, tenant)
    if as_json:
        terminal.json({"records": [plain(r) for r in records]})
    elif not records:
        terminal.say(msg("Nothing was metered in {month}.", month=month))
    else:
        rows = [
            (
                r.id,
                r.tenant,
                f"{r.accelerators} × {r.accelerator_id}",
                f"{float(r.accelerator_hours):.6f}",
                f"{r.flops_delivered / PFLOP_HOUR:.6g}",
                "–" if r.flops_theoretical is None else f"{r.flops_theoretical / PFLOP_HOUR:.6g}",
                figures.energy(float(r.energy_kwh)),
                r.energy_source.value,
            )
            for r in records
        ]
        columns = (
            msg("record"),
            msg("tenant"),
            msg("cards"),
            msg(">accelerator-hours"),
            msg(">PFLOP-hours delivered"),
            msg(">theoretical"),
            msg(">energy"),
            msg("source"),
        )
        terminal.table(columns, rows)
    return 0


@usage.command()
@click.argument("tenant")
@click.argument("month")
@grid_option
@json_option
@click.pass_obj
def delivered(terminal: Terminal, tenant: str, month: str, grid: str, as_json: bool) -> int:
    """A tenant's compute of MONTH: at its cards' peak, lost to failures and to inefficiency, delivered.

    Compute is in PFLOP-hours; what nobody was charged for counts as failed.

    \b
    Example:
      suanwang usage delivered me 2026-11
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        found = client.books.delivered(tenant, month)
    if as_json:
        terminal.json(plain(found))
    elif not found.lines:
        terminal.say(msg("Nothing was metered in {month}.", month=month))
    else:
        columns = (
            msg("accelerator"),
            msg(">accelerator-hours"),
            msg(">theoretical, PFLOP·h"),
            msg(">failed"),
            msg(">inefficient"),
            msg(">delivered"),
            msg(">energy"),
            msg(">charged"),
        )
        rows = [
            (
                line.accelerator_id,
                f"{float(line.accelerator_hours):.6f}",
                *("–" if x is None else f"{x:.6g}" for x in (line.theoretical, line.failed, line.inefficient)),
                f"{line.delivered:.6g}",
                figures.energy(float(line.energy_kwh)),
                figures.money(line.charged),
            )
            for line in found.lines
        ]
        terminal.table(columns, rows)
    return 0


@usage.command()
@click.argument("file")
@click.option("--meter", default="", help="Name of the meter; the file's name if not given.")
@click.option("--tolerance", default=1.0, show_default=True, help="Per cent up to which two meters agree.")
@click.option("--apply", "apply_", is_flag=True, help="Correct the records by it, and add time that none has.")
@grid_option
@json_option
@click.pass_obj
def reconcile(
    terminal: Terminal, file: str, meter: str, tolerance: float, apply_: bool, grid: str, as_json: bool
) -> int:
    """Compare the readings of another meter (CSV) with the records; with --apply, correct these by them.

    Columns: job, start, end, and some of accelerator_hours, energy_kwh, tokens, utilisation; meter and source if
    given. A record's energy is replaced only by a source that is trusted as much (measured, then
    engine_accounting, then modelled). What a settled job owes or gets back is posted in the open month.

    \b
    Examples:
      suanwang usage reconcile dcgm.csv
      suanwang usage reconcile dcgm.csv --apply --json
    """
    from fractions import Fraction
    from hashlib import sha256
    from pathlib import Path

    from suanwang.bootstrap import read_text
    from suanwang.schemas.readings import read_readings
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    if not 0 <= tolerance <= 100:
        what = msg("{value} is out of range.", value=str(tolerance))
        raise InvalidInput([Problem("--tolerance", what, msg("Give 0 to 100 per cent."))])
    text = read_text(file)
    readings = read_readings(text, file, meter or Path(file).stem)
    share = Fraction(str(tolerance)) / 100
    with Client.open(grid) as client:
        if apply_:
            evidence = {"file": Path(file).name, "sha256": sha256(text.encode()).hexdigest()}
            found = client.books.apply_readings(readings, share, evidence)
        else:
            found = client.books.reconcile(readings, share)
    if as_json:
        rows = [{**plain(c), "difference": plain(c.difference)} for c in found.comparisons]
        terminal.json(
            {"comparisons": rows, "unknown": list(found.unknown), "adjustments": [plain(a) for a in found.adjustments]}
        )
    else:
        _show(terminal, found)
    return 1 if found.unknown else 0


def _show(terminal: Terminal, found: "Reconciliation") -> None:
    rows = [
        (
            c.job_id,
            c.meter,
            f"{c.start:%Y-%m-%d %H:%M}Z",
            c.quantity,
            f"{float(c.ours):,.6f} {c.unit}",
            f"{float(c.theirs):,.6f} {c.unit}",
            "–" if c.difference is None else f"{float(c.difference) * 100:+.2f} %",
            c.verdict.value,
        )
        for c in found.comparisons
    ]
    columns = (
        msg("job"),
        msg("meter"),
        msg("from"),
        msg("quantity"),
        msg(">records"),
        msg(">reading"),
        msg(">difference"),
        msg("verdict"),
    )
    terminal.table(columns, rows)
    for job in found.unknown:
        terminal.say(msg("✗ there is no job {job}", job=job), fg="red")
    for a in found.adjustments:
        terminal.say(msg("Job {job}: {before} becomes {after}", job=a.job_id, before=str(a.before), after=str(a.after)))


@usage.command()
@click.option("--dtype", default="bf16", show_default=True, help="Number format of the work: the workload's class.")
@click.option("--reference", default="h100-sxm5-80gb", show_default=True, help="Card that the others are told in.")
@json_option
@click.pass_obj
def exchange(terminal: Terminal, dtype: str, reference: str, as_json: bool) -> int:
    """What an hour of each accelerator is worth in hours of another, by what they deliver; beside the peaks alone.

    Delivered is peak × measured efficiency, with the method and date of the measurement. Methods are not
    comparable with one another: rows whose method is not the reference's are marked.

    \b
    Example:
      suanwang usage exchange --dtype bf16 --reference ascend-910b3 --json
    """
    from suanwang.adapters.catalog import load_catalog
    from suanwang.domain.accelerator import DTYPES
    from suanwang.domain.exchange import delivered_rates, exchange_table
    from suanwang.domain.provenance import MissingFigure
    from suanwang.schemas.wire import plain
    from suanwang.settings import read_settings

    if dtype not in DTYPES:
        what = msg("{value} is not a number format.", value=repr(dtype)[:40])
        raise InvalidInput([Problem("--dtype", what, msg("One of: {known}.", known=", ".join(DTYPES)))])
    catalog = load_catalog(read_settings(os.environ).catalog)
    rates = delivered_rates(catalog.accelerators, dtype)
    card = catalog.accelerator(reference)
    of_reference = next((r for r in rates if r.accelerator == card.id), None)
    if of_reference is None:
        card.peak_or_raise(dtype)
        raise MissingFigure(msg("accelerator {id}", id=card.id), msg("measured efficiency in {dtype}", dtype=dtype))
    table = exchange_table(rates, of_reference)
    if as_json:
        names = ("hours", "theoretical_hours", "comparable")
        rows = [{**plain(e.rate), **{name: getattr(e, name) for name in names}} for e in table]
        terminal.json({"dtype": dtype, "reference": card.id, "exchange": rows})
        return 0
    lines = [
        (
            e.rate.accelerator,
            f"{e.hours:.3f}{'' if e.comparable else ' *'}",
            f"{e.theoretical_hours:.3f}",
            f"{e.rate.delivered_pflops_per_s:.4f}",
            f"{e.rate.theoretical_pflops_per_s:.4f}",
            f"{e.rate.efficiency * 100:.1f} %",
            e.rate.method,
            e.rate.provenance.date,
        )
        for e in table
    ]
    columns = (
        msg("accelerator"),
        msg(">hours of {reference}", reference=card.id),
        msg(">by peaks"),
        msg(">PFLOP/s delivered"),
        msg(">peak"),
        msg(">efficiency"),
        msg("method"),
        msg("date"),
    )
    terminal.table(columns, lines)
    if not all(e.comparable for e in table):
        terminal.say(msg("* measured by another method than the reference: compare with care"))
    return 0
