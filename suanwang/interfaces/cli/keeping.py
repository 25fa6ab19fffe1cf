"""`admin backup`, `admin restore` and `admin migrate`: keeping a hub's database."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.command()
@click.argument("backup", type=click.Path(dir_okay=False))
@json_option
@click.pass_obj
def backup(terminal: Terminal, backup: str, as_json: bool) -> int:
    """Write the whole database to a new file, while hubs may run.

    \b
    Example:
      suanwang admin backup monday.backup
    """
    import os
    from pathlib import Path

    from suanwang.adapters.store.backup import back_up
    from suanwang.settings import read_settings

    size = back_up(read_settings(os.environ).database_url, Path(backup))
    if as_json:
        terminal.json({"backup": backup, "bytes": size})
    else:
        terminal.say(msg("{file}: {size} bytes.", file=backup, size=f"{size:,}"))
    return 0


@click.command()
@click.argument("backup", type=click.Path(dir_okay=False))
@json_option
@click.pass_obj
def restore(terminal: Terminal, backup: str, as_json: bool) -> int:
    """Read a backup into the database that the settings name, which must be empty; then check its ledger.

    \b
    Example:
      suanwang admin restore monday.backup
    """
    import os
    from pathlib import Path

    from suanwang.adapters.store.backup import restore as read_back
    from suanwang.adapters.store.sql import open_store
    from suanwang.settings import read_settings

    url = read_settings(os.environ).database_url
    read_back(url, Path(backup))
    store = open_store(url)
    try:
        with store.reading() as tx:
            counts = dict(tx.ledger.check())
    finally:
        store.close()
    if as_json:
        terminal.json({"restored": backup, "ledger": counts})
    else:
        terminal.say(msg("Restored; its ledger is sound: {transfers} transfers.", transfers=counts["transfers"]))
    return 0


@click.command()
@json_option
@click.pass_obj
def migrate(terminal: Terminal, as_json: bool) -> int:
    """Bring the database to this program's schema. A hub does this too when it starts.

    \b
    Example:
      suanwang admin migrate
    """
    import os

    from suanwang.adapters.store.sql import open_store
    from suanwang.settings import read_settings

    store = open_store(read_settings(os.environ).database_url)
    try:
        schema = store.schema()
    finally:
        store.close()
    if as_json:
        terminal.json({"schema": schema})
    else:
        terminal.say(msg("The database has schema {schema}.", schema=schema))
    return 0
