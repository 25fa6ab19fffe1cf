"""`data`: bring inputs to a site and outputs away from it, with checksums, and again from where it broke off."""

from typing import TYPE_CHECKING

import click

from suanwang.errors import SuanwangError, msg
from suanwang.interfaces.cli.run import json_option
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from suanwang.adapters.staging.errands import Said


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


FOLDER = click.Path(file_okay=False)


@data.command()
@click.option(
    "--file",
    "files",
    type=(str, str, str),
    multiple=True,
    required=True,
    metavar="NAME URI SHA256",
    help="A file, where it is, and its checksum or nothing; as often as needed.",
)
@click.option("--folder", envvar="SUANWANG_DATA_DIR", type=FOLDER, required=True, help="Where to.")
@json_option
@click.pass_obj
def bring(terminal: Terminal, files: list[tuple[str, str, str]], folder: str, as_json: bool) -> int:
    """Bring a job's data to its folder at the site; the grid orders this for what a workload's `data` names.

    With --json a line for each file, and one with the error where it ends there.

    \b
    Example:
      suanwang data bring --folder data --file corpus s3://corpus/tokens ""
    """
    from pathlib import Path

    from suanwang.adapters.staging import errands

    return _run(terminal, lambda said: errands.bring(files, Path(folder), said), as_json)


@data.command()
@click.option(
    "--file",
    "files",
    type=(str, str),
    multiple=True,
    required=True,
    metavar="PATH URI",
    help="A file of the folder and where it goes; as often as needed.",
)
@click.option("--folder", envvar="SUANWANG_OUTPUT_DIR", type=FOLDER, required=True, help="Where from.")
@json_option
@click.pass_obj
def take(terminal: Terminal, files: list[tuple[str, str]], folder: str, as_json: bool) -> int:
    """Take a job's outputs from its folder at the site; the grid orders this for what a workload's `outputs` name.

    \b
    Example:
      suanwang data take --folder output --file model.bin s3://results/model.bin
    """
    from pathlib import Path

    from suanwang.adapters.staging import errands

    return _run(terminal, lambda said: errands.take(files, Path(folder), said), as_json)


def _run(terminal: Terminal, errand: "Callable[[Said], None]", as_json: bool) -> int:
    """Each file as it is done. As JSON a line each, which the grid shows as progress; an error is the last."""
    import json
    from dataclasses import asdict

    if not as_json:
        errand(lambda staged: click.echo(f"{staged.path}  {staged.size_bytes:,} B  {staged.sha256}"))
        return 0
    try:
        errand(lambda staged: click.echo(json.dumps(asdict(staged))))
    except SuanwangError as error:
        click.echo(json.dumps({"error": terminal.text(error.message), "code": error.code}))
        return 1
    return 0


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
