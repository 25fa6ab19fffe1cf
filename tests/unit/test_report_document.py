"""One document as HTML and as PDF: the same texts, nothing read as markup, the same bytes for the same content."""

import io
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pypdf import PdfReader

from suanwang.errors import InvalidInput, Never
from suanwang.interfaces.reports import charts
from suanwang.interfaces.reports.document import (
    Chart,
    Document,
    Facts,
    Heading,
    Notes,
    PageBreak,
    Paragraph,
    Table,
    Verdict,
)
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.pdf import CHINESE_FONTS, font_stack, pdf_file

HOSTILE = '#let x = 1 *b* _i_ $y$ <z> @ref [c] \\ "q" // end'


def document(lang: str = "en", title: str = "Invoice") -> Document:
    return Document(
        title=title,
        lang=lang,
        subtitle="January",
        footer="page of 2027-001",
        blocks=(
            Verdict("It pays", good=True),
            Verdict("It does not", good=False),
            Verdict("Neither"),
            Facts((("Supplier", "Lake Farm"), ("Buyer", HOSTILE)), columns=2),
            Heading("Items"),
            Paragraph("Running text."),
            Paragraph("A remark.", small=True),
            Table(("Item", "Id", "CNY"), [("train", HOSTILE, "1.50")], foot=[("Total", "", "1.50")], align="ltr"),
            Chart(charts.years([-10, 4], [-10, -6], "Cash"), "Cash"),
            PageBreak(),
            Notes(("One", "Two"), title="Remarks"),
        ),
    )


def words_of(content: bytes) -> str:
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages)
    return text.replace("\u200b", "").replace("\n", " ")


def test_a_pdf_says_what_the_document_says() -> None:
    content = pdf_file(document())
    text = words_of(content)
    for wanted in ("Invoice", "January", "It pays", "Lake Farm", "Running text.", "Total", "One", "1 / 2", "2 / 2"):
        assert wanted in text
    assert text.count("#let x = 1 *b* _i_ $y$") == 2
    metadata = PdfReader(io.BytesIO(content)).metadata
    assert metadata is not None
    assert metadata.title == "Invoice"


def test_the_same_document_gives_the_same_bytes() -> None:
    assert pdf_file(document()) == pdf_file(document())
    assert html_page(document()) == html_page(document())


def test_chinese_text_is_in_the_pdf() -> None:
    assert "可行性研究" in words_of(pdf_file(document("zh-CN", "可行性研究")))


def test_a_missing_chinese_font_is_named_only_for_chinese_text() -> None:
    assert font_stack(["DejaVu Sans"], chinese=False)[0] == "DejaVu Sans"
    assert font_stack([CHINESE_FONTS[3], CHINESE_FONTS[0]], chinese=True)[0] == CHINESE_FONTS[0]
    with pytest.raises(Never, match="no font with Chinese characters") as refusal:
        font_stack(["DejaVu Sans"], chinese=True)
    assert refusal.value.code == "font-missing"
    assert "SUANWANG_FONTS" in str(refusal.value.remedy)


def test_a_missing_folder_of_fonts_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"There is no folder .*nowhere"):
        pdf_file(document(), [tmp_path, tmp_path / "nowhere"])


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_the_page_is_well_formed_and_escaped(lang: str) -> None:
    page = html_page(document(lang, HOSTILE))
    tree = ElementTree.fromstring(page.removeprefix("<!doctype html>"))
    assert tree.attrib["lang"] == lang
    assert [h.text for h in tree.iter("h1")] == [HOSTILE]
    assert sum(1 for cell in tree.iter("td") if cell.text == HOSTILE) == 1
    assert len(list(tree.iter("{http://www.w3.org/2000/svg}svg"))) == 1
