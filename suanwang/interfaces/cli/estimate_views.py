"""An estimate on cards of one kind, off the grid: the best layouts of a training, or the one estimate of the rest."""

from dataclasses import replace

from suanwang.domain.catalog import Catalog
from suanwang.domain.estimate import Estimate, Layout
from suanwang.domain.money import Money
from suanwang.domain.placement import Rejection
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.site import Pool
from suanwang.domain.workload import Demand, Training, Workload, WorkloadKind
from suanwang.errors import msg
from suanwang.estimate.machine import machine
from suanwang.estimate.notional import Stated, notional_pool
from suanwang.estimate.search import Search, search
from suanwang.estimate.training import Plan, known_plan
from suanwang.estimate.workload import estimate, estimate_of_plan
from suanwang.interfaces import figures
from suanwang.interfaces.cli.layout_option import read_layout
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.cli.views import why
from suanwang.schemas.wire import plain
from suanwang.units import MICRO, SECONDS_PER_HOUR

KNOWN_BY = {
    "time_s": "modelled",
    "memory_bytes": "modelled",
    "power_w_it": "modelled",
    "energy_kwh_it": "modelled",
    "carbon_kg": "unknown: off the grid there is no site, and so no PUE and no carbon factor",
}
"""How each figure is known: nothing was metered yet. On a grid, quotes and usage records say it of themselves."""
SHOWN = 12
"""Layouts that the table has; JSON has them all."""


def on_accelerator(
    terminal: Terminal,
    order: Workload,
    catalog: Catalog,
    wanted: str,
    count: int | None,
    stated: Stated,
    layout: str = "",
    *,
    as_json: bool,
) -> int:
    """Show what a workload needs on `count` cards of a kind; exit status 0, or 1 where it does not fit.

    Raises NotFound for a card that the catalog does not have, MissingFigure for figures that it lacks.
    """
    card = catalog.accelerator(wanted)
    cards = count or order.demand.count or 8
    pool = notional_pool(card, catalog, cards, stated)
    price = lowest_price(catalog, card.id)
    if isinstance(order.task, Training) and layout:
        return at_layout(terminal, order, order.task, pool, cards, layout, as_json=as_json)
    if isinstance(order.task, Training):
        return training_on(terminal, order, order.task, pool, cards, price, as_json=as_json)
    result = estimate(replace(order, demand=Demand(count=count)), pool, accelerators=catalog.accelerators)
    shown = figures_of(result, price)
    if as_json:
        terminal.json(shown | {"known_by": KNOWN_BY} | plain(result, terminal.translate))
    elif isinstance(result, Rejection):
        terminal.say(f"{result.pool_id}: {terminal.text(why(result.reason, result.detail))}")
    else:
        show_results(terminal, result, shown)
        show_parts(terminal, result)
    return 1 if isinstance(result, Rejection) else 0


def figures_of(result: Estimate | Rejection, price: Money | None) -> dict[str, float]:
    """What follows from an estimate and a price: cost of a million output tokens, in `..._<currency>`."""
    if isinstance(result, Rejection) or not result.results.get("tokens_per_s_max"):
        return {}
    hours = result.accelerators / result.results["tokens_per_s_max"] / SECONDS_PER_HOUR * 1e6
    shown = {"accelerator_hours_per_million_tokens": hours}
    if price is not None:
        shown[f"cost_per_million_tokens_{price.unit.lower()}"] = hours * price.micro / MICRO
    return shown


