"""The report of a voucher programme as a document: where the money went, for whom, and what it did."""

from collections import defaultdict
from collections.abc import Callable

from suanwang.errors import Message, msg
from suanwang.interfaces.i18n import Translate
from suanwang.interfaces.reports.charts import bars
from suanwang.interfaces.reports.document import Block, Chart, Document, Facts, Heading, Paragraph, Table, Verdict
from suanwang.service.programme_report import ProgrammeReport
from suanwang.settle.programme_words import programme_in_words
from suanwang.units import MICRO, PFLOP_HOUR

Say = Callable[[Message], str]


def programme_document(report: ProgrammeReport, lang: str, translate: Translate) -> Document:
    """One page summary first, then lines, jobs and the rules in plain words."""

    def say(message: Message) -> str:
        return message.render(translate)

    programme = report.programme
    name = programme.name_zh if lang == "zh-CN" and programme.name_zh else programme.name
    day = f"{report.at.astimezone(programme.zone):%Y-%m-%d %H:%M} {programme.zone}"
    return Document(
        title=name,
        subtitle=say(msg("Report of the programme, as of {day}", day=day)),
        lang=lang,
        blocks=[*_summary(report, say), *_lines(report, say), *_jobs(report, say), *_rules(report, say)],
        footer=say(msg("Figures from the ledger and the meters; amounts in {currency}.", currency=programme.currency)),
    )


def _summary(report: ProgrammeReport, say: Say) -> list[Block]:
    stages, vouchers = report.stages, report.vouchers
    promised = stages["committed"] + stages["payable"] + stages["paid"]
    told = msg(
        "Of {budget}, {promised} is promised and {paid} paid; {free} is free.",
        budget=str(promised + stages["free"]),
        promised=str(promised),
        paid=str(stages["paid"]),
        free=str(stages["free"]),
    )
    hours = sum(j.accelerator_hours for j in report.jobs)
    flops = sum(j.flops_delivered for j in report.jobs)
    rate = report.use_rate
    rows = [
        (say(msg("vouchers issued")), f"{vouchers.count} · {vouchers.issued}"),
        (say(msg("redeemed")), str(vouchers.redeemed)),
        (say(msg("given back")), str(vouchers.given_back)),
        (say(msg("still open")), str(vouchers.open)),
        (say(msg("use rate")), "–" if rate is None else f"{rate:.1%}"),
        (say(msg("claims paid")), str(report.claims_paid)),
        (say(msg("jobs supported")), str(len(report.jobs))),
        (say(msg("accelerator-hours")), f"{hours:,.1f}"),
        (say(msg("delivered compute")), f"{flops / PFLOP_HOUR:,.3f} PFLOP·h"),
        (say(msg("ending soon")), str(len(report.expiring))),
    ]
    blocks: list[Block] = [Verdict(say(told)), Facts(rows, columns=2)]
    if report.added is not None:
        added = msg(
            "≈ {hours} accelerator-hours more a tenant: {supported} supported tenants against {refused} refused ones,"
            " 90 days before and after the decision. Refused firms differ from supported ones: no proof.",
            hours=f"{report.added.hours_per_tenant:,.1f}",
            supported=report.added.supported_count,
            refused=report.added.refused_count,
        )
        blocks.append(Paragraph(say(added)))
    return blocks


def _lines(report: ProgrammeReport, say: Say) -> list[Block]:
    names = [say(m) for m in (msg("free"), msg("committed"), msg("payable"), msg("paid"))]
    rows = [(line, *(str(m) for m in stages.values())) for line, stages in report.lines.items()]
    foot = [(say(msg("together")), *(str(m) for m in report.stages.values()))]
    values = [m.micro / MICRO for m in report.stages.values()]
    label = say(msg("Where the money is, {currency}", currency=report.programme.currency))
    drawn = [Chart(bars(list(zip(names, values, strict=True)), label), label)] if any(values) else []
    return [Heading(say(msg("Where the money is"))), *drawn, Table([say(msg("fund line")), *names], rows, foot)]


def _jobs(report: ProgrammeReport, say: Say) -> list[Block]:
    blocks: list[Block] = [Heading(say(msg("Which jobs it paid")))]
    if not report.jobs:
        return [*blocks, Paragraph(say(msg("No job was paid from it yet.")))]
    by_tenant: dict[str, float] = defaultdict(float)
    for job in report.jobs:
        by_tenant[job.tenant] += job.paid.micro / MICRO
    label = say(msg("Paid by tenant, {currency}", currency=report.programme.currency))
    largest = sorted(by_tenant.items(), key=lambda pair: -pair[1])[:12]
    head = [say(m) for m in (msg("job"), msg("tenant"), msg("site"), msg("paid"), msg("accelerator-hours"))]
    rows = [(j.job_id, j.tenant, j.site_id, str(j.paid), f"{j.accelerator_hours:,.2f}") for j in report.jobs[:200]]
    return [*blocks, Chart(bars(largest, label), label), Table(head, rows, align="lllrr")]


def _rules(report: ProgrammeReport, say: Say) -> list[Block]:
    rows = [(line.place, say(line.text)) for line in programme_in_words(report.programme)]
    return [
        Heading(say(msg("Its rules, version {version}", version=report.programme.version))),
        Table([say(msg("where")), say(msg("what it says"))], rows, align="lt"),
    ]
