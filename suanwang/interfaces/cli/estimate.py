"""`estimate`: what a workload needs on the grid or on one kind of accelerator, and `estimate check`: how near it is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.place_options import place_options, read_place
from suanwang.interfaces.cli.quantity import Quantity
from suanwang.interfaces.cli.run import grid_option, json_option, workload_file
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suanwang.estimate.published.check import Scored, SourceScore


class FileOrCommand(click.Group):
    """A group whose first word may also be a file: what is no command is given to `workload`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return "workload", self.commands["workload"], args

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options before the file belong to `workload` too."""
        asked_help = not args or args[0] in ctx.help_option_names
        if not asked_help and args[0] not in self.commands:
            args = ["workload", *args]
        return super().parse_args(ctx, args)


Command = TypeVar("Command", bound=Callable[..., object])


def machine_options(command: Command) -> Command:
    """What a user may state of a machine, over what the catalog knows of it."""
    for option in (
        click.option("--software-year", type=click.FloatRange(2000, 2100), help="When its software was current."),
        click.option("--link", type=Quantity("bandwidth"), help="Link of a card in its node, both ways together."),
        click.option(
            "--network",
            "networks",
            type=Quantity("bandwidth"),
            multiple=True,
            help='Network of a server, one way, such as "3.2 Tbit/s" (else the catalog\'s).',
        ),
    ):
        command = option(command)
    return command


@click.group(cls=FileOrCommand, subcommand_metavar="WORKLOAD | COMMAND [OPTIONS]")
def estimate() -> None:
    """What a workload needs: cards, time, memory, energy, and what is assumed.

    \b
    Examples:
      suanwang estimate examples/workloads/pretrain-7b.yaml --grid examples/grids/three-hubs.yaml
      suanwang estimate examples/workloads/pretrain-7b.yaml --accelerator h100-sxm5-80gb --count 64
      suanwang estimate scale examples/workloads/pretrain-7b.yaml --accelerator h100-sxm5-80gb --cards 64 --cards 1024
      suanwang estimate demand examples/workloads/serve-8b.yaml --curve requests.csv --accelerator h100-sxm5-80gb
      suanwang estimate check runs.csv
    """


@estimate.command(hidden=True)
@workload_file
@grid_option
@click.option("--accelerator", default="", help="Not the grid: this kind of card of the catalog, in its usual server.")
@click.option("--count", type=click.IntRange(min=1), help="How many of them (else what the workload asks for, or 8).")
@click.option("--layout", default="", help="A training at this layout alone, such as tp=8,pp=4.")
@machine_options
@place_options
@json_option
@click.pass_obj
def workload(
    terminal: Terminal,
    workload: str,
    grid: str,
    accelerator: str,
    count: int | None,
    layout: str,
    networks: tuple[float, ...],
    link: float | None,
    software_year: float | None,
    pue: str,
    carbon: str,
    carbon_market: str,
    as_json: bool,
) -> int:
    """What a workload needs on each pool of the grid: cards, time, memory, energy, and what is assumed.

    With --accelerator: on so many cards of that kind. For training, every layout is weighed: shown are those that no
    other betters in time, memory and cost at once, why the rest do not fit, and where the time of the fastest goes.
    Energy at the meter and carbon need --pue and --carbon; a grid file has them, hour by hour, of each site.

    \b
    Examples:
      suanwang estimate examples/workloads/pretrain-7b.yaml --grid examples/grids/three-hubs.yaml
      suanwang estimate examples/workloads/pretrain-7b.yaml --accelerator h100-sxm5-80gb --count 64
      suanwang estimate pretrain.yaml --accelerator ascend-910b2 --count 64 --network "1.6 Tbit/s"
      suanwang estimate pretrain.yaml --accelerator h100-sxm5-80gb --pue 1.2 --carbon cn-gz-2023
    """
    if accelerator:
        from suanwang.bootstrap import open_desk
        from suanwang.estimate.notional import Stated, notional_pool
        from suanwang.interfaces.cli.estimate_views import Cards, lowest_price, on_cards

        desk = open_desk()
        order = desk.read_workload(workload)
        card = desk.catalog.accelerator(accelerator)
        stated = Stated(
            network_bytes_per_s=networks[-1] if networks else None, link_bytes_per_s=link, software_year=software_year
        )
        number = count or order.demand.count or 8
        cards = Cards(
            pool=notional_pool(card, desk.catalog, number, stated),
            count=number,
            price=lowest_price(desk.catalog, card.id),
            place=read_place(desk.catalog, pue, carbon, carbon_market),
            catalog=desk.catalog,
        )
        return on_cards(terminal, order, cards, layout, as_json=as_json)
    if count or layout or networks or link or software_year or pue or carbon or carbon_market:
        alone = msg(
            "--count, --layout, --network, --link, --software-year, --pue, --carbon and --carbon-market need"
            " --accelerator."
        )
        raise click.UsageError(terminal.text(alone))
    return on_grid(terminal, workload, grid, as_json=as_json)


def on_grid(terminal: Terminal, workload: str, grid: str, *, as_json: bool) -> int:
    """On each pool of the grid; exit status 1 where none can have it."""
    from suanwang.interfaces.cli.views import show_estimates
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        offer = client.quote(client.read_workload(workload))
    if as_json:
        terminal.json({"estimates": plain(offer.estimates), "rejections": plain(offer.rejections, terminal.translate)})
    else:
        show_estimates(terminal, offer)
    return 0 if offer.estimates else 1


@estimate.command()
@click.argument("table", type=click.Path(dir_okay=False))
@json_option
@click.pass_obj
def check(terminal: Terminal, table: str, as_json: bool) -> int:
    """Score the estimator on a table of published runs: the error of every row, and by source.

    A row is scored on what it publishes: step time, tokens/s, TFLOP/s, MFU, accelerator-hours, energy or memory.
    What cannot be scored is listed with the reason. Errors are fractions: estimated / published - 1.

    \b
    Example:
      suanwang estimate check runs.csv --json
    """
    from suanwang.adapters.catalog import load_catalog
    from suanwang.bootstrap import read_text
    from suanwang.estimate.published.check import by_source
    from suanwang.estimate.published.check import check as score
    from suanwang.interfaces.cli.tables import read_table

    rows = score(read_table(read_text(table), table), load_catalog())
    sources = by_source(rows)
    if as_json:
        terminal.json({"rows": [_row(terminal, r) for r in rows], "by_source": [_source(s) for s in sources]})
    else:
        _show(terminal, rows, sources)
    return 0 if sources else 1


def _row(terminal: Terminal, row: "Scored") -> dict[str, object]:
    return {
        "id": row.id,
        "source": row.source,
        "task": row.task,
        "quantity": row.quantity,
        "predicted": row.predicted,
        "published": row.published,
        "error": row.error,
        "skipped": terminal.text(row.skipped) if row.skipped else None,
    }


def _source(score: "SourceScore") -> dict[str, object]:
    return {
        "source": score.source,
        "task": score.task,
        "n": score.n,
        "mape": score.mape,
        "median_ape": score.median_ape,
        "bias": score.bias,
        "skipped": score.skipped,
    }


def _show(terminal: Terminal, rows: "Sequence[Scored]", sources: "Sequence[SourceScore]") -> None:
    columns = (msg("source"), msg("task"), msg(">rows"), msg(">mean error"), msg(">median error"), msg(">bias"))
    shown = [
        (s.source, s.task, str(s.n), f"{s.mape:.1%}", f"{s.median_ape:.1%}", f"{s.bias:+.1%}")
        for s in sorted(sources, key=lambda s: (s.task, s.source))
    ]
    terminal.table(columns, shown)
    left_out: dict[str, int] = {}
    for row in rows:
        if row.skipped:
            reason = terminal.text(row.skipped)
            left_out[reason] = left_out.get(reason, 0) + 1
    if left_out:
        terminal.say(msg("Not scored: {count} of {rows} rows.", count=sum(left_out.values()), rows=len(rows)))
    for reason, count in sorted(left_out.items(), key=lambda item: -item[1]):
        terminal.say(f"  · {count} × {reason}")
