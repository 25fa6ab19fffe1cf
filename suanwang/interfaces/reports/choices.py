"""The choices in a report: scenarios and ways side by side, retrofits and moves, what to charge."""

from collections.abc import Iterator, Sequence

from suanwang.errors import Message, msg
from suanwang.feasibility.outcome import Outcome
from suanwang.interfaces.reports.document import Block, Heading, PageBreak, Paragraph, Table
from suanwang.interfaces.reports.names import COOLING, TERMS, WAYS
from suanwang.interfaces.reports.writer import Writer
from suanwang.service.studies import Findings


def compared(title: Message, plans: Sequence[tuple[str, Outcome]], w: Writer) -> Iterator[Block]:
    """Outcomes side by side; nothing where there is only one."""
    if len(plans) < 2:
        return
    yield Heading(w.text(title))
    rows: list[tuple[Message, list[str]]] = [
        (msg("NPV"), [w.money(o.npv) for _, o in plans]),
        (msg("IRR"), [w.percent(o.irr) for _, o in plans]),
        (msg("Pay-back"), [w.years(o.payback_years) for _, o in plans]),
        (msg("Cost of an accelerator-hour"), [w.price(o.lcoe_per_accelerator_hour) for _, o in plans]),
        (msg("Mean utilisation"), [w.percent(o.utilisation) for _, o in plans]),
        (msg("Capital"), [w.money(o.capital) for _, o in plans]),
    ]
    yield Table(["", *(w.name(WAYS, name) for name, _ in plans)], [(w.text(name), *cells) for name, cells in rows])


def changes(found: Findings, w: Writer) -> Iterator[Block]:
    """What a retrofit or a move costs and saves, and the engineering of it."""
    gains = found.gains
    if not gains:
        return
    yield Heading(w.text(msg("Retrofit and move")))
    rows: list[tuple[Message, list[str]]] = [
        (msg("Cost"), [w.money(g.cost) for g in gains]),
        (
            msg("Cooling"),
            [f"{w.name(COOLING, g.cooling_before)} → {w.name(COOLING, g.cooling_after)}" for g in gains],
        ),
        (msg("PUE"), [f"{g.pue_before:.3f} → {g.pue_after:.3f}" for g in gains]),
        (msg("Power tariff, per kWh"), [f"{g.tariff_before:.3f} → {g.tariff_after:.3f}" for g in gains]),
        (
            msg("Energy, MWh a year"),
            [f"{g.energy_kwh_before / 1e3:,.0f} → {g.energy_kwh_after / 1e3:,.0f}" for g in gains],
        ),
        (
            msg("Connected load, kW"),
            [f"{g.peak_kw_before:,.0f} → {g.peak_kw_after:,.0f}" for g in gains],
        ),
        (msg("Saved a year"), [w.money(g.saved_per_year) for g in gains]),
        (msg("Pay-back of the change"), [w.years(g.payback_years) for g in gains]),
        (msg("NPV of the change"), [w.money(g.npv) for g in gains]),
    ]
    yield Table(["", *(g.name for g in gains)], [(w.text(name), *cells) for name, cells in rows])


def regional(found: Findings, w: Writer) -> Iterator[Block]:
    """What others' multipliers make of the plan; an optional page."""
    if not found.regional:
        return
    yield PageBreak()
    yield Heading(w.text(msg("Regional effect")))
    note = msg("Not a result of this study: multipliers are inputs of the plan, and stand or fall with their sources.")
    yield Paragraph(w.text(note))
    bases = {"capital": msg("capital"), "running": msg("running the site"), "revenue": msg("revenue")}
    head = (msg("Effect"), msg("Of"), msg("Amount"), msg("Multiplier"), msg("Result"), msg("Source (confidence)"))
    rows = [
        (
            each.effect.name,
            w.name(bases, each.effect.of),
            w.money(each.base),
            f"{each.effect.multiplier:g}" + (f" / {w.money(each.effect.per)}" if each.effect.per != 1 else ""),
            f"{w.short(each.amount)} {each.effect.unit}",
            w.sources([each.effect.source]),
        )
        for each in found.regional
    ]
    yield Table([w.text(cell) for cell in head], rows, align="tlrrrT")


def pricing(found: Findings, w: Writer) -> Iterator[Block]:
    """Prices by term, per accelerator-hour and per delivered unit, and what a price cut must bring."""
    advice = found.advice
    yield Heading(w.text(msg("What to charge")))
    views = (msg("Planned"), msg("Cost plus {margin}", margin=f"{advice.margin:.0%}"), msg("Break-even"), msg("Market"))
    head = [msg("Demand"), msg("Term"), *views, msg("Marginal cost")]
    for unit, of in (
        (w.text(msg("Per accelerator-hour")), "per_hour"),
        (w.text(msg("Per delivered PFLOP-hour")), "per_delivered"),
    ):
        rows = []
        for term in advice.terms:
            prices = getattr(term, of)
            given = (prices.planned, prices.cost_plus, prices.break_even, prices.market, prices.marginal)
            if any(price is not None for price in given):
                rows.append((term.name, w.name(TERMS, term.term), *(w.price(price, "") for price in given)))
        if rows:
            yield Paragraph(unit)
            yield Table([w.text(cell) for cell in head], rows, align="tlrrrrr")
    yield Paragraph(w.text(_market(found, w)), small=True)
    rows = [
        (
            f"{cut.share:.0%}",
            w.price(cut.price),
            w.text(msg("more than every hour")) if cut.utilisation is None else w.percent(cut.utilisation),
        )
        for cut in advice.cuts
    ]
    head = [msg("Price cut"), msg("Price"), msg("Utilisation that keeps the NPV")]
    yield Table([w.text(cell) for cell in head], rows)


def _market(found: Findings, w: Writer) -> Message:
    """The samples behind the column of the market, by term."""
    by_term = {t.term: t for t in found.advice.terms if t.samples}
    said = "; ".join(
        f"{w.name(TERMS, name)}: {w.price(t.market_low, '')} – {w.price(t.market_high, '')} ({t.samples})"
        for name, t in by_term.items()
    )
    if not said:
        return msg("Market: the catalog has no price sample of this accelerator in this currency.")
    return msg("Market: median of the catalog's dated samples; lowest, highest and count are {said}.", said=said)
