"""What `suanwang feasibility` shows: tables for people, JSON for programs. Figures have units; what is not, is null."""

from collections.abc import Sequence
from dataclasses import asdict
from textwrap import shorten
from typing import Any

from suanwang.errors import msg
from suanwang.feasibility.breakeven import BreakEven
from suanwang.feasibility.cashflow import Flows, by_year
from suanwang.feasibility.outcome import Outcome
from suanwang.feasibility.plan import Plan
from suanwang.feasibility.study import Resting
from suanwang.feasibility.variance import Review
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.service.replayed import Replayed
from suanwang.service.studies import Findings

_ROWS = ("revenue", "power", "operating", "grants", "salvage", "capital", "depreciation")


def cash_flow(flows: Flows, *, monthly: bool = False) -> list[dict[str, float]]:
    """One object a year (or month), 0 first; costs are positive, `to_owner` is after debt and tax."""
    named = {name: getattr(flows, name) for name in _ROWS}
    named |= {
        "accelerator_hours": flows.hours,
        "energy_kwh": flows.energy_kwh,
        "interest": flows.loan.interest,
        "principal": flows.loan.principal,
        "debt_drawn": flows.loan.drawn,
        "working_capital": flows.reserve,
        "tax": flows.tax,
        "project": flows.project,
        "to_owner": flows.after_tax,
    }
    columns = {name: (flow if monthly else by_year(flow))[0].tolist() for name, flow in named.items()}
    total, rows = 0.0, []
    for index in range(len(columns["to_owner"])):
        total += columns["to_owner"][index]
        rows.append({"month" if monthly else "year": float(index), **{n: c[index] for n, c in columns.items()}})
        rows[-1]["sum"] = total
    return rows


def outcome_json(outcome: Outcome, terminal: Terminal) -> dict[str, Any]:
    return {**asdict(outcome), "notes": [terminal.text(note) for note in outcome.notes]}


def rests_json(resting: Sequence[Resting]) -> list[dict[str, Any]]:
    """Every estimate that a result rests on, the most influential first, with its sources."""
    return [{**asdict(r.swing), "sources": [asdict(source) for source in r.sources]} for r in resting]


def _rests(terminal: Terminal, resting: Sequence[Resting]) -> None:
    most = ", ".join(r.swing.name for r in resting[:5])
    terminal.say(msg("It rests most on: {names} (see --tornado).", names=most))


def as_json(
    findings: Findings, terminal: Terminal, replayed: Replayed | None = None, *, monthly: bool
) -> dict[str, Any]:
    """Everything of a study; keys of the figures at the top."""
    plan = findings.study.plan
    shape: dict[str, Any] = {
        "plan": plan.id,
        "currency": plan.currency,
        "years": plan.years,
        **outcome_json(findings.outcome, terminal),
        "cashflow": cash_flow(findings.flows),
        "rests_on": rests_json(findings.resting),
        "break_even": {name: asdict(found) if found else None for name, found in findings.break_evens},
        "scenarios": [{"name": n, **outcome_json(o, terminal)} for n, o in findings.scenarios],
        "ways": [{"name": n, **outcome_json(o, terminal)} for n, o in findings.ways],
        "changes": [asdict(gain) for gain in findings.gains],
        "pricing": asdict(findings.advice),
        "regional": [asdict(each) for each in findings.regional],
    }
    if replayed is not None:
        shape["replayed"] = asdict(replayed)
    if monthly:
        shape["cashflow_monthly"] = cash_flow(findings.flows, monthly=True)
    if findings.risk is not None:
        shape["montecarlo"] = asdict(findings.risk)
    return shape


def _amount(value: float | None, plan: Plan, per: str = "") -> str:
    if value is None:
        return "-"
    return f"{value:,.{2 if abs(value) < 1000 else 0}f} {plan.currency}{per}"


def _whole(value: float) -> str:
    """Without digits after the point; 0 has no sign."""
    text = f"{value:,.0f}"
    return "0" if text == "-0" else text


