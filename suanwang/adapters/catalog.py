"""Reads the catalog: the facts that come with suanwang, then each overlay folder over them."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from suanwang.domain.catalog import Catalog
from suanwang.errors import InvalidInput, Message, Problem, msg, why_not_read
from suanwang.schemas.catalog.build import build_catalog
from suanwang.schemas.catalog.tables import TABLES, Entry, read_table

BUILT_IN = "built-in"
"""How the place of a built-in row begins: "built-in/accelerators.csv:2"."""

FILE_BYTES_MAX = 16 << 20


def load_catalog(overlays: Sequence[Path] = ()) -> Catalog:
    """The built-in facts with each folder over them: a row with a known id replaces it, another adds.

    Raises InvalidInput with every problem of every folder.
    """
    catalog, problems = _load(overlays)
    if problems:
        raise InvalidInput(problems)
    return catalog


def check_catalog(folder: Path, overlays: Sequence[Path] = ()) -> list[Problem]:
    """Every problem of a folder, alone and over the built-in facts (and over `overlays`). [] when it is sound."""
    return _load((*overlays, folder))[1]


def _load(overlays: Sequence[Path]) -> tuple[Catalog, list[Problem]]:
    problems: list[Problem] = []
    layers = [_rows(_built_in(), 0, problems)]
    for number, folder in enumerate(overlays, start=1):
        layers.append(_rows(_folder(folder, problems), number, problems))
    catalog, contradictions = build_catalog(layers)
    return catalog, [*problems, *contradictions]


def _rows(texts: Iterable[tuple[str, str, str]], layer: int, problems: list[Problem]) -> list[Entry]:
    entries: list[Entry] = []
    for table, file, text in texts:
        rows, wrong = read_table(table, text, file, layer)
        entries += rows
        problems += wrong
    return entries


def _built_in() -> Iterator[tuple[str, str, str]]:
    folder = resources.files("suanwang") / "data"
    for table in TABLES:
        yield table, f"{BUILT_IN}/{table}.csv", (folder / f"{table}.csv").read_text(encoding="utf-8")


def _folder(folder: Path, problems: list[Problem]) -> Iterator[tuple[str, str, str]]:
    """(table, name of the file, text) of the CSV files of a folder; other files are left alone."""
    try:
        files = sorted(p for p in folder.iterdir() if p.suffix.lower() == ".csv")
    except OSError as error:
        problems.append(
            Problem(
                str(folder),
                msg("the folder cannot be read: {reason}.", reason=why_not_read(error)),
                msg("Give a folder that holds tables such as accelerators.csv."),
            )
        )
        return
    if not files:
        problems.append(
            Problem(
                str(folder),
                msg("the folder has no table."),
                msg("Put tables in it, named as the built-in ones: {names}.", names=", ".join(TABLES)),
            )
        )
    for file in files:
        if file.stem not in TABLES:
            near = ", ".join(get_close_matches(file.stem, TABLES, n=2, cutoff=0.5) or TABLES)
            problems.append(
                Problem(
                    str(file),
                    msg("there is no table {name!r}.", name=file.stem),
                    msg("Name the file after a table: {near}.", near=near),
                )
            )
        elif (text := _text(file, problems)) is not None:
            yield file.stem, str(file), text


def _text(file: Path, problems: list[Problem]) -> str | None:
    """The text of a file, or None with a problem."""
    reason: Message
    try:
        if file.stat().st_size <= FILE_BYTES_MAX:
            return file.read_text(encoding="utf-8-sig")
        reason = msg("it is larger than {limit} MiB", limit=FILE_BYTES_MAX >> 20)
    except OSError as error:
        reason = why_not_read(error)
    except UnicodeDecodeError as error:
        reason = msg("byte {byte} is not UTF-8", byte=error.start)
    problems.append(
        Problem(
            str(file),
            msg("the file cannot be read: {reason}.", reason=reason),
            msg("Save it as UTF-8 text that you may read."),
        )
    )
    return None
