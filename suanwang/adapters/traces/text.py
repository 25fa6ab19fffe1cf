"""Opening a trace, line by line: plain text, gzip, or zstd (by that program, or the package `zstandard`)."""

import csv
import gzip
import io
import os
import subprocess
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from shutil import copyfileobj, which
from tempfile import TemporaryFile
from typing import IO, TypeVar, cast

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


def read_lines(path: Path) -> Iterator[str]:
    """The lines with their ends, as they are read: no more than one is held. A mark of byte order is passed.

    Raises InvalidInput when the file cannot be read or decompressed, or is not UTF-8.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        what = msg("The file cannot be read: {why}.", why=why_not_read(error))
        raise InvalidInput([Problem(str(path), what, msg("Check the path and its rights."))]) from error
    try:
        with file, _plain(path, file) as stream, io.TextIOWrapper(stream, encoding="utf-8-sig") as text:
            yield from text
    except UnicodeDecodeError as error:
        problem = Problem(str(path), msg("the file is not text in UTF-8"), msg("Give a text, gzip or zstd file."))
        raise InvalidInput([problem]) from error
    except (OSError, EOFError, zlib.error, subprocess.CalledProcessError) as error:
        problem = Problem(str(path), msg("the compressed file is damaged"), msg("Fetch it again, or decompress it."))
        raise InvalidInput([problem]) from error


def read_text(path: Path) -> str:
    """The whole text, for what is no trace. Raises InvalidInput as `read_lines` does."""
    return "".join(read_lines(path))


@contextmanager
def _plain(path: Path, file: io.BufferedReader) -> Iterator[IO[bytes]]:
    """What is in the file, decompressed as it is read."""
    magic = file.peek(4)[:4]
    if magic == b"\x28\xb5\x2f\xfd":
        with _zstd(path, file) as stream:
            yield stream
    elif magic[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=file) as packed:
            yield cast("IO[bytes]", packed)
    else:
        yield file


@contextmanager
def _zstd(path: Path, file: io.BufferedReader) -> Iterator[IO[bytes]]:
    """Raises OSError or CalledProcessError when the data is damaged, InvalidInput when nothing here decompresses it."""
    program = which("zstd")
    if program:
        with (
            _from_start(file) as data,
            subprocess.Popen(
                [program, "-dcq"], stdin=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as running,
        ):
            if running.stdout is not None:
                yield running.stdout
        if running.returncode:
            raise subprocess.CalledProcessError(running.returncode, program)
        return
    try:
        zstandard = import_module("zstandard")
    except ImportError as error:
        remedy = msg("Install the program zstd or the package zstandard, or decompress the file.")
        raise InvalidInput([Problem(str(path), msg("the file is compressed with zstd"), remedy)]) from error
    try:
        with zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True) as stream:
            yield stream
    except zstandard.ZstdError as error:
        raise OSError(str(error)) from error


@contextmanager
def _from_start(file: io.BufferedReader) -> Iterator[IO[bytes]]:
    """The file for another program to read from its first byte on; what comes through a pipe is kept aside first."""
    if file.seekable():
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        yield file
        return
    with TemporaryFile() as kept:
        copyfileobj(file, kept)
        kept.seek(0)
        yield kept


def rows(
    lines: Iterable[str], path: str, needed: frozenset[str], malformed: Malformed
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV with their line numbers. Raises InvalidInput when a needed column is missing."""
    reader = csv.DictReader(lines)
    missing = sorted(needed - set(reader.fieldnames or ()))
    if missing:
        remedy = msg("The first line names the columns; it needs {names}.", names=", ".join(sorted(needed)))
        raise InvalidInput([Problem(f"{path}:1", msg("no column {name}", name=name), remedy) for name in missing])
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            malformed.add(reader.line_num, msg("{problem}", problem=str(error)))
            continue
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