def _years(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} a"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def show_summary(terminal: Terminal, findings: Findings) -> None:
    """The figures, the yearly cash flow, and what they rest on most."""
    plan, found = findings.study.plan, findings.outcome
    figures = [
        (msg("NPV to the owner"), _amount(found.npv, plan)),
        (msg("NPV of the project"), _amount(found.npv_project, plan)),
        (msg("IRR"), _percent(found.irr)),
        (msg("Pay-back"), _years(found.payback_years)),
        (msg("Discounted pay-back"), _years(found.discounted_payback_years)),
        (msg("Cost of an accelerator-hour"), _amount(found.lcoe_per_accelerator_hour, plan)),
        (msg("Cost of a delivered PFLOP-hour"), _amount(found.lcoe_per_delivered_pflop_hour, plan)),
        (msg("Least cover ratio"), "-" if found.cover_ratio_min is None else f"{found.cover_ratio_min:.2f}"),
        (msg("Mean utilisation"), _percent(found.utilisation)),
        (msg("Capital with refreshes"), _amount(found.capital, plan)),
    ]
    terminal.table(
        [msg("Figure"), msg(">Value")], [(terminal.text(name), value) for name, value in figures], title=plan.name
    )
    rows = cash_flow(findings.flows)
    names = ("revenue", "power", "operating", "capital", "tax", "to_owner", "sum")
    heads = (
        msg(">Revenue"),
        msg(">Power"),
        msg(">Operating"),
        msg(">Capital"),
        msg(">Tax"),
        msg(">To the owner"),
        msg(">Sum"),
    )
    table = [[f"{row['year']:.0f}", *(_whole(row[name]) for name in names)] for row in rows]
    terminal.say("")
    terminal.table([msg("Year"), *heads], table, title=msg("Cash flow, {currency}", currency=plan.currency))
    for note in found.notes:
        terminal.say(note)
    _rests(terminal, findings.resting)


def show_break_even(terminal: Terminal, found: BreakEven, resting: Sequence[Resting], *, as_json: bool) -> None:
    """The value, beside the planned one, and what it rests on: all but itself."""
    others = [r for r in resting if r.swing.name != found.name]
    if as_json:
        terminal.json({**asdict(found), "rests_on": rests_json(others)})
        return
    terminal.say(
        msg(
            "{name}: the NPV is 0 at {value} {unit}; planned is {planned}.",
            name=found.name,
            value=f"{found.value:,.6g}",
            unit=found.unit,
            planned=f"{found.planned:,.6g}",
        )
    )
    _rests(terminal, others)


def show_tornado(terminal: Terminal, findings: Findings) -> None:
    """Every figure that moves the NPV, with its sources."""
    rows = [
        [
            r.swing.name + ("*" if r.swing.assumed else ""),
            f"{r.swing.planned:,.4g} {r.swing.unit}",
            f"{r.swing.low:,.4g}",
            f"{r.swing.high:,.4g}",
            f"{r.swing.npv_low:,.0f}",
            f"{r.swing.npv_high:,.0f}",
            "; ".join(f"{shorten(p.source, 60, placeholder='…')} ({p.confidence.value})" for p in r.sources) or "-",
        ]
        for r in findings.resting
    ]
    heads = (msg(">Planned"), msg(">Low"), msg(">High"), msg(">NPV at low"), msg(">NPV at high"), msg("Sources"))
    terminal.table([msg("Figure"), *heads], rows)
    terminal.say(msg("* The plan gives no range: 10 % is assumed (6 months of delay)."))


