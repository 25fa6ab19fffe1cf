"""Opening a trace: plain text, gzip, or zstd (by the program of that name, or by the package `zstandard`)."""

import csv
import gzip
import io
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from shutil import which
from typing import TypeVar

from suanwang.errors import InvalidInput, Message, Problem, msg, why_not_read

Row = TypeVar("Row")


@dataclass(slots=True)
class Malformed:
    """The lines of a trace that could not be read: all are counted, the first hundred are kept with their number."""

    path: str
    count: int = 0
    first: list[Problem] = field(default_factory=list)

    def add(self, line: int, message: Message) -> None:
        """Line numbers begin at 1."""
        self.count += 1
        if len(self.first) < 100:
            remedy = msg("The line is left out; mend it if it matters.")
            self.first.append(Problem(f"{self.path}:{line}", message, remedy))


def read_text(path: Path) -> str:
    """The whole text. Raises InvalidInput when it cannot be read or decompressed, or is not UTF-8."""
    try:
        data = path.read_bytes()
    except OSError as error:
        what = msg("The file cannot be read: {why}.", why=why_not_read(error))
        raise InvalidInput([Problem(str(path), what, msg("Check the path and its rights."))]) from error
    try:
        if data[:4] == b"\x28\xb5\x2f\xfd":
            data = _zstd(path, data)
        elif data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error, subprocess.CalledProcessError) as error:
        problem = Problem(str(path), msg("the compressed file is damaged"), msg("Fetch it again, or decompress it."))
        raise InvalidInput([problem]) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        problem = Problem(str(path), msg("the file is not text in UTF-8"), msg("Give a text, gzip or zstd file."))
        raise InvalidInput([problem]) from error


def _zstd(path: Path, data: bytes) -> bytes:
    """Raises OSError or CalledProcessError when the data is damaged, InvalidInput when nothing here decompresses it."""
    program = which("zstd")
    if program:
        return subprocess.run([program, "-dcq"], input=data, capture_output=True, check=True).stdout
    try:
        zstandard = import_module("zstandard")
    except ImportError as error:
        remedy = msg("Install the program zstd or the package zstandard, or decompress the file.")
        raise InvalidInput([Problem(str(path), msg("the file is compressed with zstd"), remedy)]) from error
    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as stream:
            text: bytes = stream.read()
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from error
    return text


def rows(text: str, path: str, needed: frozenset[str], malformed: Malformed) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV text with their line numbers. Raises InvalidInput when a needed column is missing."""
    reader = csv.DictReader(io.StringIO(text))
    missing = sorted(needed - set(reader.fieldnames or ()))
    if missing:
        remedy = msg("The first line names the columns; it needs {names}.", names=", ".join(sorted(needed)))
        raise InvalidInput([Problem(f"{path}:1", msg("no column {name}", name=name), remedy) for name in missing])
    for row in reader:
        if None in row or any(row[name] is None for name in needed):
            malformed.add(reader.line_num, msg("the line has not as many fields as the first"))
        else:
            yield reader.line_num, row


def parsed(
    lines: Iterator[tuple[int, dict[str, str]]], of: Callable[[dict[str, str]], Row], malformed: Malformed
) -> list[Row]:
    """Each row as `of` reads it; a ValueError of it makes the line malformed."""
    out = []
    for number, row in lines:
        try:
            out.append(of(row))
        except ValueError as error:
            malformed.add(number, msg("{problem}", problem=str(error)))
    return out
