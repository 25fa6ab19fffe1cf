"""`estimate scale`: how a training scales with cards, batch, and the network of a server."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.estimate import machine_options
from suanwang.interfaces.cli.run import json_option, workload_file
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.estimate.scaling import Scale

CARDS = click.IntRange(1, 1_000_000)


@click.command()
@workload_file
@click.option("--accelerator", required=True, help="Kind of card, a catalog id.")
@click.option("--cards", type=CARDS, multiple=True, required=True, help="How many cards; give several.")
@click.option(
    "--batch", type=CARDS, multiple=True, help="Global batch in sequences (else the workload's); give several."
)
@machine_options
@json_option
@click.pass_obj
def scale(
    terminal: Terminal,
    workload: str,
    accelerator: str,
    cards: tuple[int, ...],
    batch: tuple[int, ...],
    networks: tuple[float, ...],
    link: float | None,
    software_year: float | None,
    as_json: bool,
) -> int:
    """Tokens/s, MFU, linearity and goodput of a training on more and more cards, each with its fastest layout.

    Linearity is tokens/s a card over that of the fewest cards: it depends on the batch, and on the network. Give
    --network several times to see what a wider one buys.

    \b
    Example:
      suanwang estimate scale pretrain.yaml --accelerator h100-sxm5-80gb --cards 1024 --cards 16384 --batch 2048
        --network "800 Gbit/s" --network "3.2 Tbit/s"
    """
    from suanwang.bootstrap import open_desk
    from suanwang.domain.workload import Training
    from suanwang.estimate.machine import machine
    from suanwang.estimate.notional import Stated, notional_pool
    from suanwang.estimate.scaling import scaling

    desk = open_desk()
    order = desk.read_workload(workload)
    task = order.task
    if not isinstance(task, Training):
        what = msg("scaling is of a training, not of {kind}.", kind=order.kind.value)
        remedy = msg("Give a workload of kind pretrain or finetune; for serve see `suanwang estimate demand`.")
        raise InvalidInput([Problem(f"{workload} workload.kind", what, remedy)])
    card = desk.catalog.accelerator(accelerator)
    found: list[tuple[float, list[Scale]]] = []
    for network in networks or (None,):
        stated = Stated(network_bytes_per_s=network, link_bytes_per_s=link, software_year=software_year)
        pool = notional_pool(card, desk.catalog, max(cards), stated)
        seen = machine(pool, task.dtype, max(cards))
        batches = batch or (task.global_batch,)
        rows = scaling(task, seen, sorted(set(cards)), batches, pool.software_factor)
        found.append((pool.node_network_bytes_per_s or 0.0, rows))
    if as_json:
        terminal.json({"rows": [_row(network, row) for network, rows in found for row in rows]})
    else:
        _show(terminal, found)
    return 0 if any(row.plan for _, rows in found for row in rows) else 1


def _row(network: float, row: "Scale") -> dict[str, object]:
    from suanwang.schemas.wire import plain

    return {
        "network_bytes_per_s": network,
        "global_batch": row.global_batch,
        "accelerators": row.accelerators,
        "tokens_per_s": row.tokens_per_s if row.plan else None,
        "mfu": row.mfu if row.plan else None,
        "linearity": row.linearity if row.plan else None,
        "goodput": row.goodput if row.plan else None,
        "layout": plain(row.plan.layout) if row.plan else None,
    }


def _show(terminal: Terminal, found: "list[tuple[float, list[Scale]]]") -> None:
    from suanwang.interfaces.cli.estimate_views import written

    columns = (
        msg(">cards"),
        msg(">batch"),
        msg(">network of a server"),
        msg(">tokens/s"),
        msg(">MFU"),
        msg(">linearity"),
        msg(">goodput"),
        msg("fastest layout"),
    )
    shown = []
    for network, rows in found:
        for row in rows:
            wire = f"{network * 8 / 1e12:.2f} Tbit/s" if network else "–"
            head = (str(row.accelerators), str(row.global_batch), wire)
            if row.plan is None:
                shown.append((*head, "–", "–", "–", "–", terminal.text(msg("exceeds the memory"))))
                continue
            figures = (f"{row.tokens_per_s:,.0f}", f"{row.mfu:.1%}", f"{row.linearity:.1%}", f"{row.goodput:.1%}")
            shown.append((*head, *figures, written(row.plan.layout)))
    terminal.table(columns, shown)
    terminal.say(msg("Estimates. Tokens/s are of steps; over a run multiply by goodput (interruptions)."))
