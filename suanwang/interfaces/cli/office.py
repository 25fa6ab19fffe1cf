"""`voucher apply | claim | step | dockets | docket | budget | report`: the voucher office at work."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from suanwang.domain.money import Money
    from suanwang.service.office import Signature

ROLES = ("tenant", "maker", "checker", "finance")


def signed(command: "Callable[..., int]") -> "Callable[..., int]":
    """Who acts: --by, --reason and --evidence."""
    command = click.option(
        "--evidence", multiple=True, metavar="KIND=FILE", help="A paper; its SHA-256 is kept, not its content."
    )(command)
    command = click.option("--reason", default="", help="Why, in one line.")(command)
    return click.option("--by", "actor", required=True, help="Who acts: a person's name or number.")(command)


@click.command(name="apply")
@click.argument("programme")
@click.argument("case_file", metavar="CASE")
@click.option("--tenant", required=True, help="Who applies; its facts are those of the grid file and of the case.")
@click.option("--id", "docket_id", required=True, help="Name of the application; the same name is the same one.")
@signed
@grid_option
@json_option
@click.pass_obj
def apply_command(
    terminal: Terminal,
    programme: str,
    case_file: str,
    tenant: str,
    docket_id: str,
    actor: str,
    reason: str,
    evidence: tuple[str, ...],
    grid: str,
    as_json: bool,
) -> int:
    """Apply for a grant of a programme of the grid, with a case file.

    \b
    Example:
      suanwang voucher apply our-city case.yaml --tenant a-lab --id a-1 --by "A. Person" --grid grid.yaml
    """
    from suanwang.bootstrap import read_text
    from suanwang.domain.docket import Role
    from suanwang.schemas.case import read_case
    from suanwang.sdk import Client
    from suanwang.service.office import apply

    with Client.open(grid) as client:
        hub = client.house.hub
        case = read_case(read_text(case_file), case_file, hub.grid.programme(programme))
        who = _signature(actor, Role.TENANT, reason, evidence)
        docket = apply(hub, programme, case, tenant, docket_id, who)
    return _told(terminal, docket, as_json=as_json)


@click.command(name="claim")
@click.argument("application")
@click.argument("amount")
@click.option("--id", "docket_id", required=True, help="Name of the claim; the same name is the same one.")
@signed
@grid_option
@json_option
@click.pass_obj
def claim_command(
    terminal: Terminal,
    application: str,
    amount: str,
    docket_id: str,
    actor: str,
    reason: str,
    evidence: tuple[str, ...],
    grid: str,
    as_json: bool,
) -> int:
    """File a claim on an approved application, where the programme pays after the use.

    \b
    Example:
      suanwang voucher claim a-1 20000 --id k-1 --by "A. Person" --evidence invoice=invoice.pdf --grid grid.yaml
    """
    from suanwang.domain.docket import Role
    from suanwang.sdk import Client
    from suanwang.service.office import claim

    with Client.open(grid) as client:
        who = _signature(actor, Role.TENANT, reason, evidence)
        docket = claim(client.house.hub, application, _amount(amount, client.house.hub.grid.currency), docket_id, who)
    return _told(terminal, docket, as_json=as_json)


@click.command()
@click.argument("docket_id", metavar="DOCKET")
@click.argument("state")
@click.option("--role", type=click.Choice(ROLES), required=True, help="In which capacity.")
@click.option("--fact", multiple=True, metavar="NAME=VALUE", help="A fact that a supplement brings.")
@signed
@grid_option
@json_option
@click.pass_obj
def step(
    terminal: Terminal,
    docket_id: str,
    state: str,
    role: str,
    fact: tuple[str, ...],
    actor: str,
    reason: str,
    evidence: tuple[str, ...],
    grid: str,
    as_json: bool,
) -> int:
    """Take a step: move an application, voucher or claim to STATE, signed. Maker and checker are two persons.

    \b
    Example:
      suanwang voucher step a-1 pre_check --role maker --by "M. Maker" --grid grid.yaml
    """
    from suanwang.domain.docket import Role
    from suanwang.sdk import Client
    from suanwang.service.office import take

    facts = dict(_pairs(fact, "--fact"))
    with Client.open(grid) as client:
        docket = take(client.house.hub, docket_id, state, _signature(actor, Role(role), reason, evidence), facts)
    return _told(terminal, docket, as_json=as_json)


@click.command()
@click.option("--programme", default="", help="Only this programme's.")
@click.option("--state", default="", help="Only those in this state.")
@grid_option
@json_option
@click.pass_obj
def dockets(terminal: Terminal, programme: str, state: str, grid: str, as_json: bool) -> int:
    """Applications, vouchers and claims with their state.

    \b
    Example:
      suanwang voucher dockets --programme our-city --state review --grid grid.yaml
    """
    from suanwang.interfaces.cli.office_views import show_dockets
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client, client.house.hub.store.transaction() as tx:
        found = tx.dockets.find(programme, states=(state,) if state else ())
    if as_json:
        terminal.json({"dockets": [plain(d) for d in found]})
    else:
        show_dockets(terminal, found)
    return 0


@click.command()
@click.argument("docket_id", metavar="DOCKET")
@grid_option
@json_option
@click.pass_obj
def docket(terminal: Terminal, docket_id: str, grid: str, as_json: bool) -> int:
    """One docket with every signed step.

    \b
    Example:
      suanwang voucher docket a-1 --grid grid.yaml
    """
    from suanwang.interfaces.cli.office_views import show_docket
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client
    from suanwang.service.claims import metered_of

    with Client.open(grid) as client:
        with client.house.hub.store.transaction() as tx:
            found, steps = tx.dockets.get(docket_id), tx.dockets.steps(docket_id)
        metered = metered_of(client.house.hub, found)
    if as_json:
        terminal.json({**plain(found), "steps": [plain(s) for s in steps], "metered": plain(metered)})
    else:
        show_docket(terminal, found, steps, metered)
    return 0


@click.command()
@click.argument("programme")
@click.argument("amount")
@click.option("--key", required=True, help="Reference of the decision; the same reference is booked once.")
@grid_option
@json_option
@click.pass_obj
def budget(terminal: Terminal, programme: str, amount: str, key: str, grid: str, as_json: bool) -> int:
    """Money that a programme may promise, over its fund lines by their shares.

    \b
    Example:
      suanwang voucher budget our-city 30000000 --key decision-7 --grid grid.yaml
    """
    from suanwang.interfaces.cli.office_views import report_as_json, show_budget
    from suanwang.sdk import Client
    from suanwang.service.office import set_budget
    from suanwang.service.programme_report import programme_report

    with Client.open(grid) as client:
        hub = client.house.hub
        set_budget(hub, programme, _amount(amount, hub.grid.programme(programme).currency), key)
        result = programme_report(hub, programme)
    if as_json:
        terminal.json(report_as_json(terminal, result))
    else:
        show_budget(terminal, result)
    return 0


@click.command()
@click.argument("programme")
@click.option("--html", default="", help="Write the report as a page to this file.")
@click.option("--pdf", default="", help="Write the report as PDF to this file.")
@grid_option
@json_option
@click.pass_obj
def report(terminal: Terminal, programme: str, html: str, pdf: str, grid: str, as_json: bool) -> int:
    """What became of a programme's money: lines, grants, jobs, delivered compute, what is unspent or expires soon.

    \b
    Example:
      suanwang voucher report our-city --html report.html --grid grid.yaml
    """
    from suanwang.interfaces.cli.office_views import report_as_json, show_report, write_report
    from suanwang.sdk import Client
    from suanwang.service.programme_report import programme_report

    with Client.open(grid) as client:
        result, fonts = programme_report(client.house.hub, programme), client.house.settings.fonts
    write_report(terminal, result, html, pdf, fonts)
    if as_json:
        terminal.json(report_as_json(terminal, result))
    else:
        show_report(terminal, result)
    return 0


def _told(terminal: Terminal, docket: object, *, as_json: bool) -> int:
    from suanwang.interfaces.cli.office_views import show_docket_line
    from suanwang.schemas.wire import plain

    if as_json:
        terminal.json(plain(docket))
    else:
        show_docket_line(terminal, docket)
    return 0


def _signature(actor: str, role: object, reason: str, evidence: tuple[str, ...]) -> "Signature":
    """Who acts, with the SHA-256 of each paper. Raises InvalidInput."""
    from hashlib import sha256
    from pathlib import Path

    from suanwang.domain.docket import Role
    from suanwang.errors import why_not_read
    from suanwang.service.office import Signature

    assert isinstance(role, Role)
    hashes, problems = {}, list[Problem]()
    if not actor.strip():
        problems.append(Problem("--by", msg("It is blank."), msg("Give a name that says which one it is.")))
    for kind, path in _pairs(evidence, "--evidence"):
        try:
            hashes[kind] = sha256(Path(path).read_bytes()).hexdigest()
        except OSError as error:
            what = msg("The file cannot be read: {why}.", why=why_not_read(error))
            problems.append(Problem(f"--evidence {path}", what, msg("Check the path and its rights.")))
    if problems:
        raise InvalidInput(problems)
    return Signature(actor=actor, role=role, reason=reason, evidence=hashes)


def _pairs(words: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    """NAME=VALUE pairs. Raises InvalidInput."""
    problems = [
        Problem(option, msg("{text!r} has no `=`.", text=word), msg("Write a name, `=` and a value."))
        for word in words
        if not word.partition("=")[0] or "=" not in word
    ]
    if problems:
        raise InvalidInput(problems)
    return [(word.partition("=")[0], word.partition("=")[2]) for word in words]


def _amount(text: str, currency: str) -> "Money":
    """An amount above 0. Raises InvalidInput."""
    from suanwang.domain.money import Money

    try:
        amount = Money.parse(text, currency)
    except ValueError:
        amount = Money.zero(currency)
    if amount.micro <= 0:
        what = msg("{text!r} is not an amount above 0.", text=text)
        raise InvalidInput([Problem("AMOUNT", what, msg("Give a number such as 1234.50."))])
    return amount


COMMANDS = (apply_command, claim_command, step, dockets, docket, budget, report)
"""Commands of the group `voucher`."""
