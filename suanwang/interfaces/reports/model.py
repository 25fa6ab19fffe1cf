"""The report on a model: what each way to get it costs, from which use and month on it pays, and on what that rests."""

from collections.abc import Callable, Iterator

import numpy as np

from suanwang.errors import Message, msg
from suanwang.feasibility.model_cost import PARTS, WayCost
from suanwang.feasibility.model_plan import Serving, Training, Way
from suanwang.interfaces.reports import charts
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
from suanwang.interfaces.reports.names import COST_PARTS, INFLUENCES, WAY_KINDS
from suanwang.interfaces.reports.writer import DASH, Writer
from suanwang.service.model_study import ModelFindings


def model_report(found: ModelFindings, lang: str, text: Callable[[Message | str], str]) -> Document:
    """The report as a document; `text` gives a message in the reader's language."""
    plan = found.plan
    writer = Writer(lang, plan.currency, text)
    name = plan.name_zh if lang == "zh-CN" and plan.name_zh else plan.name
    title = text(msg("Cost of a model: {name}", name=name))
    subtitle = msg(
        "{months} months, discounted at {rate}, amounts in {currency}",
        months=plan.months,
        rate=f"{plan.discount_rate:.1%}",
        currency=plan.currency,
    )
    blocks = [*_summary(found, writer), PageBreak(), *_details(found, writer)]
    return Document(title=title, lang=lang, subtitle=text(subtitle), blocks=blocks, footer=title)


def _summary(found: ModelFindings, w: Writer) -> Iterator[Block]:
    best, plan = found.cheapest, found.plan
    said = msg(
        "Of these ways, {name} costs least: {total}, {price} for a million tokens.",
        name=best.name,
        total=w.money(best.total.mid),
        price=w.price(best.per_mtoken, ""),
    )
    yield Verdict(w.text(said))
    use = (
        (msg("Tokens read in the first month"), w.short(plan.use.input_tokens)),
        (msg("Tokens written in the first month"), w.short(plan.use.output_tokens)),
        (msg("Growth a year"), f"{plan.use.growth_per_year:.0%}"),
        (msg("Power"), f"{plan.energy.price:.2f} {w.currency}/kWh, PUE {plan.energy.pue:g}"),
    )
    yield Facts([(w.text(name), value) for name, value in use], columns=2)
    yield _ways(found, w)
    note = msg(
        "Totals are present worth with the ends of their estimates; pays from: against the first way that buys tokens."
    )
    yield Paragraph(w.text(note), small=True)
    label = w.text(msg("What has been paid by each month"))
    sums = [(cost.name, np.cumsum(cost.monthly).tolist()) for cost in found.costs]
    yield Chart(charts.lines(sums, label, w.short), label)


def _ways(found: ModelFindings, w: Writer) -> Table:
    head = (
        msg("Way"),
        msg("Total"),
        msg("Low – high"),
        msg("Per Mtoken"),
        msg("Used after"),
        msg("Pays from, tokens"),
        msg("Pays from month"),
    )
    rows = [
        (
            cost.name,
            w.money(cost.total.mid),
            f"{w.short(cost.total.low)} – {w.short(cost.total.high)}",
            w.price(cost.per_mtoken, ""),
            w.text(msg("{months} months", months=cost.ready_month)) if cost.ready_month else DASH,
            *breaks_even(cost, w),
        )
        for cost in found.costs
    ]
    return Table([w.text(cell) for cell in head], rows, align="trrrrrr")


def breaks_even(cost: WayCost, w: Writer) -> tuple[str, str]:
    """(tokens a month, month) from which on a way pays, as text."""
    volume, month = cost.break_even_tokens_per_month, cost.break_even_month
    least = w.text(msg("any use")) if volume == 0 else DASH if volume is None else w.short(volume)
    return least, w.text(msg("at once")) if month == 0 else DASH if month is None else str(month)


