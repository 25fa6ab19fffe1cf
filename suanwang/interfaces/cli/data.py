"""`data`: bring inputs to a site and outputs away from it, with checksums, and again from where it broke off."""

import click

from suanwang.errors import msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal


@click.group()
def data() -> None:
    """Stage files: file, http, https, s3 and rsync over ssh.

    S3, and what speaks its language, takes its credentials from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION
    and AWS_ENDPOINT_URL. A transfer that broke off is taken up where it was.

    \b
    Examples:
      suanwang data get s3://corpus/part-1.tar ./part-1.tar --sha256 9f86d081…
      suanwang data put ./model.safetensors rsync://me@store/models/model.safetensors
    """


@data.command()
@click.argument("uri")
@click.argument("target", type=click.Path(dir_okay=False))
@click.option("--sha256", default="", help="Checksum that the file must have; it is kept only then.")
@json_option
@click.pass_obj
def get(terminal: Terminal, uri: str, target: str, sha256: str, as_json: bool) -> int:
    """Bring a file here; one that is here already with this checksum is left as it is.

    \b
    Example:
      suanwang data get https://example.org/corpus.tar corpus.tar --json
    """
    from pathlib import Path

    from suanwang.adapters.staging.stage import fetch

    done = fetch(uri, Path(target), sha256)
    return _show(terminal, done, as_json)


@data.command()
@click.argument("path", type=click.Path(dir_okay=False))
@click.argument("uri")
@json_option
@click.pass_obj
def put(terminal: Terminal, path: str, uri: str, as_json: bool) -> int:
    """Take a file away, whole or not at all.

    \b
    Example:
      suanwang data put result.json s3://results/result.json
    """
    from pathlib import Path

    from suanwang.adapters.staging.stage import store

    done = store(Path(path), uri)
    return _show(terminal, done, as_json)


def _show(terminal: Terminal, done: object, as_json: bool) -> int:
    from dataclasses import asdict
    from typing import Any, cast

    shown = asdict(cast("Any", done))
    if as_json:
        terminal.json(shown)
    else:
        names = {"size_bytes": "B", "resumed_bytes": "B"}
        terminal.table(
            [msg("figure"), msg("value"), msg("unit")],
            [
                (name, f"{value:,}" if isinstance(value, int) else value, names.get(name, ""))
                for name, value in shown.items()
            ],
        )
    return 0