def training_on(
    terminal: Terminal, order: Workload, task: Training, pool: Pool, cards: int, price: Money | None, *, as_json: bool
) -> int:
    """The best layouts of a training, why others do not fit, and the run that the fastest gives."""
    seen = machine(pool, task.dtype, cards)
    found = search(task, seen, cards, pool.software_factor)
    steps = task.tokens / (task.global_batch * task.sequence_length)
    fastest: Estimate | MissingFigure | None = None
    if found.front:
        whole = order.kind is WorkloadKind.PRETRAIN
        try:
            fastest = estimate_of_plan(task, pool, cards, found.front[0], seen, order.checkpointing, whole_run=whole)
        except MissingFigure as unknown:
            fastest = unknown
    if as_json:
        shown = search_as_json(found, steps, price)
        known = plain(fastest, terminal.translate) if isinstance(fastest, Estimate) else None
        missing = terminal.text(fastest.message) if isinstance(fastest, MissingFigure) else None
        terminal.json(shown | {"fastest": known, "fastest_unknown": missing, "known_by": KNOWN_BY})
        return 0 if found.front else 1
    show_search(terminal, found, steps, price)
    if isinstance(fastest, Estimate):
        terminal.say(msg("The run with the fastest layout, on {cards} cards:", cards=cards), bold=True)
        show_results(terminal, fastest, {})
        show_parts(terminal, fastest)
    elif fastest is not None:
        terminal.say(msg("Power and energy are unknown: {why}.", why=fastest.message))
    return 0 if found.front else 1


def at_layout(
    terminal: Terminal, order: Workload, task: Training, pool: Pool, cards: int, layout: str, *, as_json: bool
) -> int:
    """The run that a given layout gives; exit status 1 where it does not fit the memory by this estimate."""
    seen = machine(pool, task.dtype, cards)
    plan = known_plan(task, seen, read_layout(layout, task, cards), pool.software_factor)
    whole = order.kind is WorkloadKind.PRETRAIN
    result = estimate_of_plan(task, pool, cards, plan, seen, order.checkpointing, whole_run=whole)
    fits = result.memory_bytes_total <= seen.memory_bytes
    if as_json:
        terminal.json({"fits": fits, "known_by": KNOWN_BY} | plain(result, terminal.translate))
        return 0 if fits else 1
    show_results(terminal, result, {})
    show_parts(terminal, result)
    if not fits:
        have = figures.size(seen.memory_bytes)
        terminal.say(msg("By this estimate it does not fit: a card has {have}.", have=have), fg="red")
    return 0 if fits else 1


def show_results(terminal: Terminal, result: Estimate, more: dict[str, float]) -> None:
    """Time with its band, memory, power, energy, and the results of the kind of work."""
    rows = [(name, f"{value:,.4g}") for name, value in (dict(result.results) | more).items()]
    rows += [
        (terminal.text(msg("time (low-high)")), figures.durations(result.time_s)),
        (terminal.text(msg("memory a card")), figures.size(result.memory_bytes_total)),
        (terminal.text(msg("power of all cards and servers (modelled)")), f"{result.power_w_it.mid / 1000:,.2f} kW"),
        (terminal.text(msg("energy at the IT equipment (modelled)")), figures.energy(result.energy_kwh_it.mid)),
    ]
    terminal.table((msg("figure"), msg(">value")), rows)


def show_parts(terminal: Terminal, result: Estimate) -> None:
    """Where the time and the memory go, and what the estimate rests on."""
    total, memory = sum(result.breakdown_s.values()), result.memory_bytes_total
    parts = sorted(result.breakdown_s.items(), key=lambda part: -part[1])
    terminal.table(
        (msg("where the time goes"), msg(">share")), [(n, f"{s / total:.1%}") for n, s in parts if s / total >= 0.0005]
    )
    if memory:
        terminal.table(
            (msg("where the memory goes"), msg(">a card")),
            [(n, figures.size(size)) for n, size in sorted(result.memory_bytes.items(), key=lambda p: -p[1]) if size],
        )
    terminal.say(msg("Assumptions:"))
    for a in result.assumptions:
        terminal.say(f"  · {a.name} = {a.value:g} {a.unit} ({a.source})")


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
        msg(">steps alone"),
        msg(">memory"),
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
    parts += [f"micro-batch {layout.micro_batch}", f"recompute {layout.recompute}", layout.sharding]
    parts += [f"offload {layout.offload}"] if layout.offload != "none" else []
    return " · ".join(parts)
