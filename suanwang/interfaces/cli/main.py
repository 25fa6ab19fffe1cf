"""`suanwang`: the entry point. Commands import what they need when they are called, so that help is quick."""

import sys
from collections.abc import Sequence

import click

from suanwang import __version__
from suanwang.errors import InvalidInput, Problem, SuanwangError, msg
from suanwang.interfaces.cli.agent import agent
from suanwang.interfaces.cli.bench import bench
from suanwang.interfaces.cli.books import admin, bill, ledger, voucher
from suanwang.interfaces.cli.budgets import budget, period
from suanwang.interfaces.cli.catalog import catalog
from suanwang.interfaces.cli.data import data
from suanwang.interfaces.cli.documents import export, month, statement
from suanwang.interfaces.cli.estimate import estimate
from suanwang.interfaces.cli.estimate_demand import demand
from suanwang.interfaces.cli.estimate_history import history
from suanwang.interfaces.cli.estimate_scale import scale
from suanwang.interfaces.cli.feasibility import feasibility
from suanwang.interfaces.cli.help import speaking, translated
from suanwang.interfaces.cli.identity import project, token, user
from suanwang.interfaces.cli.imports import imports
from suanwang.interfaces.cli.jobs import job, jobs
from suanwang.interfaces.cli.keeping import backup, migrate, restore
from suanwang.interfaces.cli.kueue import kueue
from suanwang.interfaces.cli.measure import measure
from suanwang.interfaces.cli.model import model
from suanwang.interfaces.cli.office import COMMANDS as OFFICE_COMMANDS
from suanwang.interfaces.cli.place import place
from suanwang.interfaces.cli.plan import plan
from suanwang.interfaces.cli.price_books import book
from suanwang.interfaces.cli.prices import prices
from suanwang.interfaces.cli.profile import profile
from suanwang.interfaces.cli.programmes import COMMANDS as PROGRAMME_COMMANDS
from suanwang.interfaces.cli.replan import replan
from suanwang.interfaces.cli.replay import replay
from suanwang.interfaces.cli.replay_advise import advise
from suanwang.interfaces.cli.run import run, submit
from suanwang.interfaces.cli.terminal import Terminal, error_as_json
from suanwang.interfaces.cli.up import up
from suanwang.interfaces.cli.usage import usage


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="suanwang")
@click.option("--lang", default="", help="Language of messages: en or zh-CN (else LANG).")
@click.pass_context
def cli(ctx: click.Context, lang: str) -> None:
    """suanwang (算网): one grid for AI computing power. Quote, place, run, meter and bill workloads across sites.

    \b
    Examples:
      suanwang run train.yaml --dry-run     what it would cost, where and when
      suanwang run train.yaml               run it, and show the bill
      suanwang catalog show h100-sxm5-80gb  what is known of an accelerator
    """
    ctx.obj = Terminal(lang)


estimate.add_command(demand)
estimate.add_command(history)
estimate.add_command(scale)
COMMANDS = (
    catalog,
    run,
    estimate,
    data,
    imports,
    kueue,
    measure,
    place,
    profile,
    plan,
    prices,
    replan,
    submit,
    jobs,
    job,
    bill,
    ledger,
    book,
    usage,
    budget,
    period,
    voucher,
    admin,
    bench,
    feasibility,
    model,
    replay,
    up,
    agent,
    user,
    project,
    token,
)
for command in COMMANDS:
    cli.add_command(command)
for command in (backup, restore, migrate):
    admin.add_command(command)
for document in (month, statement, export):
    bill.add_command(document)
replay.add_command(advise)
for command in (*PROGRAMME_COMMANDS, *OFFICE_COMMANDS):
    voucher.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 done, 1 refused or failed, 2 bad input."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    terminal = Terminal(_asked_language(words))
    with speaking(terminal.lang):
        return _run(words, terminal)


def _run(words: list[str], terminal: Terminal) -> int:
    try:
        status = translated(cli, terminal.translate).main(words, prog_name="suanwang", standalone_mode=False)
    except click.ClickException as error:
        if "--json" in words:
            terminal.json(error_as_json(_usage(error), terminal))
        error.show()
        return 2
    except click.exceptions.Abort:
        terminal.note("")
        return 130
    except SuanwangError as error:
        if "--json" in words:
            terminal.json(error_as_json(error, terminal))
        return terminal.error(error)
    return status if isinstance(status, int) else 0


def _usage(error: click.ClickException) -> InvalidInput:
    """A wrong option or argument in the one shape that every refusal has."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "suanwang"
    remedy = msg("See `{command} --help`.", command=command)
    return InvalidInput([Problem(command, msg("{problem}", problem=error.format_message()), remedy)])


def _asked_language(words: Sequence[str]) -> str:
    """The language before click has read its options: errors in the options are told in it too."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--lang":
            return following
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return ""
