"""How the command line speaks: language, JSON or tables, colours only on a terminal, exit statuses 0, 1 and 2."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import click

from suanwang.errors import InvalidInput, Message, Problem, SuanwangError
from suanwang.interfaces.i18n import language, translator

_ENDS = (".", "!", "?", ":", "。", "！", "？", "：")
"""Marks after which a remedy may follow."""


class Terminal:
    """Passed to every command as the click context's object."""

    def __init__(self, lang: str) -> None:
        self.lang = language(lang, os.environ)
        self.translate = translator(self.lang)

    def text(self, message: Message | str) -> str:
        """A message in the reader's language; a plain string is a name or a figure and stays as it is."""
        return message.render(self.translate) if isinstance(message, Message) else message

    def say(self, message: Message | str, **style: Any) -> None:
        click.secho(self.text(message), **style)

    def note(self, message: Message | str) -> None:
        """Progress and remarks: on stderr, so that stdout is the result alone."""
        click.secho(self.text(message), err=True, dim=True)

    def json(self, value: object) -> None:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str, allow_nan=False))

    def table(
        self, columns: Sequence[Message | str], rows: Iterable[Sequence[str]], *, title: Message | str = ""
    ) -> None:
        """A table; columns whose name starts with '>' are aligned to the right. The first, an id, is never broken."""
        from rich.console import Console
        from rich.table import Table

        title_text = self.text(title) or None
        table = Table(title=title_text, title_justify="left", box=None, pad_edge=False, header_style="bold")
        for number, column in enumerate(columns):
            name = self.text(column)
            side: Literal["left", "right"] = "right" if name.startswith(">") else "left"
            table.add_column(name.removeprefix(">"), justify=side, overflow="fold", no_wrap=number == 0)
        for row in rows:
            table.add_row(*row)
        Console(highlight=False, soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 160).print(
            table
        )

    def _sentence(self, message: Message) -> str:
        """The message with its full stop, where the writer left it to the reader."""
        said = self.text(message)
        return said if said.endswith(_ENDS) else said + ("。" if self.lang == "zh-CN" else ".")

    def error(self, error: SuanwangError) -> int:
        """Print a refusal on stderr; returns the exit status."""
        if isinstance(error, InvalidInput):
            for problem in error.problems:
                click.secho(f"{problem.place}: ", err=True, bold=True, nl=False)
                click.echo(f"{self._sentence(problem.message)} {self.text(problem.remedy)}", err=True)
            click.secho(self.text(error.message), err=True, fg="red")
            return 2
        click.secho(f"{self.text(error.message)} [{error.code}]", err=True, fg="red")
        click.echo(self.text(error.remedy), err=True)
        return 1


def error_as_json(error: SuanwangError, terminal: Terminal) -> dict[str, object]:
    """The one error shape, as the API will have it."""
    shape: dict[str, object] = {
        "code": error.code,
        "message": terminal.text(error.message),
        "remedy": terminal.text(error.remedy),
    }
    if isinstance(error, InvalidInput):
        shape["problems"] = problems_as_json(error.problems, terminal)
    return {"error": shape}


def problems_as_json(problems: Iterable[Problem], terminal: Terminal) -> list[dict[str, str]]:
    """Problems with their place, in the reader's language."""
    return [
        {"place": p.place, "message": terminal.text(p.message), "remedy": terminal.text(p.remedy)} for p in problems
    ]
