"""`book`: price books: check a file, list the versions, preview one on past use, rate a job anew, publish prices."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.domain.price import Price, PriceBook
    from suanwang.sdk import Client
    from suanwang.service.previews import PreviewRow


@click.group()
def book() -> None:
    """Price books: what use of a pool costs, version by version. A version that was used is sealed."""


@book.command()
@click.argument("files", nargs=-1, required=True)
@json_option
@click.pass_obj
def check(terminal: Terminal, files: tuple[str, ...], as_json: bool) -> int:
    """Read price book files; all problems of all of them at once.

    \b
    Example:
      suanwang book check books/*.yaml
    """
    from suanwang.bootstrap import read_text
    from suanwang.errors import InvalidInput, Problem
    from suanwang.schemas.price_book import read_price_book
    from suanwang.schemas.wire import plain

    problems: list[Problem] = []
    read: list[PriceBook] = []
    for file in files:
        try:
            read.append(read_price_book(read_text(file), file))
        except InvalidInput as wrong:
            problems += wrong.problems
    if problems:
        raise InvalidInput(problems)
    if as_json:
        terminal.json({"price_books": [plain(b) for b in read]})
    else:
        for one in read:
            terminal.say(msg("Price book {id} version {version}: no problem.", id=one.id, version=one.version))
    return 0


@book.command(name="list")
@grid_option
@json_option
@click.pass_obj
def book_list(terminal: Terminal, grid: str, as_json: bool) -> int:
    """Every version that the grid has or that was used, with its prices.

    Price books are in the grid file, or in files of the folders that SUANWANG_PRICE_BOOKS names.

    \b
    Example:
      suanwang book list --json
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        versions = client.books.price_books()
    if as_json:
        terminal.json({"price_books": [{**plain(b), "sealed": sealed} for b, sealed in versions]})
        return 0
    rows = [
        (
            b.id,
            str(b.version),
            f"{b.effective:%Y-%m-%d %H:%M}Z",
            ", ".join(_told(terminal, price) for price in b.prices),
            terminal.text(msg("sealed") if sealed else msg("not used yet")),
        )
        for b, sealed in versions
    ]
    terminal.table((msg("price book"), msg(">version"), msg("from"), msg("prices"), msg("state")), rows)
    return 0


def _told(terminal: Terminal, price: "Price") -> str:
    if price.passes_tariff:
        return f"{price.basis.value}: {terminal.text(msg('tariff'))}"
    amounts = [m.decimal.normalize() for m in price.amounts]
    low, high = min(amounts, default=0), max(amounts, default=0)
    return f"{price.basis.value}: {low:f}" + (f"–{high:f}" if high != low else "")


@book.command()
@click.argument("file")
@click.option("--from", "since", required=True, help="First month, such as 2026-10.")
@click.option("--to", "until", default="", help="Last month; the same if not given.")
@click.option("--tenant", default="", help="Only this tenant's use.")
@click.option("--jobs", "by_job", is_flag=True, help="A line for each job.")
@grid_option
@json_option
@click.pass_obj
def preview(
    terminal: Terminal, file: str, since: str, until: str, tenant: str, by_job: bool, grid: str, as_json: bool
) -> int:
    """What the price book of FILE would have charged for past months, beside what was charged. Nothing is stored.

    \b
    Example:
      suanwang book preview new.yaml --from 2026-10 --to 2026-11
    """
    from suanwang.domain.period import read_month
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client
    from suanwang.service.previews import by_tenant

    with Client.open(grid) as client:
        zone = client.house.hub.grid.zone
        start, end = read_month(since, zone, "--from").start, read_month(until or since, zone, "--to").end
        rows = client.books.preview(_read(client, file), start, end, tenant)
    sums = by_tenant(rows)
    if as_json:
        shown = [{**plain(r), "change": plain(r.change)} for r in (*sums, *rows)]
        terminal.json({"tenants": shown[: len(sums)], "jobs": shown[len(sums) :]})
    elif not rows:
        terminal.say(msg("Nothing was used in that time."))
    else:
        _show(terminal, rows if by_job else sums)
    return 0


def _show(terminal: Terminal, rows: "list[PreviewRow]") -> None:
    lines = [
        (
            r.job_id or r.tenant,
            str(r.records),
            f"{r.charged.decimal:,.6f}",
            f"{r.would_be.decimal:,.6f}",
            f"{r.change.decimal:+,.6f}",
        )
        for r in rows
    ]
    unit = rows[0].charged.unit
    columns = (msg("of"), msg(">records"), f">{unit}", msg(">would be"), msg(">change"))
    terminal.table(columns, lines)


@book.command()
@click.argument("file")
@click.argument("job_id")
@grid_option
@json_option
@click.pass_obj
def rerate(terminal: Terminal, file: str, job_id: str, grid: str, as_json: bool) -> int:
    """Charge a job by the price book of FILE: its charges are taken back and made anew.

    A job that is settled is adjusted in the open month; a later invoice shows it as a correction.

    \b
    Example:
      suanwang book rerate corrected.yaml j19cabd8380083cdfdbe
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        made = client.books.rerate(job_id, _read(client, file))
    if as_json:
        terminal.json({**plain(made), "change": plain(made.change)})
    else:
        terminal.say(
            msg(
                "Job {job}: {before} becomes {after}; {count} transfer(s) posted.",
                job=job_id,
                before=str(made.before),
                after=str(made.after),
                count=made.posted,
            )
        )
    return 0


@book.command()
@click.argument("book_id")
@click.option("--hours", default=168, show_default=True, help="Hours that prices are published for.")
@grid_option
@json_option
@click.pass_obj
def publish(terminal: Terminal, book_id: str, hours: int, grid: str, as_json: bool) -> int:
    """The next version of a book whose prices follow the grid's marginal prices, as a file on standard output.

    Put it into a folder that SUANWANG_PRICE_BOOKS names: from its time on, jobs are charged by it.

    \b
    Example:
      suanwang book publish spot --hours 24 > books/spot-4.yaml
    """
    from suanwang.schemas.price_book_text import price_book_text
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        made = client.books.publish(book_id, hours)
    if as_json:
        terminal.json(plain(made))
    else:
        click.echo(price_book_text(made), nl=False)
    return 0


def _read(client: "Client", file: str) -> "PriceBook":
    from suanwang.bootstrap import read_text
    from suanwang.schemas.price_book import read_price_book

    return read_price_book(read_text(file), file, client.house.hub.grid.currency)