def show_risk(terminal: Terminal, findings: Findings) -> None:
    """P10, P50, P90 and what drives them."""
    risk, plan = findings.risk, findings.study.plan
    assert risk is not None
    triples = (
        (msg("NPV"), [_amount(v, plan) for v in (risk.npv.p10, risk.npv.p50, risk.npv.p90)]),
        (
            msg("Pay-back"),
            [_years(v) for v in (risk.payback_years.p10, risk.payback_years.p50, risk.payback_years.p90)],
        ),
        (
            msg("Cost of an accelerator-hour"),
            [_amount(v, plan) for v in asdict(risk.lcoe_per_accelerator_hour).values()],
        ),
    )
    terminal.table(["", ">P10", ">P50", ">P90"], [(terminal.text(name), *values) for name, values in triples])
    terminal.say(msg("Chance that the NPV is below 0: {share}", share=f"{risk.probability_npv_negative:.1%}"))
    drivers = ", ".join(f"{name} {value:+.2f}" for name, value in risk.drivers)
    terminal.say(msg("Rank correlation with the NPV: {drivers}", drivers=drivers))
    _rests(terminal, findings.resting)


def _compared(terminal: Terminal, plan: Plan, plans: Sequence[tuple[str, Outcome]], title: Any) -> None:
    rows = [
        (n, _amount(o.npv, plan), _percent(o.irr), _years(o.payback_years), _amount(o.lcoe_per_accelerator_hour, plan))
        for n, o in plans
    ]
    heads = (msg(">NPV"), msg(">IRR"), msg(">Pay-back"), msg(">Cost of an accelerator-hour"))
    terminal.table([msg("Name"), *heads], rows, title=title)


def show_scenarios(terminal: Terminal, findings: Findings) -> None:
    """Scenarios, ways and changes side by side."""
    plan = findings.study.plan
    _compared(terminal, plan, findings.scenarios, msg("Scenarios"))
    terminal.say("")
    _compared(terminal, plan, findings.ways, msg("Ways to serve the same demand"))
    rows = [
        (
            g.name,
            _amount(g.cost, plan),
            f"{g.peak_kw_before:,.0f} → {g.peak_kw_after:,.0f}",
            f"{g.pue_before:.3f} → {g.pue_after:.3f}",
            f"{g.tariff_before:.3f} → {g.tariff_after:.3f}",
            f"{g.energy_kwh_before / 1000:,.0f} → {g.energy_kwh_after / 1000:,.0f}",
            _amount(g.saved_per_year, plan),
            _amount(g.npv, plan),
            _years(g.payback_years),
        )
        for g in findings.gains
    ]
    if rows:
        terminal.say("")
        heads = (
            msg(">Cost"),
            msg(">Load, kW"),
            msg(">PUE"),
            msg(">Per kWh"),
            msg(">MWh a year"),
            msg(">Saved a year"),
            msg(">NPV"),
        )
        terminal.table([msg("Change"), *heads, msg(">Pay-back")], rows, title=msg("Retrofit and move"))
    _rests(terminal, findings.resting)


def show_pricing(terminal: Terminal, findings: Findings) -> None:
    """Prices of an accelerator-hour and of a delivered unit, and what a price cut must bring."""
    advice, plan = findings.advice, findings.study.plan
    titles = {
        "per_hour": msg("Price of an accelerator-hour, {currency}", currency=plan.currency),
        "per_delivered": msg("Price of a delivered PFLOP-hour, {currency}", currency=plan.currency),
    }
    heads = (msg("Term"), msg(">Planned"), msg(">Cost plus"), msg(">Break-even"), msg(">Market"), msg(">Marginal"))
    for of, title in titles.items():
        rows = [
            (t.name, t.term, *("-" if price is None else f"{price:,.2f}" for price in asdict(getattr(t, of)).values()))
            for t in advice.terms
        ]
        terminal.table([msg("Demand"), *heads], rows, title=title)
        terminal.say("")
    for term in advice.terms:
        if term.samples:
            low, high = _amount(term.market_low, plan), _amount(term.market_high, plan)
            text = msg(
                "Market, {term}: {count} samples from {low} to {high}",
                term=term.term,
                count=term.samples,
                low=low,
                high=high,
            )
            terminal.say(text)
    cuts = [(f"{c.share:.0%}", _amount(c.price, plan), _percent(c.utilisation)) for c in advice.cuts]
    terminal.table([msg("Price cut"), msg(">Price"), msg(">Utilisation that keeps the NPV")], cuts)
    _rests(terminal, findings.resting)


