"""suanwang in a minute: three sites played by this machine, four workloads, real processes, real books.

    python examples/demo/demo.py [--lang zh-CN] [--keep FOLDER]

The exit status is 0 only when everything that the demo shows was checked.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from types import FrameType

from live import Live
from outcome import Outcome, check_all, show_bills, show_check
from stage import HERE, PLAYED, Speeds, measure, staged

from suanwang.domain.money import Money
from suanwang.domain.voucher import Voucher
from suanwang.errors import Message, SuanwangError, msg
from suanwang.interfaces import figures
from suanwang.interfaces.cli.terminal import Terminal
from suanwang.interfaces.cli.views import show_quote
from suanwang.sdk import Client

TENANT, PROGRAMME = "lab", "east-lab"
WORKLOADS = ("train", "too-large", "embed", "evaluate")
KILL_AT_STEP = 400


def show_grid(terminal: Terminal, client: Client, speeds: Speeds) -> None:
    """The sites, and what of them is real."""
    grid, now = client.house.hub.grid, client.now()
    rows = []
    for pool in grid.pools:
        site = grid.site(pool.site_id)
        hours = [now + timedelta(hours=h) for h in range(24)]
        prices = [site.power_price(h, h + timedelta(hours=1)).at(h) for h in hours]
        rows.append(
            (
                site.id,
                site.labels["region"],
                f"{pool.accelerators} × {pool.accelerator.id}",
                f"{prices[0]:.2f}",
                f"{min(prices):.2f} – {max(prices):.2f}",
                f"{site.pue.at(now):.2f}",
                f"{site.carbon_location.at(now):.4f}",
            )
        )
    columns = (
        msg("site"),
        msg("region"),
        msg("cards"),
        msg(">CNY/kWh now"),
        msg(">in 24 h"),
        msg(">PUE"),
        msg(">kg CO₂/kWh"),
    )
    terminal.table(columns, rows)
    watts = client.house.catalog.accelerator(PLAYED).power_or_raise()
    terminal.say(
        msg(
            "Cards are played by this machine: speed measured here, power and rent of an Ascend 910B ({watts:.0f} W).",
            watts=watts,
        )
    )
    terminal.say(
        msg(
            "One thread does {compute:.0f} GFLOP/s (fp32 products) and moves {memory:.0f} GB/s.",
            compute=speeds.flops_per_s / 1e9,
            memory=speeds.memory_bytes_per_s / 1e9,
        )
    )
    begun = figures.moment(now, grid.sites[0].zone)
    clock = msg("The clock: an hour of the grid takes {seconds:.1f} s; it is {now}.", seconds=speeds.hour_s, now=begun)
    terminal.say(clock)


def bring_money(client: Client) -> None:
    """The tenant pays in; a voucher office funds its programme and issues a voucher."""
    client.deposit(TENANT, Money.parse("200", "CNY"), "demo")
    client.fund(PROGRAMME, Money.parse("50", "CNY"), "demo")
    issued = client.now()
    client.issue(
        Voucher(
            id="v-demo",
            programme_id=PROGRAMME,
            tenant=TENANT,
            face=Money.parse("50", "CNY"),
            issued=issued,
            expires=issued + timedelta(days=365),
        )
    )


def play(terminal: Terminal, client: Client, speeds: Speeds) -> bool:
    """The whole walk; whether every check held."""

    def heading(number: int, title: Message) -> None:
        terminal.say("")
        terminal.say(f"{number}  {terminal.text(title)}", bold=True)

    heading(1, msg("The grid: three sites"))
    show_grid(terminal, client, speeds)
    bring_money(client)
    heading(2, msg("The quotes: where and when each workload costs least, and why"))
    files = {name: str(HERE / "workloads" / f"{name}.yaml") for name in WORKLOADS}
    quotes = {name: client.quote(client.read_workload(file)) for name, file in files.items()}
    for offer in quotes.values():
        show_quote(terminal, client.zones(), offer)
    heading(3, msg("The runs: real processes of this machine"))
    live = Live(terminal, client, KILL_AT_STEP)
    try:
        for name, offer in quotes.items():
            if offer.placement is not None:
                live.add(client.submit(offer.workload, key=name))
        live.follow()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        live.stop()
    outcome = Outcome.of(client, quotes, live.jobs, live.reports)
    heading(4, msg("The invoices"))
    show_bills(terminal, outcome)
    heading(5, msg("The checks"))
    return show_check(terminal, check_all(outcome))


def what_next(terminal: Terminal) -> None:
    terminal.say("")
    terminal.say(msg("What next:"), bold=True)
    for command in (
        "suanwang run examples/workloads/hello.yaml",
        "suanwang place examples/workloads/pretrain-7b.yaml --grid examples/grids/three-hubs.yaml",
        "suanwang estimate examples/workloads/serve-8b.yaml --grid examples/grids/three-hubs.yaml",
    ):
        terminal.say(f"  {command}")


def interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="A grid of three sites on this machine, in a minute.")
    parser.add_argument("--lang", default="", help="en or zh-CN (else LANG)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="new folder for the grid's home; kept at the end")
    options = parser.parse_args(arguments)
    if options.keep is not None and options.keep.exists():
        parser.error(f"{options.keep} is already there")
    terminal = Terminal(options.lang)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    terminal.say(msg("suanwang 算网: one grid of three computing centres, played by this machine."), bold=True)
    try:
        speeds = measure()
        with staged(speeds, options.keep) as environment, Client.open(environment=environment) as client:
            sound = play(terminal, client, speeds)
    except KeyboardInterrupt:
        terminal.say(msg("Stopped; nothing is left running."))
        return 130
    except SuanwangError as refusal:
        return terminal.error(refusal)
    if options.keep is not None:
        terminal.say(msg("The grid's home is kept in {folder}.", folder=str(options.keep)))
    what_next(terminal)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
