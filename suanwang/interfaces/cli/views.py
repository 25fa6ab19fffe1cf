"""How quotes, jobs and invoices are shown on a terminal."""

from collections.abc import Iterable, Mapping
from datetime import tzinfo

from suanwang.domain.invoice import DocumentKind, Invoice
from suanwang.domain.job import Job, JobEvent
from suanwang.domain.money import Money
from suanwang.domain.placement import CostPart, Option
from suanwang.domain.reason import Reason
from suanwang.domain.usage import UsageRecord
from suanwang.domain.voucher import Voucher
from suanwang.errors import Message, msg
from suanwang.interfaces import figures
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.service.listing import JobLine
from suanwang.service.planning import Quote
from suanwang.service.tenants import LedgerReport
from suanwang.units import MICRO

Zones = Mapping[str, tzinfo]
"""The time zone of each site, in which its times are shown."""
UNITS = {"accelerator-hour": msg("accelerator-hour"), "PFLOP-hour": msg("PFLOP-hour")}
"""Units of an invoice that are words."""


def show_quote(terminal: Terminal, zones: Zones, quote: Quote) -> None:
    """The options side by side, the refusals with their reasons, and why the first one is taken."""
    terminal.say(msg("Quote for {name} (estimates, with their band)", name=quote.workload.name), bold=True)
    if quote.placement is not None:
        options = (quote.placement.option, *quote.placement.alternatives)
        show_options(terminal, zones, options)
        for reason in quote.placement.reasons:
            terminal.say(f"  · {terminal.text(reason)}")
    for refusal in quote.rejections:
        terminal.say(f"  ✗ {refusal.pool_id}: {terminal.text(why(refusal.reason, refusal.detail))}")
    if quote.placement is None:
        terminal.say(msg("No pool of the grid can have it."), fg="red")


def show_options(terminal: Terminal, zones: Zones, options: Iterable[Option]) -> None:
    """When each option would run and what it costs, by part; the one that is taken is first and marked."""
    times, costs = [], []
    for rank, option in enumerate(options):
        pool = f"{'→' if rank == 0 else ' '} {option.pool_id}"
        times.append(
            (
                pool,
                str(option.accelerators),
                figures.moment(option.start, zones[option.site_id]),
                figures.durations(option.estimate.time_s),
                figures.energy(option.energy_kwh),
                figures.carbon(option.carbon_kg_location),
            )
        )
        parts = [_part(option, part) for part in (CostPart.RENT, CostPart.POWER, CostPart.DATA, CostPart.CARBON)]
        costs.append((pool, *parts, figures.money(option.total), figures.money(option.billed_high)))
    when = (msg("pool"), msg(">cards"), msg("start"), msg(">run time"), msg(">energy"), msg(">CO₂"))
    price = (msg("pool"), msg(">rent"), msg(">power"), msg(">data"), msg(">CO₂ price"), msg(">total"), msg(">at most"))
    terminal.table(when, times)
    terminal.table(price, costs)


def why(reason: Reason | None, detail: Message | None) -> Message | str:
    """The name of a reason, and what it is about."""
    name = reason.value if reason else ""
    return msg("{reason}. {detail}", reason=name, detail=detail) if detail else name


def _part(option: Option, part: CostPart) -> str:
    return figures.money(option.cost[part]) if part in option.cost else "–"


def show_jobs(terminal: Terminal, zones: Zones, jobs: Iterable[JobLine]) -> None:
    """A row for each job, with why it waits or how it ended."""
    columns = (msg("job"), msg("workload"), msg("tenant"), msg("state"), msg("pool"), msg("start"), msg("reason"))
    rows = [
        (
            job.id,
            job.name,
            job.tenant,
            job.outcome.value if job.outcome else job.state.value,
            job.pool_id or "–",
            figures.moment(job.start, zones[job.site_id]) if job.start else "–",
            terminal.text(why(job.reason, job.detail)),
        )
        for job in jobs
    ]
    terminal.table(columns, rows)


def show_invoice(terminal: Terminal, bill: Invoice) -> None:
    """The lines, who pays, and what was delivered for it. Modelled figures are marked with ≈."""
    titles = {
        DocumentKind.INVOICE: msg("Invoice {id} for {tenant}", id=bill.id, tenant=bill.tenant),
        DocumentKind.CREDIT_NOTE: msg("Credit note {id} for {tenant}", id=bill.id, tenant=bill.tenant),
        DocumentKind.STATEMENT: msg("Statement {id} for {tenant}", id=bill.id, tenant=bill.tenant),
    }
    terminal.say(titles[bill.kind], bold=True)
    rows = [
        (
            line.description,
            line.quantity,
            terminal.text(UNITS.get(line.unit, line.unit)),
            _price(line.unit_price),
            f"{line.amount.decimal:,.6f}",
        )
        for line in bill.lines
    ]
    columns = (msg("item"), msg(">quantity"), msg("unit"), msg(">price"), msg(">amount, {unit}", unit=bill.currency))
    terminal.table(columns, rows)
    payments = (
        (msg("charged"), bill.charged),
        (msg("paid by voucher"), -bill.by_voucher),
        (msg("waived by the site"), -bill.waived),
        (msg("rounding"), bill.rounding),
    )
    shown = [(terminal.text(name), f"{amount.decimal:,.6f}") for name, amount in payments if amount]
    terminal.table((msg("sum"), msg(">{unit}", unit=bill.currency)), shown)
    terminal.say(msg("To pay: {amount}", amount=figures.money(bill.payable)), bold=True)
    modelled = "≈ " if bill.energy_source.value == "modelled" else ""
    delivered = "≈ " if bill.flops_source.value == "modelled" else ""
    terminal.say(
        msg(
            "{time} · {delivered} delivered · energy {energy} · carbon {carbon} (location-based)",
            time=figures.card_time(bill.accelerator_hours),
            delivered=delivered + figures.compute(bill.flops_delivered),
            energy=modelled + figures.energy(bill.energy_kwh),
            carbon=modelled + figures.carbon(bill.carbon_kg_location),
        )
    )


