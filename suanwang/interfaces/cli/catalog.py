"""`suanwang catalog`: look at the facts that quotes are made from, and check your own."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import Message, NotFound, Problem, msg
from suanwang.interfaces.cli.terminal import Terminal, problems_as_json

if TYPE_CHECKING:
    from suanwang.domain.catalog import Catalog
    from suanwang.interfaces.cli.catalog_views import Figure


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """The terminal, --json and --catalog, which every command here has."""
    folder = click.Path(path_type=Path)
    passed = click.pass_obj(command)
    wide = click.option(
        "--catalog", "folders", type=folder, multiple=True, help="Folder of your own facts over the built-in ones."
    )
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(wide(passed))


@click.group()
def catalog() -> None:
    """Facts about accelerators, systems, places, tariffs, carbon, prices and models.

    Every figure has a unit, a source, a date and a confidence. A figure that is not published stays unknown.

    \b
    Examples:
      suanwang catalog list
      suanwang catalog list accelerators
      suanwang catalog show h100-sxm5-80gb
      suanwang catalog check my-facts/
    """


@catalog.command("list")
@click.argument("table", required=False)
@_options
def list_(terminal: Terminal, table: str | None, folders: Sequence[Path], as_json: bool) -> None:
    """List the tables, or the rows of TABLE.

    \b
    Examples:
      suanwang catalog list
      suanwang catalog list tariffs
      suanwang catalog list prices --json
      suanwang catalog list accelerators --catalog my-facts/
    """
    from suanwang.interfaces.cli import catalog_views as views

    tables = views.tables(_load(folders))
    if table is None:
        counts = {name: len(rows) for name, rows in tables.items()}
        if as_json:
            terminal.json(counts)
        else:
            columns = (msg("table"), msg("rows"), msg("holds"))
            _print_table(terminal, columns, [[n, str(c), views.HOLDS[n]] for n, c in counts.items()])
        return
    if table not in tables:
        raise NotFound(
            "not-found",
            msg("the catalog has no table {table!r}", table=table),
            msg("It has: {names}.", names=", ".join(tables)),
        )
    if as_json:
        terminal.json([views.as_json(row) for row in tables[table].values()])
    else:
        _print_table(terminal, *views.listing(table, tables[table], terminal.text))


@catalog.command()
@click.argument("id_", metavar="ID")
@_options
def show(terminal: Terminal, id_: str, folders: Sequence[Path], as_json: bool) -> None:
    """Show every figure of a row with its unit, source, date and confidence.

    \b
    Examples:
      suanwang catalog show h100-sxm5-80gb
      suanwang catalog show cn-nx-general-10kv
      suanwang catalog show ascend-910b3 --json
    """
    from suanwang.domain.catalog import find
    from suanwang.interfaces.cli import catalog_views as views

    facts = _load(folders)
    tables = views.tables(facts)
    found = [(table, rows[id_]) for table, rows in tables.items() if id_ in rows]
    if not found:
        find({key: None for rows in tables.values() for key in rows}, msg("row"), id_)
    if as_json:
        terminal.json([_shown(facts, table, row) for table, row in found])
        return
    for table, row in found:
        click.echo(
            f"{id_}  {getattr(row, 'name', '')}  ({table}, {facts.origin[f'{table}/{id_}']})".replace("    ", "  ")
        )
        _print_figures(terminal, views.figures(row))
        if note := getattr(row, "note", ""):
            terminal.say(msg("note: {note}", note=note))


@catalog.command()
@click.argument("folder", type=click.Path(path_type=Path))
@_options
def check(terminal: Terminal, folder: Path, folders: Sequence[Path], as_json: bool) -> None:
    """Check the tables of FOLDER, alone and over the built-in facts.

    Prints every problem with its file, line, column and remedy. Exit status: 0 sound, 2 problems.

    \b
    Examples:
      suanwang catalog check my-facts/
      suanwang catalog check my-facts/ --json
    """
    from suanwang.adapters.catalog import check_catalog

    problems = check_catalog(folder, _overlays(folders))
    if as_json:
        terminal.json(problems_as_json(problems, terminal))
    else:
        _print_problems(terminal, folder, problems)
    if problems:
        sys.exit(2)


def _overlays(folders: Sequence[Path]) -> list[Path]:
    """Folders of the SUANWANG_CATALOG setting, then those of the command line."""
    from suanwang.settings import read_settings

    return [*read_settings(os.environ).catalog, *folders]


def _load(folders: Sequence[Path]) -> "Catalog":
    from suanwang.adapters.catalog import load_catalog

    return load_catalog(_overlays(folders))


def _shown(facts: "Catalog", table: str, row: Any) -> dict[str, object]:
    from suanwang.interfaces.cli import catalog_views as views

    return {
        "table": table,
        "origin": facts.origin[f"{table}/{row.id}"],
        "row": views.as_json(row),
        "figures": [views.as_json(figure) for figure in views.figures(row)],
    }


def _print_problems(terminal: Terminal, folder: Path, problems: Sequence[Problem]) -> None:
    for problem in problems:
        click.echo(f"{problem.place}: {terminal.text(problem.message)}\n    {terminal.text(problem.remedy)}")
    if problems:
        terminal.say(msg("{folder}: {count} problem(s)", folder=folder, count=len(problems)))
    else:
        terminal.say(msg("{folder}: no problem found", folder=folder))


def _print_figures(terminal: Terminal, figures: "Sequence[Figure]") -> None:
    """A table of figures; their sources are numbered and listed below it."""
    from suanwang.interfaces.cli.catalog_views import UNDATED, UNKNOWN

    sources = list(dict.fromkeys(f.provenance for f in figures if f.provenance is not None))
    number = {source: f"[{index}]" for index, source in enumerate(sources, start=1)}
    lines = []
    for figure in figures:
        known = figure.provenance if figure.value else None
        where = [known.date or UNDATED, known.confidence.value, number[known]] if known else ["", "", ""]
        unit = figure.unit if figure.value else ""
        lines.append([figure.name, figure.value or UNKNOWN, unit, *where])
    columns = (msg("figure"), msg("value"), msg("unit"), msg("date"), msg("confidence"), msg("source"))
    _print_table(terminal, columns, lines)
    for source, mark in number.items():
        click.echo(f"{mark} {source.source} ({source.date or terminal.text(UNDATED)}, {source.confidence.value})")


def _print_table(
    terminal: Terminal, header: "Sequence[Message | str]", lines: "Sequence[Sequence[Message | str]]"
) -> None:
    """A drawn table on a terminal; elsewhere one line a row, cells apart by tabs."""
    texts = [[terminal.text(cell) for cell in line] for line in (header, *lines)]
    if not sys.stdout.isatty():
        for line in texts:
            click.echo("\t".join(line))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*texts[0])
    for line in texts[1:]:
        table.add_row(*(Text(cell) for cell in line))
    Console().print(table)
