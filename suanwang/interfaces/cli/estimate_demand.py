"""`estimate demand`: replicas, accelerators and cost of a served model for a demand that changes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suanwang.domain.signal import Signal
from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.estimate import machine_options
from suanwang.interfaces.cli.quantity import Quantity
from suanwang.interfaces.cli.run import json_option, workload_file
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.units import MICRO

if TYPE_CHECKING:
    from suanwang.adapters.traces.requests import Curve
    from suanwang.domain.accelerator import Accelerator
    from suanwang.domain.catalog import Catalog
    from suanwang.domain.money import Money
    from suanwang.domain.workload import Serving, Workload
    from suanwang.estimate.demand import Fleet
    from suanwang.estimate.notional import Stated
    from suanwang.estimate.serving import Replica

NODES_MOST = 16
"""Nodes that one replica is spread over, at most."""


@click.command()
@workload_file
@click.option(
    "--curve", required=True, type=click.Path(dir_okay=False, path_type=Path), help="Trace or table of requests."
)
@click.option("--accelerator", required=True, help="Kind of card, a catalog id.")
@click.option("--every", type=Quantity("duration"), default="5 min", show_default=True, help="Interval of counting.")
@click.option("--times", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Multiply the demand by.")
@click.option("--headroom", type=click.FloatRange(0, 10), default=0.2, show_default=True, help="Room over the mean.")
@click.option("--hold", type=Quantity("duration"), default="10 min", show_default=True, help="Keep a replica so long.")
@machine_options
@json_option
@click.pass_obj
def demand(
    terminal: Terminal,
    workload: str,
    curve: Path,
    accelerator: str,
    every: float,
    times: float,
    headroom: float,
    hold: float,
    networks: tuple[float, ...],
    link: float | None,
    software_year: float | None,
    as_json: bool,
) -> int:
    """Replicas over time for a curve of requests, within the objectives of WORKLOAD (kind serve).

    The curve is a trace with a request a row (TIMESTAMP, ContextTokens, GeneratedTokens, as Azure publishes its LLM
    traces), whose mean tokens then replace those of the workload, or a table with the columns start and
    requests_per_s. Cost is by the lowest dated price of the catalog, and of cards that are held, busy or not.

    \b
    Example:
      suanwang estimate demand serve.yaml --curve requests.csv --accelerator h100-sxm5-80gb --times 20
    """
    from suanwang.adapters.traces.requests import read_curve
    from suanwang.bootstrap import open_desk
    from suanwang.estimate.demand import fleet
    from suanwang.estimate.notional import Stated
    from suanwang.interfaces.cli.estimate_views import lowest_price

    desk = open_desk()
    found = read_curve(curve, timedelta(seconds=every))
    scaled = Signal(
        found.demand.unit, found.demand.edges, tuple(round(m * times) for m in found.demand.micros), found.demand.until
    )
    task = _task(desk.read_workload(workload), workload, found, max(scaled.micros) / MICRO)
    stated = Stated(
        network_bytes_per_s=networks[-1] if networks else None, link_bytes_per_s=link, software_year=software_year
    )
    card = desk.catalog.accelerator(accelerator)
    replica = _replica(task, card, desk.catalog, stated)
    if replica is None:
        terminal.say(msg("No replica on {card} serves this model within its objectives.", card=card.id))
        return 1
    result = fleet(
        scaled,
        found.start,
        found.end,
        replica_requests_per_s=replica.requests_per_s,
        cards_per_replica=replica.cards,
        output_tokens=task.output_tokens,
        headroom=headroom,
        hold=timedelta(seconds=hold),
    )
    price = lowest_price(desk.catalog, card.id)
    if as_json:
        terminal.json(_as_json(result, replica, task, price))
    else:
        _show(terminal, result, replica, task, price, found)
    return 0


def _task(order: "Workload", path: str, curve: "Curve", requests_per_s: float) -> "Serving":
    """The serving task at the peak of the curve, with the curve's mean tokens where it has them."""
    from suanwang.domain.workload import Serving

    if not isinstance(order.task, Serving):
        what = msg("a demand is for a workload of kind serve, not {kind}.", kind=order.kind.value)
        raise InvalidInput([Problem(f"{path} workload.kind", what, msg("Give a workload of kind serve."))])
    if requests_per_s <= 0:
        what = msg("the curve has no request.")
        raise InvalidInput([Problem(curve.malformed.path, what, msg("Give a curve with a demand."))])
    return replace(
        order.task,
        requests_per_s=requests_per_s,
        input_tokens=curve.input_tokens or order.task.input_tokens,
        output_tokens=curve.output_tokens or order.task.output_tokens,
    )