def _price(price: Money) -> str:
    return f"{price.decimal:,.4f}"


def show_job(
    terminal: Terminal, zones: Zones, job: Job, events: Iterable[JobEvent], usage: Iterable[UsageRecord]
) -> None:
    """The job's line, its moves, and its use."""
    show_jobs(terminal, zones, [JobLine.of(job)])
    moves = [
        (
            f"{event.at:%Y-%m-%d %H:%M:%S}Z",
            event.after.value,
            event.reason.value if event.reason else "",
            terminal.text(event.detail) if event.detail else "",
        )
        for event in events
    ]
    terminal.table((msg("at"), msg("state"), msg("reason"), msg("detail")), moves)
    used = [
        (
            f"{record.start:%m-%d %H:%M:%S}Z – {record.end:%H:%M:%S}Z",
            record.pool_id,
            terminal.text(figures.card_time(float(record.accelerator_hours))),
            figures.energy(float(record.energy_kwh)),
            record.energy_source.value,
        )
        for record in usage
    ]
    if used:
        terminal.table((msg("interval"), msg("pool"), msg(">card time"), msg(">energy"), msg("source")), used)


def show_estimates(terminal: Terminal, quote: Quote) -> None:
    """What each pool would need, and the constants that the first estimate rests on."""
    terminal.say(msg("Estimates for {name}", name=quote.workload.name), bold=True)
    rows = [
        (
            e.pool_id,
            f"{e.accelerators} × {e.accelerator_id}",
            f"tp {e.layout.tp} · pp {e.layout.pp} · dp {e.layout.dp}",
            figures.durations(e.time_s),
            figures.compute(e.flops),
            figures.size(e.memory_bytes_total),
            f"≈ {figures.energy(e.energy_kwh_it.mid)}",
        )
        for e in quote.estimates
    ]
    columns = (
        msg("pool"),
        msg("cards"),
        msg("layout"),
        msg("run time"),
        msg(">operations"),
        msg(">memory a card"),
        msg(">energy (IT)"),
    )
    terminal.table(columns, rows)
    for refusal in quote.rejections:
        terminal.say(f"  ✗ {refusal.pool_id}: {terminal.text(why(refusal.reason, refusal.detail))}")
    if quote.estimates:
        terminal.say(msg("Assumptions for {pool}:", pool=quote.estimates[0].pool_id))
        for a in quote.estimates[0].assumptions:
            terminal.say(f"  · {a.name} = {a.value:g} {a.unit} ({a.source})")


def show_ledger(terminal: Terminal, report: LedgerReport) -> None:
    """Balances, and the sum of every unit: 0 when the books balance."""
    rows = [
        (
            b.account_id,
            b.unit,
            f"{b.posted / MICRO:,.6f}",
            f"{b.debits_pending / MICRO:,.6f}",
            f"{b.available / MICRO:,.6f}",
        )
        for b in report.balances
    ]
    columns = (msg("account"), msg("unit"), msg(">balance"), msg(">held"), msg(">available"))
    terminal.table(columns, rows)
    sums = {key.partition(":")[2]: value for key, value in report.counts.items() if key.startswith("sum_micro:")}
    terminal.say(
        msg(
            "{transfers} transfers, {holds} open holds; sum of each unit: {sums}",
            transfers=report.counts["transfers"],
            holds=report.counts["holds_open"],
            sums=", ".join(f"{unit} {value}" for unit, value in sums.items()),
        ),
        bold=True,
    )


def show_vouchers(terminal: Terminal, vouchers: Iterable[tuple[Voucher, Money]]) -> None:
    """A row for each voucher, with what is left of it."""
    rows = [
        (
            v.id,
            v.programme_id,
            v.tenant,
            f"{v.face.decimal:,.2f}",
            f"{left.decimal:,.2f}",
            f"{v.expires:%Y-%m-%d %H:%M}Z",
        )
        for v, left in vouchers
    ]
    columns = (msg("voucher"), msg("programme"), msg("tenant"), msg(">face"), msg(">left"), msg("expires"))
    terminal.table(columns, rows)
