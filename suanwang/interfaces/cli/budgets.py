"""`budget` and `period`: what tenants may take and have taken, and the closing of months."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import grid_option, json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.domain.budget import BudgetState
    from suanwang.domain.money import Money
    from suanwang.settle.budgets import Alert


@click.group()
def budget() -> None:
    """Budgets and quotas of tenants, projects and users: what is used, reserved and free."""


@budget.command(name="list")
@click.option("--tenant", default="", help="Only this tenant's.")
@grid_option
@json_option
@click.pass_obj
def budget_list(terminal: Terminal, tenant: str, grid: str, as_json: bool) -> int:
    """Every budget in its present period, with the warnings that it has given.

    Budgets are in the grid file. A job counts against all that cover it: its tenant's, its project's (label
    `project`) and its user's (label `user`).

    \b
    Example:
      suanwang budget list --grid grid.yaml --json
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        states = client.books.budgets(tenant=tenant)
        alerts = list(client.books.budget_alerts(tenant=tenant))
    if as_json:
        rows = [{**plain(s), "free": plain(s.free), "percent": s.percent, "warning": s.warning} for s in states]
        terminal.json({"budgets": rows, "alerts": plain(alerts)})
    elif not states:
        terminal.say(msg("No budgets. Add `budgets` to the grid file."))
    else:
        _show(terminal, states, alerts)
    return 0


def _show(terminal: Terminal, states: "list[BudgetState]", alerts: "list[Alert]") -> None:
    rows = [
        (
            s.budget.id,
            " / ".join(filter(None, (s.budget.tenant, s.budget.project, s.budget.user))),
            s.period.id,
            shown(s.limit),
            shown(s.used),
            shown(s.reserved),
            shown(s.free),
            f"{s.percent} %",
        )
        for s in states
    ]
    columns = (
        msg("budget"),
        msg("of"),
        msg("period"),
        msg(">limit"),
        msg(">used"),
        msg(">reserved"),
        msg(">free"),
        msg(">taken"),
    )
    terminal.table(columns, rows)
    for alert in alerts:
        terminal.say(
            msg(
                "! {budget} passed {percent} % in {period} at {at} (job {job})",
                budget=alert.budget,
                percent=alert.percent,
                period=alert.period,
                at=f"{alert.at:%Y-%m-%d %H:%M}Z",
                job=alert.job_id or "–",
            ),
            fg="yellow",
        )


def shown(amount: "Money") -> str:
    """An amount to the coin with its unit, as tables show it."""
    return f"{amount.decimal:,.2f} {amount.unit}"


@click.group()
def period() -> None:
    """Accounting months: close them, see which are closed."""


@period.command()
@click.argument("month")
@grid_option
@json_option
@click.pass_obj
def close(terminal: Terminal, month: str, grid: str, as_json: bool) -> int:
    """Close MONTH (2026-11): no transfer of that time is taken any more, and `ledger check` holds its balances.

    What becomes known later goes to the open month, as a correction.

    \b
    Example:
      suanwang period close 2026-10
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        closed = client.books.close_month(month)
    if as_json:
        terminal.json(plain(closed))
    else:
        terminal.say(
            msg("{period} is closed at transfer {position}.", period=closed.period.id, position=closed.position)
        )
    return 0


@period.command(name="list")
@grid_option
@json_option
@click.pass_obj
def period_list(terminal: Terminal, grid: str, as_json: bool) -> int:
    """The months that are closed.

    \b
    Example:
      suanwang period list
    """
    from suanwang.schemas.wire import plain
    from suanwang.sdk import Client

    with Client.open(grid) as client:
        closed = client.books.closed_months()
    if as_json:
        terminal.json({"periods": plain(closed)})
    elif not closed:
        terminal.say(msg("No month is closed. Close one: suanwang period close 2026-10"))
    else:
        rows = [
            (c.period.id, f"{c.period.start:%Y-%m-%d %H:%M}Z", f"{c.period.end:%Y-%m-%d %H:%M}Z", str(c.position))
            for c in closed
        ]
        terminal.table((msg("month"), msg("from"), msg("to"), msg(">last transfer")), rows)
    return 0