def _replica(task: "Serving", card: "Accelerator", catalog: "Catalog", stated: "Stated") -> "Replica | None":
    """The replica that carries the peak on the fewest cards: in one node, or over 16 where their network is known."""
    from suanwang.estimate.machine import machine
    from suanwang.estimate.notional import notional_pool
    from suanwang.estimate.serving import Unservable, plan_serving

    pool = notional_pool(card, catalog, 1, stated)
    room = pool.accelerators_per_node * (NODES_MOST if pool.node_network_bytes_per_s else 1)
    chosen = plan_serving(task, machine(pool, task.dtype, room), room, pool.software_factor)
    return None if isinstance(chosen, Unservable) else chosen[0]


def _as_json(result: "Fleet", replica: "Replica", task: "Serving", price: "Money | None") -> dict[str, object]:
    from suanwang.schemas.wire import plain

    hours = {"following": result.following_hours, "fixed": result.fixed_hours}
    return {
        "replica": plain(replica),
        "input_tokens": task.input_tokens,
        "output_tokens": task.output_tokens,
        "requests": result.requests,
        "replicas_peak": result.peak,
        "replicas_mean": result.mean,
        "accelerators_peak": result.peak * replica.cards,
        "accelerator_hours": hours,
        "accelerator_hours_per_million_tokens": {k: result.hours_per_million_tokens(h) for k, h in hours.items()},
        "price_per_accelerator_hour": plain(price) if price else None,
        "cost_per_million_tokens": {k: _cost(result.hours_per_million_tokens(h), price) for k, h in hours.items()},
        "replicas_over_time": [
            {"start": start.isoformat(), "end": end.isoformat(), "replicas": micro // MICRO}
            for start, end, micro in result.replicas.pieces(result.replicas.edges[0], result.replicas.until)
        ],
    }


def _cost(hours: float, price: "Money | None") -> float | None:
    """In the currency of the price."""
    return hours * price.micro / MICRO if price else None


def _show(
    terminal: Terminal, result: "Fleet", replica: "Replica", task: "Serving", price: "Money | None", curve: "Curve"
) -> None:
    from suanwang.domain.money import Money
    from suanwang.estimate.residuals import TIME
    from suanwang.interfaces import figures

    terminal.say(
        msg(
            "{requests} requests with {inputs} tokens in and {outputs} out (mean), {start} to {end}",
            requests=f"{result.requests:,.0f}",
            inputs=task.input_tokens,
            outputs=task.output_tokens,
            start=curve.start.isoformat(timespec="minutes"),
            end=curve.end.isoformat(timespec="minutes"),
        )
    )
    if curve.malformed.count:
        terminal.say(msg("{count} rows of the curve could not be read and are left out.", count=curve.malformed.count))
    terminal.say(
        msg(
            "A replica: {cards} cards (tp {tp}, pp {pp}, ep {ep}), {batch} requests at once, at most {rate} "
            "requests/s, first token {first} ms, each further token {each} ms",
            cards=replica.cards,
            tp=replica.at.tp,
            pp=replica.at.pp,
            ep=replica.at.ep,
            batch=replica.batch,
            rate=f"{replica.requests_per_s:.2f}",
            first=f"{replica.first_token_s * 1e3:.0f}",
            each=f"{replica.per_token_s * 1e3:.1f}",
        )
    )
    rows = []
    for name, hours in (
        (msg("with the demand"), result.following_hours),
        (msg("peak all the time"), result.fixed_hours),
    ):
        each = result.hours_per_million_tokens(hours)
        cost = figures.money(Money(round(price.micro * each), price.unit)) if price else "–"
        rows.append((terminal.text(name), f"{hours:,.2f}", f"{each:,.4f}", cost))
    terminal.table(
        (msg("replicas"), msg(">accelerator-hours"), msg(">per million tokens"), msg(">cost per million tokens")), rows
    )
    terminal.say(
        msg(
            "At most {peak} replicas ({cards} cards), {mean} on average. Estimates; tokens/s of a replica lie within "
            "{low} to {high} of them.",
            peak=result.peak,
            cards=result.peak * replica.cards,
            mean=f"{result.mean:.2f}",
            low=f"{1 / TIME['serving'].high:.0%}",
            high=f"{1 / TIME['serving'].low:.0%}",
        )
    )
