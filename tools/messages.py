"""Translations: collect every text that people read, update the Chinese catalog, and compile it (`make messages`).

Texts are the templates of `msg("…")` anywhere in the package, `t("…")` in the pages of the console, the help of every
command and option, and those texts of click that its users see.
"""

import ast
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from inspect import cleandoc
from pathlib import Path

import click
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from suanwang.interfaces.cli.main import cli

PACKAGE = Path(__file__).parents[1] / "suanwang"
FOLDER = PACKAGE / "interfaces" / "locale" / "zh_CN" / "LC_MESSAGES"
PO, MO = FOLDER / "suanwang.po", FOLDER / "suanwang.mo"
UNDATED = datetime(2026, 1, 1, tzinfo=UTC)
"""The catalog's dates are fixed, so that making it again changes nothing."""


IN_TEMPLATE = re.compile(r"""\bt\("([^"\n]+)"[,)]""")
"""A text of the console's templates: t("…")."""
CLICK = (
    "Usage:",
    "Options",
    "Commands",
    "Show this message and exit.",
    "default: {default}",
    "required",
    "Error: {message}",
    "Try '{command} {option}' for help.",
    "Missing command.",
    "Missing argument",
    "Missing option",
    "No such command {name!r}.",
    "No such option {name!r}.",
    "Option {name!r} does not take a value.",
    "Invalid value: {message}",
    "Invalid value for {param_hint}: {message}",
    "{value} is not in the range {range}.",
    "{value!r} is not a valid {number_type}.",
    "{name} {filename!r} does not exist.",
    "{name} {filename!r} is a directory.",
    "%(prog)s, version %(version)s",
)
CLICK_PLURALS = (
    ("Did you mean {possibility}?", "(Did you mean one of: {possibilities}?)"),
    ("Got unexpected extra argument ({args})", "Got unexpected extra arguments ({args})"),
    ("Option {name!r} requires an argument.", "Option {name!r} requires {nargs} arguments."),
)
"""click finds its texts by gettext too, and so in our catalog."""


def texts() -> dict[str, str]:
    """Every text to translate, with the module or command it is first found in."""
    found: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for text in _templates(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(text, str(path.relative_to(PACKAGE.parent)))
    for path in sorted(PACKAGE.rglob("*.html")):
        for text in IN_TEMPLATE.findall(path.read_text(encoding="utf-8")):
            found.setdefault(text, str(path.relative_to(PACKAGE.parent)))
    for name, text in _help(cli, "suanwang"):
        found.setdefault(text, name)
    return found | {text: "click" for text in CLICK if text not in found}


def _templates(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "msg" and node.args:
            first = node.args[0]
            if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
                raise SystemExit(f"line {node.lineno}: the template of msg() must be a literal text")
            yield first.value


def _help(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
    if command.help:
        yield name, cleandoc(command.help)
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.help:
            yield name, parameter.help
    if isinstance(command, click.Group):
        for sub_name, sub in sorted(command.commands.items()):
            yield from _help(sub, f"{name} {sub_name}")


def updated() -> Catalog:
    """The catalog as it should be: today's texts with the translations that are there."""
    old = Catalog(locale="zh_CN")
    if PO.exists():
        with PO.open("rb") as file:
            old = read_po(file, locale="zh_CN")
    new = Catalog(
        locale="zh_CN",
        project="suanwang",
        version="1",
        copyright_holder="the suanwang authors",
        msgid_bugs_address="",
        creation_date=UNDATED,
        revision_date=UNDATED,
        last_translator="the suanwang authors",
        language_team="zh_CN",
        fuzzy=False,
    )
    for text, where in texts().items():
        known = old.get(text)
        new.add(text, known.string if known else "", locations=[(where, 1)])
    for forms in CLICK_PLURALS:
        known = old.get(forms[0])
        new.add(forms, known.string if known and known.pluralizable else ("",), locations=[("click", 1)])
    return new


def missing(catalog: Catalog) -> list[str]:
    """The texts without a translation, or whose translation lost the marks of its blocks."""
    return [str(m.id) for m in catalog if m.id and not (all(_forms(m.string)) and _keeps_its_blocks(m))]


def _keeps_its_blocks(message: Message) -> bool:
    """Whether the translation of a help has the marks (`\\b`) that keep click from filling its examples."""
    return "\b" not in str(message.id) or "\b" in str(message.string)


def _forms(translation: object) -> list[object]:
    """A translation as its plural forms; a text without plurals has one."""
    return list(translation) if isinstance(translation, tuple | list) else [translation]


def main() -> int:
    """Write the catalog; the status is the number of texts without a translation, at most 100."""
    catalog = updated()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalog, width=0, include_lineno=False)
    with MO.open("wb") as file:
        write_mo(file, catalog)
    lacking = missing(catalog)
    sys.stdout.write(f"{len(catalog)} texts, {len(lacking)} without a translation\n")
    for text in lacking[:20]:
        sys.stdout.write(f"  {text!r}\n")
    return min(len(lacking), 100)


if __name__ == "__main__":
    sys.exit(main())
