"""An estimate on cards of one kind, off the grid: the best layouts of a training, or the one estimate of the rest."""

from dataclasses import dataclass, replace

from suanwang.domain.catalog import Catalog
from suanwang.domain.estimate import Estimate, Layout
from suanwang.domain.money import Money
from suanwang.domain.placement import Rejection
from suanwang.domain.provenance import MissingFigure
from suanwang.domain.site import Pool
from suanwang.domain.workload import Demand, Training, Workload, WorkloadKind
from suanwang.errors import Message, msg
from suanwang.estimate.footprint import Place, footprint
from suanwang.estimate.machine import machine
from suanwang.estimate.search import Search, search
from suanwang.estimate.training import Plan, known_plan
from suanwang.estimate.workload import estimate, estimate_of_plan
from suanwang.interfaces import figures
from suanwang.interfaces.cli.layout_option import read_layout
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.cli.views import why
from suanwang.schemas.wire import plain
from suanwang.units import MICRO, SECONDS_PER_HOUR

SHOWN = 12
"""Layouts that the table has; JSON has them all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cards:
    """`count` cards of a kind in a pool that no site has, what one rents for, and what is known of their place."""

    pool: Pool
    count: int
    price: Money | None
    place: Place
    catalog: Catalog


def on_cards(terminal: Terminal, order: Workload, cards: Cards, layout: str = "", *, as_json: bool) -> int:
    """Show what a workload needs on these cards; exit status 0, or 1 where it does not fit.

    Raises MissingFigure for figures that the catalog lacks.
    """
    if isinstance(order.task, Training) and layout:
        return at_layout(terminal, order, order.task, cards, layout, as_json=as_json)
    if isinstance(order.task, Training):
        return training_on(terminal, order, order.task, cards, as_json=as_json)
    demand = Demand(count=cards.count)
    result = estimate(replace(order, demand=demand), cards.pool, accelerators=cards.catalog.accelerators)
    shown = figures_of(result, cards.price)
    if as_json:
        known = result_as_json(terminal, result, cards.place) if isinstance(result, Estimate) else {}
        terminal.json(shown | known | plain(result, terminal.translate))
    elif isinstance(result, Rejection):
        terminal.say(f"{result.pool_id}: {terminal.text(why(result.reason, result.detail))}")
    else:
        show_results(terminal, result, shown, cards.place)
        show_parts(terminal, result)
    return 1 if isinstance(result, Rejection) else 0


def result_as_json(terminal: Terminal, result: Estimate, place: Place) -> dict[str, object]:
    """What the energy means at the place, and how each figure is known: nothing was metered yet. On a grid, quotes and
    usage records say it of themselves."""
    known = dict.fromkeys(("time_s", "memory_bytes", "power_w_it", "energy_kwh_it"), "modelled")
    known |= {name: terminal.text(how) for name, how in known_by(place).items()}
    return {"place": plain(place), "footprint": plain(footprint(result.energy_kwh_it, place)), "known_by": known}


def known_by(place: Place) -> dict[str, Message]:
    """Modelled with which figures, or unknown and what would tell it; by field of the footprint."""
    said: dict[str, Message] = {}
    for field, option, factor in (
        ("energy_kwh_meter", "--pue", place.pue),
        ("carbon_kg_location", "--carbon", place.carbon_location),
        ("carbon_kg_market", "--carbon-market", place.carbon_market),
    ):
        missing = [name for name, known in (("--pue", place.pue), (option, factor)) if known is None]
        if missing:
            said[field] = msg("unknown: give {options}", options=", ".join(dict.fromkeys(missing)))
        elif factor is not None:
            unit = "" if option == "--pue" else " kg/kWh"
            said[field] = msg(
                "modelled: {value}{unit}, {source}", value=f"{factor.value:g}", unit=unit, source=factor.source
            )
    return said


def figures_of(result: Estimate | Rejection, price: Money | None) -> dict[str, float]:
    """What follows from an estimate and a price: cost of a million output tokens, in `..._<currency>`."""
    if isinstance(result, Rejection) or not result.results.get("tokens_per_s_max"):
        return {}
    hours = result.accelerators / result.results["tokens_per_s_max"] / SECONDS_PER_HOUR * 1e6
    shown = {"accelerator_hours_per_million_tokens": hours}
    if price is not None:
        shown[f"cost_per_million_tokens_{price.unit.lower()}"] = hours * price.micro / MICRO
    return shown


def training_on(terminal: Terminal, order: Workload, task: Training, cards: Cards, *, as_json: bool) -> int:
    """The best layouts of a training, why others do not fit, and the run that the fastest gives."""
    pool, count, price = cards.pool, cards.count, cards.price
    seen = machine(pool, task.dtype, count)
    found = search(task, seen, count, pool.software_factor)
    steps = task.tokens / (task.global_batch * task.sequence_length)
    fastest: Estimate | MissingFigure | None = None
    if found.front:
        whole = order.kind is WorkloadKind.PRETRAIN
        try:
            fastest = estimate_of_plan(task, pool, count, found.front[0], seen, order.checkpointing, whole_run=whole)
        except MissingFigure as unknown:
            fastest = unknown
    if as_json:
        shown = search_as_json(found, steps, price)
        known = plain(fastest, terminal.translate) if isinstance(fastest, Estimate) else None
        more = result_as_json(terminal, fastest, cards.place) if isinstance(fastest, Estimate) else {}
        missing = terminal.text(fastest.message) if isinstance(fastest, MissingFigure) else None
        terminal.json(shown | {"fastest": known, "fastest_unknown": missing} | more)
        return 0 if found.front else 1
    show_search(terminal, found, steps, price)
    if isinstance(fastest, Estimate):
        terminal.say(msg("The run with the fastest layout, on {cards} cards:", cards=count), bold=True)
        show_results(terminal, fastest, {}, cards.place)
        show_parts(terminal, fastest)
    elif fastest is not None:
        terminal.say(msg("Power and energy are unknown: {why}.", why=fastest.message))
    return 0 if found.front else 1


def at_layout(terminal: Terminal, order: Workload, task: Training, cards: Cards, layout: str, *, as_json: bool) -> int:
    """The run that a given layout gives; exit status 1 where it does not fit the memory by this estimate."""
    pool, count = cards.pool, cards.count
    seen = machine(pool, task.dtype, count)
    plan = known_plan(task, seen, read_layout(layout, task, count), pool.software_factor)
    whole = order.kind is WorkloadKind.PRETRAIN
    result = estimate_of_plan(task, pool, count, plan, seen, order.checkpointing, whole_run=whole)
    fits = result.memory_bytes_total <= seen.memory_bytes
    if as_json:
        more = result_as_json(terminal, result, cards.place)
        terminal.json({"fits": fits} | more | plain(result, terminal.translate))
        return 0 if fits else 1
    show_results(terminal, result, {}, cards.place)
    show_parts(terminal, result)
    if not fits:
        have = figures.size(seen.memory_bytes)
        terminal.say(msg("By this estimate it does not fit: a card has {have}.", have=have), fg="red")
    return 0 if fits else 1


def show_results(terminal: Terminal, result: Estimate, more: dict[str, float], place: Place) -> None:
    """Time with its band, memory, power, energy, carbon, and the results of the kind of work."""
    rows = [(name, f"{value:,.4g}") for name, value in (dict(result.results) | more).items()]
    rows += [
        (terminal.text(msg("time (low-high)")), figures.durations(result.time_s)),
        (terminal.text(msg("memory a card")), figures.size(result.memory_bytes_total)),
        (terminal.text(msg("power of all cards and servers (modelled)")), f"{result.power_w_it.mid / 1000:,.2f} kW"),
        (terminal.text(msg("energy at the IT equipment (modelled)")), figures.energy(result.energy_kwh_it.mid)),
    ]
    there, known = footprint(result.energy_kwh_it, place), known_by(place)
    for name, field, band, show in (
        (msg("energy at the meter"), "energy_kwh_meter", there.energy_kwh_meter, figures.energy),
        (msg("carbon, location-based"), "carbon_kg_location", there.carbon_kg_location, figures.carbon),
        (msg("carbon, market-based"), "carbon_kg_market", there.carbon_kg_market, figures.carbon),
    ):
        rows.append((f"{terminal.text(name)} ({terminal.text(known[field])})", show(band.mid) if band else "–"))
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
