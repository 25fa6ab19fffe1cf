"""Dockets and programme reports as people read them, and the report as a page or PDF."""

from collections.abc import Callable, Sequence
from pathlib import Path

from suanwang.domain.docket import Docket, MeteredUse, Step
from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.figures import compute, money
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.pdf import pdf_file
from suanwang.interfaces.reports.programme import programme_document
from suanwang.schemas.wire import plain
from suanwang.service.programme_report import ProgrammeReport
from suanwang.settle.abuse.usage import METERED_LEAST

COLUMNS = (msg("docket"), msg("kind"), msg("programme"), msg("tenant"), msg("state"), msg(">amount"))


def show_docket_line(terminal: Terminal, docket: object) -> None:
    """What a step led to, in one line."""
    assert isinstance(docket, Docket)
    terminal.say(
        msg("{docket} is {state}: {amount}.", docket=docket.id, state=docket.state, amount=money(docket.amount))
    )


def show_dockets(terminal: Terminal, found: Sequence[Docket]) -> None:
    """A row for each docket."""
    if not found:
        terminal.say(
            msg("No dockets yet. Apply: suanwang voucher apply PROGRAMME CASE --tenant NAME --id NAME --by NAME")
        )
        return
    terminal.table(COLUMNS, [_row(d) for d in found])


def show_docket(terminal: Terminal, docket: Docket, steps: Sequence[Step], metered: MeteredUse | None) -> None:
    """The docket and its steps in order, and what the grid metered of the use that it rests on."""
    terminal.table(COLUMNS, [_row(docket)])
    rows = [
        (str(s.sequence), f"{s.at:%Y-%m-%d %H:%M}Z", f"{s.before or '–'} → {s.after}", s.actor, s.role.value, s.reason)
        for s in steps
    ]
    terminal.table((msg(">step"), msg("time"), msg("from → to"), msg("by"), msg("role"), msg("reason")), rows)
    if metered is not None:
        said = msg(
            "The grid metered {hours} accelerator-hours in {jobs} jobs: {charged} of the {claimed} claimed ({share}).",
            hours=f"{float(metered.accelerator_hours):,.2f}",
            jobs=metered.jobs,
            charged=money(metered.charged),
            claimed=money(metered.claimed),
            share=f"{metered.share:.0%}",
        )
        terminal.say(said, fg=None if metered.share >= METERED_LEAST else "yellow")


def _row(docket: Docket) -> tuple[str, ...]:
    return (docket.id, docket.kind.value, docket.programme_id, docket.tenant, docket.state, money(docket.amount))


def show_budget(terminal: Terminal, report: ProgrammeReport) -> None:
    """What is in each stage of each fund line."""
    rows = [
        (line, *(money(amount) for amount in stages.values()))
        for line, stages in [*report.lines.items(), (terminal.text(msg("together")), report.stages)]
    ]
    columns = (msg("fund line"), msg(">free"), msg(">committed"), msg(">payable"), msg(">paid"))
    terminal.table(columns, rows)


def show_report(terminal: Terminal, report: ProgrammeReport) -> None:
    """The report in short: lines, vouchers, jobs, what expires."""
    show_budget(terminal, report)
    vouchers = report.vouchers
    terminal.say(
        msg(
            "Vouchers: {count}, issued {issued} = redeemed {redeemed} + given back {back} + open {open}.",
            count=vouchers.count,
            issued=money(vouchers.issued),
            redeemed=money(vouchers.redeemed),
            back=money(vouchers.given_back),
            open=money(vouchers.open),
        )
    )
    terminal.say(msg("Claims paid: {amount}.", amount=money(report.claims_paid)))
    if report.jobs:
        rows = [
            (j.job_id, j.tenant, j.site_id, money(j.paid), f"{j.accelerator_hours:,.2f}", compute(j.flops_delivered))
            for j in report.jobs
        ]
        columns = (msg("job"), msg("tenant"), msg("site"), msg(">paid"), msg(">accelerator-hours"), msg(">delivered"))
        terminal.table(columns, rows)
    for voucher, left in report.expiring:
        day = f"{voucher.expires.astimezone(report.programme.zone):%Y-%m-%d}"
        terminal.say(
            msg(
                "{voucher} of {tenant} ends on {day} with {left} left.",
                voucher=voucher.id,
                tenant=voucher.tenant,
                day=day,
                left=money(left),
            )
        )
    if report.added is not None:
        terminal.say(
            msg(
                "≈ {hours} accelerator-hours more a tenant than {count} refused ones (90 days before and after).",
                hours=f"{report.added.hours_per_tenant:,.1f}",
                count=report.added.refused_count,
            )
        )


def report_as_json(terminal: Terminal, report: ProgrammeReport) -> dict[str, object]:
    """The report with its sums."""
    body = {name: plain(getattr(report, name), terminal.translate) for name in ("at", "lines", "dockets", "vouchers")}
    added = report.added
    return {
        "programme": report.programme.id,
        "version": report.programme.version,
        **body,
        "stages": plain(report.stages),
        "claims_paid": plain(report.claims_paid),
        "use_rate": report.use_rate,
        "jobs": [plain(j) for j in report.jobs],
        "expiring": [
            {"voucher": v.id, "tenant": v.tenant, "expires": plain(v.expires), "left": plain(m)}
            for v, m in report.expiring
        ],
        "additionality": None
        if added is None
        else {**plain(added), "accelerator_hours_per_tenant": added.hours_per_tenant},
    }


def write_report(terminal: Terminal, report: ProgrammeReport, html: str, pdf: str, fonts: Sequence[Path] = ()) -> None:
    """Write the files that were asked for. Raises InvalidInput where that cannot be, Never(font-missing)."""
    document = programme_document(report, terminal.lang, terminal.translate)
    made: dict[str, Callable[[], bytes]] = {
        html: lambda: html_page(document).encode(),
        pdf: lambda: pdf_file(document, fonts),
    }
    for path, make in made.items():
        if not path:
            continue
        try:
            Path(path).write_bytes(make())
        except OSError as error:
            what = msg("The file cannot be written: {why}.", why=why_not_read(error))
            raise InvalidInput([Problem(path, what, msg("Check the folder and its rights."))]) from error
