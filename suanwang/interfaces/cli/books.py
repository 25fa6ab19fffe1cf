"""`bill`, `ledger`, `voucher` and `admin`: what is owed, whether the books balance, and what the parties pay in."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from datetime import datetime

    from suanwang.domain.money import Money


@click.group()
def bill() -> None:
    """Invoices: what a job cost, who paid, what was delivered."""


@bill.command(name="show")
@click.argument("job_id")
@grid_option
@json_option
@click.pass_obj
def bill_show(terminal: Terminal, job_id: str, grid: str, as_json: bool) -> int:
    """The invoice of a job that is settled.

    \b
    Example:
      suanwang bill show j19cabd8380083cdfdbe --json
    """
    from suanwang.interfaces.cli.views import show_invoice
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        invoice = client.invoice(job_id)
    if as_json:
        terminal.json(plain(invoice, terminal.translate))
    else:
        show_invoice(terminal, invoice)
    return 0


@click.group()
def ledger() -> None:
    """The double-entry ledger: check it, export it."""


@ledger.command()
@grid_option
@json_option
@click.pass_obj
def check(terminal: Terminal, grid: str, as_json: bool) -> int:
    """Re-derive every balance from the first transfer; names the first thing that is wrong.

    \b
    Example:
      suanwang ledger check
    """
    from suanwang.interfaces.cli.views import show_ledger
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        report = client.ledger_check()
    if as_json:
        terminal.json(plain(report))
    else:
        show_ledger(terminal, report)
    return 0


@ledger.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["tsv", "json", "beancount"]),
    default="tsv",
    show_default=True,
    help="Tab-separated, JSON, or a file that bean-check checks.",
)
@grid_option
@json_option
@click.pass_obj
def export(terminal: Terminal, form: str, grid: str, as_json: bool) -> int:
    """Every transfer in the order it was posted.

    \b
    Examples:
      suanwang ledger export > transfers.tsv
      suanwang ledger export --format beancount > books.beancount
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    as_json = as_json or form == "json"
    with Client.open(grid) as client:
        if form == "beancount" and not as_json:
            for line in client.books.beancount():
                click.echo(line)
            return 0
        transfers = [plain(t) for t in client.all_transfers()]
    if as_json:
        terminal.json({"transfers": transfers})
        return 0
    columns = ("at", "id", "kind", "debit", "credit", "amount", "unit", "pending_id", "job_id", "memo")
    click.echo("\t".join(columns))
    for row in transfers:
        flat = {**row, **row["amount"]}
        click.echo("\t".join(str(flat[name]) for name in columns))
    return 0


@click.group()
def voucher() -> None:
    """Compute vouchers (算力券): issue them, see what is left."""


@voucher.command(name="list")
@click.option("--tenant", default="", help="Only this tenant's.")
@grid_option
@json_option
@click.pass_obj
def voucher_list(terminal: Terminal, tenant: str, grid: str, as_json: bool) -> int:
    """Vouchers with what is left of each, soonest expiry first.

    \b
    Example:
      suanwang voucher list --tenant me
    """
    from suanwang.interfaces.cli.views import show_vouchers
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        found = client.vouchers(tenant)
    if as_json:
        terminal.json({"vouchers": [{**plain(v), "remaining": plain(left)} for v, left in found]})
    elif not found:
        terminal.say(
            msg("No vouchers yet. Issue one: suanwang voucher issue PROGRAMME TENANT AMOUNT --id NAME --expires TIME")
        )
    else:
        show_vouchers(terminal, found)
    return 0


@voucher.command()
@click.argument("programme")
@click.argument("tenant")
@click.argument("amount")
@click.option("--expires", required=True, help="ISO 8601 time with its offset.")
@click.option("--id", "voucher_id", required=True, help="Its name; the same name again is the same voucher.")
@grid_option
@json_option
@click.pass_obj
def issue(
    terminal: Terminal,
    programme: str,
    tenant: str,
    amount: str,
    expires: str,
    voucher_id: str,
    grid: str,
    as_json: bool,
) -> int:
    """Issue a voucher of AMOUNT (in the programme's currency) to a tenant.

    \b
    Example:
      suanwang voucher issue hub-west me 500 --id v-1 --expires 2027-01-01T00:00+08:00 --grid grid.yaml
    """
    from suanwang.domain.voucher import Voucher
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        currency = client.currency(programme)
        now, problems = client.now(), list[Problem]()
        issued = Voucher(
            id=_name(voucher_id, "--id", problems),
            programme_id=programme,
            tenant=tenant,
            face=_money(amount, currency, "AMOUNT", problems),
            issued=now,
            expires=_time(expires, now, problems),
        )
        _raise_any(problems)
        client.issue(issued)
    if as_json:
        terminal.json(plain(issued))
    else:
        terminal.say(msg("Voucher {id}: {amount} for {tenant}.", id=issued.id, amount=str(issued.face), tenant=tenant))
    return 0


