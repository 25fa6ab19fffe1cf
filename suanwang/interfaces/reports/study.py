"""The report that a board reads: a summary of one page, then what it rests on, cash flow, risk and choices."""

from collections.abc import Callable, Iterator, Sequence

from suanwang.errors import Message, msg
from suanwang.feasibility.cashflow import by_year
from suanwang.feasibility.levers import Array
from suanwang.feasibility.study import Resting
from suanwang.interfaces.reports import charts
from suanwang.interfaces.reports.assumptions import assumptions
from suanwang.interfaces.reports.choices import changes, compared, pricing, regional
from suanwang.interfaces.reports.document import (
    Block,
    Chart,
    Document,
    Facts,
    Heading,
    Notes,
    PageBreak,
    Paragraph,
    Table,
    Verdict,
)
from suanwang.interfaces.reports.writer import DASH, Writer
from suanwang.service.studies import Findings

MOST = 5
"""Estimates that the summary names."""


def study_report(findings: Findings, lang: str, text: Callable[[Message | str], str]) -> Document:
    """The report as a document; `text` gives a message in the reader's language."""
    plan = findings.study.plan
    writer = Writer(lang, plan.currency, text)
    name = plan.name_zh if lang == "zh-CN" and plan.name_zh else plan.name
    title = text(msg("Feasibility study: {name}", name=name))
    return Document(
        title=title,
        lang=lang,
        subtitle=text(_subtitle(findings)),
        blocks=[*_summary(findings, writer), PageBreak(), *_rest(findings, writer)],
        footer=title,
    )


def _subtitle(findings: Findings) -> Message:
    plan = findings.study.plan
    return msg(
        "{count} × {id}, {years} years, discounted at {rate}, amounts in {currency}",
        count=f"{plan.accelerators:,}",
        id=plan.accelerator_id,
        years=plan.years,
        rate=f"{plan.discount_rate:.1%}",
        currency=plan.currency,
    )


def _summary(found: Findings, w: Writer) -> Iterator[Block]:
    """What fits on the first page."""
    outcome = found.outcome
    if outcome.npv >= 0:
        yield Verdict(w.text(msg("As planned, the site pays: its NPV is {npv}.", npv=w.money(outcome.npv))), good=True)
    else:
        what = msg("As planned, the site does not pay: its NPV is {npv}.", npv=w.money(outcome.npv))
        yield Verdict(w.text(what), good=False)
    yield Facts(_figures(found, w), columns=2)
    if found.risk is not None:
        worth = found.risk.npv
        said = msg(
            "Chance that the NPV is below 0: {chance}. In 80 % of {draws} draws it lies between {low} and {high}.",
            chance=w.percent(found.risk.probability_npv_negative, 0),
            draws=f"{found.risk.draws:,}",
            low=w.money(worth.p10),
            high=w.money(worth.p90),
        )
        yield Paragraph(w.text(said))
    yield _cash_chart(found, w)
    yield Paragraph(w.text(msg("Bars: flow to the owner of each year; line: their sum.")), small=True)
    yield _pays_at(found, w)
    most = "; ".join(f"{w.variable(r.swing.name)} (± {w.short(r.swing.width / 2)})" for r in found.resting[:MOST])
    yield Paragraph(w.text(msg("The result rests most on: {names}.", names=most)))
    if outcome.notes:
        yield Notes([w.text(note) for note in outcome.notes])


def _figures(found: Findings, w: Writer) -> list[tuple[str, str]]:
    outcome = found.outcome
    cover = DASH if outcome.cover_ratio_min is None else f"{outcome.cover_ratio_min:.2f}"
    never = w.text(msg("not within the plan"))
    rows: list[tuple[Message, str]] = [
        (msg("NPV to the owner, after tax"), w.money(outcome.npv)),
        (msg("Capital cost with refreshes"), w.money(outcome.capital)),
        (msg("IRR to the owner"), w.percent(outcome.irr)),
        (msg("Loan"), w.money(outcome.debt)),
        (msg("Pay-back"), never if outcome.payback_years is None else w.years(outcome.payback_years)),
        (msg("Least cover ratio"), cover),
        (
            msg("Discounted pay-back"),
            never if outcome.discounted_payback_years is None else w.years(outcome.discounted_payback_years),
        ),
        (msg("Mean utilisation"), w.percent(outcome.utilisation)),
        (msg("Cost of an accelerator-hour"), w.price(outcome.lcoe_per_accelerator_hour)),
        (msg("Mean price of the first year"), w.price(found.advice.planned)),
        (msg("Cost of a delivered PFLOP-hour"), w.price(outcome.lcoe_per_delivered_pflop_hour, "/PFLOP·h")),
        (msg("NPV of the project without debt"), w.money(outcome.npv_project)),
    ]
    return [(w.text(name), value) for name, value in rows]


def _pays_at(found: Findings, w: Writer) -> Table:
    """What one figure alone must be for the NPV to be 0."""
    head = (msg("The NPV is 0 at"), msg("Planned"), msg("Needed"), msg("Difference"))
    rows: list[tuple[str, ...]] = []
    for name, even in found.break_evens:
        if even is None:
            planned = next((r.swing for r in found.resting if r.swing.name == name), None)
            shown = w.value(name, planned.planned, planned.unit) if planned else DASH
            rows.append((w.variable(name), shown, w.text(msg("no possible value")), DASH))
            continue
        change = f"{even.value / even.planned - 1:+.0%}" if even.planned else DASH
        values = (w.value(name, value, even.unit) for value in (even.planned, even.value))
        rows.append((w.variable(name), *values, change))
    return Table([w.text(cell) for cell in head], rows)


