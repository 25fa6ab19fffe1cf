"""The report that a board reads: one HTML page without anything outside it, the summary first; it prints as PDF."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

from suanwang.errors import Message
from suanwang.feasibility.cashflow import by_year
from suanwang.feasibility.levers import Array
from suanwang.feasibility.outcome import Outcome
from suanwang.feasibility.scenarios import Gain
from suanwang.feasibility.study import Resting
from suanwang.interfaces.reports import charts
from suanwang.interfaces.reports.words import CONFIDENCE_ZH, variable, words
from suanwang.service.studies import Findings

_STYLE = """
body{font:15px/1.5 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;max-width:860px;
margin:2em auto;padding:0 1em;color:#222}
h1{font-size:1.7em;margin-bottom:0}h2{margin-top:1.8em;border-bottom:2px solid #1f3b73}
table{border-collapse:collapse;width:100%;font-size:.88em}th,td{padding:.25em .5em;border-bottom:1px solid #ddd;
text-align:right}th:first-child,td:first-child{text-align:left}.verdict{font-size:1.15em;font-weight:bold;padding:.6em;
background:#eef2f8;border-left:5px solid #1f3b73}small{color:#666}td.text{text-align:left;font-size:.9em}
@media print{body{margin:0;max-width:none}section.first{break-after:page}section{break-inside:avoid-page}}
@page{size:A4;margin:16mm}
"""


class _Page:
    """The parts of the report in one language."""

    def __init__(self, findings: Findings, lang: str, text: Callable[[Message], str]) -> None:
        self.found, self.lang, self.text = findings, lang, text
        self.words = words(lang)
        self.plan = findings.study.plan

    def money(self, value: float | None, per: str = "") -> str:
        if value is None:
            return self.words["none"]
        digits = 2 if abs(value) < 1000 else 0
        return f"{value:,.{digits}f} {self.plan.currency}{per}"

    def years(self, value: float | None) -> str:
        return self.words["never"] if value is None else f"{value:.2f} {self.words['years']}"

    def percent(self, value: float | None) -> str:
        return self.words["none"] if value is None else f"{value:.1%}"

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
        top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        body = "".join(f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rows)
        return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"

    def section(self, name: str, body: str, kind: str = "") -> str:
        return f'<section class="{kind}"><h2>{escape(self.words[name])}</h2>{body}</section>' if body else ""

    def rows(self, outcome: Outcome) -> list[tuple[str, str]]:
        """The figures of the summary."""
        return [
            ("npv", self.money(outcome.npv)),
            ("npv_project", self.money(outcome.npv_project)),
            ("irr", self.percent(outcome.irr)),
            ("payback", self.years(outcome.payback_years)),
            ("discounted", self.years(outcome.discounted_payback_years)),
            ("lcoe", self.money(outcome.lcoe_per_accelerator_hour, "/h")),
            ("lcoe_pflop", self.money(outcome.lcoe_per_delivered_pflop_hour, "/PFLOP·h")),
            ("planned_price", self.money(self.found.advice.planned, "/h")),
            ("break_even", self.money(self.found.advice.break_even, "/h")),
            ("cover", self.words["none"] if outcome.cover_ratio_min is None else f"{outcome.cover_ratio_min:.2f}"),
            ("utilisation", self.percent(outcome.utilisation)),
            ("capital", self.money(outcome.capital)),
            ("debt", self.money(outcome.debt)),
        ]

    def summary(self) -> str:
        outcome = self.found.outcome
        verdict = self.words["verdict_yes" if outcome.npv >= 0 else "verdict_no"]
        table = self.table(("", ""), [(self.words[name], value) for name, value in self.rows(outcome)])
        risk = self.found.risk
        chance = f"<p>{escape(self.words['negative'])}: {risk.probability_npv_negative:.1%}</p>" if risk else ""
        notes = "".join(f"<li>{escape(self.text(note))}</li>" for note in outcome.notes)
        listed = f"<p>{escape(self.words['notes'])}</p><ul>{notes}</ul>" if notes else ""
        return self.section("summary", f'<p class="verdict">{escape(verdict)}</p>{table}{chance}{listed}', "first")

    def cash(self) -> str:
        flows = self.found.flows

        def yearly(flow: Array) -> list[float]:
            return [float(x) for x in by_year(flow)[0]]

        names = ("revenue", "power", "operating", "investment", "service", "tax", "owner")
        series = (flows.revenue, flows.power, flows.operating, flows.capital, flows.loan.service, flows.tax)
        columns = [*map(yearly, series), yearly(flows.after_tax)]
        total, sums = 0.0, []
        for value in columns[-1]:
            total += value
            sums.append(total)
        head = [self.words["year"], *(self.words[n] for n in names), self.words["sum"]]
        rows = [[str(y), *(f"{c[y]:,.0f}" for c in columns), f"{sums[y]:,.0f}"] for y in range(len(sums))]
        chart = charts.years(columns[-1], sums, self.words["cash"])
        note = f"<small>{escape(self.words['cash_note'])} {escape(self.plan.currency)}</small>"
        return self.section("cash", chart + note + self.table(head, rows))

    def influence(self) -> str:
        resting = self.found.resting
        bars = [(variable(r.swing.name, self.lang), r.swing.npv_low, r.swing.npv_high) for r in resting[:10]]
        chart = charts.tornado(bars, self.found.outcome.npv, self.words["influence"])
        head = [self.words[n] for n in ("variable", "planned", "low", "high", "swing", "source")]
        rows = [
            [
                variable(r.swing.name, self.lang) + (" *" if r.swing.assumed else ""),
                f"{r.swing.planned:,.4g} {r.swing.unit}",
                f"{r.swing.low:,.4g}",
                f"{r.swing.high:,.4g}",
                f"{r.swing.width:,.0f}",
                self.sources(r),
            ]
            for r in resting
        ]
        note = f"<p><small>{escape(self.words['influence_note'])}</small></p>"
        return self.section("influence", chart + note + self.table(head, rows))

    def sources(self, resting: Resting) -> str:
        said = (
            f"{p.source}{f', {p.date}' if p.date else ''} ({self.confidence(p.confidence.value)})"
            for p in resting.sources
        )
        return "; ".join(said) or self.words["no_source"]

    def confidence(self, name: str) -> str:
        return CONFIDENCE_ZH[name] if self.lang == "zh-CN" else name

    def compared(self, name: str, plans: Sequence[tuple[str, Outcome]]) -> str:
        if len(plans) < 2:
            return ""
        found = [(variable(n, self.lang), dict(self.rows(o))) for n, o in plans]
        keys = ("npv", "irr", "payback", "lcoe", "utilisation", "capital")
        rows = [[self.words[key], *(figures[key] for _, figures in found)] for key in keys]
        return self.section(name, self.table(["", *(n for n, _ in found)], rows))

    def changes(self) -> str:
        gains = self.found.gains
        rows = [
            ("npv", *(self.money(g.npv) for g in gains)),
            ("payback", *(self.years(g.payback_years) for g in gains)),
            ("capital", *(self.money(g.cost) for g in gains)),
            ("saved", *(self.money(g.saved_per_year) for g in gains)),
        ]
        named = [[self.words[key], *values] for key, *values in rows]
        named += [[self.words["energy"], *(_energy(g) for g in gains)], ["PUE", *(_pue(g) for g in gains)]]
        return self.section("changes", self.table(["", *(g.name for g in gains)], named)) if gains else ""

    def pricing(self) -> str:
        advice = self.found.advice
        market = advice.market
        rows = [
            (self.words["planned_price"], self.money(advice.planned)),
            (self.words["cost_plus"], self.money(advice.cost_plus)),
            (self.words["break_even"], self.money(advice.break_even)),
            (self.words["marginal"], self.money(advice.marginal)),
            (self.words["market"], ", ".join(map(self.money, market)) if market else self.words["none"]),
        ]
        cuts = [
            (
                f"{c.share:.0%} → {self.money(c.price)}",
                self.words["impossible"] if c.utilisation is None else f"{c.utilisation:.1%}",
            )
            for c in advice.cuts
        ]
        head = (self.words["cut"], self.words["cut_needs"])
        return self.section("pricing", self.table(("", ""), rows) + self.table(head, cuts))

    def risk(self) -> str:
        risk = self.found.risk
        if risk is None:
            return ""
        chart = charts.histogram(risk.histogram_edges, risk.histogram_counts, self.words["risk"])
        worth, back = risk.npv, risk.payback_years
        rows = [
            (self.words["npv"], *map(self.money, (worth.p10, worth.p50, worth.p90))),
            (self.words["payback"], *map(self.years, (back.p10, back.p50, back.p90))),
        ]
        body = f"<p>{escape(self.words['negative'])}: {risk.probability_npv_negative:.1%} (n = {risk.draws:,})</p>"
        return self.section("risk", chart + body + self.table(("", "P10", "P50", "P90"), rows))


def _energy(gain: Gain) -> str:
    return f"{gain.energy_kwh_before / 1000:,.0f} → {gain.energy_kwh_after / 1000:,.0f} MWh"


def _pue(gain: Gain) -> str:
    return f"{gain.pue_before:.3f} → {gain.pue_after:.3f}"


def report(findings: Findings, lang: str, text: Callable[[Message], str]) -> str:
    """The page as HTML; `text` gives a message in the reader's language."""
    page = _Page(findings, lang, text)
    plan = findings.study.plan
    name = plan.name_zh if lang == "zh-CN" and plan.name_zh else plan.name
    parts = (
        page.summary(),
        page.cash(),
        page.risk(),
        page.influence(),
        page.compared("scenarios", findings.scenarios),
        page.compared("ways", findings.ways),
        page.changes(),
        page.pricing(),
    )
    title = escape(f"{page.words['title']}: {name}")
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{''.join(parts)}</body></html>\n"
    )