@click.group()
def admin() -> None:
    """The operator's verbs: deposits, programme funds, one tick by hand."""


@admin.command()
@click.argument("tenant")
@click.argument("amount")
@click.option("--key", required=True, help="Reference of the payment; the same reference is booked once.")
@grid_option
@json_option
@click.pass_obj
def deposit(terminal: Terminal, tenant: str, amount: str, key: str, grid: str, as_json: bool) -> int:
    """Book money that a tenant paid in.

    \b
    Example:
      suanwang admin deposit me 10000 --key bank-2026-11-001
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        problems = list[Problem]()
        paid = _money(amount, client.currency(), "AMOUNT", problems)
        reference = _name(key, "--key", problems)
        _raise_any(problems)
        balance = client.deposit(tenant, paid, reference)
    if as_json:
        terminal.json({**plain(balance), "available_micro": balance.available})
    else:
        terminal.say(msg("{account}: {amount}", account=balance.account_id, amount=_shown(balance.available)))
    return 0


@admin.command()
@click.argument("programme")
@click.argument("amount")
@click.option("--key", required=True, help="Reference of the payment; the same reference is booked once.")
@grid_option
@json_option
@click.pass_obj
def fund(terminal: Terminal, programme: str, amount: str, key: str, grid: str, as_json: bool) -> int:
    """Book money that an issuer paid into the fund of a voucher programme.

    \b
    Example:
      suanwang admin fund hub-west 50000 --key treasury-7 --grid grid.yaml
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        problems = list[Problem]()
        paid = _money(amount, client.currency(programme), "AMOUNT", problems)
        reference = _name(key, "--key", problems)
        _raise_any(problems)
        client.fund(programme, paid, reference)
    if as_json:
        terminal.json({"programme": programme, "paid": plain(paid)})
    else:
        terminal.say(msg("Fund of {programme}: {amount} paid in.", programme=programme, amount=str(paid)))
    return 0


@admin.command()
@grid_option
@json_option
@click.pass_obj
def tick(terminal: Terminal, grid: str, as_json: bool) -> int:
    """Run the control plane once: collect, meter, plan, admit, dispatch, settle.

    \b
    Example:
      suanwang admin tick --json
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        report = client.tick()
    if as_json:
        terminal.json(plain(report))
    else:
        terminal.say(
            msg(
                "ended {ended} · planned {planned} · admitted {admitted} · sent {sent} · settled {settled}",
                ended=report.ended,
                planned=report.planned,
                admitted=report.admitted,
                sent=report.sent,
                settled=report.settled,
            )
        )
    return 0


def _money(text: str, unit: str, place: str, problems: list[Problem]) -> "Money":
    """An amount above 0; what is wrong with it goes to `problems`."""
    from suanwang.domain.money import Money

    try:
        amount = Money.parse(text, unit)
    except ValueError:
        what = msg("{text!r} is not an amount.", text=text)
    else:
        if amount.micro > 0:
            return amount
        what = msg("An amount must be above 0.")
    problems.append(Problem(place, what, msg("Give a number such as 1234.50.")))
    return Money.zero(unit)


def _time(text: str, now: "datetime", problems: list[Problem]) -> "datetime":
    """A time to come; what is wrong with it goes to `problems`."""
    from datetime import datetime

    try:
        when: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        what = msg("{text!r} is not a time with an offset.", text=text)
    elif when <= now:
        what = msg("{text} is past.", text=text)
    else:
        return when
    problems.append(Problem("--expires", what, msg("Write it as 2027-01-01T00:00+08:00.")))
    return now


def _name(text: str, place: str, problems: list[Problem]) -> str:
    if not text.strip():
        problems.append(Problem(place, msg("It is blank."), msg("Give a name that says which one it is.")))
    return text


def _raise_any(problems: list[Problem]) -> None:
    if problems:
        raise InvalidInput(problems)


def _shown(micro: int) -> str:
    return f"{micro / 1_000_000:,.2f}"