def _details(found: ModelFindings, w: Writer) -> Iterator[Block]:
    yield Heading(w.text(msg("Cost by part")))
    head = [msg("Way"), msg("Kind"), *COST_PARTS.values(), msg("Total")]
    rows = [
        (
            cost.name,
            w.name(WAY_KINDS, cost.kind),
            *(w.money(cost.parts[part]) for part in PARTS),
            w.money(cost.total.mid),
        )
        for cost in found.costs
    ]
    yield Table([w.text(cell) for cell in head], rows, align="tlrrrrrr")
    yield from _building(found, w)
    yield Heading(w.text(msg("What each way rests on, by influence")))
    head = [msg("Way"), msg("Figure"), msg("Total at low"), msg("Total at high"), msg("Source (confidence)")]
    moved = [
        (
            cost.name,
            w.name(INFLUENCES, i.name) + (" *" if i.assumed else ""),
            w.money(i.low),
            w.money(i.high),
            w.brief(i.sources) if i.sources else w.text(msg("estimator, its band")) if not i.assumed else DASH,
        )
        for cost, each in zip(found.costs, found.influences, strict=True)
        for i in each
    ]
    yield Table([w.text(cell) for cell in head], moved, align="tlrrT")
    yield Paragraph(w.text(msg("* 10 % less and more; the others at the ends of their estimate.")), small=True)
    yield Heading(w.text(msg("What each way needs")))
    needs = [line for way in found.plan.ways for line in _needs(way, w)]
    yield Table([w.text(cell) for cell in (msg("Way"), msg("Part"), msg("Value"))], needs, align="tlT")
    yield Heading(w.text(msg("How it is calculated")))
    yield Notes([w.text(note) for note in METHOD])


METHOD = (
    msg("Accelerator-hours, pace and energy are those of the estimator, with its band; prices are samples or inputs."),
    msg("Until a model is ready, tokens are bought as in the first way that buys them."),
    msg("Serving pays for whole copies of the model at all hours, enough for the busiest ones."),
    msg("Power is told from the price of an accelerator-hour, which includes it, by energy, PUE and tariff."),
)


def _building(found: ModelFindings, w: Writer) -> Iterator[Block]:
    """What it costs to build a model, and Epoch's shares as a check."""
    built = [cost for cost in found.costs if cost.shares]
    if not built:
        return
    yield Heading(w.text(msg("Building a model: shares without data")))
    head = (msg("Way"), msg("Part"), msg("Share"), msg("Usual range"), msg("Within it"))
    rows = [
        (
            cost.name,
            w.name(COST_PARTS, share.part),
            f"{share.share:.1%}",
            f"{share.low:.0%} – {share.high:.0%}",
            w.text(msg("yes") if share.usual else msg("no")),
        )
        for cost in built
        for share in cost.shares
    ]
    yield Table([w.text(cell) for cell in head], rows, align="tlrrr")
    note = msg(
        "Usual: of frontier models, by Epoch AI (arXiv:2405.21015, 2024). Small models on rented cards lie outside: "
        "people weigh more."
    )
    yield Paragraph(w.text(note), small=True)


def _needs(way: Way, w: Writer) -> Iterator[tuple[str, str, str]]:
    if way.training is not None:
        yield way.name, w.text(msg("training")), w.text(_training(way.training, w))
    if way.serving is not None:
        yield way.name, w.text(msg("serving")), w.text(_serving(way.serving, w))
    if way.tokens is not None:
        read, written = (w.price(price * 1e6, "/Mtoken") for price in (way.tokens.input_price, way.tokens.output_price))
        said = msg(
            "{read} read, {written} written; {source}",
            read=read,
            written=written,
            source=w.sources([way.tokens.source]),
        )
        yield way.name, w.text(COST_PARTS["tokens"]), w.text(said)
    for team in way.team:
        when = msg("while it is built") if team.building else msg("as long as it is used")
        said = msg(
            "{count} × {amount} a year, {when}", count=f"{team.people:g}", amount=w.money(team.per_year), when=when
        )
        yield way.name, team.name, w.text(said)
    if way.data:
        yield way.name, w.text(COST_PARTS["data"]), f"{w.money(way.data)}; {w.sources([way.data_source])}"


def _training(training: Training, w: Writer) -> Message:
    hours = training.accelerator_hours
    return msg(
        "{count} × {id} for {days} days a run; {low} to {high} accelerator-hours, {runs} runs at {price}; {source}",
        count=f"{training.accelerators:,}",
        id=training.accelerator_id,
        days=f"{training.months * 730 / 24:,.1f}",
        low=w.short(hours.low),
        high=w.short(hours.high),
        runs=f"{training.runs:g}",
        price=w.price(training.price_per_hour),
        source=w.sources([training.source]),
    )


def _serving(serving: Serving, w: Writer) -> Message:
    pace = serving.output_tokens_per_s
    return msg(
        "{count} × {id} a copy, which writes {low} to {high} tokens/s; busiest hours {peak} times the mean; {price}; "
        "{source}",
        count=serving.accelerators,
        id=serving.accelerator_id,
        low=w.short(pace.low),
        high=w.short(pace.high),
        peak=f"{serving.peak:g}",
        price=w.price(serving.price_per_hour),
        source=w.sources([serving.source]),
    )
