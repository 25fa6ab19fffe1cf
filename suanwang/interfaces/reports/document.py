"""A document to read and print, as plain data: what `html.html_page` and `pdf.pdf_file` render alike.

An invoice, for instance:

    Document(
        title="Invoice 2027-001",
        lang="en",
        blocks=(
            Facts((("Supplier", "Lake Farm"), ("Buyer", "acme")), columns=2),
            Table(("Item", "Hours", "CNY"), (("train", "12.5", "101.70"),), foot=(("Total", "12.5", "101.70"),)),
            Notes(("Amounts are rounded once, to the coin.",)),
        ),
        footer="Invoice 2027-001",
    )

Every text is in the reader's language already, and is shown as it is: nothing in it is read as markup.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text; `small` for remarks under a chart or a table."""

    text: str
    small: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one sentence that the reader must see; `good` colours its edge, None leaves it neutral."""

    text: str
    good: bool | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, set in `columns` pairs side by side."""

    rows: Sequence[tuple[str, str]]
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; `foot`: rows of totals, set apart.

    `align` has a letter for each column: l left, r right, t text that wraps in a part of the room that is left, T text
    that takes more of it. The first column is at the left and the others at the right if it is empty.
    """

    head: Row
    rows: Sequence[Row]
    foot: Sequence[Row] = ()
    align: str = ""

    @property
    def sides(self) -> str:
        return self.align or "l" + "r" * (len(self.head) - 1)


@dataclass(frozen=True, slots=True)
class Chart:
    """An SVG drawing (of `charts`), and what it shows in words for those who cannot see it."""

    svg: str
    label: str


@dataclass(frozen=True, slots=True)
class Notes:
    """A list of remarks, under a title where there is one."""

    items: Row
    title: str = ""


@dataclass(frozen=True, slots=True)
class PageBreak:
    """What follows starts on a new page."""


Block = Heading | Paragraph | Verdict | Facts | Table | Chart | Notes | PageBreak


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A title, its blocks in order, and a footer that stands on every page. `lang`: en or zh-CN."""

    title: str
    lang: str
    blocks: Sequence[Block]
    subtitle: str = ""
    footer: str = ""


def texts(document: Document) -> Iterator[str]:
    """Every text of a document."""
    yield from (document.title, document.subtitle, document.footer)
    for block in document.blocks:
        match block:
            case Heading(text) | Paragraph(text) | Verdict(text):
                yield text
            case Facts(rows):
                yield from (cell for row in rows for cell in row)
            case Table(head, rows, foot):
                yield from (cell for row in (head, *rows, *foot) for cell in row)
            case Chart(svg, label):
                yield from (svg, label)
            case Notes(items, title):
                yield from (title, *items)
