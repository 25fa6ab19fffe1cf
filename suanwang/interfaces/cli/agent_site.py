"""What a site may say to the grid, and see of it: `agent status|orders|drain|resume|cap|limit|refuse|allow`.

They work on the site's spool, whether its agent runs or not; a running agent acts on them with its next step.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import click

from suanwang.errors import InvalidInput, Problem, msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.agent.policy import Policy
    from suanwang.agent.spool import Spool

site_option = click.option("--site", default="", help="The site's id.")
spool_option = click.option("--spool", default="", help="The agent's folder (else one of the site in SUANWANG_HOME).")


def _of_a_site(command: Callable[..., int]) -> Callable[..., int]:
    """The options that every command of a site has."""
    return site_option(spool_option(json_option(click.pass_obj(command))))


@contextmanager
def _open(site: str, spool: str) -> Iterator["Spool"]:
    """The spool that is meant. Raises InvalidInput when there is none."""
    import os

    from suanwang.agent.serve import spool_folder
    from suanwang.agent.spool import Spool
    from suanwang.settings import read_settings

    if not (site or spool):
        raise InvalidInput(
            [Problem("--site", msg("It is missing."), msg("Name the site, or its folder with --spool."))]
        )
    folder = spool_folder(site, spool, read_settings(os.environ).home)
    if not (folder / "spool.db").exists():
        what = msg("There is no spool in {folder}.", folder=str(folder))
        raise InvalidInput([Problem("--spool", what, msg("Start the site's agent once, or name its folder."))])
    with closing(Spool(folder)) as opened:
        yield opened


def _change(terminal: Terminal, site: str, spool: str, as_json: bool, change: "Callable[[Policy], Policy]") -> int:
    """Set the site's policy and show what it is then."""
    with _open(site, spool) as opened:
        policy = change(opened.policy())
        opened.set_policy(policy)
    _show_policy(terminal, policy, as_json)
    return 0


def _show_policy(terminal: Terminal, policy: "Policy", as_json: bool) -> None:
    from suanwang.schemas.wire import plain

    if as_json:
        terminal.json({"policy": plain(policy)})
        return
    words = policy.in_words()
    if not words:
        terminal.say(msg("The site allows the grid everything that its pools can run."))
    for name, text in words.items():
        terminal.say(f"{name}: {text}")


@click.command()
@_of_a_site
def drain(terminal: Terminal, site: str, spool: str, as_json: bool) -> int:
    """Start nothing new for the grid. What runs goes on; what is asked for waits here.

    \b
    Example:
      suanwang agent drain --site east
    """
    from dataclasses import replace

    return _change(terminal, site, spool, as_json, lambda policy: replace(policy, drained=True))


@click.command()
@_of_a_site
def resume(terminal: Terminal, site: str, spool: str, as_json: bool) -> int:
    """Start the grid's orders again.

    \b
    Example:
      suanwang agent resume --site east
    """
    from dataclasses import replace

    return _change(terminal, site, spool, as_json, lambda policy: replace(policy, drained=False))


@click.command()
@click.argument("pool")
@click.argument("accelerators", type=click.IntRange(0))
@_of_a_site
def cap(terminal: Terminal, pool: str, accelerators: int, site: str, spool: str, as_json: bool) -> int:
    """Let the grid have at most so many accelerators of a pool at a time.

    \b
    Example:
      suanwang agent cap ascend 32 --site east
    """
    from dataclasses import replace

    with _open(site, spool) as opened:
        pools = {p.id for p in opened.pools()}
    if pool not in pools:
        known = msg("Known: {known}.", known=", ".join(sorted(pools)) or msg("none"))
        raise InvalidInput([Problem("POOL", msg("The site has no pool {pool!r}.", pool=pool), known)])
    return _change(
        terminal, site, spool, as_json, lambda policy: replace(policy, caps={**policy.caps, pool: accelerators})
    )


