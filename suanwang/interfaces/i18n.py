"""Languages of the interfaces: zh-CN and English, by gettext catalogs in `locale/`."""

import gettext
from collections.abc import Callable, Mapping
from pathlib import Path

LANGUAGES = ("en", "zh-CN")
LOCALE = Path(__file__).parent / "locale"

Translate = Callable[[str], str]


def language(asked: str, environment: Mapping[str, str]) -> str:
    """The language of an option, else of SUANWANG_LANG, LC_ALL, LC_MESSAGES or LANG; English where none is known."""
    for value in (asked, *(environment.get(name, "") for name in ("SUANWANG_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))):
        if value:
            return "zh-CN" if value.lower().replace("_", "-").startswith("zh") else "en"
    return "en"


def translator(lang: str) -> Translate:
    """The gettext function of a language; English is the language of the sources, and of what is not translated."""
    if lang == "en":
        return str
    return gettext.translation("suanwang", LOCALE, languages=[lang.replace("-", "_")], fallback=True).gettext