def show_months(terminal: Terminal, findings: Findings) -> None:
    """The cash flow of every month."""
    names = ("accelerator_hours", "revenue", "power", "operating", "capital", "interest", "tax", "to_owner", "sum")
    heads = (
        msg(">Hours"),
        msg(">Revenue"),
        msg(">Power"),
        msg(">Operating"),
        msg(">Capital"),
        msg(">Interest"),
        msg(">Tax"),
        msg(">To the owner"),
        msg(">Sum"),
    )
    rows = cash_flow(findings.flows, monthly=True)
    table = [[f"{row['month']:.0f}", *(_whole(row[name]) for name in names)] for row in rows]
    title = msg("Cash flow, {currency}", currency=findings.study.plan.currency)
    terminal.table([msg("Month"), *heads], table, title=title)


def show_replayed(terminal: Terminal, plan: Plan, replayed: Replayed) -> None:
    """What was replayed, before the figures that rest on it."""
    said = msg(
        "Replayed {trace} under {policy} on {count} accelerators: {jobs} jobs over {days} days, utilisation {share}, "
        "median wait {wait} h; {never} jobs are larger than the site.",
        trace=replayed.trace,
        policy=replayed.policy,
        count=f"{replayed.accelerators:,}",
        jobs=f"{replayed.jobs:,}",
        days=f"{replayed.days:.1f}",
        share=f"{replayed.utilisation:.1%}",
        wait=f"{replayed.wait_s_median / 3600:.2f}",
        never=replayed.never_started,
    )
    terminal.say(said)
    if replayed.marginal is not None:
        priced = replayed.marginal
        said = msg(
            "Marginal price of a used accelerator-hour: {price} (from {least} to {most}); jobs compete in {share} of "
            "the hours, and pay {outside} elsewhere.",
            price=_amount(priced.price, plan),
            least=_amount(priced.least, plan),
            most=_amount(priced.most, plan),
            share=f"{priced.congested_share:.0%}",
            outside=_amount(priced.outside, plan),
        )
        terminal.say(said)
    terminal.say("")


def show_review(terminal: Terminal, plan: Plan, review: Review, resting: Sequence[Resting], *, as_json: bool) -> None:
    """Plan against actual, month by month, the forecast, and what that rests on."""
    if as_json:
        months = [{**asdict(m), "total": m.total} for m in review.months]
        both = {name: outcome_json(getattr(review, name), terminal) for name in ("planned", "forecast")}
        ratios = {
            name: getattr(review, name) for name in ("utilisation_ratio", "price_ratio", "power_ratio", "voucher_share")
        }
        shape = {"plan": plan.id, "currency": plan.currency, "months": months, **both, **ratios}
        terminal.json({**shape, "rests_on": rests_json(resting)})
        return
    names = ("revenue_planned", "revenue", "volume", "failures", "mix", "price", "power", "total")
    heads = (
        msg(">Planned"),
        msg(">Actual"),
        msg(">Volume"),
        msg(">Failures"),
        msg(">Mix"),
        msg(">Price"),
        msg(">Power"),
    )
    rows = [[str(m.month), *(_whole(getattr(m, name)) for name in names)] for m in review.months]
    title = msg("Revenue, and the difference in revenue less power explained, {currency}", currency=plan.currency)
    terminal.table([msg("Month"), *heads, msg(">Together")], rows, title=title)
    _compared(terminal, plan, [("plan", review.planned), ("forecast", review.forecast)], msg("Forecast"))
    said = msg(
        "Of what was planned, in the last months: sold hours {hours}, revenue of an hour {price}, cost of power "
        "{power}.",
        hours=f"{review.utilisation_ratio:.0%}",
        price=f"{review.price_ratio:.0%}",
        power=f"{review.power_ratio:.0%}",
    )
    terminal.say(said)
    if review.voucher_share:
        terminal.say(msg("Vouchers paid {share} of the revenue.", share=f"{review.voucher_share:.0%}"))
    _rests(terminal, resting)