def _yearly(flow: Array) -> list[float]:
    return [float(x) for x in by_year(flow)[0]]


def _sums(values: Sequence[float]) -> list[float]:
    total = 0.0
    return [total := total + value for value in values]


def _cash_chart(found: Findings, w: Writer) -> Chart:
    owner, label = _yearly(found.flows.after_tax), w.text(msg("Cash flow by year"))
    return Chart(charts.years(owner, _sums(owner), label, w.short), label)


def _rest(found: Findings, w: Writer) -> Iterator[Block]:
    yield Heading(w.text(msg("Assumptions, with sources and confidence")))
    head = (msg("Assumption"), msg("Value"), msg("Source (confidence)"))
    yield Table([w.text(cell) for cell in head], assumptions(found.study.plan, w), align="ttT")
    yield from influence(found.resting, found.outcome.npv, w)
    yield from _cash(found, w)
    yield from _risk(found, w)
    yield from compared(msg("Scenarios side by side"), found.scenarios, w)
    yield from compared(msg("Build, lease, rent from a cloud, or join"), found.ways, w)
    yield from changes(found, w)
    yield from pricing(found, w)
    yield from regional(found, w)
    yield Heading(w.text(msg("How it is calculated")))
    yield Notes([w.text(note) for note in METHOD])


METHOD = (
    msg("NPV and IRR are those of the owner, after debt and tax. Each flow falls on the end of its month or year."),
    msg(
        "The cost of an accelerator-hour is the present worth of capital and running costs less grants and salvage "
        "over the hours sold, discounted alike, before tax and debt."
    ),
    msg("Pay-back is when the sum of the cash flow, once negative, is 0 again."),
    msg("A chance is a share of draws of a Latin hypercube, with the ranges and correlations of the plan."),
    msg("Every figure is a forecast; assumptions marked as estimates are to be replaced by quotations and bills."),
)


def influence(resting: Sequence[Resting], npv: float, w: Writer) -> Iterator[Block]:
    """The tornado around an NPV, and each estimate with its range and sources."""
    label = w.text(msg("What the result rests on, by influence"))
    yield Heading(label)
    bars = [(w.variable(r.swing.name), r.swing.npv_low, r.swing.npv_high) for r in resting[:10]]
    yield Chart(charts.tornado(bars, npv, label, w.short), label)
    note = msg("NPV when one figure goes to its low (grey) and its high (blue). * No range given: 10 % is assumed.")
    yield Paragraph(w.text(note), small=True)
    head = (msg("Figure"), msg("Planned"), msg("Low"), msg("High"), msg("Swing of the NPV"), msg("Source (confidence)"))
    rows = [
        (
            w.variable(r.swing.name) + (" *" if r.swing.assumed else ""),
            *(w.value(r.swing.name, v, r.swing.unit) for v in (r.swing.planned, r.swing.low, r.swing.high)),
            w.money(r.swing.width),
            w.brief(r.sources),
        )
        for r in resting
    ]
    yield Table([w.text(cell) for cell in head], rows, align="lrrrrT")


def _cash(found: Findings, w: Writer) -> Iterator[Block]:
    flows = found.flows
    largest = max(abs(x) for flow in (flows.revenue, flows.capital) for x in _yearly(flow))
    scale, unit = w.column(largest)
    yield Heading(w.text(msg("Cash flow by year, {unit}", unit=unit)))
    head = (
        msg("Year"),
        msg("Revenue"),
        msg("Power"),
        msg("Other running costs"),
        msg("Grants, salvage"),
        msg("Capital"),
        msg("Loan less service"),
        msg("Tax"),
        msg("To the owner"),
        msg("Sum"),
    )
    owner = _yearly(flows.after_tax)
    columns = [
        *map(_yearly, (flows.revenue, flows.power, flows.operating, flows.grants + flows.salvage, flows.capital)),
        *map(_yearly, (flows.loan.drawn - flows.loan.service, flows.tax)),
        owner,
        _sums(owner),
    ]
    rows = [(str(y), *(f"{column[y] / scale:,.0f}" for column in columns)) for y in range(len(owner))]
    yield Table([w.text(cell) for cell in head], rows)


def _risk(found: Findings, w: Writer) -> Iterator[Block]:
    risk = found.risk
    if risk is None:
        return
    label = w.text(msg("Risk: the NPV of {count} draws", count=f"{risk.draws:,}"))
    yield Heading(label)
    yield Chart(charts.histogram(risk.histogram_edges, risk.histogram_counts, label, w.short), label)
    worth, back, cost = risk.npv, risk.payback_years, risk.lcoe_per_accelerator_hour
    rows = [
        (w.text(msg("NPV")), *map(w.money, (worth.p10, worth.p50, worth.p90))),
        (w.text(msg("Pay-back")), *map(w.years, (back.p10, back.p50, back.p90))),
        (w.text(msg("Cost of an accelerator-hour")), *map(w.price, (cost.p10, cost.p50, cost.p90))),
    ]
    yield Table(("", "P10", "P50", "P90"), rows)
    drivers = ", ".join(f"{w.variable(name)} {value:+.2f}" for name, value in risk.drivers)
    yield Paragraph(w.text(msg("Rank correlation with the NPV: {drivers}", drivers=drivers)), small=True)
