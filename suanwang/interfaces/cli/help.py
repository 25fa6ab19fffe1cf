"""Help in the reader's language: our own texts, and click's words around them (Usage, Options, Error …)."""

import gettext
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from inspect import cleandoc

import click

from suanwang.interfaces.i18n import LOCALE, Translate

DOMAIN = "suanwang"


def translated(command: click.Command, translate: Translate) -> click.Command:
    """A copy of a command, its options and its commands with their help translated; the command stays as it is."""
    shown = copy(command)
    vars(shown)["_help_option"] = None  # click keeps the option that it made once, in the language of that time
    if command.help:
        text = cleandoc(command.help)
        shown.help = translate(text)
        if shown.help != text:  # click finds the end of a sentence by ". ", which Chinese has not
            shown.short_help = shown.help.partition("\n")[0].partition("。")[0]
    shown.params = [_option(p, translate) if isinstance(p, click.Option) else p for p in command.params]
    if isinstance(shown, click.Group):
        shown.commands = {name: translated(inner, translate) for name, inner in shown.commands.items()}
    return shown


def _option(option: click.Option, translate: Translate) -> click.Option:
    shown = copy(option)
    shown.help = translate(option.help) if option.help else None
    return shown


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Tells gettext the language, for click, whose texts are in our catalog too; afterwards all is as before.

    gettext takes the language from the environment: LANGUAGE counts before LANG and the like.
    """
    domain, before = gettext.textdomain(), os.environ.get("LANGUAGE")
    gettext.bindtextdomain(DOMAIN, str(LOCALE))
    gettext.textdomain(DOMAIN)
    os.environ["LANGUAGE"] = lang.replace("-", "_")
    try:
        yield
    finally:
        gettext.textdomain(domain)
        if before is None:
            del os.environ["LANGUAGE"]
        else:
            os.environ["LANGUAGE"] = before
