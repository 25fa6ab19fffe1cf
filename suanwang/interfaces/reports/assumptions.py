"""The assumptions of a plan as one table: what is built, bought, paid and sold, each with its source and confidence."""

from collections.abc import Iterator

import numpy as np

from suanwang.domain.provenance import Provenance
from suanwang.errors import Message, msg
from suanwang.feasibility.plan import Asset, Cost, Debt, Plan, Segment
from suanwang.interfaces.reports.names import COOLING, METHODS, TERMS
from suanwang.interfaces.reports.writer import Writer

Line = tuple[str, str, str]


def assumptions(plan: Plan, writer: Writer) -> list[Line]:
    """(assumption, value, source with its confidence) of everything that the plan says."""
    return [
        *_Lines(plan, writer).site(),
        *_Lines(plan, writer).capital(),
        *_Lines(plan, writer).running(),
        *_Lines(plan, writer).demand(),
        *_Lines(plan, writer).money(),
    ]


class _Lines:
    """The lines of each part of a plan, in one language."""

    def __init__(self, plan: Plan, writer: Writer) -> None:
        self.plan, self.writer = plan, writer

    def line(self, name: Message | str, value: Message | str, source: Provenance | None = None) -> Line:
        text = self.writer.text
        return text(name), text(value), self.writer.sources([source])

    def each(self, *, per_accelerator: bool) -> str:
        return self.writer.text(msg(" per accelerator")) if per_accelerator else ""

    def site(self) -> Iterator[Line]:
        plan, power, w = self.plan, self.plan.power, self.writer
        for phase in plan.phases:
            what = msg(
                "{count} × {id}, paid in month {month}, at work from month {opens}",
                count=f"{phase.accelerators:,}",
                id=plan.accelerator_id,
                month=phase.month,
                opens=phase.opens,
            )
            yield self.line(msg("Phase"), what, plan.sources.get("accelerator"))
        what = msg(
            "{kw} kW at the wall, {idle} of it when idle",
            kw=f"{power.kw_per_accelerator:.3f}",
            idle=f"{power.idle_share:.0%}",
        )
        yield self.line(msg("Power of an accelerator"), what, plan.sources.get("accelerator"))
        low, high, mean = min(power.pue), max(power.pue), float(np.mean(power.pue))
        pue = msg(
            "{kind}; PUE {low} to {high} over the months, mean {mean}; {fixed} of the overhead at any load",
            kind=w.name(COOLING, power.cooling),
            low=f"{low:.2f}",
            high=f"{high:.2f}",
            mean=f"{mean:.3f}",
            fixed=f"{power.fixed_share:.0%}",
        )
        yield self.line(msg("Cooling"), pue, plan.sources.get("cooling"))
        yield self.line(msg("Goodput, degradation a year"), f"{plan.goodput:.0%}, {plan.degradation:.1%}")

    def capital(self) -> Iterator[Line]:
        for asset in self.plan.assets:
            yield self.line(asset.name, self._asset(asset), asset.source)
        for grant in self.plan.grants:
            amount = self.writer.money(grant.amount)
            what = msg("{amount} in month {month}", amount=amount, month=grant.month)
            if grant.years:
                what = msg("{amount} a year for {years} years", amount=amount, years=grant.years)
            yield self.line(msg("Grant: {name}", name=grant.name), what, grant.source)

    def _asset(self, asset: Asset) -> str:
        w = self.writer
        method = w.text(METHODS[asset.method])
        life = msg("{years} years, {method}", years=asset.life_years, method=method)
        said = [w.money(asset.cost) + self.each(per_accelerator=asset.per_accelerator)]
        said.append(w.text(life if asset.life_years else msg("not depreciated")))
        if asset.salvage:
            said.append(w.text(msg("{share} left at the end", share=f"{asset.salvage:.0%}")))
        if asset.refresh:
            said.append(w.text(msg("bought again at {change} a year", change=f"{asset.price_change:+.0%}")))
        return "; ".join(said)

    def running(self) -> Iterator[Line]:
        plan, power, w = self.plan, self.plan.power, self.writer
        low, high = min(power.price), max(power.price)
        price = f"{low:.3f}" if low == high else f"{low:.3f}–{high:.3f}"
        said = [f"{price} {w.currency}/kWh"]
        if power.demand_charge:
            said.append(w.text(msg("{amount} per kW and month", amount=w.price(power.demand_charge, ""))))
        if power.green_share:
            premium = f"{power.green_premium:.3f} {w.currency}/kWh"
            said.append(
                w.text(msg("{share} green at {premium} more", share=f"{power.green_share:.0%}", premium=premium))
            )
        said.append(w.text(msg("{change} a year", change=f"{power.price_change:+.1%}")))
        yield self.line(msg("Power"), "; ".join(said), power.source)
        for cost in plan.costs:
            yield self.line(cost.name, self._cost(cost), cost.source)

    def _cost(self, cost: Cost) -> Message:
        amount = self.writer.money(cost.per_year) + self.each(per_accelerator=cost.per_accelerator)
        if cost.of_capital:
            amount = self.writer.text(msg("{share} of the capital cost", share=f"{cost.of_capital:.1%}"))
        return msg("{amount} a year, {change} a year", amount=amount, change=f"{cost.change:+.1%}")

    def demand(self) -> Iterator[Line]:
        series = self.plan.series
        if series is not None:
            what = msg("hours and revenue of {name}", name=series.name)
            yield self.line(msg("Demand"), what, self.plan.sources.get("series"))
            return
        if "demand" in self.plan.sources:
            yield self.line(msg("Utilisation"), msg("as replayed"), self.plan.sources["demand"])
        for segment in self.plan.segments:
            yield self.line(segment.name, self._segment(segment), segment.source)
        vouchers = self.plan.vouchers
        if vouchers.share:
            what = msg(
                "{share} of the revenue, paid {months} months later",
                share=f"{vouchers.share:.0%}",
                months=vouchers.delay_months,
            )
            yield self.line(msg("Compute vouchers"), what)

    def _segment(self, segment: Segment) -> Message:
        w, path = self.writer, segment.path
        change = (path[-1] / path[0]) ** (1 / (len(path) - 1)) - 1 if len(path) > 1 and path[-1] > 0 else 0.0
        start, end = segment.ramp[0], segment.ramp[-1]
        ramp = f"{start[1]:.0%}" + (f" → {end[1]:.0%} ({end[0]:.0f})" if len(segment.ramp) > 1 else "")
        return msg(
            "{term}: {share} of the hours at {price}, {change} a year; ramp (month): {ramp}",
            term=w.name(TERMS, segment.term),
            share=f"{segment.share:.0%}",
            price=w.price(segment.price),
            change=f"{change:+.1%}",
            ramp=ramp,
        )

    def money(self) -> Iterator[Line]:
        plan = self.plan
        yield self.line(
            msg("Horizon, discount rate"),
            msg("{years} years, {rate}", years=plan.years, rate=f"{plan.discount_rate:.1%}"),
        )
        if plan.debt.share or plan.debt.cover_ratio:
            yield self.line(msg("Loan"), self._loan(plan.debt), plan.debt.source)
        losses = msg("losses refunded")
        if plan.tax.carry_years is not None:
            losses = msg("losses carried {years} years", years=plan.tax.carry_years)
        yield self.line(
            msg("Income tax"), msg("{rate}; {losses}", rate=f"{plan.tax.rate:.0%}", losses=losses), plan.tax.source
        )
        if plan.reserve_months:
            yield self.line(
                msg("Working capital"), msg("{months} months of running costs", months=f"{plan.reserve_months:g}")
            )

    def _loan(self, debt: Debt) -> Message:
        size = msg("{share} of the first capital cost", share=f"{debt.share:.0%}")
        if debt.cover_ratio is not None:
            size = msg("as much as earnings cover {ratio} times", ratio=f"{debt.cover_ratio:g}")
        return msg(
            "{size}, {rate} over {years} years, {grace} of them interest alone",
            size=size,
            rate=f"{debt.rate:.1%}",
            years=debt.tenor_years,
            grace=debt.grace_years,
        )
