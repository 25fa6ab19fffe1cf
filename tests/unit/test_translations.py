"""Every text that people read has its Chinese translation with the same fields; the compiled catalog is current."""

import gettext
import string

from tools.messages import CLICK_PLURALS, MO, PO, missing, texts, updated


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_is_translated() -> None:
    lacking = missing(updated())
    assert not lacking, f"{len(lacking)} texts lack a translation; run `make messages` and fill in {PO.name}"


def last(forms: object) -> str:
    """The only form of a text, or its last one."""
    return str(forms[-1] if isinstance(forms, tuple | list) else forms)


def test_translations_keep_the_fields() -> None:
    told = {last(m.id): last(m.string) for m in updated() if m.id and m.string}
    assert {text: zh for text, zh in told.items() if "\b" not in text and fields(text) != fields(zh)} == {}


def test_the_compiled_catalog_is_current() -> None:
    with MO.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    known = {m.id: m.string for m in updated() if m.id and not m.pluralizable}
    assert {text: compiled.gettext(text) for text in texts()} == known
    plurals = {m.id: m.string for m in updated() if m.id and m.pluralizable}
    assert {forms: (compiled.ngettext(*forms, 2),) for forms in CLICK_PLURALS} == plurals
