"""A document as a PDF file, set by Typst: `pdf_file(document, settings.fonts)` gives its bytes.

Any page that people keep is a `Document` (of `document`, which shows an invoice): a title, facts, tables with totals,
charts, notes, in English or Chinese. The file is tagged for screen readers (PDF/UA-1) and has no date in it: the same
document and fonts give the same bytes. Chinese text needs a font with Chinese characters on the machine; where there is
none the refusal says so, and how to get one. Texts go to Typst as data, so nothing in them is read as markup.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

import typst

from suanwang.errors import InvalidInput, Never, Problem, msg
from suanwang.interfaces.reports.document import Block, Document, Table, texts

CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Noto Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "SimSun",
)
"""Families with simplified Chinese characters, the best readable first."""
LATIN_FONTS = ("Noto Sans", "Source Sans 3", "Liberation Sans", "Arial", "Helvetica", *CHINESE_FONTS[:5], "DejaVu Sans")
"""Chinese families have Latin letters too."""
_LAST = "Libertinus Serif"
"""Comes with Typst."""


def pdf_file(document: Document, fonts: Sequence[Path] = ()) -> bytes:
    """The file. `fonts`: folders that are searched beside the system's.

    Raises InvalidInput for a folder that is not there, Never(font-missing) for Chinese text without a font for it.
    """
    _check_folders(fonts)
    found = typst.Fonts(include_system_fonts=True, include_embedded_fonts=True, font_paths=[*map(str, fonts)])
    data = {
        "title": document.title,
        "subtitle": document.subtitle,
        "footer": document.footer,
        "language": document.lang[:2],
        "region": document.lang[3:] or None,
        "fonts": font_stack(found.families(), chinese=any(map(_is_chinese, texts(document)))),
        "blocks": [_data(block) for block in document.blocks],
    }
    source = files(__package__).joinpath("document.typ").read_bytes()
    inputs = {"document": json.dumps(data, ensure_ascii=False)}
    return typst.compile(source, font_paths=found, sys_inputs=inputs, format="pdf", pdf_standards=["ua-1"])


def font_stack(families: Sequence[str], *, chinese: bool) -> list[str]:
    """The families to set a text in, of those that there are. Raises Never(font-missing)."""
    there = {family.casefold() for family in families}
    latin = [name for name in LATIN_FONTS if name.casefold() in there][:1]
    asian = [name for name in CHINESE_FONTS if name.casefold() in there][:1]
    if chinese and not asian:
        raise Never(
            "font-missing",
            msg("This PDF has Chinese text, and no font with Chinese characters was found."),
            msg(
                "Install one (Debian, Ubuntu: fonts-noto-cjk), or name the folder of one in SUANWANG_FONTS. "
                "Known families: {names}.",
                names=", ".join(CHINESE_FONTS),
            ),
        )
    return [*(asian if chinese else latin or asian), _LAST]


def _check_folders(fonts: Sequence[Path]) -> None:
    missing = [folder for folder in fonts if not folder.is_dir()]
    if missing:
        remedy = msg("Name folders with fonts, separated by ':'.")
        raise InvalidInput(
            Problem("SUANWANG_FONTS", msg("There is no folder {folder}.", folder=str(folder)), remedy)
            for folder in missing
        )


def _data(block: Block) -> dict[str, Any]:
    """A block as Typst reads it."""
    extra = {"sides": block.sides} if isinstance(block, Table) else {}
    return {"kind": type(block).__name__, **asdict(block), **extra}


def _is_chinese(text: str) -> bool:
    return any("⺀" <= c <= "鿿" or "豈" <= c <= "﫿" or "！" <= c <= "￯" or c >= "\U00020000" for c in text)
