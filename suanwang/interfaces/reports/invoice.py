"""Invoices, credit notes and statements as documents to read and print: `html_page` and `pdf_file` render them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from suanwang.domain.invoice import DocumentKind, Invoice, InvoiceLine
from suanwang.domain.money import Money
from suanwang.domain.site import Grid, Site, Tenant
from suanwang.domain.usage import Source
from suanwang.errors import Message, msg
from suanwang.interfaces.reports.document import Block, Document, Facts, Heading, Notes, Paragraph, Table, Verdict
from suanwang.units import MICRO, PFLOP_HOUR

if TYPE_CHECKING:
    from suanwang.domain.programme import Programme

Text = Callable[[Message | str], str]

TITLES = {
    DocumentKind.INVOICE: msg("Invoice"),
    DocumentKind.CREDIT_NOTE: msg("Credit note"),
    DocumentKind.STATEMENT: msg("Statement"),
}
UNITS = {
    "accelerator-hour": msg("accelerator-hour"),
    "kWh": msg("kWh"),
    "PFLOP-hour": msg("PFLOP-hour"),
    "million tokens": msg("million tokens"),
    "GB": msg("GB"),
    "job": msg("job"),
    "month": msg("month"),
    "currency": msg("of tax"),
}
SOURCES = {
    Source.MEASURED: msg("measured"),
    Source.ENGINE_ACCOUNTING: msg("engine accounting"),
    Source.MODELLED: msg("modelled, an estimate"),
}


def month_document(invoice: Invoice, grid: Grid, *, draft: bool, lang: str, text: Text) -> Document:
    """A document of a month under the names that the grid has for the parties, in its zone."""
    parties: list[Tenant | Site | Programme] = [*grid.tenants, *grid.sites, *grid.programmes]
    name = next((p.name_zh or p.name if lang == "zh-CN" else p.name for p in parties if p.id == invoice.tenant), "")
    issued = f"{invoice.issued.astimezone(grid.zone):%Y-%m-%d %H:%M}"
    return invoice_document(
        invoice, issuer=grid.id, name=name or invoice.tenant, draft=draft, issued=issued, lang=lang, text=text
    )


def invoice_document(
    invoice: Invoice, *, issuer: str, name: str, draft: bool, issued: str, lang: str, text: Text
) -> Document:
    """`issuer`: the grid; `name`: of whom it is made out to; `draft`: its month is not closed; `issued`: its time."""
    title = f"{text(TITLES[invoice.kind])} {invoice.id}"
    blocks: list[Block] = []
    if draft:
        blocks.append(Verdict(text(msg("Draft: the month is not closed, and this may still change.")), good=False))
    blocks += [
        Facts(
            (
                (text(msg("issuer")), issuer),
                (text(_party(invoice)), name),
                (text(msg("period")), invoice.period or "–"),
                (text(msg("as of")), issued),
            ),
            columns=2,
        ),
        Heading(text(msg("Lines"))),
        _lines(invoice, text),
        Heading(text(msg("Sum"))),
        _sum(invoice, text),
    ]
    if invoice.accelerator_hours or invoice.energy_kwh:
        blocks += [Heading(text(msg("What was delivered"))), _delivered(invoice, text)]
    blocks.append(Notes(tuple(map(text, _notes(invoice)))))
    return Document(title=title, lang=lang, blocks=tuple(blocks), footer=title)


def _party(invoice: Invoice) -> Message:
    return msg("made out to") if invoice.kind is not DocumentKind.STATEMENT else msg("statement for")


def _lines(invoice: Invoice, text: Text) -> Block:
    if not invoice.lines:
        return Paragraph(text(msg("Nothing in this month.")))
    head = [msg("job"), msg("for"), msg("quantity"), msg("unit"), msg("price"), msg("amount")]
    rows = [_line(line, text) for line in invoice.lines]
    total = ("", text(msg("charged")), "", "", "", exact(invoice.charged))
    return Table(tuple(map(text, head)), rows, foot=(total,), align="ltrlrr")


def _line(line: InvoiceLine, text: Text) -> tuple[str, ...]:
    rules = [line.rule] if line.rule else []
    if line.corrects:
        rules.append(text(msg("corrects {invoice}", invoice=line.corrects)))
    what = line.description + (f" ({'; '.join(rules)})" if rules else "")
    unit = text(UNITS[line.unit]) if line.unit in UNITS else line.unit
    price = f"{line.unit_price.decimal.normalize():,f}"
    return line.job_id or "–", what or "–", line.quantity, unit, price, exact(line.amount)


def _sum(invoice: Invoice, text: Text) -> Block:
    rows = [(msg("charged"), exact(invoice.charged))]
    if invoice.tax is not None:
        rows.append((msg("of it tax"), exact(invoice.tax)))
    if invoice.by_voucher:
        rows.append((msg("paid by compute vouchers"), exact(invoice.by_voucher)))
    if invoice.waived:
        rows.append((msg("waived by the site"), exact(invoice.waived)))
    rows += [(msg("paid in money"), exact(invoice.by_money)), (msg("rounding"), exact(invoice.rounding))]
    label = msg("received") if invoice.kind is DocumentKind.STATEMENT else msg("to pay")
    total = (text(label), f"{invoice.payable.decimal:,.2f} {invoice.currency}")
    return Table((text(msg("part")), invoice.currency), [(text(name), value) for name, value in rows], foot=(total,))


def _delivered(invoice: Invoice, text: Text) -> Block:
    market = invoice.carbon_kg_market
    rows = [
        (msg("accelerator-hours"), f"{invoice.accelerator_hours:,.6f}"),
        (
            msg("compute delivered, {source}", source=SOURCES[invoice.flops_source]),
            f"{invoice.flops_delivered / PFLOP_HOUR:,.6g} PFLOP-h",
        ),
        (msg("energy, {source}", source=SOURCES[invoice.energy_source]), f"{invoice.energy_kwh:,.6f} kWh"),
        (msg("carbon, location-based"), f"{invoice.carbon_kg_location:,.3f} kg"),
        (msg("carbon, market-based"), "–" if market is None else f"{market:,.3f} kg"),
    ]
    return Facts(tuple((text(name), value) for name, value in rows))


def _notes(invoice: Invoice) -> list[Message]:
    notes = [msg("Amounts are exact to a millionth and rounded once, to the coin, in the sum to pay.")]
    if invoice.kind is DocumentKind.CREDIT_NOTE:
        notes.append(msg("Lines with a minus take back what an earlier invoice charged; the others replace it."))
    if invoice.kind is DocumentKind.INVOICE:
        notes.append(msg("The money was taken from the account when each job was settled; nothing is due beside it."))
    return notes


def exact(amount: Money) -> str:
    """To a millionth, without zeros beyond the coin."""
    whole = f"{amount.decimal:,.6f}"
    return whole[:-4] if amount.micro % (MICRO // 100) == 0 else whole
