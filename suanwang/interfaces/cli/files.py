"""Files that a command writes beside what it prints: reports as pages and PDF, workbooks."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.interfaces.cli.terminal import Terminal

if TYPE_CHECKING:
    from suanwang.interfaces.reports.document import Document


def write_files(
    terminal: Terminal,
    document: "Callable[[], Document]",
    *,
    html: Path | None = None,
    pdf: Path | None = None,
    xlsx: tuple[Path, Callable[[], bytes]] | None = None,
) -> None:
    """A document as page and PDF, and a workbook, as far as they are asked for.

    All are made before one is written, and each is there as a whole or not at all.

    Raises InvalidInput where one cannot be written, Never(font-missing).
    """
    from suanwang.interfaces.reports.html import html_page
    from suanwang.interfaces.reports.pdf import pdf_file
    from suanwang.settings import read_settings

    made: list[tuple[str, Path, bytes]] = []
    report = document() if html or pdf else None
    if html and report:
        made.append(("--html", html, html_page(report).encode()))
    if pdf and report:
        made.append(("--pdf", pdf, pdf_file(report, read_settings(os.environ).fonts)))
    if xlsx:
        made.append(("--xlsx", xlsx[0], xlsx[1]()))
    for option, path, content in made:
        try:
            _write(path, content)
        except OSError as error:
            what = msg("{path} cannot be written: {why}.", path=str(path), why=why_not_read(error))
            raise InvalidInput([Problem(option, what, msg("Name a file in a folder that you may write."))]) from error
        terminal.note(msg("Written: {path}", path=str(path)))


def _write(path: Path, content: bytes) -> None:
    """Through a draft beside it, so that nobody finds half a file; straight to what is no file, such as /dev/stdout."""
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink()
