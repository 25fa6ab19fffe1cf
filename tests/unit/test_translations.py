"""Every text that people read has its Chinese translation with the same fields; the compiled catalog is current."""

import gettext
import string

from tools.messages import MO, PO, texts, updated


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_is_translated() -> None:
    missing = [m.id for m in updated() if m.id and not m.string]
    assert not missing, f"{len(missing)} texts lack a translation; run `make messages` and fill in {PO.name}"


def test_translations_keep_the_fields() -> None:
    wrong = {
        m.id: m.string
        for m in updated()
        if m.id and m.string and "\b" not in str(m.id) and fields(str(m.id)) != fields(str(m.string))
    }
    assert not wrong


def test_the_compiled_catalog_is_current() -> None:
    with MO.open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    known = {str(m.id): str(m.string) for m in updated() if m.id}
    assert {text: compiled.gettext(text) for text in texts()} == known