@click.command()
@click.option("--accelerators", type=click.IntRange(1), default=None, help="At most so many an order.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), default=None, help="At most so long an order.")
@click.option("--program", "programs", multiple=True, metavar="PATTERN", help="Only these programs (repeatable).")
@_of_a_site
def limit(
    terminal: Terminal,
    accelerators: int | None,
    hours: float | None,
    programs: tuple[str, ...],
    site: str,
    spool: str,
    as_json: bool,
) -> int:
    """Refuse orders beyond a size, a time or a list of programs. What is not named here is no longer limited.

    \b
    Examples:
      suanwang agent limit --site east --accelerators 64 --hours 48
      suanwang agent limit --site east --program 'python*' --program /opt/train.sh
      suanwang agent limit --site east
    """
    from dataclasses import replace

    return _change(
        terminal,
        site,
        spool,
        as_json,
        lambda policy: replace(policy, accelerators_max=accelerators, hours_max=hours, programs=programs),
    )


@click.command()
@click.argument("job_id")
@_of_a_site
def refuse(terminal: Terminal, job_id: str, site: str, spool: str, as_json: bool) -> int:
    """Never start a job here. The hub learns it, and why. What runs already is for the engine to end.

    \b
    Example:
      suanwang agent refuse j19cabd8380083cdfdbe --site east
    """
    from dataclasses import replace

    return _change(
        terminal,
        site,
        spool,
        as_json,
        lambda policy: replace(policy, refused=tuple(sorted({*policy.refused, job_id}))),
    )


@click.command()
@_of_a_site
def allow(terminal: Terminal, site: str, spool: str, as_json: bool) -> int:
    """Lift every limit, cap and refusal of the site.

    \b
    Example:
      suanwang agent allow --site east
    """
    from suanwang.agent.policy import Policy

    return _change(terminal, site, spool, as_json, lambda _: Policy())


@click.command()
@click.option("--all", "everything", is_flag=True, help="Those that are over too.")
@_of_a_site
def orders(terminal: Terminal, everything: bool, site: str, spool: str, as_json: bool) -> int:
    """What the grid asks of the site: every order, how far it is, and exactly what it runs.

    \b
    Example:
      suanwang agent orders --site east
    """
    with _open(site, spool) as opened:
        found = [_row(kept, opened) for kept in (opened.every() if everything else opened.live())]
    if as_json:
        terminal.json({"orders": found})
        return 0
    if not found:
        terminal.say(msg("The grid asks nothing of the site now."))
        return 0
    columns = (msg("order"), msg("pool"), msg(">cards"), msg("stage"), msg("state"), msg(">limit h"), msg("command"))
    terminal.table(columns, [[_cell(row, name) for name in SHOWN] for row in found])
    return 0


SHOWN = ("order", "pool", "accelerators", "stage", "state", "time_limit_h", "command")


def _row(kept: Any, spool: "Spool") -> dict[str, Any]:
    """An order as JSON values."""
    order = spool.order(kept.id)
    return {
        "order": kept.id,
        "job": kept.job_id,
        "fence": kept.fence,
        "pool": kept.pool_id,
        "accelerators": kept.accelerators,
        "stage": kept.stage.value,
        "cancelled": kept.cancelled,
        "state": kept.report.state.value if kept.report else None,
        "cause": kept.report.cause.value if kept.report and kept.report.cause else None,
        "exit_code": kept.report.exit_code if kept.report else None,
        "told": kept.reported,
        "time_limit_h": round(order.time_limit_s / 3600, 3),
        "command": list(order.command),
        "environment": dict(order.environment),
    }


def _cell(row: dict[str, Any], name: str) -> str:
    value = row[name]
    return " ".join(value)[:60] if name == "command" else "–" if value is None else str(value)


@click.command()
@_of_a_site
def status(terminal: Terminal, site: str, spool: str, as_json: bool) -> int:
    """The site's pools, what it allows the grid, and how many orders are where.

    \b
    Example:
      suanwang agent status --site east
    """
    from collections import Counter

    from suanwang.schemas.wire import plain

    with _open(site, spool) as opened:
        policy, pools = opened.policy(), opened.pools()
        stages = Counter(kept.stage.value for kept in opened.live())
        untold = sum(not kept.reported for kept in opened.live())
    if as_json:
        shown = [{"id": p.id, "accelerators": p.accelerators, "queue": p.queue} for p in pools]
        terminal.json({"pools": shown, "orders": dict(stages), "untold": untold, "policy": plain(policy)})
        return 0
    for pool in pools:
        terminal.say(msg("Pool {pool}: {count} accelerators", pool=pool.id, count=pool.accelerators))
    counts = ", ".join(f"{stage} {count}" for stage, count in sorted(stages.items()))
    terminal.say(msg("Orders: {counts}; {untold} not yet told to the hub", counts=counts or msg("none"), untold=untold))
    _show_policy(terminal, policy, as_json=False)
    return 0


SITE_COMMANDS = (status, orders, drain, resume, cap, limit, refuse, allow)
