"""The report of a site that runs: plan against actual by month, the difference explained, and the forecast."""

from collections.abc import Callable, Iterator, Sequence

from suanwang.errors import Message, msg
from suanwang.feasibility.study import Resting, Study
from suanwang.feasibility.variance import Review
from suanwang.interfaces.reports import charts
from suanwang.interfaces.reports.choices import compared
from suanwang.interfaces.reports.document import (
    Block,
    Chart,
    Document,
    Facts,
    Heading,
    Notes,
    Paragraph,
    Table,
    Verdict,
)
from suanwang.interfaces.reports.study import influence
from suanwang.interfaces.reports.writer import Writer


def review_report(
    study: Study, review: Review, resting: Sequence[Resting], lang: str, text: Callable[[Message | str], str]
) -> Document:
    """The report as a document; `resting`: estimates of the forecast."""
    plan = study.plan
    writer = Writer(lang, plan.currency, text)
    name = plan.name_zh if lang == "zh-CN" and plan.name_zh else plan.name
    title = text(msg("Plan against actual: {name}", name=name))
    subtitle = text(msg("{count} months of {months}", count=len(review.months), months=plan.months))
    blocks = [*_summary(review, writer), *_months(review, writer), *influence(resting, review.forecast.npv, writer)]
    return Document(title=title, lang=lang, subtitle=subtitle, blocks=blocks, footer=title)


def _summary(review: Review, w: Writer) -> Iterator[Block]:
    planned, forecast = review.planned, review.forecast
    said = msg(
        "If it goes on as in the last months, the NPV is {npv} instead of {planned}, and the pay-back {years} instead "
        "of {before}.",
        npv=w.money(forecast.npv),
        planned=w.money(planned.npv),
        years=_years(forecast.payback_years, w),
        before=_years(planned.payback_years, w),
    )
    yield Verdict(w.text(said), good=forecast.npv >= 0)
    facts = (
        (msg("Sold hours, of planned"), w.percent(review.utilisation_ratio)),
        (msg("Revenue of an hour, of planned"), w.percent(review.price_ratio)),
        (msg("Cost of power, of planned for these hours"), w.percent(review.power_ratio)),
        (msg("Revenue paid by vouchers"), w.percent(review.voucher_share)),
    )
    yield Facts([(w.text(name), value) for name, value in facts], columns=2)
    label = w.text(msg("Revenue so far, planned and actual"))
    sums = [
        (w.text(name), [0.0, *_sums([getattr(m, of) for m in review.months])])
        for name, of in ((msg("planned"), "revenue_planned"), (msg("actual"), "revenue"))
    ]
    yield Chart(charts.lines(sums, label, w.short), label)
    yield from compared(msg("Forecast"), [("plan", planned), ("forecast", forecast)], w)
    if forecast.notes:
        yield Notes([w.text(note) for note in forecast.notes])


def _years(value: float | None, w: Writer) -> str:
    return w.text(msg("not within the plan")) if value is None else w.years(value)


def _sums(values: Sequence[float]) -> list[float]:
    total = 0.0
    return [total := total + value for value in values]


def _months(review: Review, w: Writer) -> Iterator[Block]:
    largest = max((abs(m.revenue_planned) + abs(m.revenue) for m in review.months), default=0.0)
    scale, unit = w.column(largest)
    yield Heading(w.text(msg("The difference explained, {unit}", unit=unit)))
    names = ("revenue_planned", "revenue", "volume", "failures", "mix", "price", "power", "total")
    head = (
        msg("Month"),
        msg("Planned"),
        msg("Actual"),
        msg("Volume"),
        msg("Failures"),
        msg("Mix"),
        msg("Price"),
        msg("Power"),
        msg("Together"),
    )
    rows = [(str(m.month), *(_figure(getattr(m, name) / scale) for name in names)) for m in review.months]
    total = [sum(getattr(m, name) for m in review.months) / scale for name in names]
    foot = [(w.text(msg("Together")), *map(_figure, total))]
    yield Table([w.text(cell) for cell in head], rows, foot=foot)
    note = msg(
        "Volume, failures, mix and price explain the difference in revenue, power that in its cost; positive is better "
        "than planned."
    )
    yield Paragraph(w.text(note), small=True)


def _figure(value: float) -> str:
    text = f"{value:,.0f}"
    return "0" if text == "-0" else text
