"""`agent`: what a site runs to join a hub. Its commands show and set what the site allows the grid."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from suanwang.errors import InvalidInput, Message, Problem, msg
from suanwang.interfaces.cli.agent_site import SITE_COMMANDS
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.agent.driver import Said


@click.group(invoke_without_command=True)
@click.option("--hub", default="", help="Address of the hub, as https://hub.example.cn.")
@click.option("--token-file", default="", help="File with the site's token.")
@click.option("--site", default="", help="The site's id in the hub's grid file.")
@click.option("--engine", default="", help="The site's engine: local, slurm, ray, kubernetes …")
@click.option(
    "--option", "options", multiple=True, metavar="KEY=VALUE", help="How the engine is reached; POOL:KEY=VALUE for one."
)
@click.option("--spool", default="", help="Folder that outlives the agent (else one of the site in SUANWANG_HOME).")
@click.option("--take-over", is_flag=True, help="Speak for the site from now on, though another agent does.")
@json_option
@click.pass_context
def agent(
    ctx: click.Context,
    hub: str,
    token_file: str,
    site: str,
    engine: str,
    options: tuple[str, ...],
    spool: str,
    take_over: bool,
    as_json: bool,
) -> int:
    """Join a site to a hub: call out to it, run what it asks on the site's engine, report back. Until Ctrl-C.

    Jobs go on when the agent ends; started again with the same spool, it goes on where it was.

    \b
    Examples:
      suanwang agent --hub https://hub.example.cn --token-file east.token --site east --engine slurm
      suanwang agent orders --site east
      suanwang agent drain --site east
    """
    if ctx.invoked_subcommand is not None:
        return 0
    terminal: Terminal = ctx.obj
    wanted = {"--hub": hub, "--token-file": token_file, "--site": site, "--engine": engine}
    pairs = _check(wanted, options)
    from suanwang.agent.serve import serve_site

    said = _said(terminal, as_json=as_json)
    serve_site(
        hub=hub,
        token_file=Path(token_file).expanduser(),
        site_id=site,
        engine=engine,
        options=pairs,
        spool=spool,
        said=said,
        take_over=take_over,
    )
    return 0


for command in SITE_COMMANDS:
    agent.add_command(command)


def _check(wanted: dict[str, str], options: Sequence[str]) -> dict[tuple[str, str], str]:
    """Engine options by (pool or "", key). Raises InvalidInput with every problem."""
    from urllib.parse import urlsplit

    from suanwang.adapters.engines import is_engine
    from suanwang.agent.link import read_token

    problems = [
        Problem(name, msg("It is missing."), msg("See `suanwang agent --help`."))
        for name, value in wanted.items()
        if not value
    ]
    if wanted["--token-file"]:
        try:
            read_token(Path(wanted["--token-file"]).expanduser())
        except InvalidInput as unreadable:
            problems += unreadable.problems
    hub, engine = wanted["--hub"], wanted["--engine"]
    address = urlsplit(hub)
    if hub and (address.scheme not in ("http", "https") or not address.hostname):
        problems.append(
            Problem(
                "--hub", msg("{hub!r} is not the address of a hub.", hub=hub), msg("Write it as https://name:port.")
            )
        )
    if engine and not is_engine(engine):
        remedy = msg("Name one as local or slurm; `suanwang agent` cannot stand before another agent.")
        problems.append(Problem("--engine", msg("There is no engine {engine!r}.", engine=engine), remedy))
    pairs = {}
    for text in options:
        left, separator, value = text.partition("=")
        pool, _, key = left.rpartition(":")
        if not separator or not key:
            what = msg("{text!r} is not KEY=VALUE or POOL:KEY=VALUE.", text=text)
            problems.append(Problem("--option", what, msg("Write it as partition=gpu.")))
        pairs[pool, key] = value
    if problems:
        raise InvalidInput(problems)
    return pairs


def _said(terminal: Terminal, *, as_json: bool) -> "Said":
    """What the agent says: remarks, or one JSON object a line."""
    import json

    def said(message: Message) -> None:
        if as_json:
            click.echo(json.dumps({"said": terminal.text(message)}, ensure_ascii=False))
        else:
            terminal.note(message)

    return said
