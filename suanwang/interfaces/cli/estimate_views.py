"""An estimate on cards of one kind, off the grid: the best layouts of a training, or the one estimate of the rest."""

from suanwang.domain.catalog import Catalog
from suanwang.domain.estimate import Layout
from suanwang.domain.money import Money
from suanwang.domain.placement import Rejection
from suanwang.domain.workload import Training, Workload
from suanwang.errors import msg
from suanwang.estimate.machine import machine
from suanwang.estimate.notional import notional_pool
from suanwang.estimate.search import Search, search
from suanwang.estimate.training import Plan
from suanwang.estimate.workload import estimate
from suanwang.interfaces.cli import figures
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.cli.views import why
from suanwang.schemas.wire import plain
from suanwang.units import SECONDS_PER_HOUR

SHOWN = 12
"""Layouts that the table has; JSON has them all."""


def on_accelerator(
    terminal: Terminal, order: Workload, catalog: Catalog, wanted: str, count: int | None, *, as_json: bool
) -> int:
    """Show what a workload needs on `count` cards of a kind; exit status 0, or 1 where it does not fit.

    Raises NotFound for a card that the catalog does not have, MissingFigure for a figure that it lacks.
    """
    card = catalog.accelerator(wanted)
    cards = count or order.demand.count or 8
    pool = notional_pool(card, catalog, cards)
    if isinstance(order.task, Training):
        seen = machine(pool, order.task.dtype, cards)
        found = search(order.task, seen, cards, pool.software_factor)
        price = lowest_price(catalog, card.id)
        steps = order.task.tokens / (order.task.global_batch * order.task.sequence_length)
        if as_json:
            terminal.json(search_as_json(found, steps, price))
        else:
            show_search(terminal, found, steps, price)
        return 0 if found.front else 1
    result = estimate(order, pool, accelerators=catalog.accelerators)
    if as_json:
        terminal.json(plain(result, terminal.translate))
    elif isinstance(result, Rejection):
        terminal.say(f"{result.pool_id}: {terminal.text(why(result.reason, result.detail))}")
    else:
        rows = [(name, f"{value:,.4g}") for name, value in result.results.items()]
        memory = figures.size(result.memory_bytes_total)
        rows += [
            (terminal.text(msg("time")), figures.durations(result.time_s)),
            (terminal.text(msg("memory a card")), memory),
        ]
        terminal.table((msg("figure"), msg(">value")), rows)
    return 1 if isinstance(result, Rejection) else 0


def lowest_price(catalog: Catalog, card: str) -> Money | None:
    """The lowest dated price of a card and hour in the catalog; None where it has none."""
    prices = [p.per_accelerator_hour for p in catalog.prices.values() if p.accelerator == card]
    units = {p.unit for p in prices}
    unit = "CNY" if "CNY" in units else min(units, default="")
    return min((p for p in prices if p.unit == unit), key=lambda p: p.micro, default=None)


def card_hours(plan: Plan, steps: float) -> float:
    return plan.seconds * steps * plan.layout.accelerators / SECONDS_PER_HOUR


def search_as_json(found: Search, steps: float, price: Money | None) -> dict[str, object]:
    """Layouts with seconds by part, bytes by part and accelerator-hours; why others do not fit."""
    return {
        "layouts_weighed": found.weighed,
        "layouts_fitting": found.fitting,
        "price_per_accelerator_hour": plain(price) if price else None,
        "pareto": [
            {
                "layout": plain(plan.layout),
                "step_s": plan.seconds,
                "run_s": plan.seconds * steps,
                "accelerator_hours": card_hours(plan, steps),
                "memory_bytes": sum(plan.memory.values()),
                "step_s_by_part": plan.step_s,
                "memory_bytes_by_part": plan.memory,
            }
            for plan in found.front
        ],
        "refused": [plain(r) for r in found.refused],
    }


def show_search(terminal: Terminal, found: Search, steps: float, price: Money | None) -> None:
    """The first of the layouts by time, and the refusals."""
    terminal.say(msg("{weighed} layouts weighed, {fitting} fit.", weighed=found.weighed, fitting=found.fitting))
    columns = (
        msg("layout"),
        msg(">cards"),
        msg(">step"),
        msg(">run without interruptions"),
        msg(">memory a card"),
        msg(">card-hours"),
        msg(">cost"),
    )
    rows = []
    for plan in found.front[:SHOWN]:
        hours = card_hours(plan, steps)
        cost = figures.money(Money(round(price.micro * hours), price.unit)) if price else "–"
        rows.append(
            (
                written(plan.layout),
                str(plan.layout.accelerators),
                f"{plan.seconds:,.3f} s",
                figures.duration(plan.seconds * steps),
                figures.size(sum(plan.memory.values())),
                f"{hours:,.0f}",
                cost,
            )
        )
    terminal.table(columns, rows)
    if len(found.front) > SHOWN:
        terminal.say(msg("{count} more, with less memory or at less cost: see --json.", count=len(found.front) - SHOWN))
    if price is None:
        terminal.say(msg("No cost: the catalog has no price of this card."))
    for refused in found.refused:
        need = figures.size(refused.least_bytes)
        terminal.say(
            msg(
                "  ✗ {count} layouts do not fit, most of it {part}: the leanest needs {need} a card",
                count=refused.layouts,
                part=refused.part,
                need=need,
            )
        )


def written(layout: Layout) -> str:
    """tp 8 · pp 4 · dp 32, and what is not 1 or none of the rest."""
    parts = [f"tp {layout.tp}", f"pp {layout.pp}", f"dp {layout.dp}"]
    parts += [f"cp {layout.cp}"] if layout.cp > 1 else []
    parts += [f"ep {layout.ep}"] if layout.ep > 1 else []
    parts += [f"v {layout.interleave}"] if layout.interleave > 1 else []
    return " · ".join([*parts, f"micro-batch {layout.micro_batch}", f"recompute {layout.recompute}", layout.sharding])
