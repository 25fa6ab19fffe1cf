"""`bill month`, `bill statement`, `bill export`: the documents of a month, and the books for other programs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.domain.invoice import Invoice
    from suanwang.sdk import Client

FORMATS = ("text", "json", "html", "pdf")
form_option = click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="How it is written."
)
out_option = click.option("--out", type=click.Path(path_type=Path), help="File to write; needed for html and pdf.")


@click.command()
@click.argument("tenant")
@click.argument("month")
@form_option
@out_option
@grid_option
@json_option
@click.pass_obj
def month(terminal: Terminal, tenant: str, month: str, form: str, out: Path | None, grid: str, as_json: bool) -> int:
    """A tenant's invoice of MONTH, and the credit note where earlier months were corrected in it.

    Once the month is closed (`suanwang period close`) they are kept as they are; before that they are drafts.
    With a credit note, --out is written for the invoice, and the note beside it as <name>-credit-note.

    \b
    Examples:
      suanwang bill month me 2026-11
      suanwang bill month me 2026-11 --format pdf --out invoice.pdf
      suanwang --lang zh-CN bill month me 2026-11 --format html --out 账单.html
    """
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        documents = client.books.invoices(tenant, month)
        _write(terminal, client, documents, "json" if as_json else form, out)
    return 0


@click.command()
@click.argument("month")
@click.option("--site", default="", help="A site's: what it earned.")
@click.option("--programme", default="", help="A voucher programme's: what its fund paid.")
@form_option
@out_option
@grid_option
@json_option
@click.pass_obj
def statement(
    terminal: Terminal,
    month: str,
    site: str,
    programme: str,
    form: str,
    out: Path | None,
    grid: str,
    as_json: bool,
) -> int:
    """The statement of a site or of a voucher programme for MONTH.

    \b
    Examples:
      suanwang bill statement 2026-11 --site guian --grid grid.yaml
      suanwang bill statement 2026-11 --programme hub-west --format pdf --out statement.pdf
    """
    from suanwang.sdk import Client

    if bool(site) == bool(programme):
        what = msg("Give one of --site and --programme.")
        raise InvalidInput([Problem("bill statement", what, msg("A statement is for one of them."))])
    with Client.open(grid) as client:
        made = client.books.statement(month, site=site, programme=programme)
        _write(terminal, client, [made], "json" if as_json else form, out)
    return 0


@click.command()
@click.argument("month")
@click.option(
    "--format",
    "form",
    type=click.Choice(["focus-1.2", "focus-1.4", "csv", "ondemand", "prometheus"]),
    required=True,
    help="FOCUS (1.2 or 1.4), plain CSV, Open OnDemand balance.json, or Prometheus text.",
)
@click.option("--tenant", default="", help="Only this tenant's (FOCUS and CSV).")
@click.option("--unit", default="", help="Open OnDemand: accelerator-hour for quotas; money if not given.")
@grid_option
@json_option
@click.pass_obj
def export(terminal: Terminal, month: str, form: str, tenant: str, unit: str, grid: str, as_json: bool) -> int:
    """The books of MONTH for other programs, on standard output.

    FOCUS is the FinOps Open Cost and Usage Specification. The sum of its BilledCost is what the documents of
    the month ask for. `ondemand` and `prometheus` are as of now.

    \b
    Examples:
      suanwang bill export 2026-11 --format focus-1.2 > focus.csv
      suanwang bill export 2026-11 --format ondemand > balance.json
    """
    from suanwang.schemas.focus import focus_csv, focus_row, plain_csv
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        match form:
            case "ondemand":
                terminal.json(client.books.balance_json(unit))
            case "prometheus":
                from suanwang.interfaces.reports.metrics import metrics_text

                figures = client.books.figures()
                if as_json:
                    terminal.json({"figures": plain(figures)})
                else:
                    click.echo(metrics_text(figures), nl=False)
            case _:
                rows = client.books.billed(month, tenant)
                if as_json:
                    terminal.json({"rows": plain(rows) if form == "csv" else [focus_row(row) for row in rows]})
                else:
                    version = form.removeprefix("focus-")
                    click.echo(plain_csv(rows) if form == "csv" else focus_csv(rows, version), nl=False)
    return 0


def _write(terminal: Terminal, client: "Client", documents: "list[Invoice]", form: str, out: Path | None) -> None:
    from suanwang.interfaces.cli.views import show_invoice
    from suanwang.schemas.wire import plain

    if form == "json":
        terminal.json({"documents": [plain(d, terminal.translate) for d in documents]})
        return
    if form == "text":
        for document in documents:
            show_invoice(terminal, document)
        return
    if out is None:
        raise InvalidInput([Problem("--out", msg("It is needed for {form}.", form=form), msg("Name a file."))])
    made = [_rendered(terminal, client, document, form) for document in documents]
    for number, content in enumerate(made):
        path = out if number == 0 else out.with_stem(f"{out.stem}-credit-note")
        try:
            path.write_bytes(content)
        except OSError as error:
            what = msg("{path} cannot be written: {why}.", path=str(path), why=why_not_read(error))
            remedy = msg("Name a file in a folder that you may write.")
            raise InvalidInput([Problem("--out", what, remedy)]) from error
        terminal.note(msg("Written: {path}", path=str(path)))


def _rendered(terminal: Terminal, client: "Client", document: "Invoice", form: str) -> bytes:
    from suanwang.interfaces.reports.html import html_page
    from suanwang.interfaces.reports.invoice import month_document
    from suanwang.interfaces.reports.pdf import pdf_file

    house, draft = client.house, not client.books.is_issued(document)
    made = month_document(document, house.hub.grid, draft=draft, lang=terminal.lang, text=terminal.text)
    return html_page(made).encode() if form == "html" else pdf_file(made, house.settings.fonts)
